// Payments that are wrong in exactly one thing, and the reason that must be named.

const now = () => Math.floor(Date.now() / 1000);

/** Flips one bit in the middle of the signature's `r`. */
function bend(signature) {
  const digit = (parseInt(signature[30], 16) ^ 1).toString(16);
  return signature.slice(0, 30) + digit + signature.slice(31);
}

/**
 * `make` builds the request body; `payerUnknown` says that nobody is proven to have signed, so that
 * no payer may be named.
 */
export const invalidPayments = [
  {
    name: "one unit too little",
    reason: "invalid_exact_evm_payload_authorization_value_mismatch",
    make: (world, version) => world.payment({ version, authorization: { value: "999" } }),
  },
  {
    name: "one unit too much",
    reason: "invalid_exact_evm_payload_authorization_value_mismatch",
    make: (world, version) => world.payment({ version, authorization: { value: "1001" } }),
  },
  {
    name: "expired a second ago",
    reason: "invalid_exact_evm_payload_authorization_valid_before",
    make: (world, version) => world.payment({ version, authorization: { validBefore: String(now() - 1) } }),
  },
  {
    name: "not valid yet",
    reason: "invalid_exact_evm_payload_authorization_valid_after",
    make: (world, version) => world.payment({ version, authorization: { validAfter: String(now() + 60) } }),
  },
  {
    name: "one bit of the signature flipped",
    reason: "invalid_exact_evm_payload_signature",
    payerUnknown: true,
    make: async (world, version) => {
      const body = await world.payment({ version });
      body.paymentPayload.payload.signature = bend(body.paymentPayload.payload.signature);
      return body;
    },
  },
  {
    name: "signed for another chain",
    reason: "invalid_exact_evm_payload_signature",
    payerUnknown: true,
    make: (world, version) => world.payment({ version, domain: { chainId: 8453 } }),
  },
  {
    name: "signed by somebody else",
    reason: "invalid_exact_evm_payload_signature",
    payerUnknown: true,
    make: (world, version) => world.payment({ version, key: world.chain.pauper_key, from: world.chain.payer }),
  },
  {
    name: "another recipient",
    reason: "invalid_exact_evm_payload_recipient_mismatch",
    make: (world, version) => world.payment({ version, authorization: { to: world.chain.payer } }),
  },
  {
    name: "no funds",
    reason: "insufficient_funds",
    make: (world, version) => world.payment({ version, key: world.chain.pauper_key }),
  },
];
