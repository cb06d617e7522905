// No node answers for a while, and then one does again.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { drop, silence } from "../lib/faults.mjs";
import { learnAll, load } from "../lib/load.mjs";
import { isFull, scenario } from "../lib/scenario.mjs";

const DOWN_MILLISECONDS = isFull ? 60_000 : 7_000;
const RESOLVED_MILLISECONDS = 10_000;

describe("RPC down and back", { concurrency: 2 }, () => {
  for (const [name, fault] of [["no connection", drop], ["no answer", silence]]) {
    test(`${name} for ${DOWN_MILLISECONDS / 1000} s under load`, { timeout: 200_000 }, () =>
      scenario(`RPC down: ${name}`, { blockTimeSeconds: 1 }, async (world) => {
        const before = load(world, await world.payments(12), { clients: 12, milliseconds: 1 });
        await sleep(700);
        const down = world.chainProxy.add(fault());
        const beside = load(world, await world.payments(12), { clients: 6, milliseconds: DOWN_MILLISECONDS });
        await sleep(DOWN_MILLISECONDS);
        down.end();
        const began = performance.now();
        await learnAll(world, { milliseconds: 20_000 });
        const milliseconds = performance.now() - began;
        console.log(`all told ${(milliseconds / 1000).toFixed(1)} s after the return`);
        assert.ok(milliseconds < RESOLVED_MILLISECONDS, `took ${milliseconds} ms`);
        await Promise.all([before, beside]);
        await load(world, await world.payments(4), { clients: 4 });
      }),
    );
  }
});
