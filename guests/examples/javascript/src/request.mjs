// One payment to be judged, read from the texts that cross the component's edge. The host has parsed,
// bounded and checked them before (no key twice, no number of no use); what fails here changed in between.

import { Fault, REASON, Refusal } from "./answer.mjs";
import * as read from "./read.mjs";

/** @throws {Refusal} what a client or resource server garbled
 *  @throws {Fault} what the host did not mean for this guest, or garbled itself */
export function readRequest({ x402Version, scheme, network, payload, requirements, settings }) {
  if (x402Version !== 2) throw new Fault("unsupported", `x402 version ${x402Version}, expected 2`);
  const readSettings = settingsOf(settings);
  const sent = read.object(payload) ?? refuse(REASON.payload, "paymentPayload: expected an object");
  return {
    scheme,
    network,
    accepted: terms(read.member(sent, "accepted"), REASON.payload, "paymentPayload.accepted"),
    /** The scheme's own part. */
    signed: read.member(sent, "payload"),
    requirements: terms(read.object(requirements), REASON.requirements, "paymentRequirements"),
    settings: readSettings,
  };
}

/** Payment requirements: shapes only. Source: x402 v2 section 5.1 (`PaymentRequirements`). */
function terms(value, reason, path) {
  const fields = read.asObject(value) ?? refuse(reason, `${path}: expected an object`);
  const field = (key, reader, expected) =>
    reader(read.member(fields, key)) ?? refuse(reason, `${path}.${key}: expected ${expected}`);
  return {
    scheme: field("scheme", text, "a string"),
    network: field("network", text, "a string"),
    amount: field("amount", read.amount, "an amount in atomic units as a decimal string"),
    asset: field("asset", text, "a string"),
    payTo: field("payTo", text, "a string"),
    maxTimeoutSeconds: field("maxTimeoutSeconds", read.wholeNumber, "a number of seconds"),
    extra: field("extra", (extra) => read.asObject(extra ?? {}), "an object"),
  };
}

/** What the host knows of the network and what the operator set. */
function settingsOf(value) {
  const broken = (key) => {
    throw new Fault("internal", `settings.${key}: unexpected shape`);
  };
  const fields = read.object(value) ?? broken("");
  const field = (key, reader) => reader(read.member(fields, key)) ?? broken(key);
  const list = (reader) => (value) => {
    const items = Array.isArray(value) ? value.map(reader) : [undefined];
    return items.includes(undefined) ? undefined : items;
  };
  return {
    /** Assets that may be paid with. */
    assets: field("assets", list((facts) => read.address(read.asObject(facts)?.address))),
    /** Account that would send this settlement. */
    sender: field("sender", read.address),
    /** All accounts of the facilitator. */
    signers: field("signers", list(read.address)),
    minValiditySeconds: field("minValiditySeconds", read.wholeNumber),
    minAmount: field("minAmount", read.amount),
    maxGas: field("maxGas", (gas) => read.wholeNumber(gas) || undefined),
    /** Wei that a settlement would offer per gas now, if that is known. */
    maxFeePerGas: (fields.maxFeePerGas ?? undefined) && field("maxFeePerGas", read.amount),
  };
}

const text = (value) => (typeof value === "string" ? value : undefined);

function refuse(reason, message) {
  throw new Refusal(reason, message);
}
