// Starts a facilitator for tests, demo and benchmark, and waits until it listens.
//
// Which one: the program in FACILITATOR_BIN, else the binary of this checkout. A program whose name
// ends in `.mjs` is run by Node; that is how the benchmark starts the TypeScript facilitator under
// the same environment and the same log line.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./process.mjs";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));

/** The path of the facilitator to run: FACILITATOR_BIN, else the newest kind of build there is. */
export function facilitatorBinary() {
  const chosen = process.env.FACILITATOR_BIN;
  const target = process.env.CARGO_TARGET_DIR ?? join(checkout, "target");
  const candidates = chosen ? [chosen] : ["release", "debug"].map((profile) => join(target, profile, "facilitator"));
  const found = candidates.find((path) => existsSync(path));
  if (found) return found;
  throw new Error(
    `no facilitator at ${candidates.join(" or ")}: run \`make build\` first, ` +
      "set CARGO_TARGET_DIR as it was for the build, or name the binary in FACILITATOR_BIN",
  );
}

/**
 * @param {{rpcUrl: string, key: string, binary?: string, port?: number, dataDirectory?: string,
 *   environment?: object, startMilliseconds?: number, onEvent?: (event: object) => void}} options
 *   Without `dataDirectory` the facilitator's state goes to a new one that `stop` removes.
 */
export async function startFacilitator({
  rpcUrl,
  key,
  binary = facilitatorBinary(),
  port = 0,
  dataDirectory,
  environment = {},
  startMilliseconds = 30_000,
  onEvent = () => {},
}) {
  const directory = dataDirectory ?? mkdtempSync(join(tmpdir(), "facilitator-"));
  let listening;
  const address = new Promise((resolve) => (listening = resolve));
  const node = binary.endsWith(".mjs");
  const child = new Child("facilitator", node ? process.execPath : binary, node ? [binary, "serve"] : ["serve"], {
    // Nothing of ours leaks in: a stray RPC_URL_… of the developer's shell would make this another test.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      HOST: "127.0.0.1",
      PORT: String(port),
      RPC_URL_BASE_SEPOLIA: rpcUrl,
      EVM_PRIVATE_KEY_TESTNET: key,
      FACILITATOR_DATA_DIR: directory,
      ...environment,
    },
    onLine: (line) => {
      const event = parseEvent(line);
      if (!event) return;
      if (event.event === "listening") listening(event.address);
      onEvent(event);
    },
  });
  const stop = async () => {
    await child.stop(30_000); // it finishes the settlements under way
    if (!dataDirectory) rmSync(directory, { recursive: true, force: true });
  };
  try {
    const url = `http://${await child.until(address, startMilliseconds, "listening")}`;
    await child.until(answers(`${url}/health`), 10_000, "answering /health");
    return { url, pid: child.pid, child, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function parseEvent(line) {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" ? value : null;
  } catch {
    return null; // its last lines are kept for error messages anyway
  }
}

async function answers(url) {
  for (;;) {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    await response?.arrayBuffer();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
