// Runs wrk with ../verify.lua.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("../verify.lua", import.meta.url));

/** @returns {Promise<{requests: number, seconds: number, p50Milliseconds: number, p99Milliseconds: number, maxMilliseconds: number}>} */
export async function runWrk({ url, path, bodiesFile, expected, connections, seconds }) {
  const { stdout } = await promisify(execFile)(
    "wrk",
    ["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`, "--timeout", "20s", "--script", script, url],
    { env: { ...process.env, BODIES: bodiesFile, TARGET: path, EXPECT: expected }, timeout: (seconds + 60) * 1000 },
  );
  const line = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (!line) throw new Error(`wrk printed no result:\n${stdout}`);
  const number = (name) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(line)[1]);
  // A figure over wrong answers would be worthless: every answer has to be the expected one.
  if (number("wrong") + number("failed") > 0) throw new Error(`answers that were not as expected: ${line}`);
  return {
    requests: number("requests"),
    seconds: number("microseconds") / 1e6,
    p50Milliseconds: number("p50") / 1e3,
    p99Milliseconds: number("p99") / 1e3,
    maxMilliseconds: number("max") / 1e3,
  };
}
