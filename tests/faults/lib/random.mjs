// Random numbers from a seed, so that a run that failed can be made again.

import { randomInt } from "node:crypto";

/** The seed of this run: FAULTS_SEED, else a new one. */
export const seed = Number(process.env.FAULTS_SEED ?? randomInt(2 ** 31));

/**
 * A generator of numbers from 0 to below 1 (mulberry32), with what tests ask of it.
 *
 * @param {number} from
 */
export function seededRandom(from) {
  let state = from >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (least, most) => least + Math.floor(next() * (most - least + 1));
  return { next, whole, pick: (list) => list[whole(0, list.length - 1)] };
}
