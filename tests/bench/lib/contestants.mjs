// The facilitators that are measured side by side, by the same means.

import { fileURLToPath } from "node:url";
import { facilitatorBinary, startFacilitator } from "../../devnet/lib/facilitator.mjs";
import { developmentKeys } from "../../devnet/lib/keys.mjs";

export function contestants() {
  return [
    { name: "this facilitator", binary: facilitatorBinary() },
    { name: "TypeScript 2.27", binary: fileURLToPath(new URL("../ts-facilitator.mjs", import.meta.url)) },
  ];
}

// No line per request, as the other contestant writes none: this program would have to read them, on the
// two cores that are being measured. The line that tells the address stays.
const environment = { FACILITATOR_LOG: "warn,facilitator_server::serve=info" };

/** Starts a contestant on `rpcUrl`, calls `measure` with it, and ends it. */
export async function withFacilitator({ binary }, rpcUrl, measure) {
  const facilitator = await startFacilitator({ rpcUrl, key: developmentKeys.facilitator, binary, environment });
  try {
    return await measure(facilitator);
  } finally {
    await facilitator.stop();
  }
}

/** POSTs a JSON text and resolves to status, parsed body and time taken; an error of the connection is an answer too. */
export async function post(url, text) {
  const began = performance.now();
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: text,
      signal: AbortSignal.timeout(60_000),
    });
    const body = await response.json();
    return { status: response.status, body, milliseconds: performance.now() - began };
  } catch (error) {
    return { status: 0, body: { errorReason: error.message }, milliseconds: performance.now() - began };
  }
}
