// Payments by EIP-3009 that are right, or wrong in exactly one thing. viem signs and encodes.

import { concat, encodeAbiParameters, encodeFunctionData, getAddress, parseAbi, recoverTypedDataAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ASSET, CHAIN_ID, NETWORK_CAIP2, NETWORK_NAME } from "../../../devnet/evm.mjs";
import { developmentKeys } from "../../../devnet/lib/keys.mjs";

/** The time of every case, unix seconds: 2030-01-01T00:00:10Z. */
export const NOW = 1893456010;
export const AMOUNT = "10000";
export const OTHER_ACCOUNT = getAddress("0x00000000000000000000000000000000000a11ce");
export const FACTORY = getAddress("0x00000000000000000000000000000000fac70000");
export const NONCE = "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480";

export const account = (name) => privateKeyToAccount(developmentKeys[name]).address;

const TYPES = {
  TransferWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
};

const ABI = parseAbi([
  "function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
  "function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
  "function cancelAuthorization(address,bytes32,bytes)",
  "function balanceOf(address) view returns (uint256)",
  "function authorizationState(address,bytes32) view returns (bool)",
  "function name() view returns (string)",
  "function version() view returns (string)",
]);

export const encode = (functionName, args = []) => encodeFunctionData({ abi: ABI, functionName, args });

export function settings(changes = {}) {
  return {
    networkName: NETWORK_NAME,
    blockTimeMs: 2000,
    assets: [{ address: ASSET, symbol: "USDC", decimals: 6, eip712Name: "USDC", eip712Version: "2" }],
    sender: account("facilitator"),
    signers: [account("facilitator")],
    minValiditySeconds: 6,
    minAmount: "1",
    erc6492Factories: [],
    maxGas: 200000,
    maxFeePerGas: "2000000000",
    ...changes,
  };
}

export function requirements({ version = 2, amount = AMOUNT, ...changes } = {}) {
  const common = {
    scheme: "exact",
    asset: ASSET,
    payTo: account("payee"),
    maxTimeoutSeconds: 300,
    extra: { name: "USDC", version: "2" },
  };
  const resource = { resource: "http://localhost/report", description: "", mimeType: "application/json" };
  return version === 1
    ? { ...common, ...resource, network: NETWORK_NAME, maxAmountRequired: amount, ...changes }
    : { ...common, network: NETWORK_CAIP2, amount, ...changes };
}

/**
 * A signed payment.
 *
 * @param {object} options
 *   `required` changes the requirements, and with them what the client accepts and signs;
 *   `authorization` and `domain` change what is signed;
 *   `after` changes the authorization once it is signed;
 *   `resign` turns the signature into another; `accepted` changes what the v2 client accepted;
 *   `chosen` changes what the v1 client names; `beside` adds to the scheme's payload.
 */
export async function pay({
  version = 2,
  key = "payer",
  from = account(key),
  required = {},
  authorization = {},
  domain = {},
  after = {},
  resign = (signature) => signature,
  accepted = {},
  chosen = {},
  beside = {},
} = {}) {
  const wanted = requirements({ version, ...required });
  const message = {
    from,
    to: wanted.payTo,
    value: wanted.amount ?? wanted.maxAmountRequired,
    validAfter: String(NOW - 600),
    validBefore: String(NOW + 300),
    nonce: NONCE,
    ...authorization,
  };
  const signature = resign(
    await privateKeyToAccount(developmentKeys[key]).signTypedData({
      domain: {
        name: wanted.extra?.name,
        version: wanted.extra?.version,
        chainId: CHAIN_ID,
        verifyingContract: wanted.asset,
        ...domain,
      },
      types: TYPES,
      primaryType: "TransferWithAuthorization",
      message,
    }),
  );
  const payload = { signature, authorization: { ...message, ...after }, ...beside };
  const resource = { url: "http://localhost/report", description: "", mimeType: "application/json" };
  const paymentPayload =
    version === 1
      ? { x402Version: 1, scheme: wanted.scheme, network: wanted.network, payload, ...chosen }
      : { x402Version: 2, resource, accepted: { ...wanted, ...accepted }, payload };
  return { version, wanted, paymentPayload, authorization: payload.authorization, signature };
}

/** Who would have signed the authorization as it is, if anybody had. */
export const signerOf = ({ wanted, authorization, signature }) =>
  recoverTypedDataAddress({
    domain: { ...wanted.extra, chainId: CHAIN_ID, verifyingContract: wanted.asset },
    types: TYPES,
    primaryType: "TransferWithAuthorization",
    message: authorization,
    signature,
  });

