// Many distinct signed payments, from several payers, as request bodies.

import { keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { requirements, signedPayment } from "../../devnet/lib/payments.mjs";

const PAYERS = 20;
export const AMOUNT = 1000n;
// An address that nobody else pays, so that its balance tells what a run moved.
export const PAY_TO = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

const keys = Array.from({ length: PAYERS }, (_, index) => keccak256(toHex(`benchmark payer ${index}`)));
export const payers = keys.map((key) => privateKeyToAccount(key).address);

/** @returns {Promise<{text: string, payer: string, nonce: string}[]>} */
export async function distinctPayments(count) {
  const wanted = requirements({ payTo: PAY_TO, amount: String(AMOUNT) });
  // Good for a day: a run must not measure how the last payments expire.
  const validBefore = String(Math.floor(Date.now() / 1000) + 86_400);
  const payments = [];
  for (let index = 0; index < count; index++) {
    const body = await signedPayment({ key: keys[index % PAYERS], wanted, authorization: { validBefore } });
    const { from, nonce } = body.paymentPayload.payload.authorization;
    payments.push({ text: JSON.stringify(body), payer: from, nonce });
  }
  return payments;
}
