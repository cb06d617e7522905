// Every payment with all that its client was told, held against what the chain says happened.
//
// The ledger believes nobody but the chain itself: it reads logs and receipts from the node, not through
// the proxy, and finds out by them which transaction moved which payment.

import { ASSET } from "../../devnet/evm.mjs";
import { readChain } from "./chain-truth.mjs";

/** Reasons after which a client asks again: the outcome is still open. */
const OPEN = new Set(["settlement_pending", "duplicate_settlement"]);

/** Whether an answer is the last word on a payment. */
export const isOutcome = (answer) =>
  answer.status === 200 && (answer.body?.success === true || !OPEN.has(answer.body?.errorReason));

export class Ledger {
  #entries = new Map();

  /** Notes an answer of /settle. */
  note(payment, answer) {
    const entry = this.#entry(payment);
    const { status, body, error, retryAfter, text, milliseconds } = answer;
    entry.answers.push({ at: performance.now(), status, body, error, retryAfter, text, milliseconds });
    if (isOutcome(answer)) entry.outcome = answer.body;
    return answer;
  }

  /** Takes a payment into the account, though nothing was told of it yet. */
  expect(payments) {
    for (const payment of payments) this.#entry(payment);
  }

  #entry(payment) {
    const fresh = { payment, answers: [], outcome: undefined };
    const entry = this.#entries.get(payment.nonce) ?? fresh;
    this.#entries.set(payment.nonce, entry);
    return entry;
  }

  get entries() {
    return [...this.#entries.values()];
  }

  /** Payments whose client does not know the truth yet. */
  get open() {
    return this.entries.filter((entry) => !entry.outcome).map((entry) => entry.payment);
  }

  get answers() {
    return this.entries.flatMap((entry) => entry.answers);
  }

  /**
   * Holds what was told against the chain.
   *
   * @param {{rpcUrl: string, from: number, signer: string, payTo: string}} where
   * @param {{reverted?: number, foreign?: boolean, revised?: boolean, refused?: number}} allowed what this
   *   scenario makes unavoidable: transactions of ours that revert; payments that somebody else sent;
   *   outcomes that a reorganisation revised; payments that are rightly refused
   */
  async audit(where, { reverted = 0, foreign = false, revised = false, refused = 0 } = {}) {
    const chain = await readChain({ ...where, asset: ASSET });
    const violations = [];
    const wrong = (kind, nonce, detail) => violations.push(`${kind}: ${nonce?.slice(0, 10) ?? ""} ${detail}`);

    const toldOf = new Map();
    let successes = 0;
    let refusals = 0;
    let pendings = 0;
    for (const { payment, answers, outcome } of this.entries) {
      const { nonce } = payment;
      const moved = chain.transfers.filter((transfer) => transfer.nonce === nonce);
      const [transfer] = moved;
      if (moved.length > 1) wrong("doubled", nonce, moved.map(({ transaction }) => transaction).join(" "));
      if (!outcome) wrong("untold", nonce, `never told, ${moved.length} transfers; last ${describe(answers.at(-1))}`);
      if (outcome?.success) successes += 1;
      if (outcome && !outcome.success) refusals += 1;
      if (outcome?.success && !transfer) wrong("lost", nonce, `told paid by ${outcome.transaction}, no transfer`);
      if (outcome && !outcome.success && transfer) {
        wrong("denied", nonce, `told ${outcome.errorReason} (${outcome.errorMessage}), paid by ${transfer.transaction}`);
      }
      if (outcome?.success && transfer && outcome.transaction !== transfer.transaction) {
        wrong("misnamed", nonce, `told ${outcome.transaction}, paid by ${transfer.transaction}`);
      }
      if (transfer && !foreign && transfer.sender !== where.signer.toLowerCase()) {
        wrong("foreign", nonce, `sent by ${transfer.sender}`);
      }
      if (outcome?.success) {
        const other = toldOf.get(outcome.transaction);
        if (other) wrong("shared", nonce, `${outcome.transaction} was told of ${other.slice(0, 10)} too`);
        toldOf.set(outcome.transaction, nonce);
      }
      if (answers.some(isPending)) pendings += 1;
      for (const lie of revised ? [] : turns(answers)) wrong("changed", nonce, lie);
      for (const answer of answers) for (const fault of faultsOf(answer, foreign)) wrong(fault, nonce, describe(answer));
    }

    const strangers = chain.transfers.filter(({ nonce }) => !this.#entries.has(nonce));
    for (const { transaction, nonce } of strangers) wrong("unknown transfer", nonce, transaction);
    const failed = chain.sent.filter((receipt) => receipt.status !== "0x1");
    if (failed.length > reverted) wrong("reverted", null, `${failed.length} transactions, allowed ${reverted}`);
    if (refusals > refused) wrong("refused", null, `${refusals} payments, allowed ${refused}`);
    if (chain.waiting > 0) wrong("left over", null, `${chain.waiting} transactions of ours are still in the pool`);

    const answered = this.answers;
    return {
      violations,
      row: {
        payments: this.entries.length,
        transfers: chain.transfers.length,
        successes,
        pendings,
        refused: refusals,
        reverted: failed.length,
        fillers: chain.sent.filter((receipt) => receipt.to === receipt.from).length,
        answers: answered.length,
        unavailable: answered.filter(({ status }) => status === 503 || status === 429).length,
        broken: answered.filter(({ status }) => status === 0).length,
      },
    };
  }
}

const isPending = ({ status, body }) => status === 200 && body?.errorReason === "settlement_pending";

/** What may be answered at all: a verdict, or a typed refusal that says when to come again. */
function faultsOf({ status, body, retryAfter, text }, foreign) {
  const found = [];
  const isVerdict = status === 200 && typeof body?.success === "boolean";
  const isRetryable = (status === 503 || status === 429) && body?.success === false && retryAfter !== undefined;
  if (status !== 0 && !isVerdict && !isRetryable) found.push(`answered ${status}`);
  if (isPending({ status, body }) && !/^0x[0-9a-f]{64}$/.test(body.transaction) && body.transaction !== "") {
    found.push("pending without a hash");
  }
  if (!foreign && body?.success === false && /nonce/i.test(`${body.errorReason} ${body.errorMessage}`)) {
    found.push("nonce error surfaced");
  }
  if (/https?:\/\/|127\.0\.0\.1|panicked/.test(text)) found.push("leaked");
  return found;
}

/**
 * Outcomes that are followed by other ones. A refusal before anything was sent binds nobody: the same request
 * may be good a moment later.
 */
function turns(answers) {
  const bodies = answers.filter(isOutcome).map(({ body }) => body);
  return bodies.slice(1).flatMap((body, index) => {
    const [before, now] = [bodies[index], body].map(({ success, transaction, errorReason }) => (success ? transaction : errorReason));
    return before === now || bodies[index].transaction === "" ? [] : [`${before}, then ${now}`];
  });
}

function describe(answer) {
  if (!answer) return "nothing";
  return answer.status === 0 ? `no answer (${answer.error})` : `${answer.status} ${answer.text.slice(0, 200)}`;
}
