//! Answers of guests as the JSON of `expect.json`. Numbers of 64 bits are text.

use facilitator_protocol::{Confirmation, Descriptor, Intent, Invalid, Valid, Verdict};
use guest_sdk::GuestError;
use serde_json::{Value, json};

/// `describe`.
#[must_use]
pub fn descriptor(descriptor: &Descriptor) -> Value {
    json!({ "descriptor": descriptor })
}

/// `supported`.
#[must_use]
pub fn extra(extra: Option<&str>) -> Value {
    let extra = extra.map(|text| serde_json::from_str(text).unwrap_or_else(|_| json!({ "notJson": text })));
    json!({ "extra": extra })
}

/// `verify`.
#[must_use]
pub fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Valid(Valid { payer, amount, payment_id, expires_at, carry }) => json!({"valid": {
            "payer": payer,
            "amount": amount,
            "paymentId": payment_id,
            "expiresAt": expires_at.to_string(),
            "carry": carry,
        }}),
        Verdict::Invalid(Invalid { reason, message, payer: None }) => {
            json!({"invalid": {"reason": reason, "message": message}})
        }
        Verdict::Invalid(Invalid { reason, message, payer: Some(payer) }) => {
            json!({"invalid": {"reason": reason, "message": message, "payer": payer}})
        }
    }
}

/// `prepare`.
#[must_use]
pub fn intent(intent: &Intent) -> Value {
    let intent = match intent {
        Intent::EvmCall(call) => json!({"evmCall": {
            "to": hex(&call.to),
            "data": hex(&call.data),
            "gasCeiling": call.gas_ceiling.to_string(),
        }}),
        Intent::SvmCosign { transaction } => json!({"svmCosign": {"transaction": hex(transaction)}}),
        Intent::NearDelegate { signed_delegate_action } => {
            json!({"nearDelegate": {"signedDelegateAction": hex(signed_delegate_action)}})
        }
        Intent::StellarInvoke { operation, soroban_data } => {
            json!({"stellarInvoke": {"operation": hex(operation), "sorobanData": hex(soroban_data)}})
        }
    };
    json!({ "intent": intent })
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

/// `confirm`.
#[must_use]
pub fn confirmation(confirmation: &Confirmation) -> Value {
    match confirmation {
        Confirmation::Paid { payer, amount } => json!({"paid": {"payer": payer, "amount": amount}}),
        Confirmation::Failed { reason, message } => {
            json!({"failed": {"reason": reason, "message": message}})
        }
        Confirmation::Unknown => json!({"unknown": {}}),
    }
}

/// A guest that came to no verdict.
#[must_use]
pub fn error(error: &GuestError) -> Value {
    let (kind, message) = match error {
        GuestError::Upstream(message) => ("upstream", message),
        GuestError::Unsupported(message) => ("unsupported", message),
        GuestError::Internal(message) => ("internal", message),
    };
    json!({"error": {kind: message}})
}
