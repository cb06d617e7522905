// One payment: the terms, and the authorization that is to meet them.

import { REASON, Refusal } from "./answer.mjs";
import * as read from "./read.mjs";
import { readRequest } from "./request.mjs";
import { readTerms } from "./terms.mjs";

const FIELDS = {
  from: [read.address, "an address, 0x and 40 hex digits"],
  to: [read.address, "an address, 0x and 40 hex digits"],
  value: [read.uint256, "a uint256 as a decimal string"],
  validAfter: [read.uint256, "a uint256 as a decimal string"],
  validBefore: [read.uint256, "a uint256 as a decimal string"],
  nonce: [read.word, "32 bytes, 0x and 64 hex digits"],
};
/** Longest signature that is looked at: wallets of other guests nest theirs. */
const MAX_SIGNATURE_BYTES = 4096;

/**
 * A payment whose authorization meets the terms, as far as the request alone shows. Whether it is signed,
 * in time and covered is not known yet.
 */
export function readPayment(request) {
  const { settings, signed, ...asked } = readRequest(request);
  const terms = readTerms({ ...asked, settings });
  const { authorization, signature } = readSigned(signed);
  if (authorization.to !== terms.payTo) {
    const message = `authorization.to: expected ${terms.payTo}, found ${authorization.to}`;
    throw new Refusal(REASON.recipient, message);
  }
  if (authorization.from === authorization.to) refuse("authorization: payer and payee are the same account");
  if (settings.signers.includes(authorization.from)) refuse("authorization.from: an account of the facilitator");
  // Exactly the amount: more would take what nobody asked for, less is no payment.
  if (authorization.value !== terms.amount) {
    const message = `authorization.value: expected ${terms.amount}, found ${authorization.value}`;
    throw new Refusal(REASON.value, message);
  }
  return { terms, authorization, signature, settings };
}

/**
 * The payload's one shape. Anything beside it, such as a second authorization, would leave open which of
 * them is settled.
 */
function readSigned(value) {
  const payload = onlyThese(value, ["signature", "authorization"], "payload");
  const signature = read.bytes(payload.signature, MAX_SIGNATURE_BYTES);
  if (signature === undefined) refuse("payload.signature: expected 0x and hex digits of at most 4096 bytes");
  const path = "payload.authorization";
  const sent = onlyThese(payload.authorization, Object.keys(FIELDS), path);
  const authorization = {};
  for (const [key, [reader, expected]] of Object.entries(FIELDS)) {
    authorization[key] = reader(sent[key]) ?? refuse(`${path}.${key}: expected ${expected}`);
  }
  return { authorization, signature };
}

/** The object, if it has these members and no other. */
function onlyThese(value, keys, path) {
  const object = read.asObject(value) ?? refuse(`${path}: expected an object`);
  for (const key of keys) if (!Object.hasOwn(object, key)) refuse(`${path}.${key}: missing`);
  if (Object.keys(object).length !== keys.length) refuse(`${path}: expected ${keys.join(", ")} and nothing else`);
  return object;
}

/**
 * Valid now, and long enough for a transaction to land. The token demands `validAfter < block time <
 * validBefore`, both strictly (EIP-3009).
 */
export function checkWindow({ authorization: { validAfter, validBefore }, settings }, nowSeconds) {
  if (validAfter >= nowSeconds) {
    throw new Refusal(REASON.validAfter, `validAfter: expected less than ${nowSeconds}, found ${validAfter}`);
  }
  const earliest = nowSeconds + settings.minValiditySeconds;
  if (validBefore < earliest) {
    throw new Refusal(REASON.validBefore, `validBefore: expected at least ${earliest}, found ${validBefore}`);
  }
}

/** A token knows an authorization by payer and nonce, whatever signature it came with (EIP-3009). */
export function paymentId({ terms, authorization }) {
  return `eip155:${terms.chainId}:${terms.asset}:${authorization.from}:${authorization.nonce}`;
}

/** Unix seconds after which the token refuses it, as much of it as 64 bits hold. */
export function expiresAt({ authorization: { validBefore } }) {
  const most = (1n << 64n) - 1n;
  return validBefore < most ? validBefore : most;
}

function refuse(message) {
  throw new Refusal(REASON.payload, message);
}
