// Writes case directories: request.json, rpc.jsonl, clock, expect.json.

import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";

export class Cases {
  #directory;
  #names = new Set();

  /** Removes the cases that are there: one that is not generated any more must not stay. */
  constructor(directory) {
    this.#directory = directory;
    for (const name of readdirSync(directory)) {
      const path = new URL(`${name}/`, directory);
      if (statSync(new URL(name, directory)).isDirectory()) rmSync(path, { recursive: true });
    }
  }

  /**
   * @param {string} name the rule, as a sentence about the guest
   * @param {{request: object, exchanges?: object[], clockMs: number, expect: object}} content
   */
  write(name, { request, exchanges = [], clockMs, expect }) {
    if (!/^[a-z0-9_]+$/.test(name)) throw new Error(`not a name: ${name}`);
    if (this.#names.has(name)) throw new Error(`two cases are named ${name}`);
    this.#names.add(name);
    const path = new URL(`${name}/`, this.#directory);
    mkdirSync(path);
    const put = (file, text) => writeFileSync(new URL(file, path), text);
    put("request.json", `${JSON.stringify(request, null, 2)}\n`);
    put("rpc.jsonl", exchanges.map((exchange) => `${JSON.stringify(exchange)}\n`).join(""));
    put("clock", `${clockMs}\n`);
    put("expect.json", `${JSON.stringify(expect, null, 2)}\n`);
  }

  get count() {
    return this.#names.size;
  }
}
