// Strict readings of the texts that strangers send. Each gives `undefined` for anything but the one form
// it reads. All bytes inside this guest are `0x` and lower-case hex digits; all amounts are BigInt.

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const WORD = /^0x[0-9a-fA-F]{64}$/;
const BYTES = /^0x(?:[0-9a-fA-F]{2})*$/;
const QUANTITY = /^0x[0-9a-fA-F]{1,16}$/;
/** 78 digits hold 2^256 - 1. */
const DECIMAL = /^[0-9]{1,78}$/;
const MAX_UINT256 = (1n << 256n) - 1n;

const hex = (form) => (value) =>
  typeof value === "string" && form.test(value) ? value.toLowerCase() : undefined;

/** 20 bytes. Case is no difference: a checksum (EIP-55) protects who types an address. */
export const address = hex(ADDRESS);

/** 32 bytes. */
export const word = hex(WORD);

/** Whole bytes, at most `max` of them. */
export function bytes(value, max) {
  return typeof value === "string" && value.length <= 2 + 2 * max ? hex(BYTES)(value) : undefined;
}

/** A JSON-RPC quantity of 64 bits. */
export function quantity(value) {
  return typeof value === "string" && QUANTITY.test(value) ? BigInt(value) : undefined;
}

/** A whole number of atomic units, which may yet be more than a token can hold. */
export function amount(value) {
  return typeof value === "string" && DECIMAL.test(value) ? BigInt(value) : undefined;
}

/** A decimal uint256. */
export function uint256(value) {
  const number = amount(value);
  return number === undefined || number > MAX_UINT256 ? undefined : number;
}

/** A JSON number that is a whole one and has not been rounded. */
export function wholeNumber(value) {
  return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined;
}

/** Text of a JSON object. */
export function object(text) {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A JSON object that has been parsed; a list is none. */
export function asObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** A member of an object, never one of its prototype's. */
export function member(value, key) {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
