// Asks the chain whether the settlement would succeed now: one round trip when it would.
//
// Before `/verify` answers, `eth_call`; before the host signs, `eth_estimateGas`, which executes the same
// and tells the gas as well. Both on `latest`: estimating on `pending` fails on some nodes.

import * as abi from "./abi.mjs";
import { REASON, Refusal } from "./answer.mjs";
import { diagnose } from "./diagnose.mjs";
import { ETH_CALL, ETH_ESTIMATE_GAS, LATEST, ask, dataOf, failureOf, gasOf } from "./rpc.mjs";

/** A settlement marks its nonce as used, which alone costs 20,000 on top of any transaction's 21,000:
 *  one that needs less does nothing. At an address without code every call succeeds. */
const LEAST_GAS = 41_000n;

const quantity = (number) => `0x${number.toString(16)}`;

/**
 * @param {{v: string, r: string, s: string}} signature
 * @returns {bigint | undefined} its gas, in the settle phase
 * @throws {Refusal} if the settlement would fail, with the payer: the signature is the payer's
 */
export function simulate(network, payment, signature, phase) {
  const { maxGas } = payment.settings;
  const [method, transaction] = settlement(payment, signature, phase);
  const { tag, val } = ask(network, method, [transaction, LATEST]);
  const outcome = tag === "err" ? failureOf(val, maxGas) : outcomeOf(val, phase, maxGas);
  if (outcome.succeeds) return outcome.gas;
  const refusal = outcome.outOfGas
    ? new Refusal(REASON.gasLimit, `the transfer needs more than ${maxGas} gas`)
    : diagnose(network, payment, outcome.words);
  refusal.payer = payment.authorization.from;
  throw refusal;
}

function settlement({ terms, authorization, settings }, signature, phase) {
  const transaction = { from: settings.sender, to: terms.asset, data: abi.transfer(authorization, signature) };
  if (phase === "verify") return [ETH_CALL, { ...transaction, gas: quantity(settings.maxGas) }];
  const { maxFeePerGas } = settings;
  const fee = maxFeePerGas === undefined ? {} : { maxFeePerGas: quantity(maxFeePerGas) };
  return [ETH_ESTIMATE_GAS, { ...transaction, ...fee }];
}

function outcomeOf(result, phase, maxGas) {
  if (phase === "verify") {
    // The function returns nothing; some tokens say `true`.
    const data = dataOf(ETH_CALL, result);
    const succeeds = data === "0x" || abi.singleWord(data) === 1n;
    return succeeds ? { succeeds } : { words: "unexpected return data" };
  }
  const gas = gasOf(result);
  if (gas < LEAST_GAS) return { words: "it would change nothing" };
  return gas > maxGas ? { outOfGas: true } : { succeeds: true, gas };
}
