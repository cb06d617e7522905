#!/usr/bin/env node
// Everything at once on this machine: a local chain, the facilitator, a paid HTTP server and one real
// payment by the official client. Ends with an error unless the payee's balance on the chain rose by
// exactly the price.

import { parseArgs } from "node:util";
import { registerExactEvmScheme } from "@x402/evm/exact/client";
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";
import * as evm from "../devnet/evm.mjs";
import { facilitatorBinary, startFacilitator } from "../devnet/lib/facilitator.mjs";
import { stopSignal } from "../devnet/lib/process.mjs";
import { startPaidServer } from "./server.mjs";

const PRICE = "$0.01";
const PRICE_ATOMIC = 10_000n; // USDC has six decimals
const HELP = `Pays for one HTTP request on a local chain, and shows every step.

  node demo.mjs [--once] [--port PORT]

  --once       end after the payment; without it everything stays up until Ctrl-C
  --port PORT  port of the facilitator (default 0: a free one)
  --help       this text

The facilitator is the one that \`make build\` built; FACILITATOR_BIN names another.
`;

const say = (text = "") => console.log(text);
const field = (name, value) => say(`    ${name.padEnd(17)} ${value}`);
const dollars = (atomic) => `${(Number(atomic) / 1e6).toFixed(6)} USDC`;

async function main() {
  const { values } = parseArgs({
    options: { once: { type: "boolean" }, port: { type: "string", default: "0" }, help: { type: "boolean" } },
  });
  if (values.help) return void process.stdout.write(HELP);
  if (!/^\d+$/.test(values.port) || Number(values.port) > 65535) throw new Error("--port takes a number up to 65535");

  const binary = facilitatorBinary(); // missing? say so before anything is started
  const asked = stopSignal();
  const running = [];
  try {
    const signal = await Promise.race([asked, demonstrate(running, binary, values)]);
    if (signal) say("\nStopping.");
  } finally {
    for (const part of running.reverse()) await part.stop();
  }
}

/** Ends after the payment with `once`; otherwise it lasts until a part of it fails. */
async function demonstrate(running, binary, { once, port }) {
  const { chain, facilitator, server } = await startAll(running, binary, Number(port));
  await payOnce(chain, server);
  if (once) return;
  showUrls(chain, facilitator, server);
  const { child } = await Promise.race(
    [chain, facilitator].map(async (part) => (await part.child.exited, part)),
  );
  throw child.failure("ended");
}

async function startAll(running, binary, port) {
  const keep = (part) => (running.push(part), part);
  say("1. Starting a local chain");
  const chain = keep(await evm.start());
  field("network", `${chain.network} (${chain.entry.caip2})`);
  field("RPC", chain.entry.rpc);

  say("2. Starting the facilitator");
  const { rpc: rpcUrl, facilitator_key: key } = chain.entry;
  const facilitator = keep(await startFacilitator({ rpcUrl, key, binary, port }));
  field("URL", facilitator.url);
  field("signs as", chain.entry.facilitator);

  say("3. Starting a paid HTTP server");
  const { caip2: network, pay_to: payTo } = chain.entry;
  const server = keep(await startPaidServer({ facilitatorUrl: facilitator.url, network, payTo, price: PRICE }));
  field("URL", `${server.url}/weather`);
  field("price", PRICE);
  return { chain, facilitator, server };
}

async function payOnce(chain, server) {
  const { rpc, payer, pay_to: payee, payer_key: key } = chain.entry;
  const balances = async () => ({
    payer: await evm.balanceOf(rpc, payer),
    payee: await evm.balanceOf(rpc, payee),
  });
  const before = await balances();

  say("4. GET /weather, and pay what it asks");
  const client = registerExactEvmScheme(new x402Client(), { signer: privateKeyToAccount(key) });
  client.onAfterPaymentCreation(async ({ paymentPayload }) => showPayment(paymentPayload));
  const response = await wrapFetchWithPayment(fetchAndShow402, client)(`${server.url}/weather`);
  const text = await response.text();
  const header = response.headers.get("PAYMENT-RESPONSE");
  say(`  HTTP ${response.status} ${text}`);
  if (!response.ok || !header) throw new Error(`the payment was not accepted: ${refusal(response)}`);

  const settlement = decodePaymentResponseHeader(header);
  say("5. Settled");
  field("transaction", settlement.transaction);
  field("network", settlement.network);
  field("payer", settlement.payer);

  const after = await balances();
  say("6. Balances on the chain");
  for (const who of ["payer", "payee"]) field(who, `${dollars(before[who])} -> ${dollars(after[who])}`);
  const rose = after.payee - before.payee;
  if (rose !== PRICE_ATOMIC) throw new Error(`the payee got ${rose} atomic units, the price is ${PRICE_ATOMIC}`);
  say(`\nThe payee's balance rose by exactly the price: ${dollars(rose)}.`);
}

/** `fetch` that shows what a 402 asks for; the client sees the same response. */
async function fetchAndShow402(input, init) {
  const response = await fetch(input, init);
  const asks = response.status === 402 && response.headers.get("PAYMENT-REQUIRED");
  const alreadyPaid = new Request(input, init).headers.has("PAYMENT-SIGNATURE");
  if (asks && !alreadyPaid) {
    const required = decodeHeader(asks);
    const [wanted] = required.accepts;
    say(`  HTTP 402, x402 version ${required.x402Version}; it asks for`);
    for (const name of ["scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds"]) field(name, wanted[name]);
    field("extra", JSON.stringify(wanted.extra));
  }
  return response;
}

function showPayment({ payload }) {
  say("  The payment that the client signs (EIP-3009)");
  for (const [name, value] of Object.entries(payload.authorization)) field(name, value);
  field("signature", `${payload.signature.slice(0, 20)}…`);
}

function refusal(response) {
  const header = response.headers.get("PAYMENT-RESPONSE") ?? response.headers.get("PAYMENT-REQUIRED");
  if (!header) return `HTTP ${response.status}`;
  const told = decodeHeader(header);
  return told.errorMessage ?? told.errorReason ?? told.error ?? JSON.stringify(told);
}

const decodeHeader = (value) => JSON.parse(Buffer.from(value, "base64").toString("utf8"));

function showUrls(chain, facilitator, server) {
  say("\nEverything stays up. Try:");
  say(`  curl -i ${server.url}/weather`);
  say(`  curl ${facilitator.url}/supported`);
  say(`  curl ${facilitator.url}/ready`);
  say(`The chain is at ${chain.entry.rpc}. Ctrl-C stops everything.`);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`\ndemo: ${error.message}`);
    process.exit(1);
  },
);
