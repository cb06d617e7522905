// Is the authorization signed by the payer's key? Source: EIP-2 (low s), FiatToken `ECRecover` (v).
//
// Ordinary accounts only: contract wallets (ERC-1271, ERC-6492) need the chain's answer, and are the
// Rust guest's.

import { secp256k1Recover } from "x402:scheme/crypto@0.1.0";
import { REASON, Refusal } from "./answer.mjs";
import { keccak256, toBytes, toHex } from "./bytes.mjs";
import { digest } from "./eip712.mjs";

/** Half of the order of secp256k1: each signature has a second form with s above it. */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
const RECOVERY_ID = { "1b": 0, "1c": 1 };
const SIGNATURE_BYTES = 65;

/** @returns {{v: string, r: string, s: string}} in hex, for the token */
export function verifiedSignature({ terms, authorization, signature }) {
  const length = (signature.length - 2) / 2;
  if (length !== SIGNATURE_BYTES) refuse(`expected ${SIGNATURE_BYTES} bytes, found ${length}`);
  const [r, s] = [signature.slice(0, 66), `0x${signature.slice(66, 130)}`];
  const v = signature.slice(130);
  if (!Object.hasOwn(RECOVERY_ID, v)) refuse(`expected v of 27 or 28, found ${Number.parseInt(v, 16)}`);
  if (BigInt(s) > HALF_ORDER) refuse("s is in the upper half of the curve's order");
  const hash = toBytes(digest(terms, authorization));
  const key = secp256k1Recover(hash, toBytes(signature.slice(0, 130)), RECOVERY_ID[v]);
  if (key === undefined) refuse("no key can be recovered from it");
  const signer = `0x${keccak256(toHex(key)).slice(26)}`;
  if (signer !== authorization.from) refuse(`expected that of ${authorization.from}, found ${signer}`);
  return { v: `0x${v}`, r, s };
}

function refuse(flaw) {
  throw new Refusal(REASON.signature, `signature: ${flaw}`);
}
