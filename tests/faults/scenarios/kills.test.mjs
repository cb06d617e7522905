// `kill -9` at every edge of a settlement. A restart, or another task, finds out what became of it.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { SENDS, STORE_WRITES } from "../lib/faults.mjs";
import { killAfter, killAtAnswer, killBefore } from "../lib/kills.mjs";
import { ask, learnAll, load } from "../lib/load.mjs";
import { hasDynamoDb, hasSqlite, journals, scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

/** Where the RPC tells how far a settlement is. */
const EDGES = [
  ["before the simulation", (world) => ({ methods: "eth_estimateGas", ...killBefore(world) })],
  ["after the simulation, before the signature", (world) => ({ methods: "eth_estimateGas", ...killAfter(world) })],
  ["after the signature, before the broadcast", (world) => ({ methods: SENDS, ...killBefore(world) })],
  ["after the broadcast, before it is recorded", (world) => ({ methods: SENDS, ...killAfter(world) })],
  [
    "after inclusion, before the outcome is recorded",
    (world) => ({ methods: "eth_getTransactionReceipt", ...killAtAnswer(world, ({ result }) => result) }),
  ],
];

for (const journal of journals) {
  describe(`kill -9 at every edge, ${journal}`, { concurrency: 2 }, () => {
    test("told by the chain's calls, restarted", { timeout: 120_000 }, () =>
      scenario(`kill at RPC edges, ${journal}`, { journal }, async (world) => {
        for (const [edge, rule] of EDGES) {
          const payments = await world.payments(3);
          const { kills } = world.task;
          const added = world.chainProxy.add(rule(world));
          const asked = payments.map((payment) => ask(world, payment));
          await until(`killed ${edge}`, () => world.task.kills > kills || payments.every((one) => isTold(world, one)));
          assert.equal(world.task.kills, kills + 1, `the edge "${edge}" was not met`);
          added.end();
          await world.task.start();
          await Promise.all(asked);
        }
      }),
    );

    test("after the outcome is recorded, before it is answered", { timeout: 60_000 }, () =>
      scenario(`kill before the answer, ${journal}`, { journal }, async (world) => {
        for (const payment of await world.payments(3)) {
          const before = world.task.events.get("settle") ?? 0;
          const asked = ask(world, payment);
          await until("the outcome is logged", () => (world.task.events.get("settle") ?? 0) > before, { pause: 0 });
          await world.task.restart();
          await asked;
        }
      }),
    );
  });
}

describe("kill -9 at every write to the journal", { concurrency: 2 }, () => {
  if (hasSqlite) {
    test("sqlite: at moments all over a settlement", { timeout: 120_000 }, () =>
      scenario("kill at moments, sqlite", {}, async (world) => {
        for (const milliseconds of [1, 2, 4, 6, 8, 11, 15, 20, 30, 45]) {
          const asked = (await world.payments(2)).map((payment) => ask(world, payment));
          await sleep(milliseconds);
          await world.task.restart();
          await Promise.all(asked);
        }
      }),
    );
  }

  if (hasDynamoDb) {
    for (const [when, rule] of [["before", killBefore], ["after", killAfter]]) {
      test(`dynamodb: ${when} each write arrives`, { timeout: 180_000 }, () =>
        scenario(`kill ${when} each store write`, { journal: "dynamodb", tasks: 2 }, async (world) => {
          const [victim] = world.tasks;
          let reached = 0;
          for (let index = 0; reached === index && index < MOST_WRITES; index++) {
            const [payment] = await world.payments(1);
            const kill = world.storeProxy.add({ methods: STORE_WRITES, door: victim.name, skip: index, ...rule(world) });
            await ask(world, payment, { task: victim });
            // Renewals of the lease are writes too, so that this may come a little later.
            await Promise.race([kill.reached, sleep(LATER_MILLISECONDS)]);
            kill.end();
            reached += kill.met;
            await until("settled or killed", () => !victim.isUp || kill.met === 0);
            if (!victim.isUp) await victim.start();
          }
          assert.ok(reached >= FEWEST_WRITES, `only ${reached} writes were met`);
        }),
      );
    }

    test("the survivor goes on within 15 s", { timeout: 90_000 }, () =>
      scenario("a task is gone, dynamodb", { journal: "dynamodb", tasks: 2, blockTimeSeconds: 1 }, async (world) => {
        const [victim] = world.tasks;
        const payments = await world.payments(8);
        world.chainProxy.add({ methods: SENDS, door: victim.name, skip: 3, ...killBefore(world) });
        const asked = payments.map((payment) => ask(world, payment, { task: victim }));
        await until("killed", () => !victim.isUp);
        await Promise.all(asked);
        const milliseconds = await learnAll(world, { milliseconds: 30_000 });
        console.log(`taken over and told after ${(milliseconds / 1000).toFixed(1)} s`);
        assert.equal(world.ledger.open.length, 0, "some are not told");
        assert.ok(milliseconds < 15_000, `took ${milliseconds} ms`);
        await load(world, await world.payments(8), { clients: 4 });
      }),
    );
  }
});

/** Most writes of one settlement, renewals of leases beside it included. */
const MOST_WRITES = 12;
/** Claim, approval, signature, broadcast and outcome. */
const FEWEST_WRITES = 5;
const LATER_MILLISECONDS = 300;

const isTold = (world, { nonce }) =>
  world.ledger.entries.find(({ payment }) => payment.nonce === nonce)?.outcome !== undefined;
