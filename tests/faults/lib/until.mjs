// Waiting for something that is true soon, with a bound.

import { setTimeout as sleep } from "node:timers/promises";

/** Asks `isTrue` until it says so. @returns {Promise<number>} milliseconds that it took */
export async function until(what, isTrue, { milliseconds = 20_000, pause = 100 } = {}) {
  const began = performance.now();
  for (;;) {
    if (await isTrue()) return performance.now() - began;
    if (performance.now() - began > milliseconds) throw new Error(`${what}: not after ${milliseconds} ms`);
    await sleep(pause);
  }
}

/** Does `step` every `milliseconds` while `work` is under way. */
export async function during(work, milliseconds, step) {
  let isOver = false;
  const working = work().finally(() => (isOver = true));
  const stepping = (async () => {
    while (!isOver) {
      await step();
      await sleep(milliseconds);
    }
  })();
  const [result] = await Promise.all([working, stepping]);
  return result;
}
