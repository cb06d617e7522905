// Clients: each pays, asks again as clients do that lost their patience, and goes on until it knows.

import { setTimeout as sleep } from "node:timers/promises";
import { isOutcome } from "./ledger.mjs";
import { post } from "./http.mjs";

/** Longest that a client waits for one answer. */
const PATIENCE_MILLISECONDS = 15_000;
/** Between two questions after one that had no outcome. */
const PAUSE_MILLISECONDS = [100, 600];
/** Most payments whose truth is asked for at once. */
const AT_ONCE = 32;

/** Sends a payment to one of the tasks that run, any of them, and notes the answer. */
export async function ask(world, payment, { task, milliseconds = PATIENCE_MILLISECONDS } = {}) {
  const asked = task ?? (world.running.length > 0 ? world.random.pick(world.running) : undefined);
  if (!asked?.url) {
    await sleep(100);
    return { status: 0, body: null, text: "", error: "nobody runs" };
  }
  return world.ledger.note(payment, await post(`${asked.url}/settle`, payment.text, { milliseconds }));
}

/**
 * Asks until the outcome is told.
 *
 * @returns {Promise<object | undefined>} the answer; none if `milliseconds` passed without
 */
export async function learn(world, payment, { milliseconds = 30_000, ...options } = {}) {
  const until = performance.now() + milliseconds;
  for (;;) {
    const answer = await ask(world, payment, options);
    if (isOutcome(answer)) return answer;
    if (performance.now() > until) return undefined;
    await sleep(world.random.whole(...PAUSE_MILLISECONDS));
  }
}

/**
 * `clients` clients pay `payments` between them. Each sends every request `copies` times, at random
 * moments and to any task, before it waits for the truth.
 */
export async function load(world, payments, { clients = 4, copies = 1, milliseconds = 30_000, ...options } = {}) {
  let next = 0;
  const client = async () => {
    while (next < payments.length) {
      const payment = payments[next++];
      const early = Array.from({ length: copies - 1 }, async () => {
        await sleep(world.random.whole(0, 400));
        return ask(world, payment, options);
      });
      await Promise.all([learn(world, payment, { milliseconds, ...options }), ...early]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(clients, payments.length) }, client));
}

/** Asks for the truth of each payment that is still open. @returns {Promise<number>} milliseconds that it took */
export async function learnAll(world, { milliseconds = 30_000 } = {}) {
  const began = performance.now();
  await load(world, world.ledger.open, { clients: AT_ONCE, milliseconds });
  return performance.now() - began;
}

/** Each payment once more: what is told in the end. */
export async function replayAll(world) {
  const payments = world.ledger.entries.map(({ payment }) => payment);
  await load(world, payments, { clients: AT_ONCE, milliseconds: 10_000 });
}
