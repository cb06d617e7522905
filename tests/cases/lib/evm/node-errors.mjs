// A node or a host that fails says nothing of the payment: no verdict, and the caller may try again.

import { ask, codeOf, diagnosis, failure, pay, simulation } from "./payment.mjs";

export async function generate({ write, chain }) {
  const payment = await pay();
  const errs = (name, exchanges, message, { phase = "verify", of = payment, settings } = {}) =>
    write(name, {
      request: ask("verify", of, { phase, settings }),
      exchanges,
      expect: failure("upstream", message),
    });
  const answered = (answer, phase = "verify") => [{ requests: [simulation(payment, { phase })], answers: [answer] }];
  const code = (number) => `the node answered with JSON-RPC error ${number}`;

  errs("errs_when_no_endpoint_answers", [{ requests: [simulation(payment)], unavailable: "no endpoint answered" }],
    "no endpoint answered");
  errs("errs_when_rate_limited", answered({ error: { code: -32005, message: "limit exceeded" } }), code(-32005));
  errs("errs_on_internal_error_of_the_node", answered({ error: { code: -32603, message: "Internal error" } }), code(-32603));
  errs("errs_when_the_node_lacks_the_method",
    answered({ error: { code: -32601, message: "the method eth_call does not exist" } }), code(-32601));
  errs("errs_when_the_node_lacks_the_block", answered({ error: { code: -32000, message: "header not found" } }), code(-32000));
  errs("errs_on_a_result_that_is_no_text", answered({ result: null }), "the node's answer to eth_call has an unexpected shape");
  errs("errs_on_a_result_that_is_no_hex", answered({ result: "ok" }), "the node's answer to eth_call is no data");
  errs("errs_on_an_estimate_that_is_no_quantity", answered({ result: "0x" }, "settle"),
    "the node's answer to eth_estimateGas is no quantity", { phase: "settle" });

  // The facilitator's own account: nothing that a payer could mend.
  const ours = "the facilitator's account cannot pay the network's fee now";
  await chain.aside(async () => {
    await chain.rpc("anvil_setBalance", [chain.entry.facilitator, "0x1"]);
    errs("errs_when_our_account_cannot_pay", [await chain.exchange(simulation(payment, { phase: "settle" }))], ours,
      { phase: "settle" });
  });
  errs("errs_when_the_fee_is_below_the_base_fee",
    answered({ error: { code: -32000, message: "max fee per gas less than block base fee" } }, "settle"), ours,
    { phase: "settle" });
  errs("errs_when_geth_bounds_the_estimate_by_our_balance",
    answered({ error: { code: -32000, message: "gas required exceeds allowance (21000)" } }, "settle"), ours,
    { phase: "settle" });

  // The diagnosis fails: why the payment is bad is not known, and a guess could be wrong.
  const reverted = answered({ error: { code: 3, message: "execution reverted" } });
  errs("errs_when_the_diagnosis_is_unavailable", [
    ...reverted,
    { requests: diagnosis(payment), unavailable: "no endpoint answered" },
  ], "no endpoint answered");
  const limited = await chain.exchange(...diagnosis(payment));
  limited.answers[0] = { error: { code: -32005, message: "limit exceeded" } };
  errs("errs_when_a_part_of_the_diagnosis_is_rate_limited", [...reverted, limited], code(-32005));

  // A contract payer's code cannot be had.
  const wallet = await pay({ key: "smartWalletOwner", from: chain.entry.smart_wallet.address });
  const exchange = await chain.exchange(simulation(wallet, { bytes: wallet.signature }), codeOf(wallet.authorization.from));
  const withoutCode = structuredClone(exchange);
  withoutCode.answers[1] = { error: { code: -32005, message: "limit exceeded" } };
  errs("errs_when_the_code_of_the_payer_is_rate_limited", [withoutCode], code(-32005), { of: wallet });

  // Settings that the host got wrong.
  for (const [name, settings, message] of [
    ["errs_on_a_sender_that_is_no_address", { sender: "0x" }, "settings.sender: expected an address"],
    ["errs_on_a_signer_that_is_no_address", { signers: ["0x"] }, "settings.signers: expected addresses"],
    ["errs_without_gas_cap", { maxGas: 0 }, "settings.maxGas: expected more than zero"],
  ]) {
    write(name, {
      request: ask("verify", payment, { phase: "verify", settings }),
      expect: failure("internal", message),
    });
  }
}
