// A chain, a journal, and a fleet of facilitators on them with one key, each behind proxies that do what a
// test says.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as evm from "../../devnet/evm.mjs";
import { jsonRpc } from "../../devnet/lib/json-rpc.mjs";
import { freshTable, storeEnvironment } from "./dynamodb.mjs";
import { clockOff } from "./faketime.mjs";
import { FaultProxy } from "./fault-proxy.mjs";
import { Ledger } from "./ledger.mjs";
import { PAY_TO, distinctPayments, payers } from "./payments.mjs";
import { dynamoDbProtocol, jsonRpcProtocol } from "./protocols.mjs";
import { seed, seededRandom } from "./random.mjs";
import { Task } from "./task.mjs";

const FUNDING = 10n ** 12n;

/**
 * @typedef {object} WorldOptions
 * @property {number} [blockTimeSeconds] a block every so often; without it, one per transaction at once
 * @property {"sqlite" | "dynamodb"} [journal]
 * @property {number} [tasks] facilitators; they are named "one", "two", "three", …
 * @property {number} [endpoints] RPC endpoints of each, behind the doors "one", "one-2", …
 * @property {number} [settleTimeoutSeconds] after which /settle answers that it is pending
 * @property {Record<string, number>} [clocks] seconds by which the clocks of tasks are off, by name
 * @property {string} [network] further lines of the configuration's table of the network
 */
export class World {
  /** @param {WorldOptions} options */
  static async start(options = {}) {
    const world = new World();
    try {
      await world.#begin(options);
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  #stops = [];
  ledger = new Ledger();
  random = seededRandom(seed);
  tasks = [];

  async #begin({ blockTimeSeconds, journal = "sqlite", tasks = 1, endpoints = 1, clocks = {}, ...settings }) {
    this.directory = mkdtempSync(join(tmpdir(), "facilitator-faults-"));
    this.#stops.push(() => rmSync(this.directory, { recursive: true, force: true }));
    const node = await evm.start({ blockTimeSeconds });
    this.#stops.push(() => node.stop());
    this.chain = node.entry;
    this.rpc = jsonRpc(this.chain.rpc);
    this.mayAutomine = !blockTimeSeconds;
    await evm.mint(this.chain.rpc, payers, FUNDING);
    await this.rpc("anvil_mine", ["0x8"]); // a node that is some blocks behind knows of it too
    this.firstBlock = (await evm.blockNumber(this.chain.rpc)) + 1;
    this.chainProxy = new FaultProxy({ upstream: this.chain.rpc, protocol: jsonRpcProtocol, random: this.random });
    this.#stops.push(() => this.chainProxy.stop());
    if (journal === "dynamodb") await this.#startStore();

    const config = join(this.directory, "facilitator.toml");
    writeFileSync(config, configuration({ blockTimeSeconds, ...settings }));
    for (const name of NAMES.slice(0, tasks)) this.tasks.push(await this.#task(name, { config, endpoints, clock: clocks[name] }));
    // One after the other: the first makes the journal.
    for (const task of this.tasks) await task.start();
  }

  async #startStore() {
    const { endpoint, table } = await freshTable();
    this.table = table;
    this.storeProxy = new FaultProxy({ upstream: endpoint, protocol: dynamoDbProtocol, random: this.random });
    this.#stops.push(() => this.storeProxy.stop());
  }

  async #task(name, { config, endpoints, clock }) {
    const urls = [];
    for (let index = 1; index <= endpoints; index++) {
      urls.push(await this.chainProxy.open(index === 1 ? name : `${name}-${index}`));
    }
    const journal = this.storeProxy
      ? storeEnvironment(await this.storeProxy.open(name), this.table)
      : { FACILITATOR_JOURNAL: `sqlite:${this.journalPath}` };
    const dataDirectory = join(this.directory, name);
    mkdirSync(dataDirectory);
    const environment = { FACILITATOR_CONFIG: config, ...journal, ...(clock ? clockOff(clock) : {}) };
    const task = new Task(name, { rpcUrl: urls.join(","), key: this.chain.facilitator_key, dataDirectory, environment });
    this.#stops.push(() => task.kill());
    return task;
  }

  get journalPath() {
    return join(this.directory, "journal.sqlite");
  }

  /** The first task: the only one of most worlds. */
  get task() {
    return this.tasks[0];
  }

  /** Tasks that a load balancer sends requests to. */
  get running() {
    return this.tasks.filter((task) => task.isUp && !task.isLeaving);
  }

  taskNamed(door) {
    const name = door.split("-")[0];
    return this.tasks.find((task) => task.name === name);
  }

  /** Fresh payments, taken into the ledger. */
  async payments(count, options) {
    const payments = await distinctPayments(count, options);
    this.ledger.expect(payments);
    return payments;
  }

  /** Where a facilitator's events stand in its log, over all tasks. */
  logged(pattern) {
    return this.tasks.flatMap(({ events }) => [...events]).filter(([event]) => pattern.test(event)).map(([event]) => event);
  }

  complaints() {
    return this.tasks.flatMap(({ name, complaints }) => complaints.map((event) => ({ task: name, ...event })));
  }

  async setAutomine(isOn) {
    await this.rpc("evm_setAutomine", [isOn]);
  }

  mine() {
    return this.rpc("evm_mine");
  }

  /** Where the ledger finds what happened. */
  get whereabouts() {
    return { rpcUrl: this.chain.rpc, from: this.firstBlock, signer: this.chain.facilitator, payTo: PAY_TO };
  }

  async stop() {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }
}

const NAMES = ["one", "two", "three", "four", "five"];

function configuration({ blockTimeSeconds, settleTimeoutSeconds = 3, network = "" }) {
  const milliseconds = Math.round((blockTimeSeconds ?? 1) * 1000);
  return [
    "[server]",
    `settle_timeout_seconds = ${settleTimeoutSeconds}`,
    "[networks.base-sepolia]",
    `block_time_ms = ${milliseconds}`,
    network,
    "",
  ].join("\n");
}

