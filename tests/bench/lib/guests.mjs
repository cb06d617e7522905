// A directory of pinned guests, and components of the tagged test guest to put into it.

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PLACEHOLDER = Buffer.from("hostile guest: the name of the attack stands here, up to 64 byte");

/** The test guest as a component of its own: it is the EVM guest, and logs `tag` with every call. */
export function tagged(component, tag) {
  const bytes = Buffer.from(component);
  const at = bytes.indexOf(PLACEHOLDER);
  if (at < 0) throw new Error("the test guest has no placeholder for its tag");
  const text = Buffer.alloc(PLACEHOLDER.length);
  text.write(`tagged:${tag}`);
  text.copy(bytes, at);
  return bytes;
}

/** The same component with other bytes at its end, which mean nothing: nobody has compiled it before. */
export function neverSeen(component, number) {
  const content = Buffer.from(`\x04seen${number}`, "latin1").subarray(0, 60);
  content[0] = 4;
  return Buffer.concat([component, Buffer.from([0, content.length]), content]);
}

export class GuestsDirectory {
  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "guests-"));
  }

  /** Makes a component the pinned evm.wasm. Whoever reads meanwhile sees whole files. */
  put(component) {
    const sha256 = createHash("sha256").update(component).digest("hex");
    const pin = { name: "evm", file: "evm.wasm", family: "evm", version: "0.1.0", abi: "0.1.0", sha256 };
    const lines = Object.entries(pin).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
    this.#replace("evm.wasm", component);
    this.#replace("guests.lock", `version = 1\n[[guest]]\n${lines.join("\n")}\n`);
    return sha256;
  }

  #replace(file, content) {
    writeFileSync(join(this.path, `.${file}.new`), content);
    renameSync(join(this.path, `.${file}.new`), join(this.path, file));
  }

  remove() {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export const readComponent = (path) => readFileSync(path);
