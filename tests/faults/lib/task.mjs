// One facilitator of a fleet: started, killed and started again with the same doors, key and journal.

import { setTimeout as sleep } from "node:timers/promises";
import { startFacilitator } from "../../devnet/lib/facilitator.mjs";

/** Lines at warn and error that are kept to explain a failure. */
const MAX_COMPLAINTS = 200;
/** Times that a start is tried while the store may be away. */
const MOST_STARTS = 30;

export class Task {
  #options;
  #running;
  #isChanging = false;

  constructor(name, options) {
    this.name = name;
    this.#options = options;
    /** What it logged at warn and error, over all its lives. */
    this.complaints = [];
    /** How often it logged each event. */
    this.events = new Map();
    this.kills = 0;
    /** Whether a load balancer has been told to send nothing more. */
    this.isLeaving = false;
    /** Is given each event as it is logged. */
    this.heard = () => {};
  }

  get isUp() {
    return this.#running?.child.alive ?? false;
  }

  get url() {
    return this.#running?.url;
  }

  get pid() {
    return this.#running?.pid;
  }

  /** Starts it, with changes of its environment or another program that starts it. */
  async start({ environment = {}, binary } = {}) {
    const { environment: usual, ...options } = this.#options;
    this.#running = await startFacilitator({
      ...options,
      ...(binary ? { binary } : {}),
      environment: { ...usual, ...environment },
      onEvent: (event) => this.#heard(event),
    });
    this.isLeaving = false;
    return this;
  }

  /** `kill -9`. Resolves when it is gone. */
  async kill() {
    if (!this.isUp) return;
    this.kills += 1;
    const { child, pid } = this.#running;
    process.kill(pid, "SIGKILL");
    await child.exited;
  }

  async restart(options) {
    await this.kill();
    return this.start(options);
  }

  /** As a load balancer and an orchestrator do it: no new requests, then SIGTERM. @returns {Promise<string>} how it ended */
  async leave() {
    this.isLeaving = true;
    await sleep(200); // what is on its way arrives
    return this.terminate();
  }

  /** SIGTERM, and waits until it has ended. @returns {Promise<string>} how it ended */
  async terminate() {
    if (!this.isUp) return "not running";
    const { child } = this.#running;
    child.process.kill("SIGTERM");
    return child.until(child.exited, 40_000, "ending after SIGTERM");
  }

  /** `kill -9`, and a new start after a while; nothing if it is being stopped or started already. */
  killAndStart(downMilliseconds) {
    return this.#change(async () => {
      await this.kill();
      await sleep(downMilliseconds);
      await this.#startAtLast();
    });
  }

  /** SIGTERM, and a new start when it has ended; a kill by force if it does not. */
  terminateAndStart() {
    return this.#change(async () => {
      await this.terminate().catch(() => this.kill());
      await this.#startAtLast();
    });
  }

  /** One change at a time. */
  async #change(change) {
    if (this.#isChanging) return;
    this.#isChanging = true;
    try {
      await change();
    } finally {
      this.#isChanging = false;
    }
  }

  /** A start may fail while the store is away, as that of a container does that is then started again. */
  async #startAtLast() {
    for (let attempt = 1; ; attempt++) {
      try {
        return void (await this.start());
      } catch (error) {
        if (attempt === MOST_STARTS) throw error;
        await sleep(1_000);
      }
    }
  }

  /** Stops and goes on with the whole process, as a machine does that is short of time. */
  freeze() {
    process.kill(this.pid, "SIGSTOP");
  }

  thaw() {
    process.kill(this.pid, "SIGCONT");
  }

  #heard(event) {
    this.heard(event);
    this.events.set(event.event, (this.events.get(event.event) ?? 0) + 1);
    if (event.level !== "WARN" && event.level !== "ERROR") return;
    this.complaints.push(event);
    if (this.complaints.length > MAX_COMPLAINTS) this.complaints.shift();
  }
}
