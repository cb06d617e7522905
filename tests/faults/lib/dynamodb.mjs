// moto's DynamoDB on this machine: one for all scenarios of a process, and a table for each of them.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { facilitatorBinary } from "../../devnet/lib/facilitator.mjs";
import { Child } from "../../devnet/lib/process.mjs";

const directory = fileURLToPath(new URL("../../devnet/aws/", import.meta.url));
let shared;
let tables = 0;

/** What a facilitator needs to find a table at `endpoint`; the credentials are made up. */
export const storeEnvironment = (endpoint, table) => ({
  FACILITATOR_JOURNAL: `dynamodb:${table}`,
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_EC2_METADATA_DISABLED: "true",
});

/** A new table for a journal. @returns {Promise<{endpoint: string, table: string}>} */
export async function freshTable() {
  shared ??= startMoto();
  const endpoint = await shared;
  const table = `settlements-${(tables += 1)}`;
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...storeEnvironment(endpoint, table) };
  await promisify(execFile)(facilitatorBinary(), ["journal", "create-table"], { env, timeout: 30_000 });
  return { endpoint, table };
}

/** Starts moto; it ends with this process, and keeps it from ending no longer than a scenario does. */
async function startMoto() {
  const python = `${directory}.venv/bin/python`;
  if (!existsSync(python)) throw new Error("moto is not installed: run scripts/install-moto.sh");
  let listening;
  const address = new Promise((resolve) => (listening = resolve));
  const moto = new Child("moto", python, [`${directory}moto.py`], {
    stdin: "pipe",
    onLine: (line) => {
      if (line.startsWith('{"endpoint"')) listening(JSON.parse(line).endpoint);
    },
  });
  const endpoint = await moto.until(address, 30_000, "listening");
  for (const part of [moto.process, moto.process.stdin, moto.process.stdout, moto.process.stderr]) part.unref();
  return endpoint;
}
