// Signatures of ordinary accounts. What recovers to the payer in canonical form is good; for anything
// else the guest asks whether the payer is a contract, and here it is not.

import { account, ask, codeOf, forms, invalid, OTHER_ACCOUNT, pay, signerOf, simulation } from "./payment.mjs";

const UNDEPLOYED = "invalid_exact_evm_payload_undeployed_smart_wallet";
const SIGNATURE = "invalid_exact_evm_payload_signature";
const NO_CONTRACT = "; there is no contract at the payer's address to accept another form";

export async function generate({ write, chain }) {
  const rejects = async (name, options, message, { reason = SIGNATURE, phase = "verify" } = {}) => {
    const payment = await pay(options);
    const bytes = payment.signature;
    message ??= `signature: expected that of ${payment.authorization.from}, found ${await signerOf(payment)}`;
    write(name, {
      request: ask("verify", payment, { phase }),
      exchanges: [await chain.exchange(simulation(payment, { phase, bytes }), codeOf(payment.authorization.from))],
      expect: invalid(reason, message),
    });
  };
  const resigned = (name, form, message, more) => rejects(name, { resign: forms[form] }, message, more);
  // Form.
  await resigned("rejects_high_s", "highS", "signature: s is in the upper half of the curve's order");
  await resigned("rejects_high_s_in_settle_phase", "highS", "signature: s is in the upper half of the curve's order",
    { phase: "settle" });
  const parity = (await pay()).signature.endsWith("1b") ? 0 : 1;
  await resigned("rejects_odd_v", "parity", `signature: expected v of 27 or 28, found ${parity}`);
  await resigned("rejects_v_29", "otherV", "signature: expected v of 27 or 28, found 29");
  await resigned("rejects_flipped_v", "flippedV");
  await resigned("rejects_compact_signature", "compact", "signature: expected 65 bytes, found 64");
  await rejects("rejects_truncated_signature", { resign: (signature) => signature.slice(0, -2) },
    "signature: expected 65 bytes, found 64");
  await rejects("rejects_signature_of_one_byte", { resign: () => "0x1b" }, "signature: expected 65 bytes, found 1");
  await rejects("rejects_signature_with_a_byte_more", { resign: (signature) => `${signature}00` },
    `signature: expected 65 bytes, found 66${NO_CONTRACT}`, { reason: UNDEPLOYED });
  await rejects("rejects_signature_of_4_kib", { resign: () => `0x${"ab".repeat(4096)}` },
    `signature: expected 65 bytes, found 4096${NO_CONTRACT}`, { reason: UNDEPLOYED });
  await rejects("rejects_signature_of_zeros", { resign: () => `0x${"00".repeat(64)}1b` },
    "signature: no key can be recovered from it");
  const empty = await pay({ resign: () => "0x" });
  write("rejects_empty_signature", {
    request: ask("verify", empty, { phase: "verify" }),
    expect: invalid(SIGNATURE, "signature: expected 65 bytes, found none"),
  });

  // Signer.
  await rejects("rejects_other_signer", { key: "pauper", from: account("payer") });

  // What was signed: another domain, or another authorization.
  await rejects("rejects_other_chain_domain", { domain: { chainId: 8453 } });
  await rejects("rejects_other_contract_domain", { domain: { verifyingContract: OTHER_ACCOUNT } });
  await rejects("rejects_other_name_domain", { domain: { name: "USD Coin" } });
  await rejects("rejects_other_version_domain", { domain: { version: "1" } });
  await rejects("rejects_changed_valid_before", { after: { validBefore: "4102444800" } });
  await rejects("rejects_changed_valid_after", { after: { validAfter: "0" } });
  await rejects("rejects_changed_nonce", { after: { nonce: `0x${"00".repeat(32)}` } });
  await rejects("rejects_changed_payer", { after: { from: account("pauper") } });
  await rejects("rejects_value_raised_after_signing",
    { authorization: { value: "9999" }, after: { value: "10000" } });
  await rejects("rejects_payee_changed_after_signing",
    { authorization: { to: OTHER_ACCOUNT }, after: { to: account("payee") } });
}
