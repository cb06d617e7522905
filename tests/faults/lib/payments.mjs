// Distinct payments of several payers, each with the text of its request.

import { createHash } from "node:crypto";
import { requirements, signedPayment } from "../../devnet/lib/payments.mjs";
import { addressOf } from "../../devnet/lib/transactions.mjs";

export const AMOUNT = 1000n;
// An address that nobody else pays, so that its events are those of these payments.
export const PAY_TO = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

const PAYERS = 8;
const keys = Array.from({ length: PAYERS }, (_, index) =>
  `0x${createHash("sha256").update(`fault suite payer ${index}`).digest("hex")}`,
);
export const payers = keys.map(addressOf);

let next = 0;

/**
 * @param {number} count
 * @param {{secondsValid?: number}} options
 * @returns {Promise<{nonce: string, payer: string, body: object, text: string}[]>}
 */
export async function distinctPayments(count, { secondsValid = 3600 } = {}) {
  const wanted = requirements({ payTo: PAY_TO, amount: String(AMOUNT) });
  const payments = [];
  for (let index = 0; index < count; index++) {
    const validBefore = String(Math.floor(Date.now() / 1000) + secondsValid);
    const body = await signedPayment({ key: keys[next++ % PAYERS], wanted, authorization: { validBefore } });
    const { from, nonce } = body.paymentPayload.payload.authorization;
    payments.push({ nonce, payer: from, body, text: JSON.stringify(body) });
  }
  return payments;
}
