#!/usr/bin/env node
// What a durable journal adds to a settlement: the same payments one after the other, with the journal on the
// disk and on a file system in memory, where a sync costs nothing. Takes turns, so that a machine that slows
// down slows both.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as evm from "../devnet/evm.mjs";
import { facilitatorBinary, startFacilitator } from "../devnet/lib/facilitator.mjs";
import { post } from "./lib/contestants.mjs";
import { describeCommit, describeMachine } from "./lib/machine.mjs";
import { distinctPayments, payers } from "./lib/payments.mjs";
import { median, quantile } from "./lib/statistics.mjs";

const HELP = `Measures what a durable journal adds to a settlement, on a chain that mines at once.

  node journal.mjs [--rounds 5] [--payments 40] [--disk DIRECTORY] [--memory DIRECTORY]

  --disk DIRECTORY    where the durable journal goes (default: the directory for temporary files)
  --memory DIRECTORY  a file system in memory (default: /dev/shm)
`;

async function main() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      payments: { type: "string", default: "40" },
      disk: { type: "string", default: tmpdir() },
      memory: { type: "string", default: "/dev/shm" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const [rounds, count] = [Number(values.rounds), Number(values.payments)];
  const places = { disk: values.disk, memory: values.memory };
  const taken = { disk: [], memory: [] };
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, parent] of Object.entries(places)) {
      const milliseconds = await settleAll(parent, await distinctPayments(count));
      taken[name].push(...milliseconds);
      console.error(`  round ${round} of ${rounds}, ${name}: p50 ${median(milliseconds).toFixed(2)} ms`);
    }
  }
  const rows = Object.entries(taken).map(([name, all]) => [name, median(all), quantile(all, 0.99)]);
  console.log(`${describeMachine()}; ${describeCommit()}.`);
  for (const [name, p50, p99] of rows) console.log(`journal in ${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
  console.log(`ratio of p50: ${(rows[0][1] / rows[1][1]).toFixed(2)}`);
}

/** Milliseconds of each settlement, one after the other, with the journal in a new directory of `parent`. */
async function settleAll(parent, payments) {
  const directory = mkdtempSync(join(parent, "facilitator-journal-"));
  const chain = await evm.start({});
  let facilitator;
  try {
    await evm.mint(chain.entry.rpc, payers, 10n ** 12n);
    facilitator = await startFacilitator({
      rpcUrl: chain.entry.rpc,
      key: chain.entry.facilitator_key,
      binary: facilitatorBinary(),
      environment: { FACILITATOR_JOURNAL: `sqlite:${join(directory, "journal.sqlite")}` },
    });
    const milliseconds = [];
    for (const { text } of payments) {
      const answer = await post(`${facilitator.url}/settle`, text);
      milliseconds.push(answer.milliseconds);
      if (answer.body.success !== true) throw new Error(`a settlement failed: ${JSON.stringify(answer)}`);
    }
    return milliseconds;
  } finally {
    await facilitator?.stop();
    await chain.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
