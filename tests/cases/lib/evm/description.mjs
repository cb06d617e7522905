// What the guest says of itself.

import { NETWORK_CAIP2 } from "../../../devnet/evm.mjs";
import { settings } from "./payment.mjs";

export function generate({ write }) {
  write("describes_itself", {
    request: { call: "describe" },
    expect: {
      descriptor: {
        name: "evm",
        version: "0.1.0",
        abi: "0.1.0",
        family: "evm",
        kinds: [
          { x402_version: 1, scheme: "exact" },
          { x402_version: 2, scheme: "exact" },
        ],
        rpc_methods: ["eth_call", "eth_estimateGas", "eth_getCode"],
      },
    },
  });
  write("supports_without_extra", {
    request: { call: "supported", network: NETWORK_CAIP2, settings: settings() },
    expect: { extra: null },
  });
}
