// Builds dist/evm-js.wasm: SpiderMonkey with the guest's modules already loaded, as a component.
//
//   node build.mjs [--without-wasi]
//
// The engine is made for WASI. Of its optional parts only standard output stays, so that what it says when
// it dies reaches the host's log; such a component needs `wasi = "virtual"` in guests.lock, whose entry is
// printed. `--without-wasi` takes that out too: then no WASI is imported, and the engine dies mute.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { componentize } from "@bytecodealliance/componentize-js";
import { componentWit } from "@bytecodealliance/jco";

const NAME = "evm-js";
const NEVER_NEEDED = ["http", "fetch-event", "clocks", "random"];

const { values } = parseArgs({ options: { "without-wasi": { type: "boolean", default: false } } });
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const { version } = JSON.parse(readFileSync(path("package.json"), "utf8"));

const { component } = await componentize({
  sourcePath: path("src/guest.mjs"),
  witPath: path("../../../wit/0.1.0"),
  worldName: "scheme-guest",
  disableFeatures: values["without-wasi"] ? [...NEVER_NEEDED, "stdio"] : NEVER_NEEDED,
});
const imports = [...(await componentWit(component)).matchAll(/^ {2}import (\S+);$/gm)].map(([, name]) => name);
mkdirSync(path("dist"), { recursive: true });
writeFileSync(path(`dist/${NAME}.wasm`), component);

console.error(`dist/${NAME}.wasm: ${component.length} bytes, imports\n  ${imports.join("\n  ")}`);
const lock = {
  name: NAME,
  file: `${NAME}.wasm`,
  family: "evm",
  version,
  abi: "0.1.0",
  sha256: createHash("sha256").update(component).digest("hex"),
  ...(imports.some((name) => name.startsWith("wasi:")) && { wasi: "virtual" }),
};
console.log("[[guest]]");
for (const [key, value] of Object.entries(lock)) console.log(`${key} = ${JSON.stringify(value)}`);
