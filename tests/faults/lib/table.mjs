// The ledger's rows as a table, for one scenario and for all of a run.

import { appendFileSync, existsSync, readFileSync } from "node:fs";

const COLUMNS = [
  ["payments", "payments"],
  ["transfers", "transfers"],
  ["successes", "successes"],
  ["pendings", "pending, resolved"],
  ["refused", "refused"],
  ["reverted", "reverted"],
  ["fillers", "no-op fillers"],
  ["answers", "answers"],
  ["unavailable", "503/429"],
  ["broken", "no answer"],
  ["kills", "kills"],
];

/** Keeps a row for the table of the whole run, where there is one (FAULTS_LEDGER names its file). */
export function keepRow(row) {
  if (process.env.FAULTS_LEDGER) appendFileSync(process.env.FAULTS_LEDGER, `${JSON.stringify(row)}\n`);
}

export function readRows(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** @param {object[]} rows each with `scenario` and the columns' numbers */
export function table(rows) {
  const total = { scenario: `all ${rows.length}` };
  for (const [key] of COLUMNS) total[key] = rows.reduce((sum, row) => sum + (row[key] ?? 0), 0);
  const lines = rows.length > 1 ? [...rows, total] : rows;
  const cells = [
    ["scenario", ...COLUMNS.map(([, title]) => title), "s"],
    ...lines.map((row) => [row.scenario, ...COLUMNS.map(([key]) => String(row[key] ?? 0)), row.seconds?.toFixed(1) ?? ""]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  "))
    .join("\n");
}
