// What a client asks after a settlement, and names that it gives to its requests.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { jsonRpc } from "../devnet/lib/json-rpc.mjs";
import { startFacilitator } from "../devnet/lib/facilitator.mjs";
import { startWorld } from "./lib/world.mjs";

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let directory, world, rpc;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), "facilitator-settlements-"));
  writeFileSync(join(directory, "facilitator.toml"), "[server]\nsettle_timeout_seconds = 2\n");
  world = await startWorld({
    dataDirectory: directory,
    environment: { FACILITATOR_CONFIG: join(directory, "facilitator.toml") },
  });
  rpc = jsonRpc(world.chain.rpc);
});
after(async () => {
  await world?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const settle = (body, headers) => world.post("/settle", body, headers);
const lookUp = (id, options) => world.send(`/settlements/${id}`, options);
const settled = async (body, headers) => {
  const { status, json } = await settle(body, headers);
  assert.deepEqual([status, json.success], [200, true], JSON.stringify(json));
  return json;
};
/** What names an EIP-3009 payment: chain, token, payer and nonce. */
const paymentIdOf = ({ paymentPayload: { payload } }) => {
  const { from, nonce } = payload.authorization;
  return [world.chain.caip2, world.chain.asset, from, nonce].join(":").toLowerCase();
};

describe("GET /settlements/{id}", { timeout: 120_000 }, () => {
  for (const version of [1, 2]) {
    test(`a settled payment of version ${version} is found by its id and by its transaction`, async () => {
      const body = await world.payment({ version });
      const { transaction, payer } = await settled(body);
      const id = paymentIdOf(body);
      const upper = `0x${transaction.slice(2).toUpperCase()}`;
      for (const name of [id, encodeURIComponent(id), transaction, upper]) {
        const { status, headers, json, text } = await lookUp(name);
        assert.equal(status, 200, `${name}: ${text}`);
        const { createdAt, updatedAt, confirmations, final, ...told } = json;
        assert.deepEqual(told, {
          paymentId: id,
          state: "confirmed",
          x402Version: version,
          scheme: "exact",
          network: world.chain.caip2,
          transaction,
          amount: "1000",
          asset: body.paymentRequirements.asset,
          payTo: body.paymentRequirements.payTo,
          payer,
        });
        assert.match(createdAt, RFC_3339);
        assert.match(updatedAt, RFC_3339);
        assert.ok(Date.parse(createdAt) <= Date.parse(updatedAt));
        assert.ok(Math.abs(Date.now() - Date.parse(updatedAt)) < 60_000, updatedAt);
        assert.ok(final ? confirmations === undefined : confirmations >= 1, text);
        if (!final) assert.equal(headers.get("cache-control"), "no-store");
        assert.ok(!text.includes(body.paymentPayload.payload.signature.slice(2, 40)), "the payer's signature");
      }
    });
  }

  test("confirmations grow with the chain until the settlement is final", async () => {
    const { transaction } = await settled(await world.payment());
    const { json: first } = await lookUp(transaction);
    await rpc("anvil_mine", ["0x5"]);
    for (let attempt = 0; ; attempt += 1) {
      const { json } = await lookUp(transaction);
      if (json.final || json.confirmations >= (first.confirmations ?? 0) + 5) return;
      assert.ok(attempt < 100, JSON.stringify(json));
      await wait(100); // the facilitator asks the chain once a second
    }
  });

  test("while its transaction is pending, a payment shows that and no payer", async () => {
    const body = await world.payment();
    await rpc("evm_setAutomine", [false]);
    try {
      const { json: pending } = await settle(body);
      assert.equal(pending.errorReason, "settlement_pending");
      const { status, json } = await lookUp(paymentIdOf(body));
      assert.equal(status, 200);
      assert.match(json.state, /^(signed|broadcast)$/); // a node may keep the answer to a send until it has a receipt
      assert.deepEqual([json.final, json.transaction], [false, pending.transaction]);
      for (const absent of ["payer", "reason", "message", "confirmations"]) assert.equal(json[absent], undefined);
    } finally {
      await rpc("evm_setAutomine", [true]);
      await rpc("evm_mine");
    }
    await settled(body);
    assert.equal((await lookUp(paymentIdOf(body))).json.state, "confirmed");
  });

  test("what was refused, or only verified, is not there", async () => {
    const body = await world.payment();
    assert.equal((await world.post("/verify", body)).json.isValid, true);
    const late = await world.payment({ authorization: { validBefore: "1" } });
    assert.equal((await settle(late)).json.success, false);
    for (const id of [paymentIdOf(body), paymentIdOf(late)]) assert.equal((await lookUp(id)).status, 404);
  });

  test("an unknown id: 404, typed", async () => {
    const { transaction } = await settled(await world.payment());
    const other = transaction.endsWith("0") ? "1" : "0";
    for (const id of [transaction.slice(0, -1) + other, transaction.slice(0, -1), "x", "a/b//c", "a%23b%3Fc", "~".repeat(256)]) {
      const { status, headers, json } = await lookUp(id);
      assert.deepEqual([status, json?.error], [404, "not_found"], id);
      assert.equal(typeof json.message, "string");
      assert.equal(headers.get("cache-control"), "no-store");
    }
    assert.equal((await lookUp("")).status, 404);
  });

  test("an id that none could be: 400, typed", async () => {
    for (const id of ["~".repeat(257), "a%20b", "%00", "%0a", "%C3%A9", "%FF", "a%7fb"]) {
      const { status, json } = await lookUp(id);
      assert.deepEqual([status, json?.error], [400, "invalid_id"], id);
      assert.equal(typeof json.message, "string");
    }
  });

  test("it is read with GET and HEAD alone", async () => {
    const { transaction } = await settled(await world.payment());
    const head = await lookUp(transaction, { method: "HEAD" });
    assert.deepEqual([head.status, head.text], [200, ""]);
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const { status, headers, json } = await lookUp(transaction, { method });
      assert.deepEqual([status, json.error, headers.get("allow")], [405, "method_not_allowed", "GET, HEAD"]);
    }
  });

  test("asked by many at once, it answers or says that it is busy, and settles meanwhile", async () => {
    const { transaction } = await settled(await world.payment());
    const asked = Promise.all(Array.from({ length: 300 }, () => lookUp(transaction)));
    await settled(await world.payment());
    for (const { status, headers, json } of await asked) {
      if (status === 200) assert.equal(json.state, "confirmed");
      else assert.deepEqual([status, json.error, headers.get("retry-after")], [429, "too_many_requests", "2"]);
    }
  });
});

/** How a name gets into a request: the body and the headers to send. */
const kinds = {
  "Idempotency-Key": (body, name) => [body, { "idempotency-key": name }],
  "payment-identifier": (body, name) => [identified(body, { required: false, id: name })],
};
function identified(body, info) {
  const named = structuredClone(body);
  named.paymentPayload.extensions = { "payment-identifier": { info, schema: { type: "object" } } };
  return named;
}
let count = 0;
const freshName = () => `settlement_test_${process.pid}_${(count += 1)}`;
const assertTaken = ({ status, json }, kind) => {
  assert.equal(status, 409, JSON.stringify(json));
  const { errorMessage, ...told } = json;
  assert.deepEqual(told, {
    success: false,
    transaction: "",
    network: world.chain.caip2,
    errorReason: "duplicate_settlement",
  });
  assert.match(errorMessage, new RegExp(`^the ${kind.toLowerCase()} `));
};

describe("names of requests", { timeout: 120_000 }, () => {
  for (const [kind, named] of Object.entries(kinds)) {
    describe(kind, () => {
      test("the same request again under its name is answered with the stored success", async () => {
        const [body, name] = [await world.payment(), freshName()];
        const first = await settled(...named(body, name));
        const { result, income } = await world.income(() => settled(...named(body, name)));
        assert.deepEqual([result.transaction, income], [first.transaction, 0n]);
        // With another name, or none, it is the same request still.
        assert.equal((await settled(...named(body, freshName()))).transaction, first.transaction);
        assert.equal((await settled(body)).transaction, first.transaction);
      });

      test("another payment under the name: 409, and nothing is paid", async () => {
        const name = freshName();
        await settled(...named(await world.payment(), name));
        const other = await world.payment();
        const { result, income } = await world.income(() => settle(...named(other, name)));
        assertTaken(result, kind);
        assert.equal(income, 0n);
        await settled(...named(other, freshName()));
      });

      test("the same payment against other requirements under the name: 409", async () => {
        const [body, name] = [await world.payment(), freshName()];
        await settled(...named(body, name));
        const other = structuredClone(body);
        other.paymentRequirements.amount = "999";
        other.paymentPayload.accepted = other.paymentRequirements;
        assertTaken(await settle(...named(other, name)), kind);
      });

      test("a name is one payee's, however it spells its address", async () => {
        const name = freshName();
        await settled(...named(await world.payment(), name));
        const lower = world.chain.pay_to.toLowerCase();
        assert.notEqual(lower, world.chain.pay_to);
        assertTaken(await settle(...named(await world.payment({ requirements: { payTo: lower } }), name)), kind);
        const elsewhere = await world.payment({ requirements: { payTo: world.chain.smart_wallet.address } });
        await settled(...named(elsewhere, name));
      });

      test("of two payments at once under one name, one is settled", async () => {
        const name = freshName();
        const bodies = [await world.payment(), await world.payment()];
        const { result, income } = await world.income(() => Promise.all(bodies.map((body) => settle(...named(body, name)))));
        assert.deepEqual(result.map(({ status }) => status).sort(), [200, 409]);
        assertTaken(result.find(({ status }) => status === 409), kind);
        assert.equal(income, 1000n);
      });
    });
  }

  test("a key is the same with and without quotes", async () => {
    const key = freshName();
    await settled(await world.payment(), { "idempotency-key": `"${key}"` });
    assertTaken(await settle(await world.payment(), { "idempotency-key": key }), "Idempotency-Key");
  });

  test("a malformed key: 400 in the shape of the endpoint, nothing is paid", async () => {
    for (const key of ["", "a b", '"a', '""', '"a";p=1', "k".repeat(256), "caf\u00e9"]) {
      const body = await world.payment();
      const { result, income } = await world.income(() => settle(body, { "idempotency-key": key }));
      assert.deepEqual([result.status, result.json?.success], [400, false], `${key}: ${result.text}`);
      assert.match(result.json.errorMessage, /^Idempotency-Key: expected/);
      assert.equal(income, 0n);
    }
    await settled(await world.payment(), { "idempotency-key": "k".repeat(200) + freshName() });
  });

  test("a malformed or missing payment identifier: 400 on both endpoints, with its path", async () => {
    const bad = [{ required: true }, { id: "too_short" }, { id: "x".repeat(129) }, { id: "no spaces in between" }, { id: 7 }];
    for (const info of bad) {
      const body = identified(await world.payment(), info);
      const [verified, refused] = [await world.post("/verify", body), await settle(body)];
      assert.deepEqual([verified.status, verified.json?.isValid], [400, false], JSON.stringify(info));
      assert.deepEqual([refused.status, refused.json?.success], [400, false], JSON.stringify(info));
      const path = /^paymentPayload\.extensions\.payment-identifier\.info\.id: /;
      assert.match(verified.json.invalidMessage, path);
      assert.match(refused.json.errorMessage, path);
    }
  });

  test("an identifier that is optional may be missing, and other extensions do not matter", async () => {
    await settled(identified(await world.payment(), { required: false }));
    const body = await world.payment();
    body.paymentPayload.extensions = { bazaar: { info: { anything: [1] } } };
    await settled(body);
  });

  test("version 1 has no payment identifier", async () => {
    const name = freshName();
    await settled(identified(await world.payment({ version: 1 }), { required: true, id: name }));
    await settled(identified(await world.payment({ version: 1 }), { required: true, id: name }));
  });

  test("both names of a request must be free, and the same text is another name in the other place", async () => {
    const [key, id] = [freshName(), freshName()];
    await settled(identified(await world.payment(), { id }), { "idempotency-key": key });
    assertTaken(await settle(identified(await world.payment(), { id: freshName() }), { "idempotency-key": key }), "Idempotency-Key");
    assertTaken(await settle(identified(await world.payment(), { id }), { "idempotency-key": freshName() }), "payment-identifier");
    await settled(identified(await world.payment(), { id: key }), { "idempotency-key": id });
  });

  test("verifying takes no name", async () => {
    const [key, id] = [freshName(), freshName()];
    const verified = await world.post("/verify", identified(await world.payment(), { id }), { "idempotency-key": key });
    assert.equal(verified.json.isValid, true, verified.text);
    await settled(identified(await world.payment(), { id }), { "idempotency-key": key });
  });

  test("/supported lists the extension", async () => {
    assert.deepEqual((await world.send("/supported")).json.extensions, ["payment-identifier"]);
  });

  test("names are known to another process on the same journal", async () => {
    const name = freshName();
    const body = await world.payment();
    const first = await settled(...kinds["payment-identifier"](body, name));
    const other = await startFacilitator({
      rpcUrl: world.chain.rpc,
      key: world.chain.facilitator_key,
      dataDirectory: directory,
    });
    try {
      const post = async (named) => {
        const headers = { "content-type": "application/json" };
        const response = await fetch(`${other.url}/settle`, { method: "POST", headers, body: JSON.stringify(named) });
        return { status: response.status, json: await response.json() };
      };
      assertTaken(await post(...kinds["payment-identifier"](await world.payment(), name)), "payment-identifier");
      const again = await post(...kinds["payment-identifier"](body, name));
      assert.deepEqual([again.status, again.json.transaction], [200, first.transaction]);
      const response = await fetch(`${other.url}/settlements/${first.transaction}`);
      assert.equal((await response.json()).state, "confirmed");
    } finally {
      await other.stop();
    }
  });
});
