// A paid HTTP server on the official packages of protocol version 1.

import express from "express";
import { paymentMiddleware } from "x402-express";
import { listen } from "../lib/listen.mjs";

export const REPORT = { report: "cloudy, 18 degrees" };

/** Serves GET /report for `price` on the network of the v1 name `network`. */
export async function startLegacyPaidServer({ facilitatorUrl, payTo, price, network }) {
  const app = express();
  app.use(paymentMiddleware(payTo, { "GET /report": { price, network } }, { url: facilitatorUrl }));
  app.get("/report", (_, response) => response.json(REPORT));
  return listen(app);
}
