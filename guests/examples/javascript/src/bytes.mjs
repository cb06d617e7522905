// Between hex text and the host's bytes, and the address form that needs a hash.
//
// The engine interprets: what is done per byte costs most of a call. So eight bytes go at a time.

import { keccak256 as hash } from "x402:scheme/crypto@0.1.0";

const CHUNK_BYTES = 8;
const CHUNK_DIGITS = 2 * CHUNK_BYTES;

/** @param {string} text `0x` and digits of whole bytes, as `read.mjs` gives it */
export function toBytes(text) {
  const bytes = new Uint8Array((text.length - 2) / 2);
  const view = new DataView(bytes.buffer);
  const whole = bytes.length - (bytes.length % CHUNK_BYTES);
  for (let index = 0, digit = 2; index < whole; index += CHUNK_BYTES, digit += CHUNK_DIGITS) {
    view.setBigUint64(index, BigInt(`0x${text.slice(digit, digit + CHUNK_DIGITS)}`));
  }
  for (let index = whole; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(text.slice(2 + 2 * index, 4 + 2 * index), 16);
  }
  return bytes;
}

/** @param {Uint8Array} bytes whole words, as hashes and keys are */
export function toHex(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "0x";
  for (let index = 0; index < bytes.length; index += CHUNK_BYTES) {
    text += view.getBigUint64(index).toString(16).padStart(CHUNK_DIGITS, "0");
  }
  return text;
}

/** @param {string} text bytes in hex */
export function keccak256(text) {
  return toHex(hash(toBytes(text)));
}

/** The hash of a text's UTF-8. */
export function keccak256OfText(text) {
  return toHex(hash(new TextEncoder().encode(text)));
}

/** Canonical text form of an address (EIP-55): a letter is upper case where the hash has 8 or more. */
export function checksummed(address) {
  const digest = keccak256OfText(address.slice(2));
  return address.replace(/[a-f]/g, (letter, index) => (digest[index] >= "8" ? letter.toUpperCase() : letter));
}
