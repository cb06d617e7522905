// Clients that retry everything three times, and a kill -9 every few seconds.

import { describe, test } from "node:test";
import { killing } from "../lib/kills.mjs";
import { load } from "../lib/load.mjs";
import { isFull, journals, scenario } from "../lib/scenario.mjs";

const FULL = { count: 1000, clients: 64, killMilliseconds: 5000 };
const SHORT = {
  sqlite: { count: 120, clients: 24, killMilliseconds: 3000 },
  dynamodb: { count: 36, clients: 12, killMilliseconds: 4000 },
};
const RUNS = [["sqlite", 1], ["sqlite", 3], ["dynamodb", 3]].filter(([journal]) => journals.includes(journal));

describe("impatient clients and a process that dies", { concurrency: false }, () => {
  for (const [journal, tasks] of RUNS) {
    const { count, clients, killMilliseconds } = isFull ? FULL : SHORT[journal];
    test(`${count} payments, ${clients} clients, ${tasks} tasks, ${journal}`, { timeout: 600_000 }, () =>
      scenario(`storm, ${tasks} tasks, ${journal}`, { journal, tasks, blockTimeSeconds: 1, learnMilliseconds: 60_000 }, async (world) => {
        const payments = await world.payments(count);
        await killing(world, { milliseconds: killMilliseconds }, () =>
          load(world, payments, { clients, copies: 3, milliseconds: 60_000 }),
        );
      }),
    );
  }
});
