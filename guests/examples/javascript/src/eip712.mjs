// The 32 bytes that the payer signed. Source: EIP-712 (domain separator, hashStruct), EIP-3009 (message).

import { authorizationWords, digits } from "./abi.mjs";
import { keccak256, keccak256OfText } from "./bytes.mjs";

// Written out: module code runs when the component is built, where there is no host to hash.
/** keccak256 of `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`. */
const DOMAIN_TYPE = "0x8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f";
/** keccak256 of `TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,
 *  uint256 validBefore,bytes32 nonce)`, without the line break. */
const MESSAGE_TYPE = "0x7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267";

export function digest({ name, version, chainId, asset }, authorization) {
  const domain = [DOMAIN_TYPE, keccak256OfText(name), keccak256OfText(version), chainId, asset];
  const separator = keccak256(`0x${domain.map(digits).join("")}`);
  const message = keccak256(MESSAGE_TYPE + authorizationWords(authorization));
  return keccak256(`0x1901${digits(separator)}${digits(message)}`);
}
