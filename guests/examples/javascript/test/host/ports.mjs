// The host's ports as the guest sees them: recorded RPC, replayed strictly, a stopped clock, real hashes
// and curves. A call that is not recorded fails, and so does a recorded one that is not made.

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

let host;

/** @param {{network: string, clockMs: bigint, exchanges: object[]}} recorded */
export function begin({ network, clockMs, exchanges }) {
  host = { network, clockMs, left: [...exchanges], made: 0, difference: undefined };
}

/** Fails unless the round trips made were exactly those recorded. */
export function finish() {
  assert.equal(host.difference, undefined, host.difference);
  assert.deepEqual(host.left, [], "round trips that were recorded and not made");
}

/** Round trips so far. */
export const roundTrips = () => host.made;

/** What an import's `err` looks like to the guest. */
class ComponentError extends Error {
  constructor(payload) {
    super("see payload");
    this.payload = payload;
  }
}

function exchange(network, requests) {
  assert.equal(network, host.network, "a guest may ask its request's network only");
  host.made += 1;
  const found = requests.map(({ method, params }) => ({ method, params: JSON.parse(params) }));
  const recorded = host.left.shift();
  if (!isDeepStrictEqual(found, recorded?.requests)) {
    const [expected, actual] = [recorded?.requests ?? "no more calls", found].map((it) => JSON.stringify(it));
    host.difference ??= `RPC calls differ\nexpected: ${expected}\nfound:    ${actual}`;
    throw new ComponentError({ tag: "unavailable", val: "the call is not in the recording" });
  }
  if (recorded.unavailable !== undefined) {
    throw new ComponentError({ tag: "unavailable", val: recorded.unavailable });
  }
  return recorded.answers.map(answer);
}

function answer({ result, error }) {
  if (error === undefined) return { tag: "ok", val: JSON.stringify(result) };
  const { code, message, data } = error;
  const val = { code: BigInt(code), message, data: data === undefined ? undefined : JSON.stringify(data) };
  return { tag: "err", val: { tag: "remote", val } };
}

// x402:scheme/rpc

export const batch = exchange;

export function call(network, request) {
  const [{ tag, val }] = exchange(network, [request]);
  if (tag === "err") throw new ComponentError(val);
  return val;
}

// x402:scheme/crypto

export const keccak256 = (data) => keccak_256(data);

export function secp256k1Recover(hash, signature, recoveryId) {
  try {
    const parsed = secp256k1.Signature.fromBytes(signature, "compact");
    if (parsed.hasHighS()) return undefined;
    return parsed.addRecoveryBit(recoveryId).recoverPublicKey(hash).toBytes(false).slice(1);
  } catch {
    return undefined;
  }
}

// x402:scheme/clock

export const nowMs = () => host.clockMs;
