// What the figures were measured on, and what a process used (Linux only: it reads /proc).

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux that Node runs on

/** User and system time of a process and all its threads so far, in microseconds. */
export function cpuMicroseconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
}

/** Resident memory of a process, in megabytes. */
export function residentMegabytes(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(kilobytes) / 1024;
}

export function describeMachine() {
  const [{ model }] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  return `${cpus().length} × ${model}, ${memory}, Linux ${release()}, Node ${process.versions.node}`;
}

export const load = () => loadavg()[0].toFixed(2);

/** The commit that was measured, with a mark when the checkout differs from it. */
export function describeCommit() {
  try {
    const git = (...args) => execFileSync("git", args, { cwd: import.meta.dirname ?? ".", encoding: "utf8" }).trim();
    return git("describe", "--always", "--dirty", "--abbrev=12");
  } catch {
    return "unknown commit";
  }
}
