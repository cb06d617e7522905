// The call that settles, and its gas ceiling.

import { ASSET } from "../../../devnet/evm.mjs";
import { AMOUNT, ask, FACTORY, failure, OTHER_ACCOUNT, pay, paymentId, settlement, valid, wrapped } from "./payment.mjs";

export async function generate({ write, chain }) {
  const prepares = async (name, options, { carry = "", gasCeiling = "200000", bytes, settings } = {}) => {
    const payment = await pay(options);
    write(name, {
      request: ask("prepare", payment, { settings, valid: { ...valid(payment).valid, carry } }),
      expect: {
        intent: { evmCall: { to: ASSET.toLowerCase(), data: settlement(payment, { bytes: bytes?.(payment) }), gasCeiling } },
      },
    });
  };
  await prepares("prepares_eoa_call", {}, { carry: '{"gas":80000}', gasCeiling: "110000" });
  await prepares("prepares_eoa_call_v1", { version: 1 }, { carry: '{"gas":80001}', gasCeiling: "110001" });
  await prepares("prepares_within_the_gas_cap", {}, { carry: '{"gas":190000}', gasCeiling: "200000" });
  await prepares("prepares_with_the_gas_cap_without_estimate", {});
  await prepares("prepares_within_the_gas_cap_whatever_is_carried", {}, {
    carry: '{"gas":18446744073709551615}',
    gasCeiling: "200000",
  });
  const bytes = ({ signature }) => signature;
  await prepares("prepares_erc1271_call", { key: "smartWalletOwner", from: chain.entry.smart_wallet.address }, { bytes });
  await prepares("prepares_erc1271_call_with_long_signature",
    { from: OTHER_ACCOUNT, resign: () => `0x${"ab".repeat(100)}` }, { bytes });
  const inner = `0x${"cd".repeat(70)}`;
  await prepares("prepares_erc6492_call_with_the_inner_signature",
    { from: OTHER_ACCOUNT, resign: () => wrapped(FACTORY, "0x", inner) },
    { bytes: () => inner, settings: { erc6492Factories: [FACTORY] } });

  const errs = async (name, options, message, changes = {}) => {
    const payment = await pay(options);
    write(name, {
      request: ask("prepare", payment, { valid: { ...valid(payment).valid, ...changes } }),
      expect: failure("internal", message),
    });
  };
  await errs("errs_on_preparing_a_payment_that_is_not_valid", { authorization: { value: "10001" } },
    "not a verified payment: invalid_exact_evm_payload_authorization_value_mismatch: " +
      `authorization.value: expected ${AMOUNT}, found 10001`);
  await errs("errs_on_preparing_another_payment", {}, "the verified payment is another one", {
    paymentId: paymentId(await pay({ authorization: { nonce: `0x${"01".repeat(32)}` } })),
  });
  await errs("errs_on_a_carry_that_is_not_ours", {}, "valid.carry: expected value at line 1 column 1", { carry: "gas" });
}
