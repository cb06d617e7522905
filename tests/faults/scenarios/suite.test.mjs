// The suite itself: that the proxy fails as it is told to, and that the ledger sees what is wrong.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import * as evm from "../../devnet/evm.mjs";
import { developmentKeys } from "../../devnet/lib/keys.mjs";
import { jsonRpc } from "../../devnet/lib/json-rpc.mjs";
import { addressOf, settlementCall } from "../../devnet/lib/transactions.mjs";
import { FaultProxy } from "../lib/fault-proxy.mjs";
import * as fault from "../lib/faults.mjs";
import { post } from "../lib/http.mjs";
import { Ledger } from "../lib/ledger.mjs";
import { PAY_TO, distinctPayments, payers } from "../lib/payments.mjs";
import { dynamoDbProtocol, jsonRpcProtocol } from "../lib/protocols.mjs";
import { seededRandom } from "../lib/random.mjs";

const random = seededRandom(1);

describe("the proxy", () => {
  let upstream, requests, proxy, url, store;
  const call = (method, id = 0) => ({ jsonrpc: "2.0", id, method, params: [] });
  const ask = (calls, milliseconds = 500) => post(url, JSON.stringify(calls), { milliseconds });

  before(async () => {
    upstream = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      requests.push(Buffer.concat(chunks).toString());
      if (request.headers["x-amz-target"]) return response.end('{"Item":{}}');
      const calls = JSON.parse(requests.at(-1));
      const answers = [calls].flat().map(({ id, method }) => ({ jsonrpc: "2.0", id, result: `did ${method}` }));
      response.end(JSON.stringify(Array.isArray(calls) ? answers : answers[0]));
    });
    await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const target = `http://127.0.0.1:${upstream.address().port}`;
    proxy = new FaultProxy({ upstream: target, protocol: jsonRpcProtocol, random });
    store = new FaultProxy({ upstream: target, protocol: dynamoDbProtocol, random });
    url = await proxy.open("one");
  });
  after(async () => {
    await proxy.stop();
    await store.stop();
    upstream.closeAllConnections();
    upstream.close();
  });
  /** One exchange under a rule: the answer, and how many requests reached the upstream. */
  const under = async (rule, calls) => {
    requests = [];
    const added = proxy.add(rule);
    const answer = await ask(calls);
    added.end();
    return { ...answer, arrived: requests.length, met: added.met };
  };

  for (const [name, rule, expected] of [
    ["passes", {}, { status: 200, arrived: 1 }],
    ["drops", fault.drop(), { status: 0, arrived: 0 }],
    ["drops the answer", fault.dropAnswer(), { status: 0, arrived: 1 }],
    ["is silent", fault.silence(), { status: 0, arrived: 0 }],
    ["is silent afterwards", fault.silenceAfter(), { status: 0, arrived: 1 }],
    ["duplicates", fault.duplicate(), { status: 200, arrived: 2 }],
    ["answers 429", fault.status(429), { status: 429, arrived: 0 }],
  ]) {
    test(name, async () => {
      const { status, arrived, met } = await under(rule, call("eth_a"));
      assert.deepEqual({ status, arrived, met }, { ...expected, met: 1 });
    });
  }

  test("garbage and half answers are no JSON", async () => {
    for (const rule of [fault.garbage(), fault.truncated()]) {
      const { status, body } = await under(rule, call("eth_a"));
      assert.deepEqual([status, body], [200, null]);
    }
  });

  test("of a batch only what the rule is for is answered wrongly", async () => {
    const batch = [call("eth_a", 0), call("eth_b", 1)];
    const before = await under({ methods: "eth_b", ...fault.rpcError("no") }, batch);
    assert.deepEqual(before.body.map(({ id, result, error }) => [id, result ?? error.message]), [[0, "did eth_a"], [1, "no"]]);
    assert.deepEqual(JSON.parse(requests[0]).map(({ method }) => method), ["eth_a"]);
    const afterwards = await under({ methods: "eth_b", ...fault.rpcErrorAfter("no") }, batch);
    assert.deepEqual(afterwards.body.map(({ result, error }) => result ?? error.message), ["did eth_a", "no"]);
    assert.equal(JSON.parse(requests[0]).length, 2);
  });

  test("a rule counts, skips, and is for one door", async () => {
    const other = await proxy.open("two");
    const rule = proxy.add({ door: "one", methods: "eth_a", skip: 1, times: 1, ...fault.status(500) });
    const statuses = [];
    for (const method of ["eth_a", "eth_b", "eth_a", "eth_a"]) statuses.push((await ask(call(method))).status);
    const elsewhere = await post(other, JSON.stringify(call("eth_a")));
    assert.deepEqual([...statuses, elsewhere.status, rule.met], [200, 200, 500, 200, 200, 1]);
  });

  test("DynamoDB's operations are told by their header", async () => {
    const door = await store.open("one");
    const put = { headers: { "x-amz-target": "DynamoDB_20120810.PutItem" } };
    const rule = store.add({ methods: fault.STORE_WRITES, ...fault.throttle() });
    const throttled = await post(door, "{}", put);
    const read = await post(door, "{}", { headers: { "x-amz-target": "DynamoDB_20120810.GetItem" } });
    rule.end();
    assert.deepEqual([throttled.status, read.status], [400, 200]);
    assert.match(throttled.body.__type, /ProvisionedThroughputExceededException$/);
  });
});

