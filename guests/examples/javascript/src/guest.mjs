// x402 version 2, scheme `exact`, on EVM chains, by EIP-3009 `transferWithAuthorization` of ordinary
// accounts: a guest in plain JavaScript. This file is the component's edge and the order of the checks.
//
// An instance lives for one call, so nothing is kept between calls. Module code runs once, when the
// component is built, and what it computed is part of the component.

import { nowMs } from "x402:scheme/clock@0.1.0";
import * as abi from "./abi.mjs";
import { Fault, Refusal } from "./answer.mjs";
import { checksummed, toBytes } from "./bytes.mjs";
import { confirmation } from "./confirm.mjs";
import { checkWindow, expiresAt, paymentId, readPayment } from "./payment.mjs";
import { ETH_CALL, ETH_ESTIMATE_GAS, ETH_GET_CODE } from "./rpc.mjs";
import { verifiedSignature } from "./signature.mjs";
import { simulate } from "./simulate.mjs";
import { SCHEME } from "./terms.mjs";

/** Gas on top of a quarter more than the estimate: what a first transfer to a payee may cost more. */
const GAS_MARGIN = 10_000n;

/** The exports of the WIT interface `scheme`. */
export const scheme = {
  describe: () => ({
    name: "evm-js",
    version: "0.1.0",
    abi: "0.1.0",
    family: "evm",
    kinds: [{ x402Version: 2, scheme: SCHEME }],
    rpcMethods: [ETH_CALL, ETH_ESTIMATE_GAS, ETH_GET_CODE],
  }),

  supported: () => undefined,

  verify(request, phase) {
    try {
      return { tag: "valid", val: judge(request, phase) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { reason, message, payer } = error;
      return { tag: "invalid", val: { reason, message, payer: payer && checksummed(payer) } };
    }
  },

  /** Derives the call from the request again; of what `verify` found, only the gas is believed. */
  prepare(request, valid) {
    const payment = verified(request);
    if (paymentId(payment) !== valid.paymentId) {
      throw new Fault("internal", "the verified payment is another one");
    }
    const { terms, authorization, settings } = payment;
    const data = abi.transfer(authorization, trusted(() => verifiedSignature(payment)));
    const gasCeiling = ceiling(carriedGas(valid.carry), settings.maxGas);
    return { tag: "evm-call", val: { to: toBytes(terms.asset), data: toBytes(data), gasCeiling } };
  },

  confirm: (request, observation) => confirmation(verified(request), observation),
};

/** What costs nothing comes first, the chain is asked last. */
function judge(request, phase) {
  const payment = readPayment(request);
  checkWindow(payment, nowMs() / 1000n);
  const signature = verifiedSignature(payment);
  const gas = simulate(request.network, payment, signature, phase);
  return {
    payer: checksummed(payment.authorization.from),
    amount: payment.authorization.value.toString(),
    paymentId: paymentId(payment),
    expiresAt: expiresAt(payment),
    carry: gas === undefined ? "" : `{"gas":${gas}}`,
  };
}

const verified = (request) => trusted(() => readPayment(request));

/** Of a payment that `verify` has found valid: that it is refused now is nobody's verdict. */
function trusted(step) {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Fault("internal", `not a verified payment: ${error.reason}: ${error.message}`);
  }
}

/** What `judge` told of the gas; only the settle phase knows it. */
function carriedGas(carry) {
  if (carry === "") return undefined;
  const [, gas] = /^\{"gas":([0-9]{1,20})\}$/.exec(carry) ?? [];
  if (gas === undefined) throw new Fault("internal", "valid.carry: expected gas");
  return BigInt(gas);
}

/** The estimate with its margin, within the operator's cap. */
function ceiling(gas, maxGas) {
  if (gas === undefined) return maxGas;
  const wanted = gas + gas / 4n + GAS_MARGIN;
  return wanted < maxGas ? wanted : maxGas;
}
