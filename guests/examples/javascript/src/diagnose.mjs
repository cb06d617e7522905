// Why a settlement that fails in simulation fails: one more round trip, only then.

import * as abi from "./abi.mjs";
import { REASON, Refusal, shown } from "./answer.mjs";
import { ETH_CALL, ETH_GET_CODE, LATEST, askAll, codeOf, dataOf, failureOf } from "./rpc.mjs";

const NO_GAS_CAP = (1n << 64n) - 1n;

/** Names the reason. The token's state tells more reliably than `words`, what it said when it reverted. */
export function diagnose(network, { terms, authorization }, words) {
  const { asset } = terms;
  const read = (data) => [ETH_CALL, [{ to: asset, data }, LATEST]];
  const [balance, state, code, name, version] = askAll(network, [
    read(abi.balanceOf(authorization.from)),
    read(abi.authorizationState(authorization)),
    [ETH_GET_CODE, [asset, LATEST]],
    read(abi.NAME),
    read(abi.VERSION),
  ]);

  if (codeOf(code) === "0x") return new Refusal(REASON.noContract, `there is no contract at ${asset}`);
  const used = wordOf(state);
  if (used === 1n) {
    const message = `nonce ${authorization.nonce} of the payer is used or cancelled`;
    return new Refusal(REASON.nonceUsed, message);
  }
  if (used !== 0n) {
    return new Refusal(REASON.noEip3009, `${asset} has no authorizationState (EIP-3009)`);
  }
  for (const [key, answer, reason] of [
    ["name", name, REASON.tokenName],
    ["version", version, REASON.tokenVersion],
  ]) {
    // A token that does not tell its domain may still have the right one.
    const data = returned(answer);
    const found = data === undefined ? undefined : abi.text(data, 0);
    if (found !== undefined && found !== terms[key]) {
      const message = `extra.${key}: expected the token's ${shown(found)}, found ${shown(terms[key])}`;
      return new Refusal(reason, message);
    }
  }
  const funds = wordOf(balance);
  if (funds !== undefined && funds < authorization.value) {
    const message = `balance: expected at least ${authorization.value}, found ${funds}`;
    return new Refusal(REASON.funds, message);
  }
  return byWords(words);
}

/** What a call returned; nothing if it reverted. */
function returned({ tag, val }) {
  if (tag === "ok") return dataOf(ETH_CALL, val);
  failureOf(val, NO_GAS_CAP);
  return undefined;
}

function wordOf(answer) {
  const data = returned(answer);
  return data === undefined ? undefined : abi.singleWord(data);
}

/** What the state does not show, the token may have said: its clock is the block's. FiatToken's words. */
function byWords(words) {
  if (words === undefined) return new Refusal(REASON.simulation, "the transfer fails without saying why");
  const said = words.toLowerCase();
  const [, reason] = [
    ["invalid signature", REASON.signature],
    ["authorization is expired", REASON.validBefore],
    ["authorization is not yet valid", REASON.validAfter],
  ].find(([phrase]) => said.includes(phrase)) ?? [undefined, REASON.simulation];
  return new Refusal(reason, `the transfer fails: ${words}`);
}
