// Facilitators whose clocks are half a minute off, alone and beside others that are right.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clockOff } from "../lib/faketime.mjs";
import { ask, load } from "../lib/load.mjs";
import { hasSqlite, journals, scenario } from "../lib/scenario.mjs";

const SKEW_SECONDS = 30;
const CLOCKS = { two: SKEW_SECONDS, three: -SKEW_SECONDS };

/** How far the clock that it logs by is off, seconds. */
async function skewOf(world, task) {
  let seen;
  task.heard = ({ timestamp }) => (seen ??= (Date.parse(timestamp) - Date.now()) / 1000);
  const [payment] = await world.payments(1);
  await ask(world, payment, { task });
  return seen;
}

describe("clocks that are wrong", { concurrency: 2 }, () => {
  for (const seconds of hasSqlite ? [SKEW_SECONDS, -SKEW_SECONDS] : []) {
    const name = `${seconds > 0 ? "ahead" : "behind"} by ${SKEW_SECONDS} s`;
    test(name, { timeout: 60_000 }, () =>
      scenario(`clock ${name}`, { blockTimeSeconds: 1 }, async (world) => {
        await world.task.restart({ environment: clockOff(seconds) });
        assert.ok(Math.abs((await skewOf(world, world.task)) - seconds) < 5, "the clock is not off");
        await load(world, await world.payments(12), { clients: 6 });
        await world.task.restart();
        await load(world, await world.payments(4), { clients: 4 });
      }),
    );

    test(`${name}: what has expired, or is about to, is never sent to revert`, { timeout: 60_000 }, () =>
      scenario(`clock ${name}, expiring`, { blockTimeSeconds: 1, allowed: { refused: Infinity } }, async (world) => {
        await world.task.restart({ environment: clockOff(seconds) });
        for (const secondsValid of [-10, 1, 8, 20]) {
          await load(world, await world.payments(3, { secondsValid }), { clients: 3 });
        }
      }),
    );
  }

  for (const journal of journals) {
    test(`three tasks, one ahead and one behind, ${journal}`, { timeout: 90_000 }, () =>
      scenario(`three clocks, ${journal}`, { journal, tasks: 3, blockTimeSeconds: 1, clocks: CLOCKS }, async (world) => {
        await load(world, await world.payments(24), { clients: 8, copies: 2 });
        for (const task of world.tasks) await task.restart();
        await load(world, await world.payments(8), { clients: 4, copies: 2 });
      }),
    );
  }
});
