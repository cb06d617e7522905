// A paid HTTP server on the official packages of protocol version 2.

import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";
import { listen } from "./listen.mjs";

export const REPORT = { report: "sunny, 22 degrees" };

/** Serves GET /report for `price`, settled by the facilitator at `facilitatorUrl`. */
export async function startPaidServer({ facilitatorUrl, payTo, price, network }) {
  const resourceServer = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitatorUrl })).register(
    network,
    new ExactEvmScheme(),
  );
  const app = express();
  const accepts = { scheme: "exact", price, network, payTo };
  app.use(paymentMiddleware({ "GET /report": { accepts, description: "a report" } }, resourceServer));
  app.get("/report", (_, response) => response.json(REPORT));
  return listen(app);
}
