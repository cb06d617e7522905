//! Step 2: the guest's verdict.

use facilitator_engine::{CallError, GuestFault};
use facilitator_protocol::{Phase, Verdict};

use super::{FlowError, route::Routed};

/// Has the guest judge the payment.
pub(super) async fn judge(routed: &Routed, phase: Phase) -> Result<Verdict, FlowError> {
    let ports = routed.ports().ok_or(FlowError::Upstream)?;
    routed.guest.verify(ports, &routed.request, phase).await.map_err(|error| guest_failed(routed, &error))
}

/// Logs a guest call that came to nothing, and tells whose fault it is.
pub(super) fn guest_failed(routed: &Routed, error: &CallError) -> FlowError {
    let guest = routed.guest.descriptor().name.as_str();
    let network = routed.network.caip2().as_str();
    match error {
        CallError::Guest(GuestFault::Upstream(reason)) => {
            tracing::warn!(event = "upstream_failed", guest, network, reason);
            FlowError::Upstream
        }
        CallError::Busy => {
            tracing::warn!(event = "guests_busy", guest, network);
            FlowError::Busy
        }
        other => {
            tracing::error!(event = "guest_failed", guest, network, reason = %other, generation = routed.guest.number(), sha256 = routed.guest.sha256());
            FlowError::Internal
        }
    }
}
