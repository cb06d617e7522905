// How many /verify requests per second, and what each costs, when the chain answers at once.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../../devnet/lib/process.mjs";
import { withFacilitator } from "../lib/contestants.mjs";
import { cpuMicroseconds, residentMegabytes } from "../lib/machine.mjs";
import { distinctPayments } from "../lib/payments.mjs";
import { median } from "../lib/statistics.mjs";
import { runWrk } from "../lib/wrk.mjs";

const CONNECTIONS = 16;
const PAYMENTS = 2000;

/** Measures the contestants in turn, several times, so that the machine's moods hit all of them alike. */
export async function measureThroughput(all, { mockBinary, seconds, repeats }, progress) {
  const directory = mkdtempSync(join(tmpdir(), "facilitator-bench-"));
  const bodiesFile = join(directory, "payments.jsonl");
  progress(`signing ${PAYMENTS} payments`);
  writeFileSync(bodiesFile, (await distinctPayments(PAYMENTS)).map(({ text }) => `${text}\n`).join(""));
  const mock = await startMock(mockBinary, progress);
  const samples = new Map(all.map(({ name }) => [name, []]));
  try {
    for (let round = 1; round <= repeats; round++) {
      for (const contestant of all) {
        const sample = await withFacilitator(contestant, mock.url, (facilitator) =>
          sampleOnce(facilitator, { bodiesFile, seconds }),
        );
        samples.get(contestant.name).push(sample);
        progress(
          `round ${round}, ${contestant.name}: ${sample.perSecond.toFixed(0)} requests/s, ` +
            `${sample.cpuMicroseconds.toFixed(0)} µs of CPU each, p99 ${sample.p99Milliseconds.toFixed(1)} ms`,
        );
      }
    }
  } finally {
    await mock.child.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  return new Map([...samples].map(([name, taken]) => [name, medians(taken)]));
}

async function sampleOnce({ url, pid }, { bodiesFile, seconds }) {
  const load = { url, path: "/verify", bodiesFile, expected: '"isValid":true', connections: CONNECTIONS };
  await runWrk({ ...load, seconds: 2 }); // connections, code and caches get warm
  const before = cpuMicroseconds(pid);
  const result = await runWrk({ ...load, seconds });
  return {
    perSecond: result.requests / result.seconds,
    cpuMicroseconds: (cpuMicroseconds(pid) - before) / result.requests,
    p50Milliseconds: result.p50Milliseconds,
    p99Milliseconds: result.p99Milliseconds,
    residentMegabytes: residentMegabytes(pid),
  };
}

const medians = (samples) =>
  Object.fromEntries(Object.keys(samples[0]).map((name) => [name, median(samples.map((sample) => sample[name]))]));

/** Starts the canned RPC. What it cannot answer is shown once each: it may be an error path that is measured. */
export async function startMock(binary, progress) {
  const unanswered = new Set();
  let listening;
  const address = new Promise((resolve) => (listening = resolve));
  const child = new Child("mock RPC", binary, [], {
    env: { PORT: "0" },
    onLine: (line) => {
      if (line.startsWith("listening on ")) return listening(line.slice("listening on ".length));
      const what = line.split(" ").slice(0, 5).join(" "); // "no canned answer to METHOD"
      if (!unanswered.has(what)) progress(`mock RPC: ${what}`);
      unanswered.add(what);
    },
  });
  return { child, url: `http://${await child.until(address, 5_000, "listening")}` };
}
