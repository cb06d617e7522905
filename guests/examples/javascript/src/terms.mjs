// What has to be paid, and whether the client accepted the same. Checks are in the order of the scheme's
// specification: x402 v2 `exact` on EVM.

import { Fault, REASON, Refusal, shown } from "./answer.mjs";
import * as read from "./read.mjs";

export const SCHEME = "exact";
const EIP3009 = "eip3009";

/** @returns {{chainId: bigint, asset: string, payTo: string, amount: bigint, name: string, version: string}} */
export function readTerms({ scheme, network, accepted, requirements, settings }) {
  const chainId = chainIdOf(network);
  if (scheme !== SCHEME) throw new Fault("unsupported", `scheme ${shown(scheme)}, expected ${SCHEME}`);
  for (const [whose, terms] of [["paymentRequirements", requirements], ["paymentPayload", accepted]]) {
    if (terms.scheme !== SCHEME) {
      throw new Refusal(REASON.scheme, `scheme of ${whose}: expected ${SCHEME}, found ${shown(terms.scheme)}`);
    }
  }
  for (const [whose, terms] of [["paymentRequirements", requirements], ["paymentPayload", accepted]]) {
    if (terms.network !== network) {
      const message = `network of ${whose}: expected ${network}, found ${shown(terms.network)}`;
      throw new Refusal(REASON.network, message);
    }
  }
  const asset = addressOf("paymentRequirements.asset", requirements.asset);
  const payTo = addressOf("paymentRequirements.payTo", requirements.payTo);
  if (BigInt(payTo) === 0n) refuse("payTo: expected an account, found the zero address");
  checkAccepted(accepted, requirements, asset, payTo);
  checkAmount(requirements.amount, settings.minAmount);
  const method = methodOf(requirements);
  if (method !== undefined && method !== EIP3009) {
    const message = `assetTransferMethod: expected ${EIP3009}, found ${shown(JSON.stringify(method))}`;
    throw new Refusal(REASON.unsupportedScheme, message);
  }
  // Only assets that the operator lists: a simulation of a stranger's token proves nothing.
  if (!settings.assets.includes(asset)) {
    throw new Refusal(REASON.asset, `asset ${asset} is not allowed on ${network}`);
  }
  const [name, version] = ["name", "version"].map((key) => domainText(requirements, key));
  return { chainId, asset, payTo, amount: requirements.amount, name, version };
}

/** The reference of an `eip155` network is its chain id, which the signature binds. */
function chainIdOf(network) {
  const [, digits] = /^eip155:([1-9][0-9]{0,19})$/.exec(network) ?? [];
  const id = digits && BigInt(digits);
  if (id && id < 1n << 64n) return id;
  throw new Fault("unsupported", `network ${shown(network)}, expected eip155:<chain id>`);
}

/** The client accepted what the resource server asks: amount, asset, payTo, and how the asset moves. */
function checkAccepted(accepted, requirements, asset, payTo) {
  if (accepted.amount !== requirements.amount) {
    refuse(`accepted.amount: expected ${requirements.amount}, found ${accepted.amount}`);
  }
  for (const [key, expected] of Object.entries({ asset, payTo })) {
    const found = addressOf(`accepted.${key}`, accepted[key]);
    if (found !== expected) refuse(`accepted.${key}: expected ${expected}, found ${found}`);
  }
  if (JSON.stringify(methodOf(accepted)) !== JSON.stringify(methodOf(requirements))) {
    refuse("accepted.extra.assetTransferMethod differs from the requirements");
  }
}

/** A payment of nothing, or of less than it is worth to settle, costs nothing but its refusal. */
function checkAmount(amount, floor) {
  if (amount === 0n) refuse("amount: expected more than zero");
  if (amount < floor) refuse(`amount: expected at least ${floor}, found ${amount}`);
  if (amount >= 1n << 256n) refuse("amount: expected at most a uint256");
}

function addressOf(field, text) {
  return read.address(text) ?? refuse(`${field}: expected 0x and 40 hex digits, found ${shown(text)}`);
}

/** `null` is no method, as absence is. */
function methodOf({ extra }) {
  return read.member(extra, "assetTransferMethod") ?? undefined;
}

/** Name and version of the token's EIP-712 domain; whether they are the token's shows in simulation. */
function domainText({ extra }, key) {
  const text = read.member(extra, key);
  if (typeof text === "string" && text !== "") return text;
  throw new Refusal(REASON.domain, `paymentRequirements.extra.${key}: expected a non-empty string`);
}

function refuse(message) {
  throw new Refusal(REASON.requirements, message);
}
