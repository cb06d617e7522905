// What happened on chain, read from the node itself.

import { jsonRpc } from "../../devnet/lib/json-rpc.mjs";

const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const AUTHORIZATION_USED = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";

const addressIn = (topic) => `0x${topic.slice(26)}`;

/**
 * @returns {Promise<{transfers: {nonce: string, transaction: string, sender: string}[], sent: object[], waiting: number}>}
 *   the payments that reached `payTo`; the receipts of all transactions that `signer` sent; how many of its
 *   transactions wait in the node's pool
 */
export async function readChain({ rpcUrl, from, signer, payTo, asset }) {
  const rpc = jsonRpc(rpcUrl);
  const ours = signer.toLowerCase();
  const transfers = [];
  const sent = [];
  const last = Number(await rpc("eth_blockNumber"));
  for (let number = from; number <= last; number++) {
    const receipts = (await rpc("eth_getBlockReceipts", [`0x${number.toString(16)}`])) ?? [];
    for (const receipt of receipts) {
      if (receipt.from === ours) sent.push(receipt);
      transfers.push(...paymentsIn(receipt, payTo.toLowerCase(), asset.toLowerCase()));
    }
  }
  const { pending, queued } = await rpc("txpool_content");
  const waiting = [pending, queued].flatMap((pool) => Object.entries(pool)).filter(([sender]) => sender.toLowerCase() === ours);
  return { transfers, sent, waiting: waiting.reduce((sum, [, byNonce]) => sum + Object.keys(byNonce).length, 0) };
}

/** Transfers to `payTo`, each with the authorization that was used right before it. */
function paymentsIn(receipt, payTo, asset) {
  const found = [];
  let authorization;
  for (const { address, topics } of receipt.logs) {
    if (address !== asset) continue;
    if (topics[0] === AUTHORIZATION_USED) authorization = topics[2];
    if (topics[0] !== TRANSFER || addressIn(topics[2]) !== payTo) continue;
    found.push({ nonce: authorization, transaction: receipt.transactionHash, sender: receipt.from });
    authorization = undefined;
  }
  return found;
}
