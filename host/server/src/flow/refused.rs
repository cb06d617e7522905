//! What the refusals of vault, journal and chain mean for a settlement for which nothing was signed, and what is
//! logged of them.

use facilitator_journal::{JournalError, PaymentId};
use facilitator_protocol::reason;
use facilitator_vault::{BudgetRefusal, PolicyRefusal, SignError, rule};

use super::{FlowError, Refusal, RefusalKind, route::Routed};

pub(super) fn policy_refused(routed: &Routed, payment_id: &PaymentId, refused: &PolicyRefusal) -> Refusal {
    if refused.is_stop() {
        return network_stopped(routed, payment_id);
    }
    // In a healthy system this never happens: the guest said yes and the host said no.
    tracing::error!(
        event = "signing_policy_refused",
        payment_id = payment_id.as_str(),
        network = routed.network.caip2().as_str(),
        guest = routed.guest.name(),
        generation = routed.guest.number(),
        sha256 = routed.guest.sha256(),
        rule = refused.rule,
        reason = refused.message,
    );
    verdict(reason::SIGNING_POLICY_REFUSED, refused.to_string())
}

/// The operator has stopped the network after the request had begun.
fn network_stopped(routed: &Routed, payment_id: &PaymentId) -> Refusal {
    tracing::warn!(
        event = "network_stopped",
        payment_id = payment_id.as_str(),
        network = routed.network.caip2().as_str(),
        rule = rule::NETWORK_KILLED,
    );
    upstream()
}

/// The vault did not sign.
pub(super) fn sign_refused(routed: &Routed, payment_id: &PaymentId, error: &SignError) -> Refusal {
    let payment_id = payment_id.as_str();
    let network = routed.network.caip2().as_str();
    match error {
        // Nobody's fault, and it passes: not the alert that a guest deserves.
        SignError::Budget(refused) => {
            let BudgetRefusal { rule, needed, left } = refused;
            tracing::warn!(event = "budget_exhausted", payment_id, network, rule, %needed, %left);
            verdict(reason::SIGNING_POLICY_REFUSED, refused.to_string())
        }
        SignError::NetworkKilled { .. } => {
            tracing::warn!(event = "network_stopped", payment_id, network, rule = rule::NETWORK_KILLED);
            upstream()
        }
        sign => {
            tracing::error!(event = "sign_failed", payment_id, network, rule = sign.rule(), reason = %sign);
            refusal_of(&FlowError::Internal)
        }
    }
}

pub(super) fn verdict(reason: &'static str, message: String) -> Refusal {
    Refusal { kind: RefusalKind::Verdict, reason, message }
}

pub(super) fn journal_failed(error: &JournalError) -> Refusal {
    let refusal = refusal_of(&super::settle::journal_failed(error));
    match error {
        JournalError::Fenced { .. } | JournalError::NotFound { .. } => {
            Refusal { kind: RefusalKind::Fenced, ..refusal }
        }
        _ => refusal,
    }
}

pub(super) fn upstream() -> Refusal {
    refusal_of(&FlowError::Upstream)
}

pub(super) fn refusal_of(error: &FlowError) -> Refusal {
    let kind = match error {
        FlowError::Upstream | FlowError::Busy => RefusalKind::Upstream,
        FlowError::Journal => RefusalKind::Journal,
        FlowError::NameTaken(_) | FlowError::Internal => RefusalKind::Internal,
    };
    Refusal { kind, reason: reason::UNEXPECTED_SETTLE_ERROR, message: error.to_string() }
}
