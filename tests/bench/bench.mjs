#!/usr/bin/env node
// Measures the facilitator beside the TypeScript facilitator, in one run on one machine, and prints a
// table. Everything is on loopback and bounded in count and time.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { contestants } from "./lib/contestants.mjs";
import { describeCommit, describeMachine, load } from "./lib/machine.mjs";
import { table, writeBetweenMarkers } from "./lib/report.mjs";
import { measureDepth } from "./measures/depth.mjs";
import { measureDuplicates, measureSettlement } from "./measures/settlement.mjs";
import { measureStartup } from "./measures/startup.mjs";
import { measureThroughput } from "./measures/throughput.mjs";

const HELP = `Measures the facilitator beside the TypeScript facilitator and prints a table.

  node bench.mjs --mock BINARY [--quick] [--only NAME,…] [--write FILE]

  --mock BINARY  the canned RPC server (\`make bench\` builds it from tests/bench/mock)
  --quick        fewer and shorter rounds, to try it out: not for quoting
  --only NAME,…  some of: depth, throughput, settlement, duplicates, startup
  --write FILE   also put the table between the markers in FILE (docs/PERFORMANCE.md)
  --help         this text

The facilitator is the release build of this checkout; FACILITATOR_BIN names another.
`;
const MEASURES = ["depth", "throughput", "settlement", "duplicates", "startup"];

const progress = (text) => console.error(`  ${text}`);
const heading = (text) => console.error(`${text} (load ${load()})`);

