// Bad input of every kind: a typed answer in the endpoint's own shape, quickly, and never a 500.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { badRequests } from "./lib/bad-requests.mjs";
import { startWorld } from "./lib/world.mjs";

const AT_MOST_MILLISECONDS = 1000;
const LEAKS = [/^\s+at /m, /stack backtrace/i, /panicked/i, /\.rs:\d+/, /\.m?js:\d+/, /<html/i, /http:\/\/127/];

describe("bad input", { timeout: 120_000 }, () => {
  let world;
  before(async () => (world = await startWorld()));
  after(() => world?.stop());

  /** A refusal in the shape that the clients of the endpoint parse, that tells nothing about our insides. */
  function isTypedRefusal(path, answer, { status, reason }) {
    const shown = `${answer.status} ${answer.text.slice(0, 300)}`;
    assert.ok(status.includes(answer.status), `expected ${status.join(" or ")}: ${shown}`);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
    const told = answer.json;
    if (path === "/verify") {
      assert.equal(told?.isValid, false, shown);
    } else {
      assert.equal(told?.success, false, shown);
      assert.equal(told.transaction, "", shown);
      assert.equal(typeof told.network, "string", shown);
    }
    const toldReason = path === "/verify" ? told.invalidReason : told.errorReason;
    const message = path === "/verify" ? told.invalidMessage : told.errorMessage;
    assert.match(toldReason ?? "", /^[a-z0-9_]+$/, shown);
    if (reason) assert.equal(toldReason, reason, shown);
    assert.ok(message?.length > 0, `a message for people: ${shown}`);
    assert.ok(answer.text.length < 2000, `${answer.text.length} bytes in answer to bad input`);
    assert.equal(told.payer, undefined, "nobody has been verified");
    for (const leak of LEAKS) assert.doesNotMatch(answer.text, leak);
    assert.ok(answer.milliseconds < AT_MOST_MILLISECONDS, `${answer.milliseconds.toFixed(0)} ms`);
  }

  async function stillAnswers() {
    const answer = await world.post("/verify", await world.payment());
    assert.equal(answer.json?.isValid, true, answer.text);
  }

  for (const path of ["/verify", "/settle"]) {
    describe(path, () => {
      for (const { name, make, ...expected } of badRequests) {
        test(name, async () => {
          const object = await world.payment();
          const body = make({ object, text: JSON.stringify(object) });
          isTypedRefusal(path, await world.post(path, body), expected);
          await stillAnswers();
        });
      }

      test("another content type is refused or read as JSON, in the same shape", async () => {
        for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]) {
          const answer = await world.post(path, "<payment/>", { "content-type": type });
          isTypedRefusal(path, answer, { status: [400, 415] });
        }
        await stillAnswers();
      });

      test("GET describes the endpoint", async () => {
        const answer = await world.send(path);
        assert.ok([200, 405].includes(answer.status), `${answer.status} ${answer.text}`);
        assert.match(answer.text, /POST/);
      });

      test("other methods are refused", async () => {
        for (const method of ["PUT", "DELETE", "PATCH"]) {
          const answer = await world.send(path, { method });
          assert.equal(answer.status, 405, `${method}: ${answer.text}`);
        }
      });
    });
  }

  test("an unknown path is 404", async () => {
    assert.equal((await world.send("/settlements")).status, 404);
    assert.equal((await world.send("/..%2f..%2fetc/passwd")).status, 404);
    await stillAnswers();
  });

  test("after all that a payment settles", async () => {
    const { result, income } = await world.income(async () => world.post("/settle", await world.payment()));
    assert.equal(result.json?.success, true, result.text);
    assert.equal(income, 1000n);
  });
});
