// A facilitator whose clock is wrong, by libfaketime (Debian package `faketime`).

import { existsSync } from "node:fs";

const PLACES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((arch) => `/usr/lib/${arch}/faketime/libfaketime.so.1`);

/** The environment of a process whose wall clock is off by so many seconds; its steady clock is right. */
export function clockOff(seconds) {
  const library = PLACES.find(existsSync);
  if (!library) throw new Error("libfaketime is not installed: run scripts/install-debian.sh faketime");
  return {
    LD_PRELOAD: library,
    FAKETIME: `${seconds >= 0 ? "+" : ""}${seconds}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1",
  };
}