async function main() {
  const { values } = parseArgs({
    options: {
      mock: { type: "string" },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      write: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const wanted = values.only?.split(",") ?? MEASURES;
  for (const name of wanted) if (!MEASURES.includes(name)) throw new Error(`there is no measure "${name}"`);
  if (wanted.includes("throughput")) checkTools(values.mock);
  const all = contestants();

  console.error(`Measuring ${all.map(({ name, binary }) => `${name} (${binary})`).join(" and ")}.`);
  const rows = [];
  for (const name of wanted) rows.push(...(await measures[name](all, values)));
  const report = [
    `${describeMachine()}; ${describeCommit()}; ${new Date().toISOString().slice(0, 10)}.` +
      (values.quick ? " Quick run: not for quoting." : ""),
    "",
    table(["", ...all.map(({ name }) => name), "ratio"], rows),
  ].join("\n");
  console.log(report);
  if (values.write) {
    writeBetweenMarkers(values.write, report);
    console.error(`Written to ${resolve(values.write)}.`);
  }
}

function checkTools(mock) {
  if (!mock || !existsSync(mock)) throw new Error("--mock BINARY is needed for throughput: use `make bench`");
  try {
    execFileSync("wrk", ["--version"], { stdio: "ignore" });
  } catch (error) {
    // wrk prints its version and exits with 1.
    if (error.code === "ENOENT") throw new Error("wrk is needed for throughput (Debian package `wrk`)");
  }
}

/** A row of the table: a figure for each contestant and their ratio, where one makes sense. */
function row(name, [ours, theirs], format, ratio = () => "") {
  return [name, format(ours), format(theirs), ratio(ours, theirs)];
}
const times = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ×`;
const more = (ours, theirs) => times(ours / theirs);
const less = (ours, theirs) => `1/${(theirs / ours).toFixed(theirs / ours < 10 ? 1 : 0)}`;
const fixed = (digits) => (value) => value.toFixed(digits);

const measures = {
  async depth(all) {
    heading("RPC round trips in sequence");
    const found = [];
    for (const contestant of all) {
      progress(contestant.name);
      found.push(await measureDepth(contestant, progress));
    }
    return [
      row("RPC depth of /verify", found.map(({ verify }) => verify), String),
      row("RPC depth of /settle, block per transaction", found.map(({ settle }) => settle), String),
    ];
  },

  async throughput(all, { mock, quick }) {
    heading("/verify, 16 connections, RPC answers at once");
    const options = { mockBinary: mock, seconds: quick ? 2 : 5, repeats: quick ? 1 : 3 };
    const found = await measureThroughput(all, options, progress);
    const of = (name) => all.map((contestant) => found.get(contestant.name)[name]);
    return [
      row("/verify at c=16, 0 ms RPC: requests/s", of("perSecond"), fixed(0), more),
      row("… CPU per request, µs", of("cpuMicroseconds"), fixed(0), less),
      row("… p50, ms", of("p50Milliseconds"), fixed(1), less),
      row("… p99, ms", of("p99Milliseconds"), fixed(1), less),
      row("… memory under load, MB", of("residentMegabytes"), fixed(0), less),
    ];
  },

  async settlement(all, { quick }) {
    const options = { count: quick ? 40 : 200, concurrency: quick ? 16 : 64 };
    heading(`/settle, one signer, a block every second, c=${options.concurrency}, N=${options.count}`);
    const found = [];
    for (const contestant of all) {
      const runs = [];
      for (let round = 0; round < (quick ? 1 : 3); round++) {
        const run = await measureSettlement(contestant, options);
        progress(`${contestant.name}: ${JSON.stringify(run)}`);
        runs.push(run);
      }
      // The median run tells the times; what went wrong is told of the worst.
      runs.sort((a, b) => a.p50Milliseconds - b.p50Milliseconds);
      const worst = (name) => Math.max(...runs.map((run) => run[name]));
      found.push({
        ...runs[Math.floor(runs.length / 2)],
        succeeded: Math.min(...runs.map((run) => run.succeeded)),
        trouble: ["lost", "untold", "doubled", "reverted"].map(worst).join(" / "),
      });
    }
    const of = (name) => found.map((run) => run[name]);
    return [
      row(`/settle, 1 s blocks, c=${options.concurrency}, N=${options.count}: succeeded`, of("succeeded"), String),
      row("… p50, ms", of("p50Milliseconds"), fixed(0)),
      row("… p99, ms", of("p99Milliseconds"), fixed(0)),
      row("… lost / paid but told failed / doubled / reverted", of("trouble"), String),
    ];
  },

  async duplicates(all, { quick }) {
    const options = { copies: 5, repeats: quick ? 1 : 3 };
    heading("five settles of one payment at once, then again");
    const found = [];
    for (const contestant of all) {
      const rounds = await measureDuplicates(contestant, options);
      for (const round of rounds) progress(`${contestant.name}: ${JSON.stringify(round)}`);
      const worst = (name) => Math.max(...rounds.map((round) => round[name]));
      found.push({
        chain: `${worst("transactions")} / ${worst("reverted")}`,
        oneStory: rounds.every((round) => round.oneStory) ? "yes" : "no",
        replayed: rounds.every((round) => round.replayed) ? "yes" : "no",
      });
    }
    const of = (name) => found.map((result) => result[name]);
    return [
      row("one payment settled 5 × at once: transactions / reverted", of("chain"), String),
      row("… every answer tells that settlement, or duplicate/pending", of("oneStory"), String),
      row("… the same request later gives the first result", of("replayed"), String),
    ];
  },

  async startup(all, { quick }) {
    heading("start to the first answer of /supported");
    const found = [];
    for (const contestant of all) {
      const sample = await measureStartup(contestant, { repeats: quick ? 1 : 5 });
      progress(`${contestant.name}: ${JSON.stringify(sample)}`);
      found.push(sample);
    }
    return [
      row("start to first answer, ms", found.map(({ milliseconds }) => milliseconds), fixed(0), less),
      row("… with an empty data directory, ms", found.map(({ firstMilliseconds }) => firstMilliseconds), fixed(0), less),
      row("memory at rest, MB", found.map(({ residentMegabytes }) => residentMegabytes), fixed(0), less),
    ];
  },
};

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`bench: ${error.message}`);
    process.exit(1);
  },
);
