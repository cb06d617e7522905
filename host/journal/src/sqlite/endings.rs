//! Outcomes: how a settlement ended, that it ended otherwise, and that nothing about it changes any more.

use rusqlite::{Connection, params};

use super::{
    moves::{check_move, head, illegal, write},
    questions, row,
};
use crate::{JournalError, Outcome, Owner, PaymentId, State};

pub(super) fn finish(
    connection: &Connection,
    owner: Owner,
    id: &PaymentId,
    outcome: &Outcome,
    now_ms: u64,
) -> Result<(), JournalError> {
    let (from, to) = (head(connection, owner, id)?.state, outcome.state());
    if from == to && has_outcome(connection, id, outcome)? {
        return Ok(());
    }
    check_move(id, from, to)?;
    end(connection, id, from, outcome, now_ms)
}

pub(super) fn revise(
    connection: &Connection,
    owner: Owner,
    id: &PaymentId,
    outcome: &Outcome,
    now_ms: u64,
) -> Result<(), JournalError> {
    let (head, to) = (head(connection, owner, id)?, outcome.state());
    if head.state == to && has_outcome(connection, id, outcome)? {
        return Ok(());
    }
    if head.is_sealed || !head.state.may_be_revised_to(to) {
        return Err(illegal(id, head.state, to));
    }
    end(connection, id, head.state, outcome, now_ms)
}

pub(super) fn seal(
    connection: &Connection,
    owner: Owner,
    id: &PaymentId,
    now_ms: u64,
) -> Result<(), JournalError> {
    let head = head(connection, owner, id)?;
    if head.is_sealed {
        return Ok(());
    }
    if !head.state.is_final() {
        return Err(illegal(id, head.state, head.state));
    }
    connection.prepare_cached("DELETE FROM slot WHERE payment_id = ?1")?.execute(params![id.as_str()])?;
    write(
        connection,
        "UPDATE settlement SET sealed_at_ms = ?3 WHERE payment_id = ?1 AND state = ?2",
        params![id.as_str(), head.state.as_str(), row::saturated(now_ms)],
    )
}

fn has_outcome(connection: &Connection, id: &PaymentId, outcome: &Outcome) -> Result<bool, JournalError> {
    Ok(questions::get(connection, id)?.is_some_and(|record| record.outcome.as_ref() == Some(outcome)))
}

/// Writes an outcome, and nothing of the one before is left.
fn end(
    connection: &Connection,
    id: &PaymentId,
    from: State,
    outcome: &Outcome,
    now_ms: u64,
) -> Result<(), JournalError> {
    let (payer, amount, transaction, reason, message) = match outcome {
        Outcome::Confirmed { payer, amount, transaction } => {
            (Some(payer), Some(amount.as_str()), Some(transaction), None, None)
        }
        Outcome::Failed { reason, message, transaction } => {
            (None, None, transaction.as_ref(), Some(reason), Some(message))
        }
        Outcome::Expired { reason, message } => (None, None, None, Some(reason), Some(message)),
    };
    write(
        connection,
        "UPDATE settlement SET state = ?3, updated_at_ms = ?4, final_transaction = ?5, reason = ?6,
             message = ?7, final_payer = ?8, final_amount = ?9
         WHERE payment_id = ?1 AND state = ?2",
        params![
            id.as_str(),
            from.as_str(),
            outcome.state().as_str(),
            row::saturated(now_ms),
            transaction,
            reason,
            message,
            payer,
            amount,
        ],
    )
}
