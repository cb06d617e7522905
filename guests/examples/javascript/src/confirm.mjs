// Does a receipt show that exactly this payment happened?
//
// Only the asset's own `Transfer` event counts. A receipt that is not certainly that of our transaction
// decides nothing. Source: EIP-658 (status), ERC-20 (`Transfer`), EIP-3009 (`AuthorizationUsed`).

import { digits } from "./abi.mjs";
import { Fault, REASON } from "./answer.mjs";
import { checksummed } from "./bytes.mjs";
import * as read from "./read.mjs";

/** `Transfer(address indexed from, address indexed to, uint256 value)` */
const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/** `AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)` */
const AUTHORIZATION_USED = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
const UNKNOWN = { tag: "unknown" };

export function confirmation(payment, { transaction, data }) {
  if (data.trim() === "null") return UNKNOWN;
  const receipt = readReceipt(data);
  if (!isOurs(receipt, transaction, payment.terms.asset)) return UNKNOWN;
  if (receipt.status === "0x0") return failed("the transaction was included and reverted");
  if (receipt.status !== "0x1" || receipt.logs.some((log) => log.removed)) return UNKNOWN;
  const flaw = flawOf(receipt.logs, payment);
  if (flaw !== undefined) return failed(flaw);
  const { terms, authorization } = payment;
  return { tag: "paid", val: { payer: checksummed(authorization.from), amount: terms.amount.toString() } };
}

const failed = (message) => ({ tag: "failed", val: { reason: REASON.transaction, message } });

/** What is read of a receipt; nodes add fields of their own. */
function readReceipt(json) {
  const shape = () => {
    throw new Fault("upstream", "the node's receipt has an unexpected shape");
  };
  const receipt = read.object(json) ?? shape();
  const { transactionHash, blockHash, status, to, logs = [] } = receipt;
  const isText = (value) => typeof value === "string";
  const isTextOrNothing = (value) => value === undefined || value === null || isText(value);
  if (!isText(transactionHash) || ![blockHash, status, to].every(isTextOrNothing)) shape();
  if (!Array.isArray(logs)) shape();
  for (const log of logs) {
    const { address, topics, data, removed = false } = read.asObject(log) ?? shape();
    if (!isText(address) || !isText(data) || typeof removed !== "boolean") shape();
    if (!Array.isArray(topics) || !topics.every(isText)) shape();
  }
  return { transactionHash, blockHash, status, to, logs };
}

/** In a block (pending transactions have receipts on some nodes), and of what was sent to the asset. */
function isOurs({ transactionHash, blockHash, to }, transaction, asset) {
  const block = read.word(blockHash);
  const sent = read.word(transaction);
  return (
    block !== undefined &&
    BigInt(block) !== 0n &&
    sent !== undefined &&
    read.word(transactionHash) === sent &&
    read.address(to) === asset
  );
}

/**
 * The asset tells of one transfer, which is this one, and of no other authorization. One, because a token
 * that moves something beside what was authorized takes it from somebody.
 *
 * @returns {string | undefined} what is wrong
 */
function flawOf(logs, { terms, authorization }) {
  const transferred = words(TRANSFER, authorization.from, terms.payTo);
  const used = words(AUTHORIZATION_USED, authorization.from, authorization.nonce);
  let transfers = 0;
  for (const log of logs) {
    if (read.address(log.address) !== terms.asset) continue;
    const topics = log.topics.map(read.word);
    if (topics.includes(undefined)) continue;
    if (topics[0] === TRANSFER) {
      transfers += 1;
      if (topics.join() !== transferred) return "the asset tells of a transfer between other accounts";
      const amount = read.word(log.data);
      if (amount === undefined || BigInt(amount) !== terms.amount) {
        return `transferred: expected ${terms.amount}, found ${amount === undefined ? "no amount" : BigInt(amount)}`;
      }
    } else if (topics[0] === AUTHORIZATION_USED && topics.join() !== used) {
      return "the asset tells of another authorization";
    }
  }
  if (transfers === 1) return undefined;
  return transfers === 0
    ? "the asset tells of no transfer"
    : `the asset tells of ${transfers} transfers, expected one`;
}

const words = (...values) => values.map((value) => `0x${digits(value)}`).join();
