// `kill -9` at exact moments, and again and again.

import { setTimeout as sleep } from "node:timers/promises";

/** Kills who asked, before its request is passed on: it never arrives. */
export const killBefore = (world) => ({
  times: 1,
  before: async (exchange) => {
    await world.taskNamed(exchange.door).kill();
    exchange.drop();
  },
});

/** Kills who asked, after its request has done its work and before it learns of it. */
export const killAfter = (world) => ({
  times: 1,
  after: async (exchange) => {
    await world.taskNamed(exchange.door).kill();
    exchange.drop();
  },
});

/** Like `killAfter`, at the first answer of which `wanted` is true. */
export const killAtAnswer = (world, wanted) => {
  let isDone = false;
  return {
    after: async (exchange, calls) => {
      if (isDone || !calls.some((call) => wanted(exchange.answerTo(call)))) return;
      isDone = true;
      await world.taskNamed(exchange.door).kill();
      exchange.drop();
    },
  };
};

/**
 * Kills one task after the other, every `milliseconds`, and starts it again after `downMilliseconds`, until
 * `work` has ended. Whoever is down then is started again.
 */
export async function killing(world, { milliseconds, downMilliseconds = 200 }, work) {
  const stop = new AbortController();
  const killer = (async () => {
    for (let turn = 0; !stop.signal.aborted; turn++) {
      await sleep(milliseconds, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      const task = world.tasks[turn % world.tasks.length];
      await task.kill();
      await sleep(downMilliseconds);
      await task.start();
    }
  })();
  try {
    return await work();
  } finally {
    stop.abort();
    await killer;
  }
}
