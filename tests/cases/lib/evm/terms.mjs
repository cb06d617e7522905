// Scheme, network, accepted option, amount, asset, domain: what has to be paid.

import { ASSET, NETWORK_CAIP2 } from "../../../devnet/evm.mjs";
import { account, ask, failure, invalid, OTHER_ACCOUNT, pay, simulation, valid } from "./payment.mjs";

export async function generate({ write, chain }) {
  const accepts = async (name, options, asked = {}) => {
    const payment = await pay(options);
    const { phase = "verify" } = asked;
    const exchange = await chain.exchange(simulation(payment, asked));
    const gas = phase === "settle" ? Number(exchange.answers[0].result) : undefined;
    write(name, {
      request: ask("verify", payment, { phase, ...asked }),
      exchanges: [exchange],
      expect: valid(payment, { gas }),
    });
  };
  const rejects = async (name, options, reason, message, asked = {}) => {
    const payment = await pay(options);
    write(name, {
      request: ask("verify", payment, { phase: "verify", ...asked }),
      expect: invalid(reason, message),
    });
  };

  await accepts("accepts_eoa_v2", {});
  await accepts("accepts_eoa_v1", { version: 1 });
  await accepts("accepts_eoa_v2_in_settle_phase", {}, { phase: "settle" });
  await accepts("accepts_eoa_v1_in_settle_phase", { version: 1 }, { phase: "settle" });
  await accepts("accepts_settlement_without_known_fee", {}, {
    phase: "settle",
    settings: { maxFeePerGas: undefined },
  });

  // Scheme.
  const scheme = (whose) => `scheme of ${whose}: expected exact, found upto`;
  await rejects("rejects_other_scheme_accepted", { accepted: { scheme: "upto" } }, "invalid_scheme", scheme("paymentPayload"));
  await rejects("rejects_other_scheme_required", { required: { scheme: "upto" }, accepted: { scheme: "exact" } },
    "invalid_scheme", scheme("paymentRequirements"));
  await rejects("rejects_other_scheme_v1", { version: 1, chosen: { scheme: "upto" } }, "invalid_scheme", scheme("paymentPayload"));
  write("errs_on_a_route_of_another_scheme", {
    request: ask("verify", await pay(), { phase: "verify", route: { scheme: "upto" } }),
    expect: failure("unsupported", "scheme upto, expected exact"),
  });
  for (const [name, network] of [
    ["errs_on_a_route_of_another_family", "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1"],
    ["errs_on_a_route_of_another_namespace", "xip155:84532"],
    ["errs_on_a_chain_id_with_leading_zero", "eip155:084532"],
  ]) {
    write(name, {
      request: ask("verify", await pay(), { phase: "verify", route: { network } }),
      expect: failure("unsupported", `network ${network}, expected eip155:<chain id>`),
    });
  }

  // Network.
  const network = (whose, expected, found) => `network of ${whose}: expected ${expected}, found ${found}`;
  await rejects("rejects_other_network_accepted", { accepted: { network: "eip155:8453" } },
    "network_mismatch", network("paymentPayload", NETWORK_CAIP2, "eip155:8453"));
  await rejects("rejects_other_network_required", { required: { network: "eip155:8453" } },
    "network_mismatch", network("paymentRequirements", NETWORK_CAIP2, "eip155:8453"));
  await rejects("rejects_network_name_in_v2", { required: { network: "base-sepolia" } },
    "network_mismatch", network("paymentRequirements", NETWORK_CAIP2, "base-sepolia"));
  await rejects("rejects_other_network_name_v1", { version: 1, chosen: { network: "base" } },
    "network_mismatch", network("paymentPayload", "base-sepolia", "base"));
  await rejects("rejects_other_network_required_v1", { version: 1, required: { network: "base" } },
    "network_mismatch", network("paymentRequirements", "base-sepolia", "base"));
  await rejects("rejects_caip2_network_in_v1", { version: 1, required: { network: NETWORK_CAIP2 } },
    "network_mismatch", network("paymentRequirements", "base-sepolia", NETWORK_CAIP2));

  // Accepted equals required.
  const terms = "invalid_payment_requirements";
  await rejects("rejects_accepted_amount_plus_one", { accepted: { amount: "10001" } }, terms,
    "accepted.amount: expected 10000, found 10001");
  await rejects("rejects_accepted_amount_minus_one", { accepted: { amount: "9999" } }, terms,
    "accepted.amount: expected 10000, found 9999");
  await rejects("rejects_accepted_other_asset", { accepted: { asset: OTHER_ACCOUNT } }, terms,
    `accepted.asset: expected ${ASSET}, found ${OTHER_ACCOUNT}`);
  await rejects("rejects_accepted_other_pay_to", { accepted: { payTo: OTHER_ACCOUNT } }, terms,
    `accepted.payTo: expected ${account("payee")}, found ${OTHER_ACCOUNT}`);
  await rejects("rejects_accepted_other_transfer_method",
    { accepted: { extra: { name: "USDC", version: "2", assetTransferMethod: "permit2" } } }, terms,
    "accepted.extra.assetTransferMethod differs from the requirements");
  await accepts("accepts_addresses_in_other_case", {
    required: { asset: ASSET.toLowerCase() },
    accepted: { asset: `0x${ASSET.slice(2).toUpperCase()}`, payTo: account("payee").toLowerCase() },
    after: { to: account("payee").toLowerCase() },
  });
  await accepts("accepts_a_leading_zero_in_the_amount", { required: { amount: "010000" }, accepted: { amount: "10000" },
    authorization: { value: "10000" } });

  // payTo and asset are addresses.
  for (const [name, payTo] of [
    ["rejects_pay_to_of_19_bytes", account("payee").slice(0, 40)],
    ["rejects_pay_to_without_prefix", account("payee").slice(2)],
    ["rejects_pay_to_that_is_a_name", "payee.eth"],
  ]) {
    await rejects(name, { required: { payTo }, authorization: { to: account("payee") } }, terms,
      `paymentRequirements.payTo: expected 0x and 40 hex digits, found ${payTo}`);
  }
  await rejects("rejects_zero_pay_to", { required: { payTo: `0x${"0".repeat(40)}` } }, terms,
    "payTo: expected an account, found the zero address");
  await rejects("rejects_asset_of_21_bytes", { required: { asset: `${ASSET}00` }, domain: { verifyingContract: ASSET } }, terms,
    `paymentRequirements.asset: expected 0x and 40 hex digits, found ${ASSET}00`);

  // Amount.
  await rejects("rejects_zero_amount", { required: { amount: "0" } }, terms, "amount: expected more than zero");
  await rejects("rejects_zero_amount_v1", { version: 1, required: { amount: "000" }, authorization: { value: "0" } }, terms,
    "amount: expected more than zero");
  await accepts("accepts_amount_at_the_floor", {}, { settings: { minAmount: "10000" } });
  await rejects("rejects_amount_below_the_floor", {}, terms, "amount: expected at least 10001, found 10000",
    { settings: { minAmount: "10001" } });
  await rejects("rejects_amount_beyond_uint256",
    { required: { amount: String(2n ** 256n) }, authorization: { value: "1" } }, terms,
    "amount: expected at most a uint256");

  // How the asset moves.
  const extra = (assetTransferMethod) => ({ required: { extra: { name: "USDC", version: "2", assetTransferMethod } } });
  await accepts("accepts_transfer_method_eip3009", extra("eip3009"));
  await accepts("accepts_transfer_method_null", extra(null));
  await rejects("rejects_transfer_method_permit2", extra("permit2"), "unsupported_scheme",
    'assetTransferMethod: expected eip3009, found "permit2"');
  await rejects("rejects_transfer_method_that_is_no_text", extra(3009), "unsupported_scheme",
    "assetTransferMethod: expected eip3009, found 3009");

  // Asset.
  await rejects("rejects_asset_that_is_not_listed", { required: { asset: OTHER_ACCOUNT } }, "asset_not_allowed",
    `asset ${OTHER_ACCOUNT} is not allowed on ${NETWORK_CAIP2}`);
  await rejects("rejects_every_asset_when_none_is_listed", {}, "asset_not_allowed",
    `asset ${ASSET} is not allowed on ${NETWORK_CAIP2}`, { settings: { assets: [] } });

  // Domain.
  const missing = (key) => `paymentRequirements.extra.${key}: expected a non-empty string`;
  const domain = { name: "USDC", version: "2" };
  for (const [name, required, key] of [
    ["rejects_missing_domain", { extra: undefined }, "name"],
    ["rejects_null_domain", { extra: null }, "name"],
    ["rejects_missing_domain_name", { extra: { version: "2" } }, "name"],
    ["rejects_missing_domain_version", { extra: { name: "USDC" } }, "version"],
    ["rejects_empty_domain_name", { extra: { name: "", version: "2" } }, "name"],
    ["rejects_domain_version_that_is_no_text", { extra: { name: "USDC", version: 2 } }, "version"],
  ]) {
    await rejects(name, { required, domain }, "invalid_exact_evm_missing_eip712_domain", missing(key));
  }
}
