// One request through the proxy, and what a rule can do with it.

import { Agent, request as httpRequest } from "node:http";

/** Connections to upstreams are kept: a new one per call would cost more than the call. */
const agent = new Agent({ keepAlive: true, maxSockets: 512 });
/** A node may hold a call until a block comes; nothing of ours waits longer. */
const UPSTREAM_MILLISECONDS = 60_000;

export class Exchange {
  #request;
  #response;
  #body;
  #upstream;
  #protocol;
  #shape;
  #canned = new Map();
  #isChanged = false;
  #answer;

  /** Whether it has been answered, dropped or left hanging. */
  isOver = false;

  constructor({ door, request, response, body, upstream, protocol }) {
    this.door = door;
    this.#request = request;
    this.#response = response;
    this.#body = body;
    this.#upstream = upstream;
    this.#protocol = protocol;
    this.#shape = protocol.read(request, body);
    /** @type {{method: string, params: any}[]} a batch has several; changing one needs `change` */
    this.calls = this.#shape.calls;
  }

  /** Changes a call before it is passed on. */
  change(call, params) {
    call.params = params;
    this.#isChanged = true;
  }

  /** Answers one call of the exchange: before it is passed on, then it is not; or in place of the answer. */
  answerCall(call, answer) {
    this.#canned.set(call, answer);
  }

  /** What the upstream, or a rule before, answered to a call: `{result}` or `{error}`. */
  answerTo(call) {
    return this.#canned.get(call) ?? this.#protocol.answerTo(this.#shape, call, this.#answer);
  }

  /** The upstream's answer as text. */
  get text() {
    return this.#answer?.body.toString("utf8") ?? "";
  }

  /** Passes the request on, without what is answered already, and waits for the answer. */
  async forward() {
    const left = this.calls.filter((call) => !this.#canned.has(call));
    if (left.length === 0) return;
    const isWhole = left.length === this.calls.length && !this.#isChanged;
    const body = isWhole ? this.#body : this.#protocol.write(this.#shape, left);
    try {
      this.#answer = await this.#send(body);
    } catch {
      this.drop(); // the upstream is gone: so is the client's connection
    }
  }

  /** Passes the request on once more, and lets nobody see the answer. */
  async forwardAlso() {
    await this.#send(this.#body).catch(() => {});
  }

  /** Breaks the connection. */
  drop() {
    this.isOver = true;
    this.#response.socket?.destroy();
  }

  /** Never answers; the connection stays. */
  hang() {
    this.isOver = true;
  }

  /** Answers in the upstream's place. */
  respond(status, text, headers = {}) {
    this.isOver = true;
    const body = Buffer.from(text);
    const type = this.#protocol.contentType;
    this.#response.writeHead(status, { "content-type": type, "content-length": body.length, ...headers });
    this.#response.end(body);
  }

  /** Hands the upstream's answer on, with what rules have put in its place. */
  finish() {
    if (this.#canned.size > 0) {
      const answers = this.calls.map((call) => [call, this.answerTo(call)]);
      return this.respond(200, this.#protocol.writeAnswers(this.#shape, answers));
    }
    this.isOver = true;
    const { status, headers, body } = this.#answer;
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
    this.#response.writeHead(status, { ...kept, "content-length": body.length });
    this.#response.end(body);
  }

  #send(body) {
    const { method, url, headers } = this.#request;
    const target = new URL(url, this.#upstream);
    return new Promise((resolve, reject) => {
      const sent = httpRequest(target, {
        agent,
        method,
        headers: { ...headers, host: target.host, connection: "keep-alive", "content-length": body.length },
        timeout: UPSTREAM_MILLISECONDS,
      });
      sent.on("timeout", () => sent.destroy(new Error("the upstream does not answer")));
      sent.on("error", reject);
      sent.on("response", (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      });
      sent.end(body);
    });
  }
}

const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "content-length"]);
