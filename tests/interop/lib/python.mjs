// Drives ../python/client.py, the official Python client in its own virtual environment.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("../python/", import.meta.url));

/** @returns {{run: (command: object) => Promise<object>, stop: () => void}} `run` takes one command at a time */
export function startPythonClient() {
  const python = `${directory}.venv/bin/python`;
  if (!existsSync(python)) throw new Error("the Python client is not installed: run `make interop-install`");
  const child = spawn(python, [`${directory}client.py`], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const run = async (command) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error("the Python client ended");
    return JSON.parse(value);
  };
  return { run, stop: () => child.stdin.end() };
}
