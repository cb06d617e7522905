#!/usr/bin/env node
// The official TypeScript facilitator packages behind the smallest HTTP server that serves them,
// with nothing in between that would slow them down. The benchmark measures beside it.
//
// It takes the same environment as our binary and logs the same line when it listens, so that one
// launcher starts either.

import { createServer } from "node:http";
import { x402Facilitator } from "@x402/core/facilitator";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { registerExactEvmScheme } from "@x402/evm/exact/facilitator";
import { createWalletClient, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { baseSepolia } from "viem/chains";

const { HOST = "127.0.0.1", PORT = "0", RPC_URL_BASE_SEPOLIA, EVM_PRIVATE_KEY_TESTNET } = process.env;
if (!RPC_URL_BASE_SEPOLIA || !EVM_PRIVATE_KEY_TESTNET) {
  console.error("RPC_URL_BASE_SEPOLIA and EVM_PRIVATE_KEY_TESTNET must be set");
  process.exit(2);
}

const account = privateKeyToAccount(EVM_PRIVATE_KEY_TESTNET);
const client = createWalletClient({
  account,
  chain: baseSepolia,
  transport: http(RPC_URL_BASE_SEPOLIA),
}).extend(publicActions);

const signer = toFacilitatorEvmSigner({
  address: account.address,
  getCode: (args) => client.getCode(args),
  readContract: (args) => client.readContract({ ...args, args: args.args ?? [] }),
  verifyTypedData: (args) => client.verifyTypedData(args),
  writeContract: (args) => client.writeContract({ ...args, args: args.args ?? [] }),
  sendTransaction: (args) => client.sendTransaction(args),
  waitForTransactionReceipt: (args) => client.waitForTransactionReceipt(args),
});

const facilitator = registerExactEvmScheme(new x402Facilitator(), { signer, networks: "eip155:84532" });

const routes = {
  "POST /verify": ({ paymentPayload, paymentRequirements }) =>
    facilitator.verify(paymentPayload, paymentRequirements),
  "POST /settle": ({ paymentPayload, paymentRequirements }) =>
    facilitator.settle(paymentPayload, paymentRequirements),
  "GET /supported": () => facilitator.getSupported(),
  "GET /health": () => ({ status: "ok" }),
};

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks)) : {};
}

const server = createServer(async (request, response) => {
  const handler = routes[`${request.method} ${request.url}`];
  let status = handler ? 200 : 404;
  let answer;
  try {
    answer = handler ? await handler(await body(request)) : { error: "not found" };
  } catch (error) {
    status = 500;
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  const text = JSON.stringify(answer);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
});

server.listen(Number(PORT), HOST, () => {
  const { address, port } = server.address();
  console.log(JSON.stringify({ event: "listening", address: `${address}:${port}` }));
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
