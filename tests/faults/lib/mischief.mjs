// What a chaos run does to a world, one thing after the other, each for a moment.

import { setTimeout as sleep } from "node:timers/promises";
import { lag, poolForgotten, receiptsMissing } from "./chain-lies.mjs";
import * as fault from "./faults.mjs";

/** How long one thing lasts, milliseconds. */
const LASTS = [500, 5_000];
/** How long a frozen process stays so: some outlive their lease. */
const FROZEN = [500, 12_000];

const CHAIN_RULES = [
  ["rpc drops", () => ({ chance: 0.5, ...fault.drop() })],
  ["rpc loses answers", () => ({ chance: 0.5, ...fault.dropAnswer() })],
  ["rpc is slow", () => fault.delay(400)],
  ["rpc duplicates", () => fault.duplicate()],
  ["rpc 429", () => ({ chance: 0.5, ...fault.status(429, "slow down") })],
  ["rpc 500", () => ({ chance: 0.5, ...fault.status(500, "oops") })],
  ["rpc garbage", () => ({ chance: 0.3, ...fault.garbage() })],
  ["rpc truncates", () => ({ chance: 0.3, ...fault.truncated() })],
  ["rpc is silent", () => ({ chance: 0.3, ...fault.silence() })],
  ["sends lost", () => ({ methods: fault.SENDS, ...fault.drop() })],
  ["sends answered by silence", () => ({ methods: fault.SENDS, ...fault.silenceAfter() })],
  ["\"nonce too low\"", () => ({ methods: fault.SENDS, chance: 0.5, ...fault.rpcError("nonce too low") })],
  ["receipts missing", () => receiptsMissing()],
  ["pool forgotten", () => poolForgotten()],
  ["two blocks behind", (world) => lag(world.rpc, 2)],
  ["rpc down", () => fault.drop()],
];

const STORE_RULES = [
  ["store drops", () => ({ chance: 0.3, ...fault.drop() })],
  ["store loses answers", () => ({ chance: 0.3, ...fault.dropAnswer() })],
  ["store is slow", () => fault.delayAnswer(300)],
  ["store throttles", () => ({ methods: fault.STORE_WRITES, chance: 0.5, ...fault.throttle() })],
  ["store 500", () => ({ chance: 0.3, ...fault.internalError() })],
  ["store down", () => fault.drop()],
];

/** @returns {{name: string, run: () => Promise<void>}[]} */
export function mischief(world) {
  const { random } = world;
  const someone = () => (random.next() < 0.5 ? {} : { door: random.pick(world.tasks).name });
  const rule = (proxy, [name, make]) => ({
    name,
    run: async () => {
      const added = proxy.add({ ...make(world), ...someone() });
      await sleep(random.whole(...LASTS));
      added.end();
    },
  });
  const others = [
    { name: "base fee spike", run: () => world.rpc("anvil_setNextBlockBaseFeePerGas", [`0x${(random.whole(3, 9) * 1e9).toString(16)}`]) },
    { name: "reorganisation", run: () => world.rpc("anvil_reorg", [random.whole(1, 3), []]) },
    { name: "freeze", run: () => freeze(world, random) },
    { name: "SIGTERM", run: () => random.pick(world.tasks).terminateAndStart() },
  ];
  return [
    ...CHAIN_RULES.map((entry) => rule(world.chainProxy, entry)),
    ...(world.storeProxy ? STORE_RULES.map((entry) => rule(world.storeProxy, entry)) : []),
    ...others,
  ];
}

async function freeze(world, random) {
  const task = random.pick(world.tasks);
  if (!task.isUp) return;
  const { pid } = task;
  task.freeze();
  await sleep(random.whole(...FROZEN));
  if (task.isUp && task.pid === pid) task.thaw();
}
