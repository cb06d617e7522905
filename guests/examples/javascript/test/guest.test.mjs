// The guest on the cases that the Rust guest passes: same answers, same round trips.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { scheme } from "../src/guest.mjs";
import { NOT_SERVED, REFUSED_UNASKED, names, read } from "./cases.mjs";
import { begin, finish, roundTrips } from "./host/ports.mjs";

const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** Asks the guest, and tells the answer in the form of `expect.json`. */
function ask(asked) {
  const { call, phase, valid, observation, network, payload, requirements, settings, ...rest } = asked;
  const text = JSON.stringify;
  const request = {
    ...rest,
    network,
    payload: text(payload),
    requirements: text(requirements),
    settings: text(settings),
  };
  try {
    if (call === "supported") return { extra: scheme.supported(network, text(settings)) ?? null };
    if (call === "verify") return verdict(scheme.verify(request, phase));
    if (call === "confirm") return tagged(scheme.confirm(request, observation));
    return intent(scheme.prepare(request, { ...valid, expiresAt: BigInt(valid.expiresAt) }));
  } catch (error) {
    // Anything but the `guest-error` of a fault would trap.
    if (error.payload === undefined) throw error;
    return { error: { [error.payload.tag]: error.payload.val } };
  }
}

const tagged = ({ tag, val = {} }) => ({ [tag]: val });

function verdict({ tag, val }) {
  if (tag === "valid") return { valid: { ...val, expiresAt: val.expiresAt.toString() } };
  const { payer, ...invalid } = val;
  return { invalid: payer === undefined ? invalid : { ...invalid, payer } };
}

function intent({ tag, val: { to, data, gasCeiling } }) {
  assert.equal(tag, "evm-call");
  const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;
  return { intent: { evmCall: { to: hex(to), data: hex(data), gasCeiling: gasCeiling.toString() } } };
}

/** Messages are for people, and differ between guests; everything else is the same. */
function withoutMessages(answer) {
  return JSON.parse(JSON.stringify(answer), (key, value) => {
    if (["message", "upstream", "unsupported", "internal"].includes(key)) {
      assert.match(value, /^[ -~]{1,600}$/, "a message is printable and bounded");
      return "…";
    }
    return value;
  });
}

function run(name, exchanges) {
  const recorded = read(name);
  const { network } = recorded.asked;
  begin({ network, clockMs: recorded.clockMs, exchanges: exchanges ?? recorded.exchanges });
  return { expected: withoutMessages(recorded.expected), answer: withoutMessages(ask(recorded.asked)) };
}

const all = names();

describe("cases", () => {
  for (const name of all.filter((name) => !NOT_SERVED.has(name) && !REFUSED_UNASKED.has(name))) {
    test(name, () => {
      const { expected, answer } = run(name);
      finish();
      assert.deepEqual(answer, expected);
    });
  }
});

describe("signatures that only a contract could accept are refused without asking", () => {
  for (const name of REFUSED_UNASKED) {
    test(name, () => {
      const { expected, answer } = run(name, []);
      assert.equal(roundTrips(), 0);
      assert.equal(answer.invalid?.reason, expected.invalid.reason);
    });
  }
});

describe("what this guest does not serve it does not accept", () => {
  for (const [name, reason] of NOT_SERVED) {
    if (name === "describes_itself") continue;
    test(`${name}: ${reason}`, () => {
      const { answer } = run(name, []);
      assert.equal(roundTrips(), 0);
      assert.match(Object.keys(answer)[0], /^(invalid|error)$/, JSON.stringify(answer));
    });
  }
});

test("every case that is listed is there", () => {
  for (const name of [...NOT_SERVED.keys(), ...REFUSED_UNASKED]) assert.ok(all.includes(name), name);
});

test("the descriptor names the package's version and the methods that the cases use", () => {
  const descriptor = scheme.describe();
  assert.deepEqual(
    { ...descriptor, rpcMethods: descriptor.rpcMethods.toSorted() },
    {
      name: "evm-js",
      version: packageJson.version,
      abi: "0.1.0",
      family: "evm",
      kinds: [{ x402Version: 2, scheme: "exact" }],
      rpcMethods: ["eth_call", "eth_estimateGas", "eth_getCode"],
    },
  );
});
