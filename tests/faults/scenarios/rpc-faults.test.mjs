// The node fails in one way at a time, under a small load. Whatever it does, what is told is true.

import { describe, test } from "node:test";
import { receiptsMissing, poolForgotten, lag } from "../lib/chain-lies.mjs";
import * as fault from "../lib/faults.mjs";
import { load } from "../lib/load.mjs";
import { scenario } from "../lib/scenario.mjs";

const READS = ["eth_estimateGas", "eth_getTransactionReceipt", "eth_blockNumber", "eth_getBlockByNumber", "eth_getTransactionCount"];
const RECEIPTS = "eth_getTransactionReceipt";

/** Each is in force while the payments are made; the count bounds how often it strikes. */
const FAULTS = [
  ["every third connection drops", () => [{ chance: 0.33, times: 40, ...fault.drop() }]],
  ["every third answer is lost", () => [{ chance: 0.33, times: 40, ...fault.dropAnswer() }]],
  ["sends are lost on the way", () => [{ methods: fault.SENDS, times: 6, ...fault.drop() }]],
  ["sends arrive, their answers do not", () => [{ methods: fault.SENDS, times: 12, ...fault.dropAnswer() }]],
  ["every call takes 300 ms", () => [{ ...fault.delay(300) }]],
  ["answers take 700 ms", () => [{ chance: 0.5, ...fault.delayAnswer(700) }]],
  ["every request arrives twice", () => [{ ...fault.duplicate() }]],
  ["429 to every other call", () => [{ chance: 0.5, times: 40, ...fault.status(429, "slow down", { "retry-after": "1" }) }]],
  ["500 to every other call", () => [{ chance: 0.5, times: 40, ...fault.status(500, "oops") }]],
  ["garbage", () => [{ chance: 0.5, times: 30, ...fault.garbage() }]],
  ["answers that end in the middle", () => [{ chance: 0.5, times: 30, ...fault.truncated() }]],
  ["sends are answered with garbage", () => [{ methods: fault.SENDS, times: 12, ...fault.garbage() }]],
  ["reads are never answered", () => [{ methods: READS, times: 3, ...fault.silence() }]],
  ["sends arrive and are never answered", () => [{ methods: fault.SENDS, times: 3, ...fault.silenceAfter() }]],
  ["receipts are missing for a while", () => [{ ...receiptsMissing(), times: 25 }]],
  ["two blocks behind", (world) => [{ ...lag(world.rpc, 2), milliseconds: 4000 }]],
  ["pending transactions are forgotten", () => [{ ...poolForgotten() }]],
  ["\"nonce too low\", wrongly", () => [{ methods: fault.SENDS, chance: 0.5, times: 8, ...fault.rpcError("nonce too low") }]],
  ["\"nonce too low\" of what was taken", () => [{ methods: fault.SENDS, times: 12, ...fault.rpcErrorAfter("nonce too low") }]],
  [
    "\"insufficient funds\" of what was taken",
    () => [{ methods: fault.SENDS, times: 12, ...fault.rpcErrorAfter("insufficient funds for gas * price + value") }],
  ],
  ["internal errors to receipts", () => [{ methods: RECEIPTS, times: 25, ...fault.rpcError("internal error", -32603) }]],
];

describe("a node that fails", { concurrency: 2 }, () => {
  for (const [name, rules] of FAULTS) {
    test(name, { timeout: 90_000 }, () =>
      scenario(name, { blockTimeSeconds: 1 }, async (world) => {
        for (const rule of rules(world)) world.chainProxy.add(rule);
        await load(world, await world.payments(12), { clients: 6 });
      }),
    );
  }
});
