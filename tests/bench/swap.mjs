#!/usr/bin/env node
// Measures what swapping guests costs: failures and memory under a swap every 100 ms, the time of a reload,
// and what a compilation does to the requests beside it. Everything is on loopback and bounded.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { facilitatorBinary } from "../devnet/lib/facilitator.mjs";
import { describeCommit, describeMachine, load } from "./lib/machine.mjs";
import { table } from "./lib/report.mjs";
import { measureCompilation } from "./measures/compilation.mjs";
import { measureReload } from "./measures/reload.mjs";
import { measureSwaps } from "./measures/swaps.mjs";

const HELP = `Measures what swapping guests costs and prints a table.

  node swap.mjs --mock BINARY [--seconds N] [--only NAME,…]

  --mock BINARY  the canned RPC server (\`make bench-swap\` builds it from tests/bench/mock)
  --seconds N    length of the load that is swapped under [default: 60]
  --only NAME,…  some of: swaps, reload, compilation
  --help         this text

The facilitator is the release build of this checkout; FACILITATOR_BIN names another.
`;
const MEASURES = { swaps: measureSwaps, reload: measureReload, compilation: measureCompilation };

async function main() {
  const { values } = parseArgs({
    options: {
      mock: { type: "string" },
      seconds: { type: "string", default: "60" },
      only: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const wanted = values.only?.split(",") ?? Object.keys(MEASURES);
  for (const name of wanted) if (!(name in MEASURES)) throw new Error(`there is no measure "${name}"`);
  const component = join(process.env.CARGO_TARGET_DIR ?? "target", "guests", "test", "hostile.wasm");
  if (!existsSync(component)) throw new Error(`${component} is not there: run \`make guests\``);
  const options = {
    binary: facilitatorBinary(),
    mock: values.mock,
    seconds: Number(values.seconds),
    component,
    progress: (text) => console.error(`  ${text}`),
  };
  const rows = [];
  let failed = false;
  for (const name of wanted) {
    console.error(`${name} (load ${load()})`);
    for (const { what, figure, demanded, holds } of await MEASURES[name](options)) {
      rows.push([what, figure, demanded, holds ? "yes" : "NO"]);
      failed ||= !holds;
    }
  }
  console.log(`${describeMachine()}; ${describeCommit()}; ${new Date().toISOString().slice(0, 10)}.\n`);
  console.log(table(["", "measured", "demanded", "holds"], rows));
  if (failed) process.exitCode = 1;
}

await main();
