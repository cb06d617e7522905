// A guest that is not Rust: the JavaScript example is built, pinned and loaded, and a payment goes through
// it. It serves x402 v2; v1 stays with the embedded guest.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startWorld } from "./lib/world.mjs";

const example = fileURLToPath(new URL("../../guests/examples/javascript/", import.meta.url));

/** Builds the guest and puts it, with its lock, into a directory as an operator would. */
function install(directory) {
  const entry = execFileSync(process.execPath, [join(example, "build.mjs")], { encoding: "utf8" });
  copyFileSync(join(example, "dist/evm-js.wasm"), join(directory, "evm-js.wasm"));
  writeFileSync(join(directory, "guests.lock"), `version = 1\n\n${entry}`);
}

describe("a guest in JavaScript", { timeout: 360_000 }, () => {
  let directory, world;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "facilitator-guests-"));
    install(directory);
    const environment = { FACILITATOR_GUESTS_DIR: directory, FACILITATOR_GUESTS_MODE: "dev" };
    // It compiles 12 MB of WebAssembly before it listens, on a machine that may have other things to do.
    world = await startWorld({ environment, startMilliseconds: 240_000 });
  });
  after(async () => {
    await world?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const byContractWallet = (version) => {
    const { address, owner_key: key } = world.chain.smart_wallet;
    return world.payment({ version, key, from: address });
  };

  test("verifies a payment", async () => {
    const { status, json } = await world.post("/verify", await world.payment());
    assert.deepEqual([status, json], [200, { isValid: true, payer: world.chain.payer }]);
  });

  test("settles a payment once, and the amount arrives", async () => {
    const body = await world.payment({ requirements: { amount: "1234" } });
    const { result: first, income } = await world.income(() => world.post("/settle", body));
    assert.equal(first.json.success, true, first.text);
    assert.match(first.json.transaction, /^0x[0-9a-f]{64}$/);
    assert.equal(first.json.payer, world.chain.payer);
    assert.equal(income, 1234n);

    const { result: second, income: more } = await world.income(() => world.post("/settle", body));
    assert.deepEqual([second.json.transaction, more], [first.json.transaction, 0n]);
  });

  test("names the reason of a refusal, and nothing is sent", async () => {
    const body = await world.payment({ authorization: { value: "999" } });
    const { result, receipts } = await world.receipts(() => world.post("/settle", body));
    assert.equal(result.json.success, false);
    assert.equal(result.json.errorReason, "invalid_exact_evm_payload_authorization_value_mismatch");
    assert.deepEqual(receipts, []);
  });

  test("finds the reason of a failing simulation on chain", async () => {
    const body = await world.payment({ key: world.chain.pauper_key });
    const { json } = await world.post("/verify", body);
    assert.deepEqual([json.isValid, json.invalidReason], [false, "insufficient_funds"]);
  });

  // What tells the two guests apart: only the embedded one serves contract wallets.
  test("serves version 2, and the embedded guest version 1", async () => {
    const second = await world.post("/verify", await byContractWallet(2));
    assert.deepEqual([second.json.isValid, second.json.invalidReason], [false, "invalid_exact_evm_payload_signature"]);
    const first = await world.post("/verify", await byContractWallet(1));
    assert.equal(first.json.isValid, true, first.text);
  });

  test("sixteen payments at once all settle", async () => {
    const bodies = await Promise.all(Array.from({ length: 16 }, () => world.payment()));
    const answers = await Promise.all(bodies.map((body) => world.post("/settle", body)));
    assert.deepEqual(answers.map(({ json }) => json.success), bodies.map(() => true));
    assert.equal(new Set(answers.map(({ json }) => json.transaction)).size, bodies.length);
  });
});
