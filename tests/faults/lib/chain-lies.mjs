// What a bad or broken node tells, as rules for the proxy in front of a chain. Unlike faults.mjs, every
// answer here is well-formed and wrong.

import { ASSET } from "../../devnet/evm.mjs";
import { readTransaction } from "../../devnet/lib/transactions.mjs";
import { SENDS } from "./faults.mjs";

const hex = (number) => `0x${number.toString(16)}`;
const word = (text) => `0x${text.toLowerCase().replace(/^0x/, "").padStart(64, "0")}`;

/** There is no receipt, although there is one. */
export const receiptsMissing = () => ({
  methods: "eth_getTransactionReceipt",
  after: (exchange, calls) => calls.forEach((call) => exchange.answerCall(call, { result: null })),
});

/** What succeeded is told as reverted. */
export const receiptsReverted = () => ({
  methods: "eth_getTransactionReceipt",
  after: (exchange, calls) => {
    for (const call of calls) {
      const { result } = exchange.answerTo(call);
      if (result) exchange.answerCall(call, { result: { ...result, status: "0x0", logs: [] } });
    }
  },
});

/** The node has forgotten what waits in its pool. */
export const poolForgotten = () => ({
  before: (exchange) => {
    for (const call of exchange.calls) {
      if (call.method === "eth_getTransactionCount" && call.params[1] === "pending") {
        exchange.change(call, [call.params[0], "latest"]);
      }
    }
  },
  after: (exchange) => {
    for (const call of exchange.calls.filter(({ method }) => method === "eth_getTransactionByHash")) {
      if (exchange.answerTo(call).result?.blockNumber === null) exchange.answerCall(call, { result: null });
    }
  },
});

/** Where the block is among a method's parameters. */
const BLOCK_PARAMETER = new Map([
  ["eth_call", 1],
  ["eth_estimateGas", 1],
  ["eth_getBalance", 1],
  ["eth_getCode", 1],
  ["eth_getTransactionCount", 1],
  ["eth_getBlockByNumber", 0],
  ["eth_getBlockReceipts", 0],
]);
const isHead = (tag) => ["latest", "pending"].includes(tag ?? "latest");

/** The node is `blocks` behind: its head, its state, and what it has in blocks. */
export function lag(rpc, blocks) {
  const head = async () => Math.max(0, Number(await rpc("eth_blockNumber")) - blocks);
  return {
    before: async (exchange) => {
      const known = hex(await head());
      for (const call of exchange.calls) {
        const place = BLOCK_PARAMETER.get(call.method);
        if (place !== undefined && isHead(call.params[place])) exchange.change(call, call.params.toSpliced(place, 1, known));
        if (call.method === "eth_getLogs" && !call.params[0].blockHash && isHead(call.params[0].toBlock)) {
          exchange.change(call, [{ ...call.params[0], toBlock: known }]);
        }
      }
    },
    after: async (exchange) => {
      const known = await head();
      for (const call of exchange.calls) {
        if (call.method === "eth_blockNumber") exchange.answerCall(call, { result: hex(known) });
        const { result } = IN_BLOCKS.has(call.method) ? exchange.answerTo(call) : {};
        if (Number(result?.blockNumber ?? result?.number ?? 0) > known) exchange.answerCall(call, { result: null });
      }
    },
  };
}

/** Methods whose answer tells in which block it is. */
const IN_BLOCKS = new Set(["eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getBlockByHash", "eth_getBlockByNumber"]);

/**
 * The node takes transactions, sends them nowhere, and then tells that each of them has succeeded, in its
 * latest block, with the very events that were asked for. Blocks that it shows name them too.
 *
 * @returns {{rules: object[], swallowed: Map<string, object>}}
 */
export function inventedReceipts(rpc, signer, { door } = {}) {
  const swallowed = new Map();
  const block = async (sent) => {
    sent.block ??= await rpc("eth_getBlockByNumber", ["latest", false]);
    return sent.block;
  };
  const take = async (exchange, calls) => {
    for (const call of calls) {
      const sent = readTransaction(call.params[0]);
      swallowed.set(sent.hash, swallowed.get(sent.hash) ?? sent);
      const result = call.method === "eth_sendRawTransaction" ? sent.hash : receipt(sent, await block(sent), signer);
      exchange.answerCall(call, { result });
    }
  };
  const tell = async (exchange, calls) => {
    for (const call of calls) {
      const sent = swallowed.get(call.params[0]);
      if (sent) exchange.answerCall(call, { result: receipt(sent, await block(sent), signer) });
    }
  };
  const show = (exchange, calls) => {
    for (const call of calls) {
      const { result } = exchange.answerTo(call);
      const inside = [...swallowed.values()].filter((sent) => sent.block && sent.block.hash === result?.hash);
      if (inside.length === 0 || typeof result.transactions?.[0] === "object") continue;
      const transactions = [...result.transactions, ...inside.map(({ hash }) => hash)];
      exchange.answerCall(call, { result: { ...result, transactions } });
    }
  };
  // Its nonce has moved on, as it would have.
  const advance = (exchange, calls) => {
    for (const call of calls.filter(({ params }) => params[0].toLowerCase() === signer.toLowerCase())) {
      const { result } = exchange.answerTo(call);
      if (result) exchange.answerCall(call, { result: hex(Number(result) + swallowed.size) });
    }
  };
  const rules = [
    { door, methods: "eth_getTransactionCount", after: advance },
    { door, methods: SENDS, before: take },
    { door, methods: "eth_getTransactionReceipt", after: tell },
    { door, methods: ["eth_getBlockByNumber", "eth_getBlockByHash"], after: show },
  ];
  return { rules, swallowed };
}

function receipt(sent, block, signer) {
  const { from, to, value, nonce } = sent.authorization;
  const place = { blockHash: block.hash, blockNumber: block.number, transactionHash: sent.hash, transactionIndex: "0x0", removed: false };
  const events = [
    // AuthorizationUsed(address indexed, bytes32 indexed) and Transfer(address indexed, address indexed, uint256)
    { topics: ["0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5", word(from), nonce], data: "0x" },
    { topics: ["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef", word(from), word(to)], data: word(hex(value)) },
  ];
  return {
    ...place,
    type: "0x2",
    status: "0x1",
    from: signer.toLowerCase(),
    to: ASSET.toLowerCase(),
    contractAddress: null,
    gasUsed: "0x11170",
    cumulativeGasUsed: "0x11170",
    effectiveGasPrice: hex(sent.maxFeePerGas),
    logsBloom: `0x${"0".repeat(512)}`,
    logs: events.map((event, index) => ({ ...place, address: ASSET.toLowerCase(), logIndex: hex(index), ...event })),
  };
}

/** A node holds what pays less than the base fee, where the local one refuses it. */
export const holdsUnderpriced = () => ({
  methods: SENDS,
  after: (exchange, calls) => {
    for (const call of calls) {
      const { error } = exchange.answerTo(call);
      if (error && /base fee|underpriced/i.test(error.message) && !/replacement/i.test(error.message)) {
        exchange.answerCall(call, { result: readTransaction(call.params[0]).hash });
      }
    }
  },
});
