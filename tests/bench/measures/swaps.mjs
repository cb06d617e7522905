// Guests are swapped every 100 ms while payments are verified and settled. Each guest logs its tag with every
// call, so that it can be told afterwards which generation answered what.

import * as evm from "../../devnet/evm.mjs";
import { startFacilitator } from "../../devnet/lib/facilitator.mjs";
import { developmentKeys } from "../../devnet/lib/keys.mjs";
import { post } from "../lib/contestants.mjs";
import { GuestsDirectory, readComponent, tagged } from "../lib/guests.mjs";
import { residentMegabytes } from "../lib/machine.mjs";
import { distinctPayments, payers } from "../lib/payments.mjs";
import { quantile } from "../lib/statistics.mjs";

const EVERY_MILLISECONDS = 100;
const VERIFYING = 48;
const SETTLING = 16;
const TAGS = 6;
const WARM_SECONDS = 10;
export const TOKEN = "benchmark admin token";

export async function measureSwaps({ binary, component: path, seconds, progress }) {
  const guests = new GuestsDirectory();
  const component = readComponent(path);
  const components = Array.from({ length: TAGS }, (_, index) => tagged(component, `g${index}`));
  guests.put(components[0]);
  const chain = await evm.start({ blockTimeSeconds: 1 });
  const calls = new Map(); // "settle" calls by nonce: the tags of settle, prepare and confirm
  const counts = { verify: 0, tags: new Set() };
  const onEvent = (event) => {
    if (event.event !== "guest_log") return;
    const [, tag, phase, nonce] = /^generation (\S+) (\S+) (\S+)$/.exec(event.message) ?? [];
    counts.tags.add(tag);
    if (phase === "verify") counts.verify += 1;
    else calls.set(nonce, [...(calls.get(nonce) ?? []), { tag, phase }]);
  };
  let facilitator;
  try {
    await evm.mint(chain.entry.rpc, payers, 10n ** 12n);
    facilitator = await startFacilitator({
      rpcUrl: chain.entry.rpc,
      key: developmentKeys.facilitator,
      binary,
      onEvent,
      environment: {
        FACILITATOR_GUESTS_DIR: guests.path,
        FACILITATOR_ADMIN_TOKEN: TOKEN,
        FACILITATOR_LOG: "warn,facilitator_server::ports=info,facilitator_server::serve=info",
      },
    });
    const count = Math.ceil((seconds + WARM_SECONDS) * SETTLING * 1.5);
    progress(`signing ${count} payments`);
    const payments = await distinctPayments(count + 200);
    const run = { url: facilitator.url, payments: payments.slice(200), reused: payments.slice(0, 200) };
    // Before anything is counted: connections, the pool's memory, each component compiled once.
    await Promise.all([loaded(run, WARM_SECONDS), swapping(run, guests, components, WARM_SECONDS)]);
    const before = residentMegabytes(facilitator.pid);
    progress(`warm, ${before.toFixed(0)} MB; ${seconds} s of load, c=${VERIFYING + SETTLING}`);
    const [answers, swaps] = await Promise.all([
      loaded(run, seconds),
      swapping(run, guests, components, seconds),
    ]);
    const after = residentMegabytes(facilitator.pid);
    const failures = answers.filter(({ good }) => !good);
    for (const { status, body } of failures.slice(0, 3)) progress(`failed: ${status} ${JSON.stringify(body)}`);
    const settled = answers.filter(({ path, good }) => path === "/settle" && good).length;
    const torn = [...calls.values()].filter((made) => new Set(made.map(({ tag }) => tag)).size !== 1);
    const whole = [...calls.values()].filter((made) => made.length >= 3).length;
    const times = answers.filter(({ path }) => path === "/verify").map(({ milliseconds }) => milliseconds);
    progress(`${answers.length} requests, ${settled} of them settlements; ${counts.verify} /verify calls by ${counts.tags.size} tags`);
    return [
      row("swaps", swaps.done, `one every ${EVERY_MILLISECONDS} ms for ${seconds} s`, swaps.done >= seconds * 10 * 0.95),
      row("failed swaps", swaps.failed, "0", swaps.failed === 0),
      row(`failed requests of ${answers.length}`, failures.length, "0", failures.length === 0),
      row(`settlements of ${calls.size} that more than one generation answered`, torn.length, "0", torn.length === 0 && whole >= settled),
      row("/verify p50 and p99, ms", `${quantile(times, 0.5).toFixed(1)}, ${quantile(times, 0.99).toFixed(1)}`, "", true),
      row("growth of memory, MB", (after - before).toFixed(1), `< 20 (${before.toFixed(0)} -> ${after.toFixed(0)})`, after - before < 20),
    ];
  } finally {
    await facilitator?.stop();
    await chain.stop();
    guests.remove();
  }
}

const row = (what, figure, demanded, holds) => ({ what, figure: String(figure), demanded, holds });

/** Verifies and settles for `seconds`; every answer with whether it is the good one. */
async function loaded({ url, payments, reused }, seconds) {
  const until = performance.now() + seconds * 1000;
  const answers = [];
  const worker = async (path, next, isGood) => {
    while (performance.now() < until) {
      const payment = next();
      if (!payment) throw new Error("too few payments were signed");
      const answer = await post(`${url}${path}`, payment.text);
      const good = answer.status === 200 && isGood(answer.body);
      answers.push({ path, good, milliseconds: answer.milliseconds, ...(good ? {} : answer) });
    }
  };
  let turn = 0;
  await Promise.all([
    ...Array.from({ length: VERIFYING }, () =>
      worker("/verify", () => reused[turn++ % reused.length], (body) => body.isValid === true),
    ),
    ...Array.from({ length: SETTLING }, () =>
      worker("/settle", () => payments.pop(), (body) => body.success === true),
    ),
  ]);
  return answers;
}

async function swapping(run, guests, components, seconds) {
  const began = performance.now();
  let done = 0;
  let failed = 0;
  for (let tick = 1; performance.now() - began < seconds * 1000; tick++) {
    run.swaps = (run.swaps ?? 0) + 1; // counts on from the warm-up: never the one that is in use
    guests.put(components[run.swaps % components.length]);
    const { changes } = await reload(run.url).catch(() => ({}));
    if (changes?.length === 1) done += 1;
    else failed += 1;
    const next = began + tick * EVERY_MILLISECONDS;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  return { done, failed };
}

/** Has the facilitator read its guests again; resolves to its report. */
export async function reload(url) {
  const response = await fetch(`${url}/admin/guests/reload`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    signal: AbortSignal.timeout(30_000),
  });
  const report = await response.json();
  if (!response.ok) throw new Error(`reload: ${response.status} ${report.message}`);
  return report;
}
