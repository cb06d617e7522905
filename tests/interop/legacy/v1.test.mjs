// The official TypeScript client and server of protocol version 1 pay through the facilitator.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createWalletClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { baseSepolia } from "viem/chains";
import { decodeXPaymentResponse, wrapFetchWithPayment } from "x402-fetch";
import { startWorld } from "../lib/world.mjs";
import { REPORT, startLegacyPaidServer } from "./paid-server.mjs";

const PRICE = 10_000n; // $0.01

describe("TypeScript v1", { timeout: 60_000 }, () => {
  let world, server;
  before(async () => {
    world = await startWorld();
    const { facilitatorUrl, chain } = world;
    server = await startLegacyPaidServer({
      facilitatorUrl,
      payTo: chain.pay_to,
      price: "$0.01",
      network: "base-sepolia",
    });
  });
  after(async () => {
    await server?.stop();
    await world?.stop();
  });

  const wallet = (key) =>
    createWalletClient({ account: privateKeyToAccount(key), chain: baseSepolia, transport: http(world.chain.rpc) });

  test("a key pays", async () => {
    const pay = wrapFetchWithPayment(fetch, wallet(world.chain.payer_key));
    const { result, income } = await world.income(() => pay(`${server.url}/report`));
    assert.equal(result.status, 200);
    assert.deepEqual(await result.json(), REPORT);
    const settlement = decodeXPaymentResponse(result.headers.get("X-PAYMENT-RESPONSE"));
    assert.equal(settlement.success, true);
    assert.equal(settlement.network, "base-sepolia");
    assert.equal(settlement.payer.toLowerCase(), world.chain.payer.toLowerCase());
    assert.match(settlement.transaction, /^0x[0-9a-f]{64}$/);
    assert.equal(income, PRICE);
  });

  test("a payer without funds gets nothing and pays nothing", async () => {
    const pay = wrapFetchWithPayment(fetch, wallet(world.chain.pauper_key));
    const { result, income } = await world.income(() => pay(`${server.url}/report`));
    assert.equal(result.status, 402);
    assert.equal((await result.json()).error, "insufficient_funds");
    assert.equal(income, 0n);
  });
});
