// The Solidity ABI, as far as five calls and their answers need it. All in hex text.

import { toBytes } from "./bytes.mjs";

/** `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)` */
const TRANSFER = "0xe3ee160e";
/** `balanceOf(address)` */
const BALANCE_OF = "0x70a08231";
/** `authorizationState(address,bytes32)` */
const AUTHORIZATION_STATE = "0xe94a0102";
/** `name()` */
export const NAME = "0x06fdde03";
/** `version()` */
export const VERSION = "0x54fd4d50";

const WORD_DIGITS = 64;

/** 64 digits of a number, or of hex bytes that are at most a word. */
export function digits(value) {
  return (typeof value === "bigint" ? value.toString(16) : value.slice(2)).padStart(WORD_DIGITS, "0");
}

/** The message's words in the order of its type, which calldata and signature share. */
export function authorizationWords({ from, to, value, validAfter, validBefore, nonce }) {
  return [from, to, value, validAfter, validBefore, nonce].map(digits).join("");
}

/** The call that settles. */
export function transfer(authorization, { v, r, s }) {
  return TRANSFER + authorizationWords(authorization) + [v, r, s].map(digits).join("");
}

export const balanceOf = (account) => BALANCE_OF + digits(account);

export const authorizationState = ({ from, nonce }) => AUTHORIZATION_STATE + digits(from) + digits(nonce);

/** The only word of an answer: data of any other length is none, and no data is no zero. */
export function singleWord(data) {
  return data.length === 2 + WORD_DIGITS ? BigInt(data) : undefined;
}

/** UTF-8 to which the word at `index` of the data points, with offset and length checked. */
export function text(data, index) {
  const body = data.slice(2);
  const number = (start) => {
    const found = body.slice(start, start + WORD_DIGITS);
    return found.length === WORD_DIGITS ? BigInt(`0x${found}`) : undefined;
  };
  const bound = BigInt(body.length);
  const offset = number(index * WORD_DIGITS);
  if (offset === undefined || offset > bound) return undefined;
  const start = Number(offset) * 2;
  const length = number(start);
  if (length === undefined || length > bound) return undefined;
  const found = body.slice(start + WORD_DIGITS, start + WORD_DIGITS + Number(length) * 2);
  if (found.length !== Number(length) * 2) return undefined;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(toBytes(`0x${found}`));
}
