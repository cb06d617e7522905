// An HTTP proxy that does to requests what rules say: the same for the chain's JSON-RPC and for the
// store's API, which differ in how a request tells what it asks for (see protocols.mjs).
//
// Each facilitator has a door of its own, so that a rule can be for one of them, and a test knows who
// asked when it kills at an exact edge.

import { createServer } from "node:http";
import { Exchange } from "./exchange.mjs";

/** Largest request that is passed on, bytes. */
const MAX_REQUEST_BYTES = 1 << 20;

/**
 * @typedef {object} Rule
 * @property {string | RegExp | string[]} [methods] which calls it is for; all if there is none
 * @property {string | RegExp} [door] whose requests it is for; everybody's if there is none
 * @property {(call: {method: string, params: any}) => boolean} [where] which of these calls
 * @property {number} [skip] matching requests that it lets pass first
 * @property {number} [times] matching requests after that it is for
 * @property {number} [milliseconds] how long it is in force
 * @property {number} [chance] how likely it meets a matching request, from 0 to 1
 * @property {(exchange: Exchange, calls: object[]) => any} [before] before the request is passed on
 * @property {(exchange: Exchange, calls: object[]) => any} [after] when the upstream's answer is here
 */

export class FaultProxy {
  #upstream;
  #protocol;
  #random;
  #rules = new Set();
  #doors = new Map();

  /** Calls that came, by method. */
  came = new Map();
  /** Calls that a rule met, by method. */
  met = new Map();

  /** `upstream` is a URL; it may be set anew when the upstream comes back at another port. */
  constructor({ upstream, protocol, random }) {
    this.#upstream = upstream;
    this.#protocol = protocol;
    this.#random = random;
  }

  set upstream(url) {
    this.#upstream = url;
  }

  /** Opens a door, and resolves to its URL. */
  async open(door) {
    const server = createServer((request, response) => {
      this.#serve(door, request, response).catch(() => response.destroy());
    });
    server.keepAliveTimeout = 60_000;
    await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    this.#doors.set(door, server);
    return `http://127.0.0.1:${server.address().port}`;
  }

  /**
   * Puts a rule in force. Rules meet a request in the order in which they were added.
   *
   * @param {Rule} rule
   * @returns {{met: number, reached: Promise<Exchange>, end: () => void}} `reached` is the first request it meets
   */
  add(rule) {
    const until = rule.milliseconds === undefined ? Infinity : performance.now() + rule.milliseconds;
    let tell;
    const reached = new Promise((resolve) => (tell = resolve));
    const active = {
      ...rule,
      until,
      left: rule.times ?? Infinity,
      toSkip: rule.skip ?? 0,
      met: 0,
      reached,
      tell,
      end: () => this.#rules.delete(active),
    };
    this.#rules.add(active);
    return active;
  }

  /** Ends every rule. Requests that are held stay so. */
  heal() {
    this.#rules.clear();
  }

  async stop() {
    const closing = [...this.#doors.values()].map(
      (server) => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
    );
    this.#doors.clear();
    await Promise.all(closing);
  }

  async #serve(door, request, response) {
    response.on("error", () => {}); // a client that was killed
    const body = await read(request);
    const exchange = new Exchange({ door, request, response, body, upstream: this.#upstream, protocol: this.#protocol });
    for (const { method } of exchange.calls) count(this.came, method);
    const met = [...this.#rules].map((rule) => [rule, this.#meets(rule, exchange)]).filter(([, calls]) => calls);
    for (const [rule, calls] of met) {
      rule.tell(exchange);
      await rule.before?.(exchange, calls);
      if (exchange.isOver) return;
    }
    await exchange.forward();
    for (const [rule, calls] of met) {
      if (exchange.isOver) return;
      await rule.after?.(exchange, calls);
    }
    if (!exchange.isOver) exchange.finish();
  }

  /** The calls of the exchange that the rule is for; none if it lets the exchange pass. */
  #meets(rule, exchange) {
    if (performance.now() > rule.until) return void rule.end();
    if (rule.door !== undefined && !matches(rule.door, exchange.door)) return;
    const calls = exchange.calls.filter(
      (call) => (rule.methods === undefined || matches(rule.methods, this.#protocol.name(call))) && (rule.where?.(call) ?? true),
    );
    if (calls.length === 0) return;
    if (rule.chance !== undefined && this.#random.next() >= rule.chance) return;
    if (rule.toSkip > 0) return void (rule.toSkip -= 1);
    rule.left -= 1;
    if (rule.left <= 0) rule.end();
    rule.met += 1;
    for (const { method } of calls) count(this.met, method);
    return calls;
  }
}

const matches = (wanted, text) =>
  Array.isArray(wanted) ? wanted.includes(text) : wanted instanceof RegExp ? wanted.test(text) : wanted === text;

const count = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);

async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_REQUEST_BYTES) throw new Error("request too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
