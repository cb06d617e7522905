// Many settlements by one signer on a chain with a block every second, audited on the chain: what was
// told against what happened.

import * as evm from "../../devnet/evm.mjs";
import { post, withFacilitator } from "../lib/contestants.mjs";
import { AMOUNT, PAY_TO, distinctPayments, payers } from "../lib/payments.mjs";
import { median, quantile } from "../lib/statistics.mjs";

const BLOCK_TIME_SECONDS = 1;

async function onFreshChain(contestant, measure) {
  const chain = await evm.start({ blockTimeSeconds: BLOCK_TIME_SECONDS });
  try {
    await evm.mint(chain.entry.rpc, payers, 10n ** 12n);
    return await withFacilitator(contestant, chain.entry.rpc, ({ url }) => measure(url, chain.entry.rpc));
  } finally {
    await chain.stop();
  }
}

/** Settles `count` payments, `concurrency` at a time. */
export function measureSettlement(contestant, { count, concurrency }) {
  return onFreshChain(contestant, async (url, rpcUrl) => {
    const payments = await distinctPayments(count);
    const firstBlock = (await evm.blockNumber(rpcUrl)) + 1;
    const balanceBefore = await evm.balanceOf(rpcUrl, PAY_TO);

    const answers = new Array(count);
    let next = 0;
    const worker = async () => {
      while (next < count) {
        const index = next++;
        answers[index] = await post(`${url}/settle`, payments[index].text);
      }
    };
    const began = performance.now();
    await Promise.all(Array.from({ length: concurrency }, worker));
    const seconds = (performance.now() - began) / 1000;

    await blocksPass(rpcUrl, 3); // a transaction that was told to have failed may still come
    const receipts = await evm.receiptsSince(rpcUrl, firstBlock);
    const moved = (await evm.balanceOf(rpcUrl, PAY_TO)) - balanceBefore;
    let used = 0;
    let lost = 0;
    let untold = 0;
    for (const [index, { payer, nonce }] of payments.entries()) {
      const onChain = await evm.authorizationUsed(rpcUrl, payer, nonce);
      used += onChain;
      if (answers[index].body.success === true && !onChain) lost += 1;
      if (answers[index].body.success !== true && onChain) untold += 1;
    }
    const succeeded = answers.filter((answer) => answer.body.success === true);
    const settled = receipts.filter((receipt) => receipt.status === "0x1").length;
    if (moved !== BigInt(used) * AMOUNT) throw new Error(`${used} payments moved ${moved} atomic units`);
    const times = answers.map((answer) => answer.milliseconds);
    return {
      count,
      succeeded: succeeded.length,
      seconds,
      p50Milliseconds: median(times),
      p99Milliseconds: quantile(times, 0.99),
      lost, // told paid, and the chain knows nothing of it
      untold, // told failed, and the chain was paid
      // more transactions than payments, or one transaction told of two payments
      doubled: settled - used + succeeded.length - distinctHashes(succeeded),
      reverted: receipts.length - settled,
      reasons: countReasons(answers),
    };
  });
}

/** `copies` settles of one payment at once, then the same again. */
export function measureDuplicates(contestant, { copies, repeats }) {
  return onFreshChain(contestant, async (url, rpcUrl) => {
    const rounds = [];
    for (const { text } of await distinctPayments(repeats)) {
      const firstBlock = (await evm.blockNumber(rpcUrl)) + 1;
      const answers = await Promise.all(Array.from({ length: copies }, () => post(`${url}/settle`, text)));
      await blocksPass(rpcUrl, 2);
      const replay = await post(`${url}/settle`, text);
      await blocksPass(rpcUrl, 2);
      const receipts = await evm.receiptsSince(rpcUrl, firstBlock);
      const [hash] = receipts.filter(({ status }) => status === "0x1").map(({ transactionHash }) => transactionHash);
      rounds.push({
        transactions: receipts.length,
        reverted: receipts.filter((receipt) => receipt.status !== "0x1").length,
        oneStory: answers.every(({ body }) =>
          body.success ? body.transaction === hash : /^(duplicate_settlement|settlement_pending)$/.test(body.errorReason),
        ),
        replayed: replay.body.success === true && replay.body.transaction === hash,
        reasons: countReasons(answers),
      });
    }
    return rounds;
  });
}

const distinctHashes = (answers) => new Set(answers.map((answer) => answer.body.transaction)).size;

async function blocksPass(rpcUrl, count) {
  const until = (await evm.blockNumber(rpcUrl)) + count;
  for (let tries = 0; tries < 100 * count && (await evm.blockNumber(rpcUrl)) < until; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function countReasons(answers) {
  const counts = {};
  for (const { status, body } of answers) {
    if (body.success === true) continue;
    const reason = `${status} ${String(body.errorReason ?? body.error).slice(0, 60)}`;
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return counts;
}
