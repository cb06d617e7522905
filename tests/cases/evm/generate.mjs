// Generates the cases of the EVM guest beside this file. RPC answers come from the devnet's chain where
// it can be brought to give them, and are written by hand where not. Deterministic: a second run changes
// nothing.
//
//   (cd tests/devnet && npm ci) && cd tests/cases && npm ci && npm run generate

import { Cases } from "../lib/case.mjs";
import { Chain } from "../lib/chain.mjs";
import { NOW } from "../lib/evm/payment.mjs";
import * as chainState from "../lib/evm/chain-state.mjs";
import * as confirm from "../lib/evm/confirm.mjs";
import * as contractPayer from "../lib/evm/contract-payer.mjs";
import * as description from "../lib/evm/description.mjs";
import * as nodeErrors from "../lib/evm/node-errors.mjs";
import * as payload from "../lib/evm/payload.mjs";
import * as prepare from "../lib/evm/prepare.mjs";
import * as signature from "../lib/evm/signature.mjs";
import * as terms from "../lib/evm/terms.mjs";
import * as window from "../lib/evm/window.mjs";

const cases = new Cases(new URL("./", import.meta.url));
const chain = await Chain.start(NOW - 2);
try {
  const write = (name, content) => cases.write(name, { clockMs: NOW * 1000, ...content });
  const groups = [
    description, terms, payload, window, signature, contractPayer, chainState, nodeErrors, prepare, confirm,
  ];
  for (const group of groups) await group.generate({ write, chain });
} finally {
  await chain.stop();
}
console.log(`${cases.count} cases`);
