// What the operator allows: fees within budgets, and networks that are not stopped.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { formatEther, keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import * as evm from "../devnet/evm.mjs";
import { startFacilitator } from "../devnet/lib/facilitator.mjs";
import { jsonRpc } from "../devnet/lib/json-rpc.mjs";
import { requirements, signedPayment } from "../devnet/lib/payments.mjs";

describe("signing policy", { timeout: 120_000 }, () => {
  let chain, rpc, directory, facilitator, events;

  /** Starts the facilitator with `policy` in the network's table; what an earlier one left is still there. */
  const start = async (policy) => {
    const config = join(directory, "facilitator.toml");
    writeFileSync(config, `[server]\nsettle_timeout_seconds = 2\n[networks.base-sepolia]\n${policy}\n`);
    events = [];
    facilitator = await startFacilitator({
      rpcUrl: chain.entry.rpc,
      key: chain.entry.facilitator_key,
      dataDirectory: directory,
      environment: { FACILITATOR_CONFIG: config },
      onEvent: (event) => events.push(event),
    });
  };
  const payment = async (key = chain.entry.payer_key) => {
    const wanted = requirements({ payTo: chain.entry.pay_to });
    return JSON.stringify(await signedPayment({ key, wanted }));
  };
  const post = async (path, body) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(facilitator.url + path, { method: "POST", headers, body });
    return { status: response.status, json: await response.json() };
  };
  const get = async (path) => {
    const response = await fetch(facilitator.url + path);
    return { status: response.status, json: await response.json() };
  };
  const sent = () => rpc("eth_getTransactionCount", [privateKeyToAccount(chain.entry.facilitator_key).address, "pending"]);
  const assertOverBudget = ({ status, json }) => {
    assert.equal(status, 200);
    assert.deepEqual([json.success, json.errorReason, json.transaction], [false, "signing_policy_refused", ""]);
    assert.match(json.errorMessage, /^budget_payer_hour: \D*$/, "the rule and no figures");
  };

  before(async () => {
    chain = await evm.start({});
    rpc = jsonRpc(chain.entry.rpc);
  });
  after(() => chain?.stop());
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "facilitator-policy-"))));
  afterEach(async () => {
    await facilitator?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test("a payer over the budget: a verdict, nothing signed, and the payment may be tried again later", async () => {
    const policy = 'budgets = { payer = { hour = "0.001" } }';
    await start(policy);
    let refused, body;
    for (let settled = 0; !refused; settled += 1) {
      assert.ok(settled < 100, "a hundred payments and no end of the budget");
      body = await payment();
      const answer = await post("/settle", body);
      if (answer.json.success) assert.ok(answer.json.transaction);
      else refused = answer;
    }
    assertOverBudget(refused);
    const before = await sent();
    const others = await Promise.all(Array.from({ length: 5 }, async () => post("/settle", await payment())));
    others.forEach(assertOverBudget);
    assertOverBudget(await post("/settle", body));
    assert.equal(await sent(), before, "nothing was sent");

    const exhausted = events.filter((event) => event.event === "budget_exhausted");
    assert.equal(exhausted.length, 7);
    for (const { level, rule, left } of exhausted) {
      assert.deepEqual([level, rule], ["WARN", "budget_payer_hour"]);
      assert.ok(BigInt(left) < 10n ** 15n);
    }
    assert.ok(!events.some((event) => event.event === "signing_policy_refused"), "no alert of a guest that lies");

    const otherKey = keccak256(toHex("another payer"));
    await evm.mint(chain.entry.rpc, [privateKeyToAccount(otherKey).address], 10n ** 6n);
    assert.equal((await post("/settle", await payment(otherKey))).json.success, true);

    // Budgets begin anew with the process; the payment was released, so it settles now.
    await facilitator.stop();
    await start(policy);
    assert.equal((await post("/settle", body)).json.success, true);
  });

  test("what was under way when the process was killed counts in the next one", async () => {
    await start("");
    await rpc("evm_setAutomine", [false]);
    const first = await payment();
    const { json: pending } = await post("/settle", first);
    assert.equal(pending.errorReason, "settlement_pending");
    const { gas, maxFeePerGas } = await rpc("eth_getTransactionByHash", [pending.transaction]);
    const worstFee = BigInt(gas) * BigInt(maxFeePerGas);
    process.kill(facilitator.pid, "SIGKILL");
    await facilitator.stop();

    // Room for one transaction and almost another.
    await start(`budgets = { payer = { hour = "${formatEther((worstFee * 19n) / 10n)}" } }`);
    const second = await payment();
    assertOverBudget(await post("/settle", second));
    await rpc("evm_setAutomine", [true]);
    await rpc("evm_mine");
    let outcome;
    do outcome = (await post("/settle", first)).json;
    while (outcome.errorReason === "settlement_pending");
    assert.deepEqual([outcome.success, outcome.transaction], [true, pending.transaction]);
    // It cost less than it could have: now there is room.
    assert.equal((await post("/settle", second)).json.success, true);
  });

  test("a stopped network: not supported, not ready, nothing settled", async () => {
    await start("kill_switch = true");
    const supported = await get("/supported");
    assert.deepEqual([supported.status, supported.json.kinds], [200, []]);
    const ready = await get("/ready");
    assert.equal(ready.status, 503);
    assert.deepEqual(ready.json.networks["base-sepolia"], {
      network: "eip155:84532",
      state: "not_ready",
      reason: "stopped by the operator",
    });
    const before = await sent();
    for (const path of ["/verify", "/settle"]) assert.equal((await post(path, await payment())).status, 503);
    assert.equal(await sent(), before, "nothing was sent");
  });
});
