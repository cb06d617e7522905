// What was signed is sent, followed and told truly: through a kill, a client that goes away, a stop.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as evm from "../devnet/evm.mjs";
import { startFacilitator } from "../devnet/lib/facilitator.mjs";
import { jsonRpc } from "../devnet/lib/json-rpc.mjs";
import { requirements, signedPayment } from "../devnet/lib/payments.mjs";

describe("settlements outlive the process and the client", { timeout: 120_000 }, () => {
  let chain, rpc, directory, facilitator;

  const start = async () => {
    const config = join(directory, "facilitator.toml");
    writeFileSync(config, "[server]\nsettle_timeout_seconds = 2\n");
    return startFacilitator({
      rpcUrl: chain.entry.rpc,
      key: chain.entry.facilitator_key,
      dataDirectory: directory,
      environment: { FACILITATOR_CONFIG: config },
    });
  };
  const payment = async () => {
    const wanted = requirements({ version: 2, payTo: chain.entry.pay_to });
    return JSON.stringify(await signedPayment({ key: chain.entry.payer_key, wanted, version: 2 }));
  };
  const settle = async (body, signal = AbortSignal.timeout(30_000)) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${facilitator.url}/settle`, { method: "POST", headers, body, signal });
    assert.equal(response.status, 200);
    return response.json();
  };
  /** Asks again until the settlement is no longer pending. */
  const outcome = async (body) => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const answer = await settle(body);
      if (answer.errorReason !== "settlement_pending") return answer;
    }
    assert.fail("still pending after twenty requests");
  };
  const kill = async () => {
    process.kill(facilitator.pid, "SIGKILL");
    await facilitator.stop();
  };

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "facilitator-recovery-"));
    chain = await evm.start({});
    rpc = jsonRpc(chain.entry.rpc);
    facilitator = await start();
  });
  after(async () => {
    await facilitator?.stop();
    await chain?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test("killed while a transaction is pending: the next run tells its outcome, and sends no other", async () => {
    const body = await payment();
    const next = (await evm.blockNumber(chain.entry.rpc)) + 1;
    await rpc("evm_setAutomine", [false]);
    const first = await settle(body);
    assert.equal(first.success, false);
    assert.equal(first.errorReason, "settlement_pending");
    assert.match(first.transaction, /^0x[0-9a-f]{64}$/);

    await kill();
    facilitator = await start();
    const joined = await settle(body);
    assert.deepEqual([joined.errorReason, joined.transaction], ["settlement_pending", first.transaction]);

    await rpc("evm_setAutomine", [true]);
    await rpc("evm_mine");
    const last = await outcome(body);
    assert.deepEqual([last.success, last.transaction], [true, first.transaction]);
    const receipts = await evm.receiptsSince(chain.entry.rpc, next);
    assert.deepEqual(receipts.map((receipt) => receipt.transactionHash), [first.transaction]);
  });

  test("killed after the transaction landed: the next run finds it", async () => {
    const body = await payment();
    await rpc("evm_setAutomine", [false]);
    const first = await settle(body);
    assert.equal(first.errorReason, "settlement_pending");
    await kill();
    await rpc("evm_setAutomine", [true]);
    await rpc("evm_mine");
    facilitator = await start();
    const last = await outcome(body);
    assert.deepEqual([last.success, last.transaction], [true, first.transaction]);
  });

  test("the nonce goes on where the last run left it", async () => {
    const answers = await Promise.all([settle(await payment()), settle(await payment())]);
    assert.deepEqual(answers.map((answer) => answer.success), [true, true]);
    assert.notEqual(answers[0].transaction, answers[1].transaction);
  });

  test("a client that goes away stops nothing", async () => {
    const body = await payment();
    const income = await evm.balanceOf(chain.entry.rpc, chain.entry.pay_to);
    await assert.rejects(settle(body, AbortSignal.timeout(5)));
    const answer = await outcome(body);
    assert.equal(answer.success, true, JSON.stringify(answer));
    assert.equal((await evm.balanceOf(chain.entry.rpc, chain.entry.pay_to)) - income, BigInt(answer.amount));
  });

  test("asked to stop, it first finishes what is under way", async () => {
    const body = await payment();
    await rpc("evm_setAutomine", [false]);
    const first = await settle(body);
    assert.equal(first.errorReason, "settlement_pending");
    const stopped = facilitator.stop();
    await rpc("evm_setAutomine", [true]);
    await rpc("evm_mine");
    await stopped;
    facilitator = await start();
    const answer = await settle(body);
    assert.deepEqual([answer.success, answer.transaction], [true, first.transaction]);
  });
});