describe("the ledger", { timeout: 30_000 }, () => {
  const SIGNER = addressOf(developmentKeys.facilitator);
  let chain, rpc, ledger, payment, transaction;

  before(async () => {
    chain = await evm.start({});
    rpc = jsonRpc(chain.entry.rpc);
    await evm.mint(chain.entry.rpc, payers, 10n ** 9n);
    [payment] = await distinctPayments(1);
    transaction = await send();
  });
  after(() => chain?.stop());

  const send = async () => {
    const call = { from: SIGNER, to: evm.ASSET, data: settlementCall(payment.body), gas: "0x30d40" };
    const hash = await rpc("eth_sendTransaction", [call]);
    await rpc("evm_mine"); // the node answers before its block is there
    return hash;
  };
  const where = async () => ({ rpcUrl: chain.entry.rpc, from: 1, signer: SIGNER, payTo: PAY_TO });
  const told = (body, status = 200, retryAfter) => ({ status, body, text: JSON.stringify(body), retryAfter });
  const paid = (hash) => told({ success: true, transaction: hash, network: "eip155:84532" });
  const refused = (errorReason) => told({ success: false, transaction: "0x1", network: "eip155:84532", errorReason });
  const kinds = async (...answers) => {
    ledger = new Ledger();
    ledger.expect([payment]);
    for (const answer of answers) ledger.note(payment, answer);
    const { violations } = await ledger.audit(await where());
    return [...new Set(violations.map((violation) => violation.split(":")[0]))];
  };

  test("is content with the truth, also after a pending", async () => {
    assert.deepEqual(await kinds(paid(transaction)), []);
    const pending = told({ success: false, transaction, network: "eip155:84532", errorReason: "settlement_pending" });
    assert.deepEqual(await kinds(pending, told({ success: false }, 503, "2"), paid(transaction)), []);
  });

  test("sees each kind of lie", async () => {
    const hash = `0x${"1".repeat(64)}`;
    assert.deepEqual(await kinds(), ["untold"]);
    assert.deepEqual(await kinds(refused("settlement_pending")), ["untold", "pending without a hash"]);
    assert.deepEqual(await kinds(paid(hash)), ["misnamed"]);
    assert.deepEqual(await kinds(refused("invalid_transaction_state")), ["denied", "refused"]);
    assert.deepEqual(await kinds(refused("insufficient_funds"), paid(transaction)), ["changed"]);
    assert.deepEqual(await kinds(told({}, 500), paid(transaction)), ["answered 500"]);
    assert.deepEqual(await kinds(told({ success: false }, 503), paid(transaction)), ["answered 503"]);
    assert.deepEqual(await kinds(told({ success: false, errorReason: "nonce too low" }, 503, "2"), paid(transaction)), ["nonce error surfaced"]);
  });

  test("sees what nobody was told of, what is lost, and what reverted", async () => {
    const known = payment;
    [payment] = await distinctPayments(1);
    assert.deepEqual(await kinds(paid(`0x${"2".repeat(64)}`)), ["lost", "unknown transfer"]);
    payment = known;
    await send();
    assert.deepEqual(await kinds(paid(transaction)), ["reverted"]);
  });
});
