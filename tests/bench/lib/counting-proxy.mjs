// A JSON-RPC proxy that delays every call by the same time and remembers when each began and ended.
// From that follows how many calls had to wait for another: the depth, which no machine's noise changes.

import { createServer } from "node:http";

export async function startCountingProxy(upstream, delayMilliseconds) {
  let calls = [];
  const server = createServer(async (request, response) => {
    const began = performance.now();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    await new Promise((resolve) => setTimeout(resolve, delayMilliseconds));
    const answer = await fetch(upstream, { method: "POST", headers: { "content-type": "application/json" }, body });
    const text = Buffer.from(await answer.arrayBuffer());
    calls.push({ began, ended: performance.now(), methods: methodsOf(body) });
    response.writeHead(answer.status, { "content-type": "application/json", "content-length": text.length });
    response.end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    reset: () => (calls = []),
    seen: () => ({ calls: calls.length, depth: depthOf(calls), methods: calls.map((call) => call.methods) }),
    stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
}

/** The most calls of which each began after the one before had ended. */
function depthOf(calls) {
  let depth = 0;
  let last = -Infinity;
  for (const { began, ended } of [...calls].sort((a, b) => a.ended - b.ended)) {
    if (began < last) continue;
    depth += 1;
    last = ended;
  }
  return depth;
}

/** One HTTP call may carry a batch. */
function methodsOf(body) {
  const parsed = JSON.parse(body);
  return [parsed].flat().map((call) => call.method).join(" + ");
}
