// The scheme's part of the payload: its shape, its payee, its payer, its value.

import { account, AMOUNT, ask, invalid, OTHER_ACCOUNT, pay } from "./payment.mjs";

export async function generate({ write }) {
  const rejects = async (name, options, reason, message, asked = {}) => {
    const payment = await pay(options);
    write(name, {
      request: ask("verify", payment, { phase: "verify", ...asked }),
      expect: invalid(reason, message),
    });
  };
  const garbled = async (name, payload, message) => {
    const payment = await pay();
    payment.paymentPayload.payload = payload(payment.paymentPayload.payload);
    write(name, {
      request: ask("verify", payment, { phase: "verify" }),
      expect: invalid("invalid_payload", message),
    });
  };
  const authorization = (changes) => (payload) => ({
    ...payload,
    authorization: { ...payload.authorization, ...changes },
  });

  // Shape.
  const word = "expected 32 bytes, 0x and 64 hex digits";
  const address = "expected an address, 0x and 40 hex digits";
  const NUMBER = "a uint256 as a decimal string";
  const number = `expected ${NUMBER}`;
  const bytes = "expected a signature, 0x and hex digits of at most 4096 bytes";
  const field = (name, text) => `payload.authorization.${name}: ${text}`;
  const cases = [
    ["rejects_nonce_of_31_bytes", { nonce: `0x${"ab".repeat(31)}` }, "nonce", word],
    ["rejects_nonce_of_33_bytes", { nonce: `0x${"ab".repeat(33)}` }, "nonce", word],
    ["rejects_nonce_without_prefix", { nonce: "ab".repeat(32) }, "nonce", word],
    ["rejects_payer_of_19_bytes", { from: `0x${"ab".repeat(19)}` }, "from", address],
    ["rejects_payer_with_a_letter_that_is_no_digit", { from: `0x${"ab".repeat(19)}ag` }, "from", address],
    ["rejects_payee_of_21_bytes", { to: `0x${"ab".repeat(21)}` }, "to", address],
    ["rejects_value_in_hex", { value: "0x2710" }, "value", number],
    ["rejects_negative_value", { value: "-10000" }, "value", number],
    ["rejects_value_beyond_uint256", { value: String(2n ** 256n) }, "value", number],
    ["rejects_valid_after_with_fraction", { validAfter: "1893455410.5" }, "validAfter", number],
    ["rejects_valid_before_with_exponent", { validBefore: "2e9" }, "validBefore", number],
    ["rejects_value_that_is_a_number", { value: 10000 }, "value", null],
    ["rejects_valid_before_that_is_null", { validBefore: null }, "validBefore", null],
  ];
  for (const [name, changes, path, text] of cases) {
    const [key, value] = Object.entries(changes)[0];
    const wrongType = value === null ? "invalid type: null, " : `invalid type: integer \`${value}\`, `;
    await garbled(name, authorization({ [key]: value }), field(path, text ?? `${wrongType}expected ${NUMBER}`));
  }
  await garbled("rejects_signature_with_half_a_byte", (p) => ({ ...p, signature: `${p.signature}0` }),
    `payload.signature: ${bytes}`);
  await garbled("rejects_signature_beyond_4_kib", (p) => ({ ...p, signature: `0x${"ab".repeat(4097)}` }),
    `payload.signature: ${bytes}`);
  await garbled("rejects_missing_signature", ({ authorization }) => ({ authorization }),
    "payload: missing field `signature`");
  await garbled("rejects_missing_authorization", ({ signature }) => ({ signature }),
    "payload: missing field `authorization`");
  await garbled("rejects_missing_nonce", authorization({ nonce: undefined }),
    "payload.authorization: missing field `nonce`");
  await garbled("rejects_unknown_field_of_the_authorization", authorization({ relayer: OTHER_ACCOUNT }),
    
    "payload.authorization.relayer: unknown field `relayer`, expected one of `from`, `to`, `value`, `validAfter`, `validBefore`, `nonce`");
  await garbled("rejects_permit2_beside_the_authorization", (p) => ({ ...p, permit2Authorization: {} }),
    "payload.permit2Authorization: unknown field `permit2Authorization`, expected `signature` or `authorization`");
  await garbled("rejects_permit2_payload", ({ signature }) => ({ signature, permit2Authorization: {} }),
    "payload.permit2Authorization: unknown field `permit2Authorization`, expected `signature` or `authorization`");
  const object = (found) => `invalid type: ${found}, expected an object`;
  await garbled("rejects_payload_that_is_a_list", (p) => [p.signature, p.authorization], `payload: ${object("sequence")}`);
  await garbled("rejects_authorization_that_is_a_list",
    (p) => ({ ...p, authorization: Object.values(p.authorization) }), `payload.authorization: ${object("sequence")}`);
  await garbled("rejects_payload_that_is_text", () => "0x", `payload: ${object('string "0x"')}`);
  await garbled("rejects_payload_that_is_null", () => null, `payload: ${object("null")}`);

  // Payee.
  await rejects("rejects_other_pay_to", { authorization: { to: OTHER_ACCOUNT } },
    "invalid_exact_evm_payload_recipient_mismatch",
    `authorization.to: expected ${account("payee")}, found ${OTHER_ACCOUNT}`);

  // Payer.
  await rejects("rejects_payer_who_is_the_payee", { key: "payee" }, "invalid_payload",
    "authorization: payer and payee are the same account");
  await rejects("rejects_payer_who_is_the_facilitator", { key: "facilitator" }, "invalid_payload",
    "authorization.from: an account of the facilitator");
  await rejects("rejects_payer_who_is_another_signer_of_ours", {}, "invalid_payload",
    "authorization.from: an account of the facilitator",
    { settings: { signers: [account("facilitator"), account("payer")] } });

  // Value.
  for (const [name, value] of [
    ["rejects_value_plus_one", "10001"],
    ["rejects_value_minus_one", "9999"],
    ["rejects_value_zero", "0"],
    ["rejects_value_wrapped_around", String(2n ** 256n - 1n)],
  ]) {
    await rejects(name, { authorization: { value } },
      "invalid_exact_evm_payload_authorization_value_mismatch",
      `authorization.value: expected ${AMOUNT}, found ${value}`);
  }
}
