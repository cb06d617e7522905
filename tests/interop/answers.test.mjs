// Every kind of answer, good and bad, goes through the parser of every official facilitator client.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startClients } from "./lib/clients.mjs";
import { invalidPayments } from "./lib/invalid-payments.mjs";
import { startWorld } from "./lib/world.mjs";

const HASH = /^0x[0-9a-f]{64}$/;
// The protocol versions that each client speaks.
const versionsOf = { "TypeScript v2": [2, 1], "TypeScript v1": [1], Python: [2, 1] };

describe("answers", { timeout: 120_000 }, () => {
  let world, clients;
  before(async () => {
    world = await startWorld();
    clients = new Map(startClients(world.facilitatorUrl).map((client) => [client.name, client]));
  });
  after(async () => {
    for (const client of clients?.values() ?? []) client.stop();
    await world?.stop();
  });

  const networkOf = (version) => (version === 1 ? "base-sepolia" : world.chain.caip2);
  const samePayer = (found) => assert.equal(found?.toLowerCase(), world.chain.payer.toLowerCase());

  for (const [name, versions] of Object.entries(versionsOf)) {
    describe(name, () => {
      test("/supported", async () => {
        const supported = await clients.get(name).supported();
        for (const version of [1, 2]) {
          const kind = supported.kinds.find(
            (kind) => kind.x402Version === version && kind.scheme === "exact" && kind.network === networkOf(version),
          );
          assert.ok(kind, `exact of version ${version} in ${JSON.stringify(supported)}`);
        }
        assert.deepEqual(
          supported.signers["eip155:*"]?.map((address) => address.toLowerCase()),
          [world.chain.facilitator.toLowerCase()],
        );
      });

      for (const version of versions) {
        describe(`protocol version ${version}`, () => answersOf(name, version));
      }
    });
  }

  function answersOf(name, version) {
    const client = () => clients.get(name);

    test("a good payment verifies", async () => {
      const answer = await client().verify(await world.payment({ version }));
      assert.equal(answer.isValid, true, JSON.stringify(answer));
      assert.equal(answer.invalidReason, undefined);
      samePayer(answer.payer);
    });

    test("a good payment settles, and the same request again tells the same settlement", async () => {
      const body = await world.payment({ version });
      const { result: answer, income } = await world.income(() => client().settle(body));
      assert.equal(answer.success, true, JSON.stringify(answer));
      assert.equal(answer.network, networkOf(version));
      assert.match(answer.transaction, HASH);
      samePayer(answer.payer);
      assert.equal(income, 1000n);

      const replay = await world.income(() => client().settle(body));
      assert.equal(replay.result.success, true, JSON.stringify(replay.result));
      assert.equal(replay.result.transaction, answer.transaction);
      assert.equal(replay.income, 0n);

      const verdict = await client().verify(body);
      assert.equal(verdict.isValid, false);
      assert.equal(verdict.invalidReason, "invalid_exact_evm_nonce_already_used");
    });

    const amount = version === 1 ? "maxAmountRequired" : "amount";
    for (const [what, change] of [
      ["one unit less", () => ({ [amount]: "999" })],
      ["another recipient", () => ({ payTo: world.chain.facilitator })],
    ]) {
      test(`a settled payment does not pay other requirements: ${what}`, async () => {
        const body = await world.payment({ version });
        assert.equal((await client().settle(body)).success, true);
        const other = structuredClone(body);
        Object.assign(other.paymentRequirements, change());
        if (version === 2) other.paymentPayload.accepted = other.paymentRequirements;
        const { result: answer, income } = await world.income(() => client().settle(other));
        assert.equal(answer.success, false, JSON.stringify(answer));
        assert.equal(answer.errorReason, "duplicate_settlement");
        assert.equal(income, 0n);
      });
    }

    for (const { name: what, reason, make, payerUnknown } of invalidPayments) {
      test(`refused: ${what}`, async () => {
        const verdict = await client().verify(await make(world, version));
        assert.equal(verdict.isValid, false, JSON.stringify(verdict));
        assert.equal(verdict.invalidReason, reason);
        if (payerUnknown) assert.equal(verdict.payer, undefined);

        const body = await make(world, version);
        const { result: answer, income } = await world.income(() => client().settle(body));
        assert.equal(answer.success, false, JSON.stringify(answer));
        assert.equal(answer.errorReason, reason);
        assert.equal(answer.transaction, "");
        assert.equal(answer.network, networkOf(version));
        if (payerUnknown) assert.equal(answer.payer, undefined);
        assert.equal(income, 0n);
      });
    }

    test("a malformed request raises an error that carries status and reason", async () => {
      const body = await world.payment({ version });
      body.paymentRequirements = { ...body.paymentRequirements, [amount]: 1000 }; // a number, not a string
      for (const ask of [client().verify, client().settle]) {
        const { raised } = await ask(body);
        assert.equal(raised?.status, 400, JSON.stringify(raised));
        assert.equal(raised.reason, "invalid_payment_requirements");
      }
    });
  }
});
