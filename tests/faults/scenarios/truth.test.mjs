// Chains that take back what they said, and nodes that lie about it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ASSET } from "../../devnet/evm.mjs";
import { developmentKeys } from "../../devnet/lib/keys.mjs";
import { addressOf, settlementCall } from "../../devnet/lib/transactions.mjs";
import { inventedReceipts, lag, receiptsMissing, receiptsReverted } from "../lib/chain-lies.mjs";
import { drop, rpcError, SENDS } from "../lib/faults.mjs";
import { ask, load, replayAll } from "../lib/load.mjs";
import { scenario } from "../lib/scenario.mjs";
import { during, until } from "../lib/until.mjs";

const STRANGER = addressOf(developmentKeys.deployer);
/** Kinds of violations that are lies about money, whenever they are told. */
const LIES = /^(lost|denied|doubled|misnamed|changed)/;

async function lies(world, allowed) {
  const { violations } = await world.ledger.audit(world.whereabouts, allowed);
  return violations.filter((violation) => LIES.test(violation));
}

/** The whole chain since the payments began is made anew, without any of their transactions. */
async function reorganize(world) {
  const head = Number(await world.rpc("eth_blockNumber"));
  await world.rpc("anvil_reorg", [head - world.firstBlock + 1, []]);
  await world.mine();
}

/** Waits until what is told of every payment is what the chain says. */
const toldAnew = (world, allowed) => {
  const isTrue = async () => {
    await replayAll(world);
    return (await lies(world, allowed)).length === 0;
  };
  return during(() => until("the truth is told", isTrue, { milliseconds: 40_000, pause: 1000 }), 500, () => world.mine());
};

describe("reorganisations", { concurrency: 2 }, () => {
  test("confirmed payments vanish: they come back, or are told anew, with an alert", { timeout: 90_000 }, () =>
    scenario("reorganisation", { allowed: { revised: true } }, async (world) => {
      await load(world, await world.payments(4));
      assert.deepEqual(await lies(world), []);
      await reorganize(world);
      assert.ok((await lies(world)).length > 0, "the reorganisation dropped nothing");
      await toldAnew(world, { revised: true });
      assert.ok(world.logged(/^(settlement_reorganised|confirmed_sent_again)$/).length > 0, "nothing of it in the log");
    }),
  );

  test("and somebody else's transaction pays them instead", { timeout: 90_000 }, () =>
    scenario("reorganisation, overtaken", { allowed: { revised: true, foreign: true, reverted: 3 } }, async (world) => {
      const payments = await world.payments(2);
      await load(world, payments);
      const silent = world.chainProxy.add({ methods: SENDS, ...drop() });
      await reorganize(world);
      for (const { body } of payments) {
        await world.rpc("eth_sendTransaction", [{ from: STRANGER, to: ASSET, data: settlementCall(body) }]);
      }
      silent.end();
      await toldAnew(world, { revised: true, foreign: true });
    }),
  );
});

/** What one endpoint of two says wrongly, for as long as the payments are made. */
const anotherChain = (exchange, calls) => calls.forEach((call) => exchange.answerCall(call, { result: "0x1" }));

const LIARS = [
  ["no receipts", (door) => [{ door, ...receiptsMissing() }]],
  ["receipts of a revert", (door) => [{ door, ...receiptsReverted() }]],
  ["receipts of what was never sent", (door, world) => inventedReceipts(world.rpc, world.chain.facilitator, { door }).rules],
  ["a head of long ago", (door, world) => [{ door, ...lag(world.rpc, 6) }]],
  ["nonce too low", (door) => [{ door, methods: SENDS, ...rpcError("nonce too low") }]],
  ["insufficient funds", (door) => [{ door, methods: SENDS, ...rpcError("insufficient funds for gas * price + value") }]],
  ["every simulation fails", (door) => [{ door, methods: "eth_estimateGas", ...rpcError("execution reverted", 3) }]],
  ["another chain", (door) => [{ door, methods: "eth_chainId", before: anotherChain }]],
];

describe("two endpoints, and one lies", { concurrency: 2 }, () => {
  for (const [what, rules] of LIARS) {
    // A simulation that fails is a verdict, and nothing was sent: the client may come again.
    const allowed = { refused: what === "every simulation fails" ? Infinity : 0 };
    const options = { endpoints: 2, blockTimeSeconds: 1, settleTimeoutSeconds: 2, allowed };
    for (const [which, door] of [["first", /^one$/], ["second", /^one-2$/]]) {
      test(`${what}, says the ${which}: nothing false is told`, { timeout: 90_000 }, () =>
        scenario(`${which} of two: ${what}`, options, async (world) => {
          await load(world, await world.payments(1));
          for (const rule of rules(door, world)) world.chainProxy.add(rule);
          await load(world, await world.payments(5), { clients: 5, milliseconds: 4_000 });
          assert.deepEqual(await lies(world), []);
        }),
      );
    }
  }

  test("one is down from the start", { timeout: 60_000 }, () =>
    scenario("first of two is down", { endpoints: 2, blockTimeSeconds: 1 }, async (world) => {
      world.chainProxy.add({ door: /^one$/, ...drop() });
      await world.task.restart();
      await load(world, await world.payments(6), { clients: 6 });
      await ask(world, (await world.payments(1))[0]);
    }),
  );
});
