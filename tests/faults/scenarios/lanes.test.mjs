// A signer's lane: heads that are stuck, numbers that are lost or taken, payments that are overtaken.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { ASSET } from "../../devnet/evm.mjs";
import { developmentKeys } from "../../devnet/lib/keys.mjs";
import { addressOf, readTransaction, settlementCall } from "../../devnet/lib/transactions.mjs";
import { holdsUnderpriced } from "../lib/chain-lies.mjs";
import * as fault from "../lib/faults.mjs";
import { killAfter } from "../lib/kills.mjs";
import { ask, learn, learnAll, load } from "../lib/load.mjs";
import { scenario } from "../lib/scenario.mjs";
import { during, until } from "../lib/until.mjs";

const STRANGER = addressOf(developmentKeys.deployer);
const gwei = (count) => BigInt(Math.round(count * 1e9));
/** Room for a few replacements of what is offered at a base fee of 1 gwei, and not for one of 20. */
const CAPPED = "max_fee_per_gas_gwei = 5\nmax_priority_fee_per_gas_gwei = 2";
const hex = (number) => `0x${number.toString(16)}`;

/** Notes every transaction that is sent, as it is on the wire. */
function watchSends(world) {
  const seen = [];
  world.chainProxy.add({
    methods: fault.SENDS,
    before: (_, calls) => calls.forEach(({ params }) => seen.push(readTransaction(params[0]))),
  });
  return seen;
}

async function blockAt(world, baseFee) {
  await world.rpc("anvil_setNextBlockBaseFeePerGas", [hex(baseFee)]);
  await world.mine();
}

/** Asks for payments whose transactions then wait for a block that does not come. */
async function leftWaiting(world, count, options) {
  await world.setAutomine(false);
  const payments = await world.payments(count, options);
  const answers = await Promise.all(payments.map((payment) => ask(world, payment)));
  for (const { body, text } of answers) assert.equal(body?.errorReason, "settlement_pending", text);
  return payments;
}

