// A JSON-RPC client small enough to read, for test set-up and for looking at a chain afterwards.

/**
 * @param {string} url
 * @returns {(method: string, params?: unknown[]) => Promise<any>}
 */
export function jsonRpc(url) {
  let id = 0;
  return async (method, params = []) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params }),
      signal: AbortSignal.timeout(20_000),
    });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };
}
