// Receipts: that of a settlement on the devnet, and what is one thing away from it.

import { ASSET } from "../../../devnet/evm.mjs";
import { account, AMOUNT, ask, encode, NONCE, OTHER_ACCOUNT, pay, settlement } from "./payment.mjs";
import { send } from "./tokens.mjs";

const word = (hex) => `0x${hex.replace(/^0x/, "").toLowerCase().padStart(64, "0")}`;

export async function generate({ write, chain }) {
  const payment = await pay();
  const receiptOf = (data) =>
    chain.aside(async () => steady(await send(chain, account("facilitator"), ASSET, data)));
  const settled = await receiptOf(settlement(payment));

  const confirms = (name, expect, { receipt = settled, change = () => {}, transaction = receipt?.transactionHash, of = payment } = {}) => {
    const copy = structuredClone(receipt);
    if (copy) change(copy);
    const observation = { transaction, data: JSON.stringify(copy) };
    write(name, { request: ask("confirm", of, { observation }), expect });
  };
  const paid = { paid: { payer: account("payer"), amount: AMOUNT } };
  const failed = (message) => ({ failed: { reason: "invalid_exact_evm_transaction_failed", message } });
  const unknown = { unknown: {} };
  const changed = (name, expect, change) => confirms(name, expect, { change });

  confirms("confirms_exact_transfer", paid);
  confirms("confirms_exact_transfer_v1", paid, { of: await pay({ version: 1 }) });
  const transferLog = (receipt) => receipt.logs.find((log) => log.topics.length === 3 && log.data.length === 66);
  const usedLog = (receipt) => receipt.logs.find((log) => log.data === "0x");
  changed("confirms_without_authorization_event", paid, (r) => { r.logs = [transferLog(r)]; });
  changed("confirms_beside_events_of_others", paid, (r) => {
    r.logs.push({ ...transferLog(r), address: OTHER_ACCOUNT });
    r.logs.push({ ...usedLog(r), address: OTHER_ACCOUNT, topics: [] });
  });

  // Included, and the payment did not happen.
  const tooMuch = await pay({ key: "pauper" });
  const reverted = await receiptOf(settlement(tooMuch));
  if (reverted.status !== "0x0") throw new Error("the pauper could pay");
  confirms("fails_on_reverted_transaction", failed("the transaction was included and reverted"),
    { receipt: reverted, of: tooMuch });
  const nothing = failed("the asset tells of no transfer");
  changed("fails_without_log", nothing, (r) => { r.logs = []; });
  changed("fails_with_authorization_event_alone", nothing, (r) => { r.logs = [usedLog(r)]; });
  changed("fails_on_log_of_another_token", nothing, (r) => { transferLog(r).address = OTHER_ACCOUNT; });
  changed("fails_on_log_of_another_event", nothing, (r) => { transferLog(r).topics[0] = word("01"); });
  const amount = (found) => failed(`transferred: expected ${AMOUNT}, found ${found}`);
  changed("fails_on_amount_minus_one", amount("9999"), (r) => { transferLog(r).data = word("270f"); });
  changed("fails_on_amount_plus_one", amount("10001"), (r) => { transferLog(r).data = word("2711"); });
  changed("fails_on_empty_amount", amount("no amount"), (r) => { transferLog(r).data = "0x"; });
  changed("fails_on_two_words_of_amount", amount("no amount"), (r) => { transferLog(r).data += word("00").slice(2); });
  const others = failed("the asset tells of a transfer between other accounts");
  changed("fails_on_other_payee", others, (r) => { transferLog(r).topics[2] = word(OTHER_ACCOUNT); });
  changed("fails_on_other_payer", others, (r) => { transferLog(r).topics[1] = word(OTHER_ACCOUNT); });
  changed("fails_on_dirty_address_topic", others, (r) => {
    transferLog(r).topics[2] = `0x01${transferLog(r).topics[2].slice(4)}`;
  });
  changed("fails_on_missing_topic", others, (r) => { transferLog(r).topics.pop(); });
  changed("fails_on_fee_taken_beside_the_transfer", others, (r) => {
    const fee = structuredClone(transferLog(r));
    fee.topics = [fee.topics[0], word(account("payee")), word(OTHER_ACCOUNT)];
    fee.data = word("01");
    r.logs.push(fee);
  });
  changed("fails_on_two_transfers", failed("the asset tells of 2 transfers, expected one"),
    (r) => { r.logs.push(structuredClone(transferLog(r))); });
  changed("fails_on_another_authorization", failed("the asset tells of another authorization"),
    (r) => { usedLog(r).topics[2] = word("01"); });
  const plain = encode("balanceOf", [account("payer")]);
  confirms("fails_on_a_call_that_moved_nothing", nothing, { receipt: await receiptOf(plain) });

  // Not decided by what was seen.
  confirms("is_unsure_without_receipt", unknown, { receipt: null, transaction: settled.transactionHash });
  confirms("is_unsure_on_another_transaction", unknown, { transaction: word("01") });
  confirms("is_unsure_on_a_transaction_that_is_no_hash", unknown, { transaction: "" });
  confirms("is_unsure_on_two_hashes_that_are_none", unknown, { transaction: "", change: (r) => { r.transactionHash = ""; } });
  changed("is_unsure_on_another_contract", unknown, (r) => { r.to = OTHER_ACCOUNT; });
  changed("is_unsure_on_a_contract_creation", unknown, (r) => { r.to = null; });
  changed("is_unsure_without_block", unknown, (r) => { r.blockHash = null; });
  changed("is_unsure_on_zero_block_hash", unknown, (r) => { r.blockHash = word("00"); });
  changed("is_unsure_without_status", unknown, (r) => { delete r.status; });
  changed("is_unsure_on_other_status", unknown, (r) => { r.status = "0x2"; });
  changed("is_unsure_on_removed_log", unknown, (r) => { transferLog(r).removed = true; });
  confirms("is_unsure_on_revert_of_another_transaction", unknown, { receipt: reverted, of: tooMuch, transaction: word("01") });

  write("errs_on_a_receipt_that_is_none", {
    request: ask("confirm", payment, { observation: { transaction: settled.transactionHash, data: "{}" } }),
    expect: { error: { upstream: "the node's receipt has an unexpected shape" } },
  });
  write("errs_on_confirming_a_payment_that_is_not_valid", {
    request: ask("confirm", await pay({ authorization: { value: "1" } }), {
      observation: { transaction: settled.transactionHash, data: JSON.stringify(settled) },
    }),
    expect: {
      error: {
        internal: "not a verified payment: invalid_exact_evm_payload_authorization_value_mismatch: " +
          `authorization.value: expected ${AMOUNT}, found 1`,
      },
    },
  });
}

/** A receipt without what depends on when and on which fresh node it was made. */
function steady(receipt) {
  const text = JSON.stringify(receipt).replaceAll(receipt.blockHash, `0x${"b1".repeat(32)}`);
  const copy = JSON.parse(text);
  for (const key of ["effectiveGasPrice", "blobGasPrice"]) delete copy[key];
  for (const log of copy.logs) delete log.blockTimestamp;
  delete copy.blockTimestamp;
  if (JSON.stringify(copy).includes(NONCE) !== (copy.status === "0x1" && copy.logs.length > 0)) {
    throw new Error(`unexpected receipt: ${text}`);
  }
  return copy;
}
