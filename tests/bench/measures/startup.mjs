// From the start of the process to the first good answer of /supported, and its memory at rest.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as evm from "../../devnet/evm.mjs";
import { residentMegabytes } from "../lib/machine.mjs";
import { median } from "../lib/statistics.mjs";

export async function measureStartup({ binary }, { repeats }) {
  const chain = await evm.start();
  // One directory for all: what the first start keeps, later ones find, as in service.
  const directory = mkdtempSync(join(tmpdir(), "facilitator-bench-"));
  const milliseconds = [];
  const megabytes = [];
  try {
    const first = await once(binary, chain.entry, directory);
    for (let round = 0; round < repeats; round++) {
      const sample = await once(binary, chain.entry, directory);
      milliseconds.push(sample.milliseconds);
      megabytes.push(sample.megabytes);
    }
    return {
      firstMilliseconds: first.milliseconds,
      milliseconds: median(milliseconds),
      residentMegabytes: median(megabytes),
    };
  } finally {
    await chain.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function once(binary, { rpc, facilitator_key: key }, directory) {
  const port = await freePort();
  const [file, args] = binary.endsWith(".mjs") ? [process.execPath, [binary, "serve"]] : [binary, ["serve"]];
  const environment = { RPC_URL_BASE_SEPOLIA: rpc, EVM_PRIVATE_KEY_TESTNET: key, FACILITATOR_DATA_DIR: directory };
  const env = { PATH: process.env.PATH, HOST: "127.0.0.1", PORT: String(port), ...environment };
  const began = performance.now();
  const child = spawn(file, args, { env, stdio: "ignore" });
  const exited = new Promise((resolve) => child.on("exit", resolve));
  try {
    while (!(await answers(port))) {
      if (performance.now() - began > 30_000 || child.exitCode !== null) throw new Error(`${binary} did not answer`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const milliseconds = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, 2000)); // at rest
    return { milliseconds, megabytes: residentMegabytes(child.pid) };
  } finally {
    child.kill("SIGTERM");
    const insist = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(insist);
  }
}

/** Whether /supported answers 200 and lists something. */
function answers(port) {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/supported", agent: false }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve(response.statusCode === 200 && JSON.parse(text).kinds.length > 0);
    });
    request.on("error", () => resolve(false));
  });
}

/** A port that was free a moment ago: the process under test must not spend time on telling us its own. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
