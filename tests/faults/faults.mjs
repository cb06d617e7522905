#!/usr/bin/env node
// Runs the scenarios, and prints the ledger of all of them.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { seed } from "./lib/random.mjs";
import { readRows, table } from "./lib/table.mjs";

const HELP = `Faults of chains, stores, clocks and processes, and what came of the payments meanwhile.

  node faults.mjs [--full] [--only PATTERN] [--seed NUMBER] [FILE…]

  --full          the long form of each scenario: 1,000 payments, outages of a minute
  --only PATTERN  tests whose name matches this regular expression
  --seed NUMBER   the same random choices as a run that printed it
  FILE…           scenario files, such as kills or lanes (default: all)
  --help          this text

The facilitator is FACILITATOR_BIN, or the build of this checkout. Needed: npm packages of tests/devnet, moto
(scripts/install-moto.sh), libfaketime (Debian package faketime). Everything listens on 127.0.0.1 only.
`;

/** Files at once on SQLite: most of a scenario's time is waiting for blocks and time-outs. */
const FILES_AT_ONCE = 3;
/** Files with scenarios on DynamoDB. One at a time, beside the others: its emulation is slow. */
const ON_DYNAMODB = ["clock", "fleet", "journal", "kills", "storm"];

const here = fileURLToPath(new URL("./scenarios/", import.meta.url));

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { full: { type: "boolean" }, only: { type: "string" }, seed: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) return void process.stdout.write(HELP);
  const names = readdirSync(here).filter((name) => name.endsWith(".test.mjs"));
  const wanted = positionals.length > 0 ? positionals.map((name) => `${name}.test.mjs`) : names;
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no such scenarios: ${unknown.join(", ")}; there are ${names.join(", ")}`);

  const directory = mkdtempSync(join(tmpdir(), "facilitator-ledger-"));
  const ledger = join(directory, "rows");
  try {
    const used = values.seed ?? String(seed);
    console.log(`seed ${used}`);
    const environment = { FAULTS_LEDGER: ledger, FAULTS_SEED: used, ...(values.full ? { FAULTS_FULL: "1" } : {}) };
    const onDynamoDb = wanted.filter((name) => ON_DYNAMODB.includes(name.split(".")[0]));
    const sqlite = () => run(wanted, values, { ...environment, FAULTS_JOURNALS: "sqlite" }, values.full ? 1 : FILES_AT_ONCE);
    const dynamodb = () => run(onDynamoDb, values, { ...environment, FAULTS_JOURNALS: "dynamodb" }, 1);
    // The long form is for figures, too: one thing after the other.
    const ended = values.full ? [await sqlite(), await dynamodb()] : await Promise.all([sqlite(), dynamodb()]);
    for (const { output } of ended) process.stdout.write(output);
    const code = Math.max(...ended.map((group) => group.code));
    const rows = readRows(ledger);
    if (rows.length > 0) console.log(`\nThe ledger:\n${table(rows)}`);
    process.exitCode = code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs scenario files; what they print is handed on when they have ended, so that groups do not mix. */
function run(files, { only }, environment, atOnce) {
  if (files.length === 0) return { code: 0, output: "" };
  const args = ["--test", `--test-concurrency=${atOnce}`, "--test-reporter=spec"];
  if (only) args.push(`--test-name-pattern=${only}`);
  const child = spawn(process.execPath, [...args, ...files.map((name) => join(here, name))], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  const output = [];
  child.stdout.on("data", (chunk) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(output).toString("utf8") }));
  });
}

main().catch((error) => {
  console.error(`faults: ${error.message}`);
  process.exitCode = 1;
});
