// Between hex text and the host's bytes, and the address forms that need a hash.

import { keccak256 as hash } from "x402:scheme/crypto@0.1.0";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** @param {string} text `0x` and digits of whole bytes, as `read.mjs` gives it */
export function toBytes(text) {
  const bytes = new Uint8Array((text.length - 2) / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(text.slice(2 + 2 * index, 4 + 2 * index), 16);
  }
  return bytes;
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  let text = "0x";
  for (const byte of bytes) text += HEX[byte];
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
