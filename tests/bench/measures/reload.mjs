// From the call of `reload` to the answer of the first request that the new guest serves.

import * as evm from "../../devnet/evm.mjs";
import { startFacilitator } from "../../devnet/lib/facilitator.mjs";
import { developmentKeys } from "../../devnet/lib/keys.mjs";
import { post } from "../lib/contestants.mjs";
import { GuestsDirectory, neverSeen, readComponent, tagged } from "../lib/guests.mjs";
import { distinctPayments, payers } from "../lib/payments.mjs";
import { median } from "../lib/statistics.mjs";
import { TOKEN, reload } from "./swaps.mjs";

const ROUNDS = 10;

export async function measureReload({ binary, component: path, progress }) {
  const component = readComponent(path);
  const guests = new GuestsDirectory();
  guests.put(tagged(component, "start"));
  const chain = await evm.start();
  let tag;
  let heard;
  const onEvent = (event) => {
    if (event.event === "guest_log" && event.message.startsWith(`generation ${tag} verify`)) heard?.();
  };
  let facilitator;
  try {
    await evm.mint(chain.entry.rpc, payers, 10n ** 12n);
    const environment = { FACILITATOR_GUESTS_DIR: guests.path, FACILITATOR_ADMIN_TOKEN: TOKEN };
    const key = developmentKeys.facilitator;
    facilitator = await startFacilitator({ rpcUrl: chain.entry.rpc, key, binary, environment, onEvent });
    const [payment] = await distinctPayments(1);
    const once = async (name, bytes) => {
      tag = name;
      guests.put(bytes);
      const answered = new Promise((resolve) => (heard = resolve));
      const began = performance.now();
      await reload(facilitator.url);
      const { body } = await post(`${facilitator.url}/verify`, payment.text);
      const milliseconds = performance.now() - began;
      if (body.isValid !== true) throw new Error(`the new guest answered ${JSON.stringify(body)}`);
      await answered; // by the new guest: its tag is in the log
      return milliseconds;
    };
    const cold = [];
    const warm = [];
    for (let round = 0; round < ROUNDS; round++) {
      const [one, other] = ["a", "b"].map((name) => neverSeen(tagged(component, `${name}${round}`), round));
      cold.push(await once(`a${round}`, one));
      await once(`b${round}`, other);
      warm.push(await once(`a${round}`, one));
    }
    progress(`cold ${cold.map(Math.round).join(" ")} ms; warm ${warm.map((ms) => ms.toFixed(1)).join(" ")} ms`);
    return [
      row("reload to first answer, cold cache: median and worst", cold, 500),
      row("… warm cache", warm, 50),
    ];
  } finally {
    await facilitator?.stop();
    await chain.stop();
    guests.remove();
  }
}

const row = (what, times, limit) => ({
  what,
  figure: `${median(times).toFixed(0)} ms, ${Math.max(...times).toFixed(0)} ms`,
  demanded: `< ${limit} ms`,
  holds: Math.max(...times) < limit,
});
