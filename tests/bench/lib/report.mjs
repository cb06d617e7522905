// The results as a Markdown table, which is readable on a terminal as well.

import { existsSync, readFileSync, writeFileSync } from "node:fs";

const BEGIN = "<!-- results of `make bench`: begin -->";
const END = "<!-- results of `make bench`: end -->";

/** @param {string[]} head @param {string[][]} rows */
export function table(head, rows) {
  const width = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(width[column])).join(" | ")} |`;
  return [line(head), `|${width.map((size) => "-".repeat(size + 2)).join("|")}|`, ...rows.map(line)].join("\n");
}

/** Replaces what stands between the two markers in `file`; a new file gets a title and the markers. */
export function writeBetweenMarkers(file, text) {
  const old = existsSync(file) ? readFileSync(file, "utf8") : `# Performance\n\n${BEGIN}\n${END}\n`;
  const begin = old.indexOf(BEGIN);
  const end = old.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${file} lacks the lines ${BEGIN} and ${END}`);
  writeFileSync(file, `${old.slice(0, begin + BEGIN.length)}\n${text}\n${old.slice(end)}`);
}
