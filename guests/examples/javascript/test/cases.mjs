// The committed cases of the EVM family, and which of them this guest serves.

import { readFileSync, readdirSync } from "node:fs";

const directory = new URL("../../../../tests/cases/evm/", import.meta.url);

const VERSION_1 = "x402 version 1";
const CONTRACT_WALLET = "a contract wallet's signature: the chain would have to be asked for its rule";

/** Cases that are another guest's to answer, with the reason. This guest must not say yes to any. */
export const NOT_SERVED = new Map([
  ["describes_itself", "names another guest; this one's descriptor has a test of its own"],
  ...[
    "accepts_eoa_v1",
    "accepts_eoa_v1_in_settle_phase",
    "confirms_exact_transfer_v1",
    "prepares_eoa_call_v1",
    "rejects_caip2_network_in_v1",
    "rejects_other_network_name_v1",
    "rejects_other_network_required_v1",
    "rejects_other_scheme_v1",
    "rejects_zero_amount_v1",
  ].map((name) => [name, VERSION_1]),
  ...[
    "accepts_6492_of_deployed_wallet_with_listed_factory",
    "accepts_erc1271",
    "accepts_erc1271_in_settle_phase",
    "accepts_erc1271_long_signature",
    "accepts_erc1271_signature_of_4_kib",
    "accepts_erc1271_signature_of_one_byte",
    "errs_when_the_code_of_the_payer_is_rate_limited",
    "prepares_erc1271_call",
    "prepares_erc1271_call_with_long_signature",
    "prepares_erc6492_call_with_the_inner_signature",
    "rejects_6492_factory_not_listed",
    "rejects_6492_of_undeployed_wallet",
    "rejects_6492_other_factory_than_listed",
    "rejects_erc1271_burning_gas_in_settle_phase",
    "rejects_signature_of_4_kib",
    "rejects_signature_with_a_byte_more",
    "rejects_undeployed_wallet",
  ].map((name) => [name, CONTRACT_WALLET]),
]);

/**
 * The recorded guest asks the chain whether the payer is a contract, which might accept such a signature.
 * This one refuses it for the same reason without asking.
 */
export const REFUSED_UNASKED = new Set([
  "rejects_changed_nonce",
  "rejects_changed_payer",
  "rejects_changed_valid_after",
  "rejects_changed_valid_before",
  "rejects_compact_signature",
  "rejects_erc1271_burning_gas",
  "rejects_erc1271_empty_answer",
  "rejects_erc1271_endless",
  "rejects_erc1271_garbage",
  "rejects_erc1271_garbage_in_settle_phase",
  "rejects_erc1271_other_owner",
  "rejects_erc1271_when_the_node_sees_no_code",
  "rejects_flipped_v",
  "rejects_high_s",
  "rejects_high_s_in_settle_phase",
  "rejects_odd_v",
  "rejects_other_chain_domain",
  "rejects_other_contract_domain",
  "rejects_other_name_domain",
  "rejects_other_signer",
  "rejects_other_version_domain",
  "rejects_payee_changed_after_signing",
  "rejects_signature_of_one_byte",
  "rejects_signature_of_zeros",
  "rejects_truncated_signature",
  "rejects_v_29",
  "rejects_value_raised_after_signing",
]);

export function names() {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

export function read(name) {
  const file = (file) => readFileSync(new URL(`${name}/${file}`, directory), "utf8");
  const lines = file("rpc.jsonl").split("\n").filter((line) => line.trim() !== "");
  return {
    asked: JSON.parse(file("request.json")),
    exchanges: lines.map((line) => JSON.parse(line)),
    clockMs: BigInt(file("clock").trim()),
    expected: JSON.parse(file("expect.json")),
  };
}
