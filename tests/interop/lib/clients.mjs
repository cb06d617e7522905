// The three official facilitator clients behind one face. Each parses what the facilitator answers in
// its own way; what comes out here is either the parsed answer or `{raised: {status, reason, text}}`.

import { HTTPFacilitatorClient } from "@x402/core/server";
import { useFacilitator } from "../legacy/facilitator-client.mjs";
import { startPythonClient } from "./python.mjs";

const FAILED_WITH_STATUS = /failed \((\d+)\): (.*)$/s;

/** @returns {{name: string, verify, settle, supported, stop}[]} */
export function startClients(facilitatorUrl) {
  return [typescript(facilitatorUrl), legacy(facilitatorUrl), python(facilitatorUrl)];
}

function typescript(url) {
  const client = new HTTPFacilitatorClient({ url });
  return {
    name: "TypeScript v2",
    verify: (body) => parsed(() => client.verify(body.paymentPayload, body.paymentRequirements)),
    settle: (body) => parsed(() => client.settle(body.paymentPayload, body.paymentRequirements)),
    supported: () => client.getSupported(),
    stop: () => {},
  };
}

function legacy(url) {
  const client = useFacilitator({ url });
  return {
    name: "TypeScript v1",
    verify: (body) => parsed(() => client.verify(body.paymentPayload, body.paymentRequirements)),
    settle: (body) => parsed(() => client.settle(body.paymentPayload, body.paymentRequirements)),
    supported: () => client.supported(),
    stop: () => {},
  };
}

function python(facilitator) {
  const client = startPythonClient();
  const ask = async (what, body) => {
    const command = { do: what, facilitator, payload: body.paymentPayload, requirements: body.paymentRequirements };
    const answer = await client.run(command);
    if (!answer.raised) return answer;
    // ValueError: Facilitator verify failed (400): {the body as it came}
    const [, status, text] = FAILED_WITH_STATUS.exec(answer.raised) ?? [];
    if (!status) return { raised: { text: answer.raised } };
    const told = JSON.parse(text);
    return { raised: { status: Number(status), reason: told.invalidReason ?? told.errorReason, text: answer.raised } };
  };
  return {
    name: "Python",
    verify: (body) => ask("verify", body),
    settle: (body) => ask("settle", body),
    supported: () => client.run({ do: "supported", facilitator }),
    stop: () => client.stop(),
  };
}

/** Both TypeScript clients raise typed errors that carry status and reason. */
async function parsed(call) {
  try {
    return await call();
  } catch (error) {
    const reason = error.invalidReason ?? error.errorReason;
    return { raised: { status: error.statusCode, reason, text: `${error.name}: ${error.message}` } };
  }
}