describe("lanes", { concurrency: 2 }, () => {
  test("the base fee rises above what a waiting transaction offers: it is replaced, and lands", { timeout: 90_000 }, () =>
    scenario("base fee spike", { settleTimeoutSeconds: 2 }, async (world) => {
      world.chainProxy.add(holdsUnderpriced());
      const seen = watchSends(world);
      await blockAt(world, gwei(1));
      await leftWaiting(world, 4);
      await during(() => learnAll(world, { milliseconds: 30_000 }), 500, () => blockAt(world, gwei(20)));
      assert.equal(world.ledger.open.length, 0, "some are still open under the higher base fee");
      for (const nonce of new Set(seen.map((sent) => sent.nonce))) {
        const fees = [...new Set(seen.filter((sent) => sent.nonce === nonce).map((sent) => sent.maxFeePerGas))];
        for (const [index, fee] of fees.slice(1).entries()) {
          assert.ok(fee * 1000n >= fees[index] * 1125n, `nonce ${nonce}: ${fees[index]} was replaced by ${fee}`);
        }
      }
    }),
  );

  test("the base fee rises above the cap: nothing is offered above it, and all goes on when it falls", { timeout: 90_000 }, () =>
    scenario(
      "base fee above the cap",
      { settleTimeoutSeconds: 2, network: CAPPED },
      async (world) => {
        world.chainProxy.add(holdsUnderpriced());
        const seen = watchSends(world);
        await blockAt(world, gwei(1));
        const payments = await leftWaiting(world, 3);
        await during(() => sleep(8_000), 500, () => blockAt(world, gwei(20)));
        assert.equal(world.ledger.open.length, payments.length);
        await during(() => learnAll(world, { milliseconds: 40_000 }), 500, () => blockAt(world, gwei(1)));
        const dearest = seen.reduce((most, { maxFeePerGas }) => (maxFeePerGas > most ? maxFeePerGas : most), 0n);
        assert.ok(dearest <= gwei(5), `${dearest} wei per gas were offered`);
      },
    ),
  );

  for (const [name, network] of [
    ["", CAPPED],
    [", its tip at the cap already", "max_fee_per_gas_gwei = 5\nmax_priority_fee_per_gas_gwei = 1"],
  ]) {
    // The one that cannot be outbid may land after all, and revert.
    const allowed = { refused: 1, reverted: name ? 1 : 0 };
    test(`a payment expires while its transaction waits${name}: the others land`, { timeout: 120_000 }, () =>
      scenario(`expired head${name}`, { settleTimeoutSeconds: 2, network, allowed }, async (world) => {
        world.chainProxy.add(holdsUnderpriced());
        await blockAt(world, gwei(1));
        const [expiring] = await leftWaiting(world, 1, { secondsValid: 10 });
        await leftWaiting(world, 3);
        await during(() => sleep(10_000), 500, () => blockAt(world, gwei(20)));
        await during(() => learnAll(world, { milliseconds: 30_000 }), 500, () => blockAt(world, gwei(1)));
        const { outcome } = world.ledger.entries.find(({ payment }) => payment === expiring);
        assert.equal(outcome?.success, false, JSON.stringify(outcome));
        assert.equal(world.ledger.open.length, 0, `${world.ledger.open.length} are still open behind it`);
      }),
    );
  }

  test("a transaction is lost in the node's pool", { timeout: 90_000 }, () =>
    scenario("lost in the pool", { settleTimeoutSeconds: 2 }, async (world) => {
      await leftWaiting(world, 4);
      const { pending } = await world.rpc("txpool_content");
      const [first] = Object.values(Object.values(pending)[0]);
      await world.rpc("anvil_dropTransaction", [first.hash]);
      await during(() => learnAll(world, { milliseconds: 40_000 }), 500, () => world.mine());
    }),
  );

  test("a number is lost with the process that had it: those behind it land", { timeout: 90_000 }, () =>
    scenario("lost number", { tasks: 2, blockTimeSeconds: 1 }, async (world) => {
      const [victim, other] = world.tasks;
      for (let round = 0; round < 3; round++) {
        world.chainProxy.add({ methods: "eth_estimateGas", door: victim.name, skip: round, ...killAfter(world) });
        const asked = [
          ...(await world.payments(6)).map((payment) => ask(world, payment, { task: victim })),
          load(world, await world.payments(6), { clients: 6, task: other }),
        ];
        await until("killed", () => !victim.isUp);
        await Promise.all(asked);
        await victim.start();
      }
    }),
  );

  test("somebody else sends with our key: the lane finds its place again", { timeout: 90_000 }, () =>
    scenario("foreign use of the key", { blockTimeSeconds: 1 }, async (world) => {
      const foreign = () => world.rpc("eth_sendTransaction", [{ from: world.chain.facilitator, to: STRANGER, value: "0x1", gas: "0x5208" }]);
      const loaded = load(world, await world.payments(24), { clients: 6, milliseconds: 40_000 });
      for (let turn = 0; turn < 3; turn++) {
        await foreign();
        await sleep(900);
      }
      await loaded;
      await foreign();
      await load(world, await world.payments(6), { clients: 6 });
    }),
  );

  test("the chain is ahead of the journal, at rest and after a start: nothing jams", { timeout: 90_000 }, () =>
    scenario("chain ahead of the journal", {}, async (world) => {
      await load(world, await world.payments(3));
      await world.rpc("anvil_setNonce", [world.chain.facilitator, "0x9"]);
      await load(world, await world.payments(3));
      await world.task.kill();
      await world.rpc("anvil_setNonce", [world.chain.facilitator, "0x20"]);
      await world.task.start();
      await load(world, await world.payments(3));
    }),
  );

  test("another sender was first with the authorization: told as paid, by his transaction", { timeout: 90_000 }, () =>
    scenario("front-run", { allowed: { foreign: true, reverted: 4 } }, async (world) => {
      for (const payment of await world.payments(2)) {
        const first = world.chainProxy.add({
          methods: fault.SENDS,
          times: 1,
          before: () => world.rpc("eth_sendTransaction", [{ from: STRANGER, to: ASSET, data: settlementCall(payment.body) }]),
        });
        const answer = await learn(world, payment);
        assert.equal(answer?.body.success, true, answer?.text);
        assert.equal(first.met, 1);
      }
      // Killed between signature and broadcast, and overtaken before it comes back.
      const [payment] = await world.payments(1);
      world.chainProxy.add({
        methods: fault.SENDS,
        times: 1,
        before: async (exchange) => {
          await world.task.kill();
          exchange.drop();
        },
      });
      await ask(world, payment);
      await world.rpc("eth_sendTransaction", [{ from: STRANGER, to: ASSET, data: settlementCall(payment.body) }]);
      await world.task.start();
      const answer = await learn(world, payment);
      assert.equal(answer?.body.success, true, answer?.text);
    }),
  );

  test("the signer runs out of money and gets some again", { timeout: 90_000 }, () =>
    scenario("signer without funds", { allowed: { refused: Infinity } }, async (world) => {
      await load(world, await world.payments(2));
      await world.rpc("anvil_setBalance", [world.chain.facilitator, "0x0"]);
      await load(world, await world.payments(4), { milliseconds: 4_000 });
      await world.rpc("anvil_setBalance", [world.chain.facilitator, hex(10n ** 22n)]);
      const later = await world.payments(4);
      await load(world, later);
      for (const { payment, outcome } of world.ledger.entries.filter((entry) => later.includes(entry.payment))) {
        assert.equal(outcome?.success, true, `${payment.nonce}: ${JSON.stringify(outcome)}`);
      }
    }),
  );
});
