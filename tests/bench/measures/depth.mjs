// How many RPC round trips a request waits for.

import * as evm from "../../devnet/evm.mjs";
import { startCountingProxy } from "../lib/counting-proxy.mjs";
import { post, withFacilitator } from "../lib/contestants.mjs";
import { distinctPayments, payers } from "../lib/payments.mjs";

const DELAY_MILLISECONDS = 50;
const REPEATS = 5;

export async function measureDepth(contestant, progress) {
  const chain = await evm.start();
  const proxy = await startCountingProxy(chain.entry.rpc, DELAY_MILLISECONDS);
  try {
    await evm.mint(chain.entry.rpc, payers, 10n ** 12n);
    return await withFacilitator(contestant, proxy.url, async ({ url }) => {
      const least = {};
      for (const [path, good] of [["/verify", "isValid"], ["/settle", "success"]]) {
        for (const { text } of await distinctPayments(REPEATS)) {
          await quiet(proxy);
          proxy.reset();
          const answer = await post(url + path, text);
          if (answer.body[good] !== true) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
          const seen = proxy.seen();
          // What a server does in the background only ever adds to the count: the least is the truth.
          if (!least[path] || seen.depth < least[path].depth) least[path] = seen;
        }
        progress(`${path}: depth ${least[path].depth}: ${least[path].methods.join(", then ")}`);
      }
      return { verify: least["/verify"].depth, settle: least["/settle"].depth };
    });
  } finally {
    await proxy.stop();
    await chain.stop();
  }
}

/** Waits until the calls of the request before have ended, at most a second. */
async function quiet(proxy) {
  for (let tries = 0; tries < 5; tries++) {
    const before = proxy.seen().calls;
    await new Promise((resolve) => setTimeout(resolve, 2 * DELAY_MILLISECONDS + 50));
    if (proxy.seen().calls === before) return;
  }
}
