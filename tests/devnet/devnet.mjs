#!/usr/bin/env node
// Starts the local chains. People read stderr; programs read the one line of JSON on stdout, which
// appears when every chain is up.

import { parseArgs } from "node:util";
import * as evm from "./evm.mjs";
import { stopSignal } from "./lib/process.mjs";

const HELP = `Starts local chains with test tokens and funded keys, and prints one line of JSON when all are up.

  node devnet.mjs [--port PORT] [--block-time SECONDS]

  --port PORT           port of the EVM chain (default 8545; 0 takes a free one)
  --block-time SECONDS  mine a block every SECONDS; without it, one per transaction at once
  --help                this text

Ctrl-C ends it. Everything listens on 127.0.0.1 only.
`;

function options() {
  const { values } = parseArgs({
    options: { port: { type: "string" }, "block-time": { type: "string" }, help: { type: "boolean" } },
  });
  return {
    help: values.help,
    port: number("--port", values.port ?? "8545", 0, 65535),
    blockTimeSeconds: values["block-time"] && number("--block-time", values["block-time"], 1, 3600),
  };
}

function number(name, text, least, most) {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Error(`${name} takes a whole number from ${least} to ${most}, not "${text}"`);
}

async function main() {
  const { help, port, blockTimeSeconds } = options();
  if (help) return void process.stdout.write(HELP);
  const asked = stopSignal();

  const chains = await Promise.all([evm.start({ port, blockTimeSeconds })]);
  for (const line of chains.flatMap((chain) => chain.summary)) console.error(line);
  console.error("Ctrl-C to stop.");
  console.log(JSON.stringify({ networks: Object.fromEntries(chains.map(({ network, entry }) => [network, entry])) }));

  const died = chains.map(async (chain) => Promise.reject(chain.child.failure(`ended (${await chain.child.exited})`)));
  try {
    await Promise.race([asked, ...died]);
  } finally {
    for (const rejected of died) rejected.catch(() => {});
    await Promise.all(chains.map((chain) => chain.stop()));
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`devnet: ${error.message}`);
    process.exit(1);
  },
);
