// Raw transactions and the calls in them, for tests that look at what was sent or send the same themselves.

import { decodeFunctionData, encodeFunctionData, keccak256, parseAbi, parseSignature, parseTransaction } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const EIP3009 = parseAbi([
  "function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)",
]);

export const addressOf = (key) => privateKeyToAccount(key).address;

/** What a raw transaction says; `authorization` if it is a payment in the form that keys sign. */
export function readTransaction(raw) {
  const { to, nonce, maxFeePerGas, maxPriorityFeePerGas, data = "0x", value = 0n } = parseTransaction(raw);
  return { hash: keccak256(raw), to, nonce, maxFeePerGas, maxPriorityFeePerGas, data, value, authorization: payment(data) };
}

function payment(data) {
  try {
    const [from, to, value, , , nonce] = decodeFunctionData({ abi: EIP3009, data }).args;
    return { from, to, value, nonce };
  } catch {
    return undefined;
  }
}

/** Calldata that settles a request body of `signedPayment`, for anybody to send. */
export function settlementCall(body) {
  const { signature, authorization } = body.paymentPayload.payload;
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const { v, yParity, r, s } = parseSignature(signature);
  const args = [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, Number(v ?? yParity + 27), r, s];
  return encodeFunctionData({ abi: EIP3009, functionName: "transferWithAuthorization", args });
}
