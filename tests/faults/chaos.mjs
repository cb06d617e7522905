#!/usr/bin/env node
// Random faults for a while, a kill every few seconds, and the ledger at the end.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { load } from "./lib/load.mjs";
import { mischief } from "./lib/mischief.mjs";
import { seed } from "./lib/random.mjs";
import { settle } from "./lib/scenario.mjs";
import { World } from "./lib/world.mjs";

const HELP = `Random faults of chain, store and processes under load, and the ledger at the end. The clock of the second task
is 30 s ahead, that of the third 30 s behind.

  node chaos.mjs [--seconds N] [--journal sqlite|dynamodb] [--tasks N] [--clients N] [--kill-every N]

  --seconds N     how long payments are made (default 600)
  --journal KIND  sqlite or dynamodb (default dynamodb)
  --tasks N       facilitators on one journal and one key, 1 to 5 (default 3)
  --clients N     clients, each of which sends every request three times at random (default 24)
  --kill-every N  seconds between two kill -9 (default 5)
  --quiet         no line for each fault
  --help          this text

FAULTS_SEED=… makes the same choices as a run that printed it; the scheduling stays the machine's.
The exit code is 0 if every payment was made once or not at all, and everybody was told the truth.
`;

/** Faults in force at once. */
const FAULTS_AT_ONCE = 2;
/** Seconds by which the second and the third task's clock are off. */
const CLOCKS = { two: 30, three: -30 };
/** Part of the payments that may be refused: each was told truly, and could have been asked for again. */
const MOST_REFUSED = 0.02;

function options() {
  const text = (fallback) => ({ type: "string", default: fallback });
  const { values } = parseArgs({
    options: {
      seconds: text("600"),
      journal: text("dynamodb"),
      tasks: text("3"),
      clients: text("24"),
      "kill-every": text("5"),
      quiet: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const number = (name, least, most) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new Error(`--${name} takes a whole number from ${least} to ${most}, not "${values[name]}"`);
  };
  if (!["sqlite", "dynamodb"].includes(values.journal)) throw new Error(`--journal takes sqlite or dynamodb, not "${values.journal}"`);
  return {
    ...values,
    seconds: number("seconds", 1, 86_400),
    tasks: number("tasks", 1, 5),
    clients: number("clients", 1, 256),
    killEvery: number("kill-every", 1, 3_600),
  };
}

async function main() {
  const { help, ...chosen } = options();
  if (help) return void process.stdout.write(HELP);
  console.log(`seed ${seed}; ${chosen.seconds} s, ${chosen.tasks} tasks on ${chosen.journal}, ${chosen.clients} clients, a kill every ${chosen.killEvery} s`);
  const world = await World.start({ journal: chosen.journal, tasks: chosen.tasks, blockTimeSeconds: 1, clocks: CLOCKS });
  try {
    const began = performance.now();
    const until = began + chosen.seconds * 1000;
    const say = (line) => console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${line}`);
    const struck = new Map();
    await Promise.all([
      pay(world, chosen.clients, until),
      kill(world, chosen.killEvery * 1000, until),
      report(world, until, struck, say),
      ...Array.from({ length: FAULTS_AT_ONCE }, () => strike(world, until, struck, chosen.quiet ? () => {} : say)),
    ]);
    say("the faults are over; everybody asks for the truth");
    const allowed = { revised: true, refused: Math.ceil(world.ledger.entries.length * MOST_REFUSED) };
    await settle(world, "chaos", { allowed, learnMilliseconds: 90_000, began });
    console.log(`faults: ${[...struck].map(([name, count]) => `${name} ${count}`).join(", ")}`);
  } catch (error) {
    error.message += `\n  seed ${seed} (FAULTS_SEED)`;
    throw error;
  } finally {
    await world.stop();
  }
}

async function pay(world, clients, until) {
  const client = async () => {
    while (performance.now() < until) {
      await load(world, await world.payments(1), { clients: 1, copies: 3, milliseconds: 20_000 });
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function kill(world, milliseconds, until) {
  while (performance.now() + milliseconds < until) {
    await sleep(milliseconds);
    await world.random.pick(world.tasks).killAndStart(world.random.whole(0, 3_000));
  }
}

async function strike(world, until, struck, say) {
  const choices = mischief(world);
  while (performance.now() < until) {
    const { name, run } = world.random.pick(choices);
    struck.set(name, (struck.get(name) ?? 0) + 1);
    say(name);
    await run();
    await sleep(world.random.whole(0, 1_500));
  }
}

async function report(world, until, struck, say) {
  while (performance.now() < until) {
    await sleep(Math.min(10_000, Math.max(0, until - performance.now())));
    const { entries, open, answers } = world.ledger;
    const paid = entries.filter(({ outcome }) => outcome?.success).length;
    const refused = entries.filter(({ outcome }) => outcome && !outcome.success).length;
    const kills = world.tasks.reduce((sum, task) => sum + task.kills, 0);
    const faults = [...struck.values()].reduce((sum, count) => sum + count, 0);
    say(
      `payments ${entries.length}, paid ${paid}, open ${open.length}, refused ${refused}, answers ${answers.length}, ` +
        `kills ${kills}, faults ${faults}, up ${world.running.length}/${world.tasks.length}`,
    );
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`chaos: ${error.message}`);
    process.exit(1);
  },
);
