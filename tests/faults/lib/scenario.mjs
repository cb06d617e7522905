// One scenario: a world, what is done to it, and the account that is settled at the end.

import { setTimeout as sleep } from "node:timers/promises";
import { learnAll, replayAll } from "./load.mjs";
import { seed } from "./random.mjs";
import { keepRow, table } from "./table.mjs";
import { World } from "./world.mjs";

/** Whether the long form was asked for. */
export const isFull = process.env.FAULTS_FULL === "1";

/** The journals of this run: FAULTS_JOURNALS, else all. */
export const journals = (process.env.FAULTS_JOURNALS ?? "sqlite,dynamodb").split(",");
export const [hasSqlite, hasDynamoDb] = ["sqlite", "dynamodb"].map((journal) => journals.includes(journal));

/** Most complaints of facilitators that a failure shows. */
const SHOWN = 8;
/** How long after a reorganisation the last outcome may be revised. */
const REVISED_MILLISECONDS = 30_000;
/** Most violations of one kind that a failure shows. */
const SHOWN_OF_A_KIND = 4;

/**
 * Starts a world, does `run` to it, lets every client learn the truth, and holds the ledger against the chain.
 *
 * @param {string} name
 * @param {import("./world.mjs").WorldOptions & {allowed?: object, learnMilliseconds?: number}} options
 *   `allowed`: see Ledger.audit. `learnMilliseconds`: how long a client may have to ask at the end
 * @param {(world: World) => Promise<void>} run
 */
export async function scenario(name, { allowed = {}, learnMilliseconds = 30_000, ...options }, run) {
  const began = performance.now();
  const world = await World.start(options);
  try {
    await run(world);
    await settle(world, name, { allowed, learnMilliseconds, began });
  } catch (error) {
    error.message += `\n${circumstances(world)}`;
    throw error;
  } finally {
    await world.stop();
  }
}

/** Heals what was broken, and settles the account. */
export async function settle(world, name, { allowed = {}, learnMilliseconds = 30_000, began = performance.now() } = {}) {
  world.chainProxy.heal();
  world.storeProxy?.heal();
  if (world.mayAutomine) await world.setAutomine(true);
  for (const task of world.tasks) if (!task.isUp) await task.start();
  // Transactions that wait for a block nobody would make now.
  await world.mine();
  await learnAll(world, { milliseconds: learnMilliseconds });
  await poolIsEmpty(world);
  // Before anything is asked again: what was refused and is paid now was a lie, though a replay may mend it.
  const first = await world.ledger.audit(world.whereabouts, allowed);
  const { violations, row } = await finalAudit(world, allowed);
  const kills = world.tasks.reduce((sum, task) => sum + task.kills, 0);
  const kept = { scenario: name, ...row, kills, seconds: (performance.now() - began) / 1000 };
  keepRow(kept);
  if (!process.env.FAULTS_LEDGER) console.log(table([kept]));
  // What a reorganisation has undone is told anew in a while; everything else is true at once.
  const all = [...new Set([...(allowed.revised ? [] : first.violations), ...violations])];
  if (all.length > 0) throw new Error(`the ledger does not add up:\n${shortened(all)}`);
  return kept;
}

/** Each payment is asked for once more, and again while outcomes may still be revised. */
async function finalAudit(world, allowed) {
  const until = performance.now() + (allowed.revised ? REVISED_MILLISECONDS : 0);
  for (;;) {
    await replayAll(world);
    await poolIsEmpty(world);
    const audit = await world.ledger.audit(world.whereabouts, allowed);
    if (audit.violations.length === 0 || performance.now() > until) return audit;
    await world.mine();
    await sleep(1000);
  }
}

/** The first few violations of each kind. */
function shortened(violations) {
  const kinds = new Map();
  for (const violation of violations) {
    const kind = violation.split(":")[0];
    kinds.set(kind, [...(kinds.get(kind) ?? []), violation]);
  }
  return [...kinds.values()]
    .flatMap((those) => [
      ...those.slice(0, SHOWN_OF_A_KIND).map((violation) => `    ${violation}`),
      ...(those.length > SHOWN_OF_A_KIND ? [`    … ${those.length - SHOWN_OF_A_KIND} more of these`] : []),
    ])
    .join("\n");
}

/** A transaction that waits in the pool could still land, so the account is not settled before. */
async function poolIsEmpty(world) {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { pending, queued } = await world.rpc("txpool_status");
    if (Number(pending) + Number(queued) === 0) return;
    if (Number(pending) > 0) await world.mine();
    await sleep(100);
  }
}

function circumstances(world) {
  const complaints = world.complaints().slice(-SHOWN).map(({ timestamp, target, ...event }) => `    ${JSON.stringify(event)}`);
  return [`  seed ${seed} (FAULTS_SEED)`, "  last complaints of the facilitators:", ...complaints].join("\n");
}
