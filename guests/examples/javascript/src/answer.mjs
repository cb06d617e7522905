// How a judgement ends early, and what is said about it.

/** Machine codes of refusals. Source: section 9 of the x402 specification, and its scheme `exact` on EVM. */
export const REASON = Object.freeze({
  scheme: "invalid_scheme",
  unsupportedScheme: "unsupported_scheme",
  network: "network_mismatch",
  payload: "invalid_payload",
  requirements: "invalid_payment_requirements",
  funds: "insufficient_funds",
  asset: "asset_not_allowed",
  noContract: "asset_not_deployed_contract",
  noEip3009: "invalid_exact_evm_eip3009_not_supported",
  domain: "invalid_exact_evm_missing_eip712_domain",
  tokenName: "invalid_exact_evm_token_name_mismatch",
  tokenVersion: "invalid_exact_evm_token_version_mismatch",
  signature: "invalid_exact_evm_payload_signature",
  recipient: "invalid_exact_evm_payload_recipient_mismatch",
  value: "invalid_exact_evm_payload_authorization_value_mismatch",
  validAfter: "invalid_exact_evm_payload_authorization_valid_after",
  validBefore: "invalid_exact_evm_payload_authorization_valid_before",
  nonceUsed: "invalid_exact_evm_nonce_already_used",
  simulation: "invalid_exact_evm_transaction_simulation_failed",
  transaction: "invalid_exact_evm_transaction_failed",
  gasLimit: "gas_limit_over_cap",
});

/** The payment is refused: a normal answer. `payer` only once the signature has been verified. */
export class Refusal extends Error {
  constructor(reason, message, payer) {
    super(message);
    this.reason = reason;
    this.payer = payer;
  }
}

/**
 * No verdict. The component's edge turns an error with a `payload` into the `err` of the function's
 * `result`, here `guest-error`; any other error that is thrown ends the instance.
 */
export class Fault extends Error {
  /** @param {"upstream" | "unsupported" | "internal"} tag */
  constructor(tag, message) {
    super(message);
    this.payload = { tag, val: message };
  }
}

/** Strangers' text fit for a message: printable ASCII, everything else as `?`, 200 characters at most. */
export function shown(text) {
  const characters = [];
  for (const character of text) {
    if (characters.length === 200) return `${characters.join("")}...`;
    characters.push(/^[ -~]$/.test(character) ? character : "?");
  }
  return characters.join("");
}
