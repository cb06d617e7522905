// The official Python client pays TypeScript servers of both protocol versions through the facilitator.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startLegacyPaidServer, REPORT as LEGACY_REPORT } from "./legacy/paid-server.mjs";
import { startPaidServer, REPORT } from "./lib/paid-server.mjs";
import { startPythonClient } from "./lib/python.mjs";
import { startWorld } from "./lib/world.mjs";

const PRICE = 10_000n; // $0.01

describe("Python", { timeout: 90_000 }, () => {
  let world, python;
  const servers = [];
  before(async () => {
    world = await startWorld();
    python = startPythonClient();
  });
  after(async () => {
    python?.stop();
    for (const server of servers) await server.stop();
    await world?.stop();
  });

  async function pays(start, network, report) {
    const { facilitatorUrl, chain } = world;
    const server = await start({ facilitatorUrl, payTo: chain.pay_to, price: "$0.01", network });
    servers.push(server);
    const pay = (key) => python.run({ do: "pay", url: `${server.url}/report`, key });

    const { result, income } = await world.income(() => pay(chain.payer_key));
    assert.equal(result.status, 200, JSON.stringify(result));
    assert.deepEqual(result.body, report);
    assert.equal(result.settlement.success, true);
    assert.equal(result.settlement.network, network);
    assert.match(result.settlement.transaction, /^0x[0-9a-f]{64}$/);
    assert.equal(income, PRICE);

    const refused = await world.income(() => pay(chain.pauper_key));
    assert.equal(refused.result.status, 402, JSON.stringify(refused.result));
    assert.equal(refused.income, 0n);
  }

  test("pays a server of protocol version 2", () => pays(startPaidServer, world.chain.caip2, REPORT));
  test("pays a server of protocol version 1", () => pays(startLegacyPaidServer, "base-sepolia", LEGACY_REPORT));
});
