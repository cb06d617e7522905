// The devnet's chain, brought to a fixed time, as the source of recorded answers.

import { start } from "../../devnet/evm.mjs";

export class Chain {
  #url;
  #stop;

  static async start(timestamp) {
    const { entry, stop } = await start();
    const chain = new Chain();
    chain.#url = entry.rpc;
    chain.#stop = stop;
    chain.entry = entry;
    await chain.rpc("anvil_setBlockTimestampInterval", [1]);
    await chain.rpc("evm_setNextBlockTimestamp", [timestamp]);
    await chain.rpc("evm_mine");
    return chain;
  }

  stop() {
    return this.#stop();
  }

  /** The node's answer to one call, a result or an error, as a case records it. */
  async answer({ method, params }) {
    const response = await fetch(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = await response.json();
    return error ? { error } : { result };
  }

  async rpc(method, params = []) {
    const { result, error } = await this.answer({ method, params });
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** One recorded round trip. */
  async exchange(...requests) {
    const answers = [];
    for (const request of requests) answers.push(await this.answer(request));
    return { requests, answers };
  }

  /** Runs `work` on a state of the chain that is forgotten afterwards. */
  async aside(work) {
    const snapshot = await this.rpc("evm_snapshot");
    try {
      return await work();
    } finally {
      await this.rpc("evm_revert", [snapshot]);
    }
  }
}
