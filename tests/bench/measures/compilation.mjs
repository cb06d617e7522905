// What a compilation does to the requests beside it, on a loaded machine: the slowest request while components
// that were never seen are loaded, against the 99th percentile while nothing is.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFacilitator } from "../../devnet/lib/facilitator.mjs";
import { developmentKeys } from "../../devnet/lib/keys.mjs";
import { GuestsDirectory, neverSeen, readComponent } from "../lib/guests.mjs";
import { distinctPayments } from "../lib/payments.mjs";
import { runWrk } from "../lib/wrk.mjs";
import { TOKEN, reload } from "./swaps.mjs";
import { startMock } from "./throughput.mjs";

const CONNECTIONS = 16;
const SECONDS = 10;
const EVERY_MILLISECONDS = 1000;

export async function measureCompilation({ binary, mock, component: path, progress }) {
  if (!mock) throw new Error("--mock BINARY is needed for compilation: use `make bench-swap`");
  const directory = mkdtempSync(join(tmpdir(), "facilitator-bench-"));
  const bodiesFile = join(directory, "payments.jsonl");
  writeFileSync(bodiesFile, (await distinctPayments(500)).map(({ text }) => `${text}\n`).join(""));
  const component = readComponent(path);
  const guests = new GuestsDirectory();
  guests.put(component);
  const rpc = await startMock(mock, progress);
  let facilitator;
  try {
    facilitator = await startFacilitator({
      rpcUrl: rpc.url,
      key: developmentKeys.facilitator,
      binary,
      environment: {
        FACILITATOR_GUESTS_DIR: guests.path,
        FACILITATOR_ADMIN_TOKEN: TOKEN,
        FACILITATOR_LOG: "warn,facilitator_server::serve=info",
      },
    });
    const { url } = facilitator;
    const wrk = { url, path: "/verify", bodiesFile, expected: '"isValid":true', connections: CONNECTIONS };
    await runWrk({ ...wrk, seconds: 2 });
    const quiet = await runWrk({ ...wrk, seconds: SECONDS });
    const [busy, reloads] = await Promise.all([
      runWrk({ ...wrk, seconds: SECONDS }),
      reloading(url, guests, component),
    ]);
    const describe = (run) =>
      `${(run.requests / run.seconds).toFixed(0)} requests/s, p99 ${run.p99Milliseconds.toFixed(1)} ms, slowest ${run.maxMilliseconds.toFixed(1)} ms`;
    progress(`nothing compiled: ${describe(quiet)}`);
    progress(`${reloads.length} compilations (slowest reload ${Math.max(...reloads)} ms): ${describe(busy)}`);
    return [
      {
        what: `slowest /verify of ${busy.requests} at c=${CONNECTIONS} while ${reloads.length} guests are compiled`,
        figure: `${busy.maxMilliseconds.toFixed(1)} ms`,
        demanded: `< ${(3 * quiet.p99Milliseconds).toFixed(1)} ms (3 × p99; slowest without: ${quiet.maxMilliseconds.toFixed(1)})`,
        holds: busy.maxMilliseconds < 3 * quiet.p99Milliseconds,
      },
      {
        what: "slowest reload of a guest that was never seen, under this load",
        figure: `${Math.max(...reloads)} ms`,
        demanded: "",
        holds: true,
      },
    ];
  } finally {
    await facilitator?.stop();
    await rpc.child.stop();
    guests.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Loads a component that was never seen, again and again; how long each took, in milliseconds. */
async function reloading(url, guests, component) {
  const times = [];
  const began = performance.now();
  for (let number = 1; performance.now() - began < (SECONDS - 1) * 1000; number++) {
    guests.put(neverSeen(component, Date.now() + number));
    times.push((await reload(url)).durationMs);
    const next = began + number * EVERY_MILLISECONDS;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  return times;
}
