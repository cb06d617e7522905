// Several tasks on one journal and one key.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { drop, SENDS } from "../lib/faults.mjs";
import { ask, learn, learnAll, load } from "../lib/load.mjs";
import { hasDynamoDb, isFull, journals, scenario } from "../lib/scenario.mjs";
import { until } from "../lib/until.mjs";

const COPIES = 50;
/** Longer than a lease that nobody renews. */
const LEASE_MILLISECONDS = 12_000;

for (const journal of journals) {
  describe(`several tasks, ${journal}`, { concurrency: isFull || journal === "dynamodb" ? 1 : 2 }, () => {
    for (const tasks of [1, 3]) {
      test(`${COPIES} settles of one payment at once, ${tasks} tasks: one transaction`, { timeout: 60_000 }, () =>
        scenario(`${COPIES} identical, ${tasks} tasks, ${journal}`, { journal, tasks }, async (world) => {
          const [payment] = await world.payments(1);
          const asked = Array.from({ length: COPIES }, (_, copy) => ask(world, payment, { task: world.tasks[copy % tasks] }));
          const answers = await Promise.all(asked);
          const told = new Set(answers.filter(({ body }) => body?.success).map(({ body }) => body.transaction));
          assert.ok(told.size <= 1, `${told.size} transactions were told`);
          await learn(world, payment);
          const nonce = Number(await world.rpc("eth_getTransactionCount", [world.chain.facilitator, "pending"]));
          assert.equal(nonce, 1, "transactions of the signer");
        }),
      );
    }

    for (const tasks of journal === "dynamodb" && !isFull ? [3] : [2, 3]) {
      const [count, clients] = isFull ? [600, 96] : [36, 12];
      test(`${tasks} tasks, ${count} payments, ${clients} at a time`, { timeout: 300_000 }, () =>
        scenario(`${count} payments, ${tasks} tasks, ${journal}`, { journal, tasks, blockTimeSeconds: 1 }, async (world) => {
          const payments = await world.payments(count);
          const began = performance.now();
          await load(world, payments, { clients });
          console.log(`${count} payments at c=${clients} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
        }),
      );
    }

    test("a rolling restart under load: every request is answered", { timeout: 120_000 }, () =>
      scenario(`rolling restart, ${journal}`, { journal, tasks: 3, blockTimeSeconds: 1 }, async (world) => {
        let isOver = false;
        const rolled = (async () => {
          for (const task of world.tasks) {
            await sleep(500);
            assert.equal(await task.leave(), "exit code 0", `${task.name} after SIGTERM`);
            await task.start();
          }
        })().finally(() => (isOver = true));
        while (!isOver) await load(world, await world.payments(6), { clients: 6 });
        await rolled;
        const broken = world.ledger.answers.filter(({ status }) => status === 0);
        assert.deepEqual(broken.map(({ error }) => error), [], "requests that broke off");
      }),
    );
  });
}

describe("tasks that are thought dead", { concurrency: 2 }, () => {
  if (!hasDynamoDb) return;
  test("frozen for longer than its lease: it cannot move what was taken over", { timeout: 90_000 }, () =>
    scenario("frozen task, dynamodb", { journal: "dynamodb", tasks: 2, blockTimeSeconds: 1 }, async (world) => {
      const [frozen, other] = world.tasks;
      const sent = world.chainProxy.add({ methods: SENDS, door: frozen.name, times: 1, before: () => frozen.freeze() });
      const asked = (await world.payments(6)).map((payment) => ask(world, payment, { task: frozen, milliseconds: 2000 }));
      await sent.reached;
      await Promise.all(asked);
      await sleep(LEASE_MILLISECONDS);
      await load(world, await world.payments(6), { clients: 3, task: other });
      await learnAll({ ...view(world), running: [other] }, { milliseconds: 20_000 });
      frozen.thaw();
      await load(world, await world.payments(6), { clients: 3, task: frozen });
    }),
  );

  test("cut off from the store for longer than its lease", { timeout: 90_000 }, () =>
    scenario("cut off task, dynamodb", { journal: "dynamodb", tasks: 2, blockTimeSeconds: 1 }, async (world) => {
      const [cut, other] = world.tasks;
      const asked = (await world.payments(6)).map((payment) => ask(world, payment, { task: cut }));
      await sleep(50);
      const rule = world.storeProxy.add({ door: cut.name, ...drop() });
      await Promise.all([load(world, await world.payments(6), { clients: 3, task: other }), sleep(LEASE_MILLISECONDS), ...asked]);
      rule.end();
      await until("it settles again", async () => {
        const [payment] = await world.payments(1);
        return (await ask(world, payment, { task: cut })).status === 200;
      });
    }),
  );
});

/** The world, as clients see it that only reach some tasks. */
const view = (world) => ({ ledger: world.ledger, random: world.random });
