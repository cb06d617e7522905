// The node behind the host's `rpc` port: what is asked, and what its answers and errors mean.

import { batch as roundTrip, call as single } from "x402:scheme/rpc@0.1.0";
import * as abi from "./abi.mjs";
import { Fault, shown } from "./answer.mjs";
import * as read from "./read.mjs";

export const ETH_CALL = "eth_call";
export const ETH_ESTIMATE_GAS = "eth_estimateGas";
export const ETH_GET_CODE = "eth_getCode";
export const LATEST = "latest";

/** Most bytes of an answer or of revert data that are looked at. */
const MAX_DATA_BYTES = 4096;
/** EIP-1474 leaves 3 to "execution error"; -32015 is OpenEthereum's. */
const REVERT_CODES = [3n, -32015n];
const OUT_OF_GAS = /out of gas|outofgas|gas required exceeds/;
const HALTED =
  /invalid opcode|invalid jump|bad jump|bad instruction|stack underflow|stack limit|write protection|vm execution error|evm error/;
/** The sender of the settlement is broke or offers too little: the facilitator's to mend. */
const OUR_FEE =
  /insufficient funds for gas|insufficient funds for transfer|insufficient balance to pay|less than block base fee|max fee per gas less than/;
/** `Error(string)` */
const ERROR = "0x08c379a0";
/** `Panic(uint256)` */
const PANIC = "0x4e487b71";

const request = ([method, params]) => ({ method, params: JSON.stringify(params) });

/** One call. @returns {{tag: "ok", val: string} | {tag: "err", val: object}} as `batch` tells each */
export function ask(network, method, params) {
  try {
    return { tag: "ok", val: single(network, request([method, params])) };
  } catch (error) {
    return { tag: "err", val: rpcErrorOf(error) };
  }
}

/** Several calls in one round trip, one answer each, in their order. */
export function askAll(network, calls) {
  try {
    const answers = roundTrip(network, calls.map(request));
    if (answers.length === calls.length) return answers;
  } catch (error) {
    throw upstream(rpcErrorOf(error));
  }
  throw new Fault("upstream", `expected ${calls.length} answers`);
}

/** An import's `err` is thrown with the error as its payload. */
function rpcErrorOf(error) {
  if (error?.payload === undefined) throw error;
  return error.payload;
}

/** The data that a call returned. @param {string} result its JSON text */
export function dataOf(method, result) {
  const data = read.bytes(parse(result), MAX_DATA_BYTES);
  if (data !== undefined) return data;
  throw new Fault("upstream", `the node's answer to ${method} is no data`);
}

/** The gas that an estimate tells. */
export function gasOf(result) {
  const gas = read.quantity(parse(result));
  if (gas !== undefined) return gas;
  throw new Fault("upstream", `the node's answer to ${ETH_ESTIMATE_GAS} is no quantity`);
}

/** What code an account has, in hex; only whether there is any matters. */
export function codeOf({ tag, val }) {
  if (tag === "err") throw upstream(val);
  const code = parse(val);
  if (typeof code === "string") return code;
  throw new Fault("upstream", `the node's answer to ${ETH_GET_CODE} has an unexpected shape`);
}

/**
 * Did the call fail in the EVM, or did the node fail? JSON-RPC leaves it open, so clients differ; the same
 * codes carry rate limits and outages, which say nothing of the payment.
 *
 * @returns {{outOfGas: true} | {words: string | undefined}} with the contract's words if it gave any
 * @throws {Fault} when the error says nothing of the call
 */
export function failureOf(error, gasCap) {
  if (error.tag !== "remote") throw upstream(error);
  const message = error.val.message.toLowerCase();
  const data = revertData(error.val.data);
  if (REVERT_CODES.includes(error.val.code) || data !== undefined || message.includes("revert")) {
    return { words: wordsOf(error.val.message, data) };
  }
  if (OUT_OF_GAS.test(message)) {
    // Geth bounds an estimate by what the sender can pay for: below the cap, that is the cause.
    const [, allowance] = /exceeds allowance[ :(]*([0-9]+)/.exec(message) ?? [];
    if (allowance !== undefined && BigInt(allowance) < gasCap) throw ourFee();
    return { outOfGas: true };
  }
  if (HALTED.test(message)) return { words: undefined };
  throw OUR_FEE.test(message) ? ourFee() : upstream(error);
}

/** A failure that nobody could read as an answer. The node's own words may hold what must not leak. */
function upstream({ tag, val }) {
  const told = {
    denied: () => `the host denies ${val}`,
    unavailable: () => val,
    remote: () => `the node answered with JSON-RPC error ${val.code}`,
  };
  return new Fault("upstream", told[tag]());
}

const ourFee = () => new Fault("upstream", "the facilitator's account cannot pay the network's fee now");

function revertData(json) {
  const text = json === undefined ? undefined : parse(json);
  return typeof text === "string" ? read.bytes(text.replace(/^Reverted /, ""), MAX_DATA_BYTES) : undefined;
}

/** The contract's words, fit for a message: nothing else of a node's error is passed on. */
function wordsOf(message, data) {
  const selector = data?.slice(0, 10) ?? "";
  const body = `0x${data?.slice(10) ?? ""}`;
  if (selector === ERROR) {
    const words = abi.text(body, 0);
    if (words !== undefined) return shown(words);
  } else if (selector === PANIC) {
    const code = abi.singleWord(body);
    if (code !== undefined) return `panic 0x${code.toString(16)}`;
  } else if (selector.length === 10) {
    return `custom error ${selector}`;
  }
  const [, text] = /execution reverted: (.*)/s.exec(message) ?? [];
  return text === undefined ? undefined : shown(text);
}

function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
