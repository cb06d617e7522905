//! What a look at the chain says of a settlement that has ended.

use facilitator_chain::evm::{EvmNetwork, Tracked};
use facilitator_journal::{Outcome, Record, State};

use super::Watched;
use crate::networks::{Network, evm_address};

/// Looks at a settlement before its block is final, the last one included.
const LOOKS: u64 = 3;
/// Looks in a row that must miss a transaction before it counts as vanished.
const MISSES: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Wait,
    Final,
    Vanished,
}

/// What a look says of one settlement.
pub(super) async fn judge(
    network: &Network,
    evm: &EvmNetwork,
    one: &mut Watched,
    record: &Record,
    tracked: Option<&Tracked>,
    head: u64,
) -> Judged {
    let depth = network.settings.finality_blocks;
    let seen = tracked.map(|tracked| (tracked.block_number, tracked.succeeded));
    match judge_seen(one, record, seen, head, depth) {
        Some(judged) => judged,
        None => not_landed(evm, one, record, head, depth).await,
    }
}

/// The same of what was seen of its transaction, block and whether it succeeded. None if it is its nonce that
/// tells: nothing of it has landed, and should not have.
fn judge_seen(
    one: &mut Watched,
    record: &Record,
    seen: Option<(u64, bool)>,
    head: u64,
    depth: u64,
) -> Option<Judged> {
    match seen {
        Some((_, succeeded)) if !ended_on_chain(record) => {
            tracing::warn!(event = "landed_after_end", tx = record.transaction(), succeeded);
            Some(Judged::Vanished)
        }
        Some((_, succeeded)) if succeeded != (record.state == State::Confirmed) => Some(Judged::Vanished),
        Some((block, _)) => {
            one.misses = 0;
            one.look_at = next_look(head, block, depth);
            let is_final = head.saturating_add(1).saturating_sub(block) >= depth;
            Some(if is_final { Judged::Final } else { Judged::Wait })
        }
        None if !ended_on_chain(record) => None,
        None => {
            one.misses += 1;
            one.look_at = head.saturating_add(1);
            Some(if one.misses >= MISSES { Judged::Vanished } else { Judged::Wait })
        }
    }
}

/// Whether a transaction made the outcome what it is: else nothing of the payment landed.
const fn ended_on_chain(record: &Record) -> bool {
    matches!(record.outcome, Some(Outcome::Confirmed { .. } | Outcome::Failed { transaction: Some(_), .. }))
}

/// The block of the next look at something in `block`.
fn next_look(head: u64, block: u64, depth: u64) -> u64 {
    let step = (depth / LOOKS).max(1);
    let last = block.saturating_add(depth.saturating_sub(1));
    head.saturating_add(step).min(last.max(head.saturating_add(1)))
}

async fn not_landed(evm: &EvmNetwork, one: &mut Watched, record: &Record, head: u64, depth: u64) -> Judged {
    let Some((signer, sequence)) =
        record.signed.as_ref().and_then(|signed| Some((evm_address(&signed.signer)?, signed.lane_sequence?)))
    else {
        return Judged::Final;
    };
    one.look_at = head.saturating_add(1);
    match evm.observe_nonce(signer).await {
        Some(count) if count > sequence => {
            let passed_at = *one.passed_at.get_or_insert(head);
            if head.saturating_sub(passed_at) < depth {
                return Judged::Wait;
            }
            // The last that was signed is not there; one that it was to replace may be.
            let earlier: Vec<String> =
                record.earlier.iter().map(|signed| signed.transaction.clone()).collect();
            match evm.standing(&earlier).await {
                Some((_, landed)) if landed.is_empty() => Judged::Final,
                Some(_) => Judged::Vanished,
                None => Judged::Wait,
            }
        }
        _ => {
            one.passed_at = None;
            Judged::Wait
        }
    }
}

#[cfg(test)]
mod tests;
