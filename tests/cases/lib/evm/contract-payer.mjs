// Contract wallets (ERC-1271) and wrapped signatures (ERC-6492). The wallets that misbehave are a few
// bytes of code each, put at fixed addresses.

import { getAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ASSET } from "../../../devnet/evm.mjs";
import { mintTo } from "./tokens.mjs";
import {
  ask, codeOf, diagnosis, FACTORY, invalid, pay, settings, simulation, valid, wrapped,
} from "./payment.mjs";

const UNDEPLOYED = "invalid_exact_evm_payload_undeployed_smart_wallet";
const NOBODY = getAddress("0x0000000000000000000000000000000000c0ffee");
const MAGIC = "631626ba7e60e01b5f5260205ff3"; // returns what ERC-1271 calls a valid signature

/** Runtime code by what the wallet does when it is asked. */
const WALLETS = {
  yes: { address: getAddress("0x0000000000000000000000000000000000a11000"), code: `0x${MAGIC}` },
  garbage: { address: getAddress("0x0000000000000000000000000000000000a11001"), code: `0x7f${"ff".repeat(32)}5f5260205ff3` },
  silent: { address: getAddress("0x0000000000000000000000000000000000a11002"), code: "0x00" },
  // Hashes half a megabyte of fresh memory first, which costs about 670,000 gas.
  burning: { address: getAddress("0x0000000000000000000000000000000000a11003"), code: `0x620800005f2050${MAGIC}` },
  endless: { address: getAddress("0x0000000000000000000000000000000000a11004"), code: "0x5b5f56" },
};

export async function generate({ write, chain }) {
  await chain.aside(async () => {
    for (const { address, code } of Object.values(WALLETS)) {
      await chain.rpc("anvil_setCode", [address, code]);
      await mintTo(chain, address, 10_000_000n);
    }
    await contractWallets({ write, chain });
    await wrappedSignatures({ write, chain });
  });
}

/** A round trip with the simulation and the payer's code; the bytes are the signature if nothing else. */
const asked = (chain, payment, { phase = "verify", bytes = payment.signature, settings } = {}) =>
  chain.exchange(simulation(payment, { phase, bytes, settings }), codeOf(payment.authorization.from));

async function contractWallets({ write, chain }) {
  const { address } = chain.entry.smart_wallet;
  const accepts = async (name, options, { phase = "verify" } = {}) => {
    const payment = await pay(options);
    const exchange = await asked(chain, payment, { phase });
    const gas = phase === "settle" ? Number(exchange.answers[0].result) : undefined;
    write(name, {
      request: ask("verify", payment, { phase }),
      exchanges: [exchange],
      expect: valid(payment, { gas }),
    });
  };
  const rejects = async (name, options, { phase = "verify", reason, message, diagnosed = true }) => {
    const payment = await pay(options);
    const exchanges = [await asked(chain, payment, { phase })];
    if (diagnosed) exchanges.push(await chain.exchange(...diagnosis(payment)));
    write(name, { request: ask("verify", payment, { phase }), exchanges, expect: invalid(reason, message) });
  };

  const wallet = { key: "smartWalletOwner", from: address };
  await accepts("accepts_erc1271", wallet);
  await accepts("accepts_erc1271_in_settle_phase", wallet, { phase: "settle" });
  const long = { from: WALLETS.yes.address, resign: () => `0x${"ab".repeat(500)}` };
  await accepts("accepts_erc1271_long_signature", long);
  await accepts("accepts_erc1271_signature_of_one_byte", { ...long, resign: () => "0x01" });
  await accepts("accepts_erc1271_signature_of_4_kib", { ...long, resign: () => `0x${"ab".repeat(4096)}` });

  const refused = {
    reason: "invalid_exact_evm_payload_signature",
    message: "the transfer fails: FiatTokenV2: invalid signature",
  };
  await rejects("rejects_erc1271_other_owner", { key: "payer", from: address }, refused);
  await rejects("rejects_erc1271_garbage", { from: WALLETS.garbage.address }, refused);
  await rejects("rejects_erc1271_garbage_in_settle_phase", { from: WALLETS.garbage.address }, { phase: "settle", ...refused });
  await rejects("rejects_erc1271_empty_answer", { from: WALLETS.silent.address }, refused);
  // The wallet's own failure is all that the token tells, so that is what the guest can tell.
  await rejects("rejects_erc1271_burning_gas", { from: WALLETS.burning.address }, refused);
  await rejects("rejects_erc1271_endless", { from: WALLETS.endless.address }, refused);
  await rejects("rejects_erc1271_burning_gas_in_settle_phase", { from: WALLETS.burning.address }, {
    phase: "settle",
    reason: "gas_limit_over_cap",
    message: `the transfer needs more than ${settings().maxGas} gas`,
    diagnosed: false,
  });
  await rejects("rejects_undeployed_wallet", { from: NOBODY, resign: () => `0x${"ab".repeat(200)}` }, {
    reason: UNDEPLOYED,
    message: "signature: expected 65 bytes, found 200; there is no contract at the payer's address to accept another form",
    diagnosed: false,
  });

  // A node that forgets the code of a wallet says that there is none, and that is no signature.
  const payment = await pay(wallet);
  const [request, code] = [simulation(payment, { bytes: payment.signature }), codeOf(address)];
  write("rejects_erc1271_when_the_node_sees_no_code", {
    request: ask("verify", payment, { phase: "verify" }),
    exchanges: [{ requests: [request, code], answers: [{ result: "0x" }, { result: "0x" }] }],
    expect: invalid("invalid_exact_evm_payload_signature",
      `signature: expected that of ${address}, found ${ownerOf(chain)}`),
  });
}

