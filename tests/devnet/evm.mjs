// A local EVM chain that looks like Base Sepolia to a payment: its chain id, a token with USDC's
// behaviour at USDC's address, Multicall3 at its usual address, funded keys and a contract wallet.
//
// Offers `start()`, as every chain module of the devnet does: it resolves to the chain's entry for
// the devnet's JSON line, a few lines for people, and `stop()`.

import { existsSync } from "node:fs";
import { encodeAbiParameters, encodeFunctionData, getAddress, getContractAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { contracts } from "./lib/contracts.mjs";
import { jsonRpc } from "./lib/json-rpc.mjs";
import { developmentKeys } from "./lib/keys.mjs";
import { Child } from "./lib/process.mjs";

export const CHAIN_ID = 84532;
export const NETWORK_NAME = "base-sepolia";
export const NETWORK_CAIP2 = `eip155:${CHAIN_ID}`;
export const ASSET = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11";
const FUNDING = 10_000_000_000n; // 10,000 USDC

/**
 * @param {{port?: number, blockTimeSeconds?: number}} options
 *   `port` 0 takes a free one. Without `blockTimeSeconds` each transaction is mined at once.
 */
export async function start({ port = 0, blockTimeSeconds } = {}) {
  let listening;
  const address = new Promise((resolve) => (listening = resolve));
  const args = ["--host", "127.0.0.1", "--port", String(port), "--chain-id", String(CHAIN_ID)];
  if (blockTimeSeconds) args.push("--block-time", String(blockTimeSeconds));
  const anvil = new Child("anvil", anvilBinary(), args, {
    onLine: (line) => {
      const match = /^Listening on (\S+)$/.exec(line);
      if (match) listening(match[1]);
    },
  });
  try {
    const rpcUrl = `http://${await anvil.until(address, 15_000, "listening")}`;
    const smartWallet = await anvil.until(install(jsonRpc(rpcUrl)), 20_000, "setting up the chain");
    return { ...describe(rpcUrl, smartWallet, blockTimeSeconds), child: anvil, stop: () => anvil.stop() };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

function describe(rpcUrl, smartWallet, blockTimeSeconds) {
  const address = (key) => privateKeyToAccount(developmentKeys[key]).address;
  return {
    network: NETWORK_NAME,
    entry: {
      rpc: rpcUrl,
      caip2: NETWORK_CAIP2,
      chain_id: CHAIN_ID,
      asset: ASSET,
      payer: address("payer"),
      payer_key: developmentKeys.payer,
      pay_to: address("payee"),
      facilitator: address("facilitator"),
      facilitator_key: developmentKeys.facilitator,
      smart_wallet: { address: smartWallet, owner_key: developmentKeys.smartWalletOwner },
      pauper_key: developmentKeys.pauper,
    },
    summary: [
      `${NETWORK_NAME} (${NETWORK_CAIP2}) on ${rpcUrl}, ` +
        (blockTimeSeconds ? `a block every ${blockTimeSeconds} s` : "a block per transaction"),
      `  asset         ${ASSET}  test token: USDC, version 2, 6 decimals, EIP-3009; anyone may mint`,
      `  payer         ${address("payer")}  10,000 USDC`,
      `  payee         ${address("payee")}  0 USDC`,
      `  facilitator   ${address("facilitator")}  10,000 ETH for gas`,
      `  smart wallet  ${smartWallet}  10,000 USDC, a contract payer (ERC-1271)`,
      `  The keys are the published development keys of every local node: worthless anywhere else.`,
    ],
  };
}

/** Installs the contracts, funds the payers, and returns the smart wallet's address. */
async function install(rpc) {
  const { TestToken, TestWallet, Multicall } = contracts();
  await rpc("anvil_setCode", [ASSET, TestToken.runtime]);
  await rpc("anvil_setCode", [MULTICALL, Multicall.runtime]);

  const deployer = privateKeyToAccount(developmentKeys.deployer).address;
  const owner = privateKeyToAccount(developmentKeys.smartWalletOwner).address;
  const constructorArguments = encodeAbiParameters([{ type: "address" }], [owner]);
  const creation = TestWallet.creation + constructorArguments.slice(2);
  const nonce = BigInt(await rpc("eth_getTransactionCount", [deployer, "latest"]));
  const smartWallet = getContractAddress({ from: deployer, nonce });
  const transactions = [await rpc("eth_sendTransaction", [{ from: deployer, data: creation }])];
  for (const account of [privateKeyToAccount(developmentKeys.payer).address, smartWallet]) {
    const data = encodeFunctionData({ abi: TestToken.abi, functionName: "mint", args: [account, FUNDING] });
    transactions.push(await rpc("eth_sendTransaction", [{ from: deployer, to: ASSET, data }]));
  }
  await rpc("evm_mine"); // with a block time set, nobody should have to wait for the first block

  for (const hash of transactions) {
    const receipt = await rpc("eth_getTransactionReceipt", [hash]);
    if (receipt?.status !== "0x1") throw new Error(`a set-up transaction failed: ${JSON.stringify(receipt)}`);
  }
  return smartWallet;
}

/** Mints test tokens to `accounts`, in one block. */
export async function mint(rpcUrl, accounts, value) {
  const rpc = jsonRpc(rpcUrl);
  const { TestToken } = contracts();
  const from = privateKeyToAccount(developmentKeys.deployer).address;
  for (const account of accounts) {
    const data = encodeFunctionData({ abi: TestToken.abi, functionName: "mint", args: [account, value] });
    await rpc("eth_sendTransaction", [{ from, to: ASSET, data, gas: "0x186a0" }]);
  }
  await rpc("evm_mine");
}

/** The token balance of `account` in the latest block, in atomic units. */
export async function balanceOf(rpcUrl, account) {
  const data = `0x70a08231${getAddress(account).slice(2).toLowerCase().padStart(64, "0")}`;
  return BigInt(await jsonRpc(rpcUrl)("eth_call", [{ to: ASSET, data }, "latest"]));
}

/** Whether the EIP-3009 `nonce` of `account` has been used, in the latest block. */
export async function authorizationUsed(rpcUrl, account, nonce) {
  const data = `0xe94a0102${account.slice(2).toLowerCase().padStart(64, "0")}${nonce.slice(2)}`;
  return BigInt(await jsonRpc(rpcUrl)("eth_call", [{ to: ASSET, data }, "latest"])) === 1n;
}

export async function blockNumber(rpcUrl) {
  return Number(await jsonRpc(rpcUrl)("eth_blockNumber"));
}

/** All receipts from block `from` on, oldest first. */
export async function receiptsSince(rpcUrl, from) {
  const rpc = jsonRpc(rpcUrl);
  const latest = await blockNumber(rpcUrl);
  const receipts = [];
  for (let number = from; number <= latest; number++) {
    receipts.push(...((await rpc("eth_getBlockReceipts", [`0x${number.toString(16)}`])) ?? []));
  }
  return receipts;
}

/**
 * The node's binary: ANVIL names one, else it is in the npm package of the platform that our tests run
 * on. The launcher package for all platforms would add a Node process between us and the node.
 */
function anvilBinary() {
  if (process.env.ANVIL) return process.env.ANVIL;
  const { pathname } = new URL("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", import.meta.url);
  if (existsSync(pathname)) return pathname;
  const platform = `${process.platform} on ${process.arch}`;
  throw new Error(
    platform === "linux on x64"
      ? "anvil is not installed: run `npm ci` in tests/devnet"
      : `there is no packaged anvil for ${platform}: install Foundry and set ANVIL to the path of its anvil`,
  );
}
