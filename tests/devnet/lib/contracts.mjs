// Compiles the Solidity sources of ../contracts.
//
// solc in JavaScript needs seconds, so the outcome is kept in ../out (not in git), named by what it
// was made from: an edited source can never meet the old code.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const here = new URL("../", import.meta.url);
const settings = {
  optimizer: { enabled: true, runs: 200 },
  viaIR: true, // the nine arguments of transferWithAuthorization do not fit the stack otherwise
  evmVersion: "paris",
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};

/** @returns {Record<string, {abi: any[], creation: `0x${string}`, runtime: `0x${string}`}>} by contract name */
export function contracts() {
  const require = createRequire(import.meta.url);
  const sources = {};
  for (const file of readdirSync(new URL("contracts/", here)).sort()) {
    sources[file] = { content: readFileSync(new URL(`contracts/${file}`, here), "utf8") };
  }
  const input = JSON.stringify({ language: "Solidity", sources, settings });
  const compilerVersion = require("solc/package.json").version;
  const key = createHash("sha256").update(compilerVersion).update(input).digest("hex").slice(0, 16);
  const cached = new URL(`out/contracts-${key}.json`, here);
  try {
    return JSON.parse(readFileSync(cached, "utf8"));
  } catch {
    const compiled = compile(require("solc"), input);
    mkdirSync(new URL("out/", here), { recursive: true });
    // Written aside and renamed: another test process may be reading.
    const partial = new URL(`out/contracts-${key}.${process.pid}`, here);
    writeFileSync(partial, JSON.stringify(compiled));
    renameSync(partial, cached);
    return compiled;
  }
}

function compile(solc, input) {
  const output = JSON.parse(solc.compile(input));
  const errors = (output.errors ?? []).filter((entry) => entry.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((entry) => entry.formattedMessage).join("\n"));
  const byName = {};
  for (const file of Object.values(output.contracts)) {
    for (const [name, { abi, evm }] of Object.entries(file)) {
      byName[name] = {
        abi,
        creation: `0x${evm.bytecode.object}`,
        runtime: `0x${evm.deployedBytecode.object}`,
      };
    }
  }
  return byName;
}
