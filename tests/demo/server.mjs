// The demo's paid HTTP server: the official Express middleware, pointed at our facilitator.

import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

/** Sells GET /weather for `price`. Resolves to `{url, stop}` once it listens on a free port. */
export async function startPaidServer({ facilitatorUrl, network, payTo, price }) {
  const facilitator = new HTTPFacilitatorClient({ url: facilitatorUrl });
  const resourceServer = new x402ResourceServer(facilitator).register(network, new ExactEvmScheme());
  const accepts = { scheme: "exact", price, network, payTo };

  const app = express();
  app.use(paymentMiddleware({ "GET /weather": { accepts, description: "Weather report" } }, resourceServer));
  app.get("/weather", (_, response) => response.json({ weather: "sunny", celsius: 22 }));

  const server = await new Promise((resolve, reject) => {
    const starting = app.listen(0, "127.0.0.1", (error) => (error ? reject(error) : resolve(starting)));
  });
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}