/** What the host asks the guest about a payment. */
export function ask(call, payment, { phase, settings: changes, route = {}, ...rest } = {}) {
  return {
    call,
    ...(phase ? { phase } : {}),
    x402Version: payment.version,
    scheme: "exact",
    network: NETWORK_CAIP2,
    ...route,
    payload: payment.paymentPayload,
    requirements: payment.wanted,
    settings: settings(changes),
    ...rest,
  };
}

const lower = (address) => address.toLowerCase();
const quantity = (number) => `0x${BigInt(number).toString(16)}`;

const head = ({ from, to, value, validAfter, validBefore, nonce }) => [
  from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce,
];

/** Calldata that settles: v, r, s of an ordinary account, or the bytes of a contract wallet. */
export function settlement(payment, { bytes } = {}) {
  if (bytes !== undefined) return encode("transferWithAuthorization", [...head(payment.authorization), bytes]);
  const { signature } = payment;
  const [r, s, v] = [`0x${signature.slice(2, 66)}`, `0x${signature.slice(66, 130)}`, Number(`0x${signature.slice(130)}`)];
  return encode("transferWithAuthorization", [...head(payment.authorization), v, r, s]);
}

/** The call by which the guest is expected to simulate. */
export function simulation(payment, { phase = "verify", bytes, settings: changes } = {}) {
  const { sender, maxGas, maxFeePerGas } = settings(changes);
  const transaction = { from: lower(sender), to: lower(payment.wanted.asset), data: settlement(payment, { bytes }) };
  return phase === "verify"
    ? { method: "eth_call", params: [{ ...transaction, gas: quantity(maxGas) }, "latest"] }
    : {
        method: "eth_estimateGas",
        params: [{ ...transaction, ...(maxFeePerGas ? { maxFeePerGas: quantity(maxFeePerGas) } : {}) }, "latest"],
      };
}

export const codeOf = (address) => ({ method: "eth_getCode", params: [lower(address), "latest"] });

/** The calls by which the guest is expected to find out why a simulation failed. */
export function diagnosis({ wanted, authorization: { from, nonce } }) {
  const read = (data) => ({ method: "eth_call", params: [{ to: lower(wanted.asset), data }, "latest"] });
  return [
    read(encode("balanceOf", [from])),
    read(encode("authorizationState", [from, nonce])),
    codeOf(wanted.asset),
    read(encode("name")),
    read(encode("version")),
  ];
}

export function paymentId({ wanted, authorization: { from, nonce } }) {
  return `${NETWORK_CAIP2}:${lower(wanted.asset)}:${lower(from)}:${lower(nonce)}`;
}

/** The answer to a payment that is good. */
export function valid(payment, { gas } = {}) {
  const { from, value, validBefore } = payment.authorization;
  const latest = 2n ** 64n - 1n;
  return {
    valid: {
      payer: getAddress(from),
      amount: value,
      paymentId: paymentId(payment),
      expiresAt: String(BigInt(validBefore) < latest ? BigInt(validBefore) : latest),
      carry: gas === undefined ? "" : JSON.stringify({ gas }),
    },
  };
}

/** The answer to a payment that is refused; `payer` only where the signature was verified. */
export const invalid = (reason, message, payer) => ({
  invalid: { reason, message, ...(payer ? { payer } : {}) },
});

export const failure = (kind, message) => ({ error: { [kind]: message } });

/** ERC-6492: what a wallet signs before it exists. */
export function wrapped(factory, factoryCalldata, signature) {
  const types = [{ type: "address" }, { type: "bytes" }, { type: "bytes" }];
  return concat([encodeAbiParameters(types, [factory, factoryCalldata, signature]), `0x${"6492".repeat(16)}`]);
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Other forms of the same signature. */
export const forms = {
  highS: (signature) => {
    const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`);
    const v = signature.endsWith("1b") ? "1c" : "1b";
    return `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${v}`;
  },
  parity: (signature) => `${signature.slice(0, 130)}${signature.endsWith("1b") ? "00" : "01"}`,
  otherV: (signature) => `${signature.slice(0, 130)}1d`,
  flippedV: (signature) => `${signature.slice(0, 130)}${signature.endsWith("1b") ? "1c" : "1b"}`,
  compact: (signature) => {
    const yParity = signature.endsWith("1c") ? 1n : 0n;
    const s = BigInt(`0x${signature.slice(66, 130)}`) | (yParity << 255n);
    return `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}`;
  },
};
