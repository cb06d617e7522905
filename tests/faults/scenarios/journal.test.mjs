// The journal's store is full, locked, slow, read-only or gone: /settle says so and signs nothing, /verify
// goes on, and all is well again without a restart.

import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { facilitatorBinary } from "../../devnet/lib/facilitator.mjs";
import * as fault from "../lib/faults.mjs";
import { post } from "../lib/http.mjs";
import { ask, load } from "../lib/load.mjs";
import { hasDynamoDb, hasSqlite, scenario } from "../lib/scenario.mjs";
import { holdWriteLock, limitFileSize } from "../lib/sqlite-faults.mjs";

/** Nothing is signed while the journal cannot be written, and verifying goes on. */
async function refusesMeanwhile(world, { verifies = true } = {}) {
  const sent = Number(await world.rpc("eth_getTransactionCount", [world.chain.facilitator, "pending"]));
  const payments = await world.payments(3);
  const answers = await Promise.all(payments.map((payment) => ask(world, payment)));
  for (const { status, retryAfter, text } of answers) {
    assert.equal(status, 503, text);
    assert.ok(Number(retryAfter) > 0, `Retry-After: ${retryAfter}`);
  }
  const verified = await post(`${world.task.url}/verify`, payments[0].text);
  if (verifies) assert.equal(verified.body?.isValid, true, verified.text);
  const now = Number(await world.rpc("eth_getTransactionCount", [world.chain.facilitator, "pending"]));
  assert.equal(now, sent, "transactions were sent that are in no journal");
}

describe("a SQLite journal in trouble", { concurrency: 2 }, () => {
  if (!hasSqlite) return;
  test("full, under load and then at rest", { timeout: 60_000 }, () =>
    scenario("journal full, sqlite", {}, async (world) => {
      await world.task.kill();
      await world.task.start({ binary: ignoringFileSize(world) });
      await load(world, await world.payments(3));
      const loaded = load(world, await world.payments(12), { clients: 6 });
      limitFileSize(world.task.pid, 0);
      await refusesMeanwhile(world);
      limitFileSize(world.task.pid, "unlimited");
      await loaded;
      await load(world, await world.payments(3));
    }),
  );

  test("locked by another program", { timeout: 60_000 }, () =>
    scenario("journal locked, sqlite", {}, async (world) => {
      await load(world, await world.payments(3));
      const lock = await holdWriteLock(world.journalPath);
      await refusesMeanwhile(world);
      await lock.release();
      await load(world, await world.payments(3));
    }),
  );

  test("at a place where nothing can be written: it says so and does not start", { timeout: 60_000 }, () =>
    scenario("journal nowhere, sqlite", {}, async (world) => {
      await world.task.kill();
      await assert.rejects(world.task.start({ environment: { FACILITATOR_JOURNAL: "sqlite:/proc/journal.sqlite" } }), (error) => {
        assert.match(error.message, /ended before listening/);
        assert.match(error.message, /\/proc\/journal\.sqlite/);
        return true;
      });
    }),
  );
});

describe("a DynamoDB table in trouble", { concurrency: 2 }, () => {
  if (!hasDynamoDb) return;
  for (const [name, rule] of [
    ["gone: no connection", fault.drop],
    ["gone: no answer", fault.silence],
    ["read-only", () => ({ methods: fault.STORE_WRITES, ...fault.accessDenied() })],
    ["500 to everything", fault.internalError],
    ["throttled", fault.throttle],
  ]) {
    test(name, { timeout: 90_000 }, () =>
      scenario(`store ${name}`, { journal: "dynamodb" }, async (world) => {
        await load(world, await world.payments(3));
        const trouble = world.storeProxy.add(rule());
        await refusesMeanwhile(world);
        trouble.end();
        await load(world, await world.payments(3));
      }),
    );
  }

  for (const [name, rule] of [
    ["answers take 400 ms", () => fault.delayAnswer(400)],
    ["every fourth connection drops", () => ({ chance: 0.25, ...fault.drop() })],
    ["every fourth answer is lost", () => ({ chance: 0.25, ...fault.dropAnswer() })],
    ["every third write is throttled", () => ({ methods: fault.STORE_WRITES, chance: 0.33, ...fault.throttle() })],
    ["every fourth call fails with 500", () => ({ chance: 0.25, ...fault.internalError() })],
    ["every write arrives twice", () => ({ methods: fault.STORE_WRITES, times: 40, ...fault.duplicate() })],
  ]) {
    test(name, { timeout: 90_000 }, () =>
      scenario(`store ${name}`, { journal: "dynamodb", tasks: 2, blockTimeSeconds: 1 }, async (world) => {
        world.storeProxy.add(rule());
        await load(world, await world.payments(8), { clients: 4 });
      }),
    );
  }
});

/** A program that starts the facilitator with SIGXFSZ ignored: a file at its limit is then like a full disk. */
function ignoringFileSize(world) {
  const path = join(world.directory, "facilitator-full");
  writeFileSync(path, `#!/bin/sh\ntrap '' XFSZ\nexec '${facilitatorBinary()}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
