// Many at once: the same payment is settled once, and different ones are all settled.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startWorld } from "./lib/world.mjs";

for (const blockTimeSeconds of [undefined, 1]) {
  describe(blockTimeSeconds ? "a block every second" : "a block per transaction", { timeout: 90_000 }, () => {
    let world;
    before(async () => (world = await startWorld({ blockTimeSeconds })));
    after(() => world?.stop());

    test("five settles of one payment at once: one transaction, none reverted, one story", async () => {
      const body = await world.payment();
      const { result, receipts } = await world.receipts(async () => {
        const answers = await Promise.all(Array.from({ length: 5 }, () => world.post("/settle", body)));
        const again = await world.post("/settle", body);
        return { answers, again };
      });
      const told = result.answers.map((answer) => {
        assert.equal(answer.status, 200, answer.text);
        return answer.json;
      });
      assert.equal(receipts.length, 1, `transactions on chain: ${receipts.length}`);
      assert.equal(receipts[0].status, "0x1");
      const [{ transactionHash }] = receipts;

      const successes = told.filter((answer) => answer.success);
      assert.ok(successes.length >= 1, JSON.stringify(told));
      for (const answer of told) {
        if (answer.success) assert.equal(answer.transaction, transactionHash);
        else assert.match(answer.errorReason, /^(duplicate_settlement|settlement_pending)$/);
      }
      assert.equal(result.again.json.success, true, result.again.text);
      assert.equal(result.again.json.transaction, transactionHash);
    });

    test("twenty payments at once: each settled by its own transaction", async () => {
      const bodies = await Promise.all(Array.from({ length: 20 }, () => world.payment()));
      const { result: paid, receipts } = await world.receipts(() =>
        world.income(() => Promise.all(bodies.map((body) => world.post("/settle", body)))),
      );
      for (const answer of paid.result) assert.equal(answer.json?.success, true, answer.text);
      assert.equal(paid.income, 20_000n);
      assert.equal(receipts.length, 20);
      assert.ok(receipts.every((receipt) => receipt.status === "0x1"));
      const hashes = new Set(paid.result.map((answer) => answer.json.transaction));
      assert.equal(hashes.size, 20);
    });
  });
}
