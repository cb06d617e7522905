// Child processes that cannot outlive us.
//
// Tests and demos start servers; a server left behind holds a port and spoils the next run. Each
// child is therefore started so that the kernel ends it when we die in whatever way (Linux, where
// `setpriv` is part of the base system), and is ended by us on every orderly way out.

import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

const running = new Set();
const parentDeathSignal = process.platform === "linux" && spawnSync("setpriv", ["--version"]).status === 0;

process.on("exit", () => {
  for (const child of running) child.process.kill("SIGKILL");
});

export class Child {
  /**
   * @param {string} name what error messages call it
   * @param {string} command
   * @param {string[]} args
   * @param {{env?: object, cwd?: string, stdin?: "ignore" | "pipe", onLine?: (line: string) => void}} options
   *   `onLine` sees each line of stdout; the last lines of both streams are kept for error messages.
   */
  constructor(name, command, args, { env = process.env, cwd, stdin = "ignore", onLine = () => {} } = {}) {
    this.name = name;
    this.lastLines = [];
    // `setpriv` replaces itself by the command, so `pid` is the command's own.
    const [file, ...rest] = parentDeathSignal
      ? ["setpriv", "--pdeathsig", "KILL", "--", command, ...args]
      : [command, ...args];
    this.process = spawn(file, rest, { env, cwd, stdio: [stdin, "pipe", "pipe"] });
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.process.on("error", (error) => this.#ended(resolve, `cannot start: ${error.message}`));
      this.process.on("exit", (code, signal) => this.#ended(resolve, signal ?? `exit code ${code}`));
    });
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      this.#remember(line);
      onLine(line);
    });
    createInterface({ input: this.process.stderr }).on("line", (line) => this.#remember(line));
  }

  get pid() {
    return this.process.pid;
  }

  get alive() {
    return running.has(this);
  }

  /** Waits for `promise`, but fails at once when the child ends first and at the latest after `milliseconds`. */
  async until(promise, milliseconds, what) {
    let timer;
    const tooLate = new Promise((_, reject) => {
      timer = setTimeout(() => reject(this.failure(`${what} took longer than ${milliseconds} ms`)), milliseconds);
    });
    const died = this.exited.then((how) => Promise.reject(this.failure(`ended before ${what} (${how})`)));
    died.catch(() => {}); // a child that ends later, in order, is no error
    try {
      return await Promise.race([promise, died, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** An error that shows what the child last said. */
  failure(message) {
    const said = this.lastLines.map((line) => `    ${line}`).join("\n");
    return new Error(`${this.name}: ${message}${said && `\n  its last output:\n${said}`}`);
  }

  /** Asks the child to end, and insists after `graceMilliseconds`. */
  async stop(graceMilliseconds = 5000) {
    if (!this.alive) return;
    this.process.kill("SIGTERM");
    const insist = setTimeout(() => this.process.kill("SIGKILL"), graceMilliseconds);
    await this.exited;
    clearTimeout(insist);
  }

  #ended(resolve, how) {
    running.delete(this);
    resolve(how);
  }

  #remember(line) {
    this.lastLines.push(line);
    if (this.lastLines.length > 20) this.lastLines.shift();
  }
}

/** Resolves with the name of the first signal that asks this process to end. */
export function stopSignal() {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve(signal));
  });
}
