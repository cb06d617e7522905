// The state of the token, as cases need it.

import { setTimeout } from "node:timers/promises";
import { encodeFunctionData, parseAbi } from "viem";
import { ASSET } from "../../../devnet/evm.mjs";
import { account } from "./payment.mjs";

const MINT = parseAbi(["function mint(address,uint256)"]);

/** Sends a transaction with everything fixed that would otherwise depend on the node's mood. */
export async function send(chain, from, to, data) {
  const fees = { maxFeePerGas: "0x77359400", maxPriorityFeePerGas: "0x3b9aca00" };
  const hash = await chain.rpc("eth_sendTransaction", [{ from, to, data, gas: "0x493e0", ...fees }]);
  // The node mines at once, but answers before it has.
  for (let attempt = 0; attempt < 250; attempt++) {
    const receipt = await chain.rpc("eth_getTransactionReceipt", [hash]);
    if (receipt) return receipt;
    await setTimeout(20);
  }
  throw new Error(`no receipt of ${hash}`);
}

export async function mintTo(chain, address, value) {
  const data = encodeFunctionData({ abi: MINT, functionName: "mint", args: [address, value] });
  const receipt = await send(chain, account("deployer"), ASSET, data);
  if (receipt.status !== "0x1") throw new Error(`minting failed: ${JSON.stringify(receipt)}`);
}
