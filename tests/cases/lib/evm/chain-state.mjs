// Payments that only the chain can refuse, and the gas that a settlement may use.

import { privateKeyToAccount } from "viem/accounts";
import { ASSET } from "../../../devnet/evm.mjs";
import {
  account, AMOUNT, ask, diagnosis, encode, invalid, NONCE, NOW, pay, settings, settlement, simulation, valid,
} from "./payment.mjs";
import { mintTo, send } from "./tokens.mjs";

export async function generate({ write, chain }) {
  const payer = account("payer");
  /** The simulation fails, and the diagnosis tells why. */
  const rejects = async (name, options, reason, message, asked = {}) => {
    const { phase = "verify" } = asked;
    const payment = await pay(options);
    write(name, {
      request: ask("verify", payment, { phase, ...asked }),
      exchanges: [
        await chain.exchange(simulation(payment, asked)),
        await chain.exchange(...diagnosis(payment)),
      ],
      expect: invalid(reason, message, payment.authorization.from),
    });
  };

  // Nonce.
  const used = `nonce ${NONCE} of the payer is used or cancelled`;
  await chain.aside(async () => {
    await send(chain, account("deployer"), ASSET, settlement(await pay()));
    await rejects("rejects_used_nonce", {}, "invalid_exact_evm_nonce_already_used", used);
    await rejects("rejects_used_nonce_in_settle_phase", {}, "invalid_exact_evm_nonce_already_used", used, { phase: "settle" });
    await rejects("rejects_used_nonce_of_another_authorization", { authorization: { validAfter: "0" } },
      "invalid_exact_evm_nonce_already_used", used);
  });
  await chain.aside(async () => {
    const signature = await privateKeyToAccount(chain.entry.payer_key).signTypedData({
      domain: { name: "USDC", version: "2", chainId: chain.entry.chain_id, verifyingContract: ASSET },
      types: { CancelAuthorization: [{ name: "authorizer", type: "address" }, { name: "nonce", type: "bytes32" }] },
      primaryType: "CancelAuthorization",
      message: { authorizer: payer, nonce: NONCE },
    });
    await send(chain, account("deployer"), ASSET, encode("cancelAuthorization", [payer, NONCE, signature]));
    await rejects("rejects_cancelled_nonce", {}, "invalid_exact_evm_nonce_already_used", used);
  });

  // Balance.
  const pauper = { key: "pauper" };
  const funds = (balance) => `balance: expected at least ${AMOUNT}, found ${balance}`;
  await rejects("rejects_empty_balance", pauper, "insufficient_funds", funds(0));
  await rejects("rejects_empty_balance_in_settle_phase", pauper, "insufficient_funds", funds(0), { phase: "settle" });
  await chain.aside(async () => {
    await mintTo(chain, account("pauper"), 9999n);
    await rejects("rejects_balance_one_short", pauper, "insufficient_funds", funds(9999));
    await mintTo(chain, account("pauper"), 1n);
    const payment = await pay(pauper);
    write("accepts_whole_balance", {
      request: ask("verify", payment, { phase: "verify" }),
      exchanges: [await chain.exchange(simulation(payment))],
      expect: valid(payment),
    });
    // The balance is not to blame when it is enough.
    write("rejects_whole_balance_of_a_blocked_payer", {
      request: ask("verify", payment, { phase: "verify" }),
      exchanges: [
        { requests: [simulation(payment)], answers: [{ error: { code: 3, message: "execution reverted: blocked" } }] },
        await chain.exchange(...diagnosis(payment)),
      ],
      expect: invalid("invalid_exact_evm_transaction_simulation_failed", "the transfer fails: blocked",
        payment.authorization.from),
    });
  });

  // The token's own domain.
  await rejects("rejects_token_name_mismatch", { required: { extra: { name: "USD Coin", version: "2" } } },
    "invalid_exact_evm_token_name_mismatch", "extra.name: expected the token's USDC, found USD Coin");
  await rejects("rejects_token_version_mismatch", { required: { extra: { name: "USDC", version: "1" } } },
    "invalid_exact_evm_token_version_mismatch", "extra.version: expected the token's 2, found 1");

  // What is at the asset's address. Without code every call succeeds, and nothing happens: the gas tells.
  await chain.aside(async () => {
    await chain.rpc("anvil_setCode", [ASSET, "0x"]);
    await rejects("rejects_asset_without_code", {}, "asset_not_deployed_contract",
      `there is no contract at ${ASSET}`, { phase: "settle" });
  });
  await chain.aside(async () => {
    await chain.rpc("anvil_setCode", [ASSET, "0x00"]);
    await rejects("rejects_asset_that_does_nothing", {}, "invalid_exact_evm_eip3009_not_supported",
      `${ASSET} has no authorizationState (EIP-3009)`, { phase: "settle" });
  });
  await chain.aside(async () => {
    await chain.rpc("anvil_setCode", [ASSET, "0x5f5ffd"]); // reverts, whatever is asked
    await rejects("rejects_asset_without_eip3009", {}, "invalid_exact_evm_eip3009_not_supported",
      `${ASSET} has no authorizationState (EIP-3009)`);
  });

  // The block's clock is not ours.
  await rejects("rejects_what_the_last_block_finds_too_early", { authorization: { validAfter: String(NOW - 1) } },
    "invalid_exact_evm_payload_authorization_valid_after",
    "the transfer fails: FiatTokenV2: authorization is not yet valid");

  await chain.aside(async () => {
    await chain.rpc("evm_setNextBlockTimestamp", [NOW + 10]);
    await chain.rpc("evm_mine");
    await rejects("rejects_what_the_last_block_finds_too_late", { authorization: { validBefore: String(NOW + 6) } },
      "invalid_exact_evm_payload_authorization_valid_before",
      "the transfer fails: FiatTokenV2: authorization is expired");
  });

  // Gas.
  const payment = await pay();
  const gas = Number(await chain.rpc("eth_estimateGas", simulation(payment, { phase: "settle" }).params));
  for (const [name, maxGas, expect] of [
    ["accepts_gas_at_the_cap", gas, valid(payment, { gas })],
    ["rejects_gas_over_the_cap", gas - 1, invalid("gas_limit_over_cap", `the transfer needs more than ${gas - 1} gas`, payer)],
  ]) {
    write(name, {
      request: ask("verify", payment, { phase: "settle", settings: { maxGas } }),
      exchanges: [await chain.exchange(simulation(payment, { phase: "settle", settings: { maxGas } }))],
      expect,
    });
  }
  const starved = { settings: { maxGas: 40000 } };
  const exchange = await chain.exchange(simulation(payment, starved));
  write("rejects_running_out_of_gas", {
    request: ask("verify", payment, { phase: "verify", ...starved }),
    exchanges: [exchange],
    expect: invalid("gas_limit_over_cap", "the transfer needs more than 40000 gas", payer),
  });

  // What the token returns. Written by hand: the devnet's token returns nothing, as USDC does.
  const returned = (name, phase, result, expect, more = []) =>
    write(name, {
      request: ask("verify", payment, { phase }),
      exchanges: [{ requests: [simulation(payment, { phase })], answers: [{ result }] }, ...more],
      expect,
    });
  const healthy = await chain.exchange(...diagnosis(payment));
  const word = (last) => `0x${"0".repeat(62)}${last}`;
  const odd = "the transfer fails: unexpected return data";
  returned("accepts_token_that_returns_true", "verify", word("01"), valid(payment));
  for (const [name, result] of [
    ["rejects_token_that_returns_false", word("00")],
    ["rejects_token_that_returns_two", word("02")],
    ["rejects_token_that_returns_a_byte", "0x01"],
    ["rejects_token_that_returns_two_words", `${word("01")}${word("01").slice(2)}`],
  ]) {
    returned(name, "verify", result,
      invalid("invalid_exact_evm_transaction_simulation_failed", odd, payer), [healthy]);
  }

  // What a token says that has more rules than EIP-3009.
  const reverting = (name, error, message) =>
    write(name, {
      request: ask("verify", payment, { phase: "verify" }),
      exchanges: [{ requests: [simulation(payment)], answers: [{ error }] }, healthy],
      expect: invalid("invalid_exact_evm_transaction_simulation_failed", message, payer),
    });
  reverting("rejects_payer_whom_the_token_blocks",
    { code: 3, message: "execution reverted: Blacklistable: account is blacklisted" },
    "the transfer fails: Blacklistable: account is blacklisted");
  reverting("rejects_revert_without_words", { code: -32000, message: "execution reverted" },
    "the transfer fails without saying why");
  reverting("rejects_revert_with_unprintable_words",
    { code: 3, message: "execution reverted: <b>\u001b[31m\n\u202e" }, "the transfer fails: <b>?[31m??");
  reverting("rejects_revert_with_endless_words", { code: 3, message: `execution reverted: ${"x".repeat(5000)}` },
    `the transfer fails: ${"x".repeat(200)}...`);
  reverting("rejects_custom_error", { code: 3, message: "execution reverted", data: "0xe450d38c" },
    "the transfer fails: custom error 0xe450d38c");

  // Empty data is never an answer to a question.
  const emptied = structuredClone(healthy);
  emptied.answers[1] = { result: "0x" };
  write("rejects_empty_authorization_state", {
    request: ask("verify", payment, { phase: "verify" }),
    exchanges: [
      { requests: [simulation(payment)], answers: [{ error: { code: 3, message: "execution reverted" } }] },
      emptied,
    ],
    expect: invalid("invalid_exact_evm_eip3009_not_supported", `${ASSET} has no authorizationState (EIP-3009)`, payer),
  });
}
