// The official TypeScript client and server of protocol version 2 pay through the facilitator.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { registerExactEvmScheme } from "@x402/evm/exact/client";
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";
import { REPORT, startPaidServer } from "./lib/paid-server.mjs";
import { startWorld } from "./lib/world.mjs";

const PRICE = 10_000n; // $0.01

describe("TypeScript v2", { timeout: 60_000 }, () => {
  let world, server;
  before(async () => {
    world = await startWorld();
    const { facilitatorUrl, chain } = world;
    server = await startPaidServer({ facilitatorUrl, payTo: chain.pay_to, price: "$0.01", network: chain.caip2 });
  });
  after(async () => {
    await server?.stop();
    await world?.stop();
  });

  const payingFetch = (signer) => wrapFetchWithPayment(fetch, registerExactEvmScheme(new x402Client(), { signer }));

  async function paysOnce(signer, payer) {
    const { result, income } = await world.income(() => payingFetch(signer)(`${server.url}/report`));
    assert.equal(result.status, 200);
    assert.deepEqual(await result.json(), REPORT);
    const settlement = decodePaymentResponseHeader(result.headers.get("PAYMENT-RESPONSE"));
    assert.equal(settlement.success, true);
    assert.equal(settlement.network, world.chain.caip2);
    assert.equal(settlement.payer?.toLowerCase(), payer.toLowerCase());
    assert.match(settlement.transaction, /^0x[0-9a-f]{64}$/);
    assert.equal(income, PRICE);
  }

  test("without a payment the server asks for one and nothing moves", async () => {
    const { result, income } = await world.income(() => fetch(`${server.url}/report`));
    assert.equal(result.status, 402);
    assert.equal(income, 0n);
  });

  test("a key pays", async () => {
    const account = privateKeyToAccount(world.chain.payer_key);
    await paysOnce(account, account.address);
  });

  test("a key pays twice in a row", async () => {
    const account = privateKeyToAccount(world.chain.payer_key);
    await paysOnce(account, account.address);
    await paysOnce(account, account.address);
  });

  test("a contract wallet pays by ERC-1271", async () => {
    const owner = privateKeyToAccount(world.chain.smart_wallet.owner_key);
    const { address } = world.chain.smart_wallet;
    await paysOnce({ address, signTypedData: (message) => owner.signTypedData(message) }, address);
  });

  test("a payer without funds gets nothing and pays nothing", async () => {
    const pauper = privateKeyToAccount(world.chain.pauper_key);
    const { result, income } = await world.income(() => payingFetch(pauper)(`${server.url}/report`));
    assert.equal(result.status, 402);
    assert.equal(income, 0n);
  });
});
