// A developer's way, with nothing but the binary: write a guest, build it, test it, pin it, swap it into a
// running facilitator, be paid through it, and go back.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { facilitatorBinary } from "../devnet/lib/facilitator.mjs";
import { startWorld } from "./lib/world.mjs";

const TOKEN = "the admin token of this test";
const checkout = fileURLToPath(new URL("../../", import.meta.url));
// The guest lies outside this checkout, where another toolchain may be the default one.
const [, toolchain] = /^channel = "(.*)"$/m.exec(readFileSync(join(checkout, "rust-toolchain.toml"), "utf8"));

describe("from nothing to a swapped guest", { timeout: 600_000 }, () => {
  let directory, guests, crate, world, component;

  /** Runs `facilitator …` as a developer would; resolves to what it printed and its exit code. */
  const facilitator = async (...args) => {
    const env = {
      ...process.env,
      RUSTUP_TOOLCHAIN: toolchain,
      // The guest's dependencies are built once for all runs.
      CARGO_TARGET_DIR: join(process.env.CARGO_TARGET_DIR ?? join(checkout, "target"), "guest-lifecycle"),
      FACILITATOR_ADMIN_TOKEN: TOKEN,
      ...(world ? { FACILITATOR_URL: world.facilitatorUrl } : {}),
    };
    try {
      const { stdout, stderr } = await promisify(execFile)(facilitatorBinary(), args, { env, maxBuffer: 16 << 20 });
      return { code: 0, stdout, stderr };
    } catch (error) {
      if (typeof error.code !== "number") throw error;
      return { code: error.code, stdout: error.stdout, stderr: error.stderr };
    }
  };
  const succeeds = async (...args) => {
    const { code, stdout, stderr } = await facilitator(...args);
    assert.equal(code, 0, `facilitator ${args.join(" ")}\n${stdout}\n${stderr}`);
    return stdout;
  };
  const inUse = async () => JSON.parse(await succeeds("guest", "list", "--json")).inUse;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "guest-lifecycle-"));
    guests = mkdtempSync(join(tmpdir(), "guests-"));
    crate = join(directory, "shop");
    writeFileSync(join(guests, "guests.lock"), "version = 1\n");
    world = await startWorld({
      environment: { FACILITATOR_GUESTS_DIR: guests, FACILITATOR_ADMIN_TOKEN: TOKEN },
    });
  });
  after(async () => {
    await world?.stop();
    for (const made of [directory, guests]) if (made) rmSync(made, { recursive: true, force: true });
  });

  test("a guest is written, built, and passes its cases", async () => {
    await succeeds("guest", "new", "shop", "--family", "evm", "--path", crate);
    component = join(directory, "shop.wasm");
    const built = await succeeds("guest", "build", crate, "--out", component);
    assert.match(built, /[0-9a-f]{64}/);
    const tested = await succeeds("guest", "test", component, join(crate, "cases"));
    assert.match(tested, /pass/);
    const inspected = JSON.parse(await succeeds("guest", "inspect", component, "--json"));
    assert.equal(inspected.descriptor.name, "shop");
    assert.equal(inspected.loads, true);
    assert.ok(inspected.imports.every((name) => name.startsWith("x402:scheme/")), inspected.imports.join());
  });

  test("what is not pinned is refused, and says how to pin it", async () => {
    copyFileSync(component, join(guests, "shop.wasm"));
    const { code, stderr } = await facilitator("guest", "reload");
    assert.equal(code, 1);
    assert.match(stderr, /shop\.wasm.*guest pin/);
    assert.deepEqual((await inUse()).map(({ guest }) => guest), ["evm"]);
  });

  test("pinned, it serves the next request, and a payment settles through it", async () => {
    await succeeds("guest", "pin", join(guests, "shop.wasm"));
    assert.match(await succeeds("guest", "reload"), /shop: nothing -> generation/);
    const shop = (await inUse()).find(({ guest }) => guest === "shop");
    assert.ok(shop.serves.some(({ x402Version, scheme }) => x402Version === 2 && scheme === "exact"));

    const body = await world.payment({ requirements: { amount: "777" } });
    assert.deepEqual((await world.post("/verify", body)).json, { isValid: true, payer: world.chain.payer });
    const { result, income } = await world.income(() => world.post("/settle", body));
    assert.equal(result.json.success, true, result.text);
    assert.equal(income, 777n);
    assert.ok((await inUse()).find(({ guest }) => guest === "shop").calls >= 4, "it was asked");
  });

  test("a second build takes its place, and can be rolled back", async () => {
    const source = join(crate, "src", "lib.rs");
    appendFileSync(source, "\n/// Makes this another component.\n#[used]\nstatic EDITION: [u8; 14] = *b\"second edition\";\n");
    await succeeds("guest", "build", crate, "--out", component);
    const [first] = (await inUse()).filter(({ guest }) => guest === "shop");
    copyFileSync(component, join(guests, "shop.wasm"));
    await succeeds("guest", "pin", join(guests, "shop.wasm"));
    await succeeds("guest", "reload");
    const [second] = (await inUse()).filter(({ guest }) => guest === "shop");
    assert.notEqual(second.sha256, first.sha256);
    assert.equal(second.previous.sha256, first.sha256);

    await succeeds("guest", "rollback", "shop");
    const [restored] = (await inUse()).filter(({ guest }) => guest === "shop");
    assert.equal(restored.sha256, first.sha256);
    assert.match(await succeeds("guest", "list"), /shop/);
    assert.equal((await world.post("/verify", await world.payment())).json.isValid, true);
  });

  test("a file that is not what was pinned changes nothing", async () => {
    const lock = readFileSync(join(guests, "guests.lock"));
    writeFileSync(join(guests, "shop.wasm"), "garbage");
    const { code, stderr } = await facilitator("guest", "reload");
    assert.equal(code, 1);
    assert.match(stderr, /shop\.wasm.*sha256/);
    assert.deepEqual(readFileSync(join(guests, "guests.lock")), lock);
    assert.equal((await world.post("/verify", await world.payment())).json.isValid, true);
    const { lastFailure } = (await world.send("/ready")).json.guests;
    assert.ok(lastFailure.at > 0);
    assert.equal(lastFailure.reason, null, "the reason is the operator's");
  });

  test("a crate is never overwritten", async () => {
    const { code, stderr } = await facilitator("guest", "new", "shop", "--family", "evm", "--path", crate);
    assert.notEqual(code, 0);
    assert.match(stderr, /shop/);
    assert.ok(existsSync(join(crate, "src", "lib.rs")));
  });
});
