// Signed EIP-3009 payments as an official client would make them, of either protocol version, with
// every part open to change: tests need payments that are wrong in exactly one thing.

import { randomBytes } from "node:crypto";
import { privateKeyToAccount } from "viem/accounts";
import { ASSET, CHAIN_ID, NETWORK_CAIP2, NETWORK_NAME } from "../evm.mjs";

const TYPES = {
  TransferWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
};

/** What a resource server asks for, in the shape of protocol `version`. */
export function requirements({ version = 2, payTo, amount = "1000", ...changes }) {
  const common = {
    scheme: "exact",
    asset: ASSET,
    payTo,
    maxTimeoutSeconds: 300,
    extra: { name: "USDC", version: "2" },
  };
  const resource = { resource: "http://localhost/report", description: "a report", mimeType: "application/json" };
  return version === 1
    ? { ...common, network: NETWORK_NAME, maxAmountRequired: amount, ...resource, ...changes }
    : { ...common, network: NETWORK_CAIP2, amount, ...changes };
}

/**
 * A request body for /verify and /settle.
 *
 * @param {{key: string, wanted: object, version?: 1 | 2, from?: string, authorization?: object, domain?: object}} options
 *   `authorization` and `domain` replace fields before signing: the signature is good for what it signs.
 *   `from` names another payer than the key's own, such as a contract wallet.
 */
export async function signedPayment({ key, wanted, version = 2, from, authorization = {}, domain = {} }) {
  const account = privateKeyToAccount(key);
  const now = Math.floor(Date.now() / 1000);
  const message = {
    from: from ?? account.address,
    to: wanted.payTo,
    value: wanted.amount ?? wanted.maxAmountRequired,
    validAfter: String(now - 600),
    validBefore: String(now + wanted.maxTimeoutSeconds),
    nonce: `0x${randomBytes(32).toString("hex")}`,
    ...authorization,
  };
  const signature = await account.signTypedData({
    domain: { name: "USDC", version: "2", chainId: CHAIN_ID, verifyingContract: ASSET, ...domain },
    types: TYPES,
    primaryType: "TransferWithAuthorization",
    message,
  });
  return requestBody(version, wanted, { signature, authorization: message });
}

/** Wraps the scheme's part of a payment the way protocol `version` does. */
export function requestBody(version, wanted, payload) {
  const { scheme, network } = wanted;
  const resource = { url: "http://localhost/report", description: "a report", mimeType: "application/json" };
  const paymentPayload =
    version === 1
      ? { x402Version: 1, scheme, network, payload }
      : { x402Version: 2, resource, accepted: wanted, payload };
  return { x402Version: version, paymentPayload, paymentRequirements: wanted };
}
