// Bytes of strangers never lead the reader beyond their end.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as abi from "../src/abi.mjs";

const encoded = (...words) => `0x${words.map((word) => abi.digits(word)).join("")}`;
const MOST = (1n << 256n) - 1n;

test("text is read where its word points", () => {
  assert.equal(abi.text(`${encoded(32n, 2n)}6e6f`, 0), "no");
  assert.equal(abi.text(encoded(32n, 0n), 0), "");
});

test("hostile offsets and lengths are no text", () => {
  for (const [offset, length] of [[32n, 1n], [33n, 0n], [MOST, 0n], [1n << 64n, 0n], [32n, MOST], [32n, 1n << 64n]]) {
    assert.equal(abi.text(encoded(offset, length), 0), undefined, `${offset} ${length}`);
  }
  assert.equal(abi.text("0x", 0), undefined);
});

test("a word is 32 bytes, no more and no fewer", () => {
  assert.equal(abi.singleWord(encoded(7n)), 7n);
  for (const data of ["0x", "0x01", `${encoded(1n)}00`, encoded(1n, 0n)]) {
    assert.equal(abi.singleWord(data), undefined, data);
  }
});
