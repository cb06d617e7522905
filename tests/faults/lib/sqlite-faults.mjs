// What can happen to a SQLite file, done to a facilitator that has it open.

import { spawn, spawnSync } from "node:child_process";

/** The largest file that the process may write, bytes; "unlimited" again. The program must ignore SIGXFSZ. */
export function limitFileSize(pid, bytes) {
  const set = spawnSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:unlimited`], { encoding: "utf8" });
  if (set.status !== 0) throw new Error(`prlimit: ${set.stderr}`);
}

const HOLD = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
`;

/** Holds the database's write lock, as a backup or an operator's shell may. */
export async function holdWriteLock(path) {
  const child = spawn("python3", ["-c", HOLD, path], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("exit", (code) => reject(new Error(`the lock's holder ended with ${code}`)));
  });
  const release = async () => {
    child.stdin.end();
    await gone;
  };
  return { release };
}
