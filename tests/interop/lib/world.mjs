// One devnet and one facilitator for a test file, and what its tests ask of them.

import * as evm from "../../devnet/evm.mjs";
import { startFacilitator } from "../../devnet/lib/facilitator.mjs";
import { requirements, signedPayment } from "../../devnet/lib/payments.mjs";

/** Starts a chain and a facilitator on it; see `startFacilitator` for its options. `stop` ends both. */
export async function startWorld({ blockTimeSeconds, ...options } = {}) {
  const chain = await evm.start({ blockTimeSeconds });
  let facilitator;
  try {
    const { rpc: rpcUrl, facilitator_key: key } = chain.entry;
    facilitator = await startFacilitator({ rpcUrl, key, ...options });
  } catch (error) {
    await chain.stop();
    throw error;
  }
  return new World(chain, facilitator);
}

class World {
  constructor(chain, facilitator) {
    this.chain = chain.entry;
    this.facilitatorUrl = facilitator.url;
    this.stop = async () => {
      await facilitator.stop();
      await chain.stop();
    };
  }

  /** A fresh payment by the funded payer; see `signedPayment` for what can be changed. */
  async payment({ version = 2, requirements: changes = {}, ...options } = {}) {
    const wanted = requirements({ version, payTo: this.chain.pay_to, ...changes });
    return signedPayment({ key: this.chain.payer_key, wanted, version, ...options });
  }

  /** How much the payee's balance on chain rises while `action` runs. */
  async income(action) {
    const before = await evm.balanceOf(this.chain.rpc, this.chain.pay_to);
    const result = await action();
    return { result, income: (await evm.balanceOf(this.chain.rpc, this.chain.pay_to)) - before };
  }

  /** The receipts of all transactions mined while `action` runs. */
  async receipts(action) {
    const next = (await evm.blockNumber(this.chain.rpc)) + 1;
    const result = await action();
    return { result, receipts: await evm.receiptsSince(this.chain.rpc, next) };
  }

  /** POSTs `body` (an object, or a string or buffer as it is) to the facilitator. */
  async post(path, body, headers = {}) {
    const raw = typeof body === "string" || Buffer.isBuffer(body);
    return this.send(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: raw ? body : JSON.stringify(body),
    });
  }

  /** One HTTP exchange: status, headers, text, the text's JSON if it is any, and how long it took. */
  async send(path, options = {}) {
    const started = performance.now();
    const response = await fetch(this.facilitatorUrl + path, { signal: AbortSignal.timeout(30_000), ...options });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: parse(text),
      milliseconds: performance.now() - started,
    };
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
