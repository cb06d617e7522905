// One POST as a client makes it: a connection of its own, and whatever comes of it is an answer.

import { request } from "node:http";

/**
 * @returns {Promise<{status: number, body: any, text: string, retryAfter?: string, error?: string, milliseconds: number}>}
 *   `status` 0 and `error` if no answer came.
 */
export function post(url, text, { milliseconds = 30_000, headers = {} } = {}) {
  return exchange(url, { method: "POST", text, milliseconds, headers: { "content-type": "application/json", ...headers } });
}

export function get(url, { milliseconds = 10_000 } = {}) {
  return exchange(url, { method: "GET", text: "", milliseconds, headers: {} });
}

function exchange(url, { method, text, milliseconds, headers }) {
  const began = performance.now();
  return new Promise((resolve) => {
    const end = (answer) => {
      clearTimeout(timer);
      resolve({ ...answer, milliseconds: performance.now() - began });
    };
    const fail = (error) => end({ status: 0, body: null, text: "", error: error.code ?? error.message });
    const body = Buffer.from(text);
    const sent = request(url, { method, agent: false, headers: { ...headers, "content-length": body.length } });
    const timer = setTimeout(() => sent.destroy(new Error("ETIMEDOUT")), milliseconds);
    sent.on("error", fail);
    sent.on("response", (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("error", fail);
      answer.on("end", () => {
        const told = Buffer.concat(chunks).toString("utf8");
        end({ status: answer.statusCode, body: parse(told), text: told, retryAfter: answer.headers["retry-after"] });
      });
    });
    sent.end(body);
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