function ownerOf(chain) {
  return privateKeyToAccount(chain.entry.smart_wallet.owner_key).address;
}

async function wrappedSignatures({ write, chain }) {
  const listed = { erc6492Factories: [FACTORY] };
  const inner = `0x${"ab".repeat(65)}`;
  const wrap = (factory = FACTORY) => () => wrapped(factory, "0x12345678", inner);
  const rejects = async (name, options, reason, message, changes = {}, exchange = undefined) => {
    const payment = await pay(options);
    write(name, {
      request: ask("verify", payment, { phase: "verify", settings: changes }),
      exchanges: exchange ? [await exchange(payment)] : [],
      expect: invalid(reason, message),
    });
  };
  const deployed = { from: WALLETS.yes.address };

  const payment = await pay({ ...deployed, resign: wrap() });
  write("accepts_6492_of_deployed_wallet_with_listed_factory", {
    request: ask("verify", payment, { phase: "verify", settings: listed }),
    exchanges: [await asked(chain, payment, { bytes: inner })],
    expect: valid(payment),
  });
  const notAllowed = (factory) => `ERC-6492 factory ${factory} is not allowed`;
  await rejects("rejects_6492_factory_not_listed", { ...deployed, resign: wrap() },
    "eip6492_factory_not_allowed", notAllowed(FACTORY));
  await rejects("rejects_6492_other_factory_than_listed", { ...deployed, resign: wrap(ASSET) },
    "eip6492_factory_not_allowed", notAllowed(ASSET), listed);
  await rejects("rejects_6492_of_undeployed_wallet", { from: NOBODY, resign: wrap() },
    UNDEPLOYED, "the payer's contract wallet is not deployed, and is not deployed here", listed,
    (payment) => asked(chain, payment, { bytes: inner }));
  const malformed = "signature: malformed ERC-6492 wrapper";
  const suffix = "6492".repeat(16);
  const badLength = `0x${wrapped(FACTORY, "0x", inner).slice(2, -64 * 2)}${suffix}`;
  for (const [name, signature] of [
    ["rejects_6492_suffix_alone", `0x${suffix}`],
    ["rejects_6492_truncated", badLength],
    ["rejects_6492_with_offset_beyond_the_end", `0x${"0".repeat(24)}${FACTORY.slice(2)}${"f".repeat(128)}${suffix}`],
    ["rejects_6492_with_dirty_factory_word", `0x01${wrapped(FACTORY, "0x", inner).slice(4)}`],
  ]) {
    await rejects(name, { ...deployed, resign: () => signature }, "invalid_exact_evm_payload_signature", malformed, listed);
  }
}
