//! Answers of guests as `expect.json` has them. Numbers of 64 bits are text: not every JSON reader can
//! hold them.

use facilitator_protocol::{AtomicAmount, Confirmation, Descriptor, Intent, Invalid, Valid, Verdict};
use guest_sdk::{GuestError, double::JsonText};
use serde::Serialize;
use serde_json::{Value, json};

use crate::format;

/// What a guest answered. The order of the fields is that of the files.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// `describe`.
    Descriptor(Descriptor),
    /// `supported`.
    Extra(Option<JsonText>),
    /// `verify`: the payment is good.
    #[serde(rename_all = "camelCase")]
    Valid {
        /// Who pays.
        payer: String,
        /// Atomic units.
        amount: AtomicAmount,
        /// What makes two payloads the same payment.
        payment_id: String,
        /// Unix seconds.
        expires_at: String,
        /// For `prepare`.
        carry: String,
    },
    /// `verify`: the payment is refused.
    Invalid {
        /// Machine code.
        reason: String,
        /// For people.
        message: String,
        /// Once verified.
        #[serde(skip_serializing_if = "Option::is_none")]
        payer: Option<String>,
    },
    /// `prepare`.
    Intent(AnswerIntent),
    /// `confirm`: the exact transfer was seen.
    Paid {
        /// Who paid.
        payer: String,
        /// Atomic units.
        amount: AtomicAmount,
    },
    /// `confirm`: it did not happen.
    Failed {
        /// Machine code.
        reason: String,
        /// For people.
        message: String,
    },
    /// `confirm`: not decided yet.
    Unknown {},
    /// No verdict.
    Error(AnswerError),
}

/// What is to happen on chain; bytes in hex.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AnswerIntent {
    /// A contract call.
    EvmCall {
        /// Contract.
        to: String,
        /// Calldata.
        data: String,
        /// Bound of the gas limit.
        gas_ceiling: String,
    },
    /// A transaction to co-sign.
    SvmCosign {
        /// Wire format.
        transaction: String,
    },
    /// A delegate action to relay.
    NearDelegate {
        /// Borsh.
        signed_delegate_action: String,
    },
    /// An operation to submit.
    StellarInvoke {
        /// XDR.
        operation: String,
        /// XDR.
        soroban_data: String,
    },
}

/// Why there is no verdict.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AnswerError {
    /// The chain could not be asked.
    Upstream(String),
    /// The guest does not serve this.
    Unsupported(String),
    /// The guest's own fault.
    Internal(String),
}

impl Answer {
    /// The answer to `supported`. An `extra` that is no JSON is shown as text.
    #[must_use]
    pub fn extra(extra: Option<String>) -> Self {
        Self::Extra(extra.map(|text| match serde_json::from_str::<Value>(&text) {
            Ok(value) => JsonText::new(text).unwrap_or_else(|_| (&value).into()),
            Err(_) => (&json!({ "notJson": text })).into(),
        }))
    }

    /// The text of `expect.json`, with the end of its last line.
    #[must_use]
    pub fn text(&self) -> String {
        // Strings, numbers and JSON texts can always be written.
        let text = serde_json::to_string(self).unwrap_or_default();
        format::pretty(&text) + "\n"
    }

    /// As it is compared with `expect.json`.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_default()
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid(Valid { payer, amount, payment_id, expires_at, carry }) => {
                Self::Valid { payer, amount, payment_id, expires_at: expires_at.to_string(), carry }
            }
            Verdict::Invalid(Invalid { reason, message, payer }) => Self::Invalid { reason, message, payer },
        }
    }
}

impl From<Intent> for Answer {
    fn from(intent: Intent) -> Self {
        Self::Intent(match intent {
            Intent::EvmCall(call) => AnswerIntent::EvmCall {
                to: hex(&call.to),
                data: hex(&call.data),
                gas_ceiling: call.gas_ceiling.to_string(),
            },
            Intent::SvmCosign { transaction } => AnswerIntent::SvmCosign { transaction: hex(&transaction) },
            Intent::NearDelegate { signed_delegate_action } => {
                AnswerIntent::NearDelegate { signed_delegate_action: hex(&signed_delegate_action) }
            }
            Intent::StellarInvoke { operation, soroban_data } => {
                AnswerIntent::StellarInvoke { operation: hex(&operation), soroban_data: hex(&soroban_data) }
            }
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

impl From<Confirmation> for Answer {
    fn from(confirmation: Confirmation) -> Self {
        match confirmation {
            Confirmation::Paid { payer, amount } => Self::Paid { payer, amount },
            Confirmation::Failed { reason, message } => Self::Failed { reason, message },
            Confirmation::Unknown => Self::Unknown {},
        }
    }
}

impl From<GuestError> for Answer {
    fn from(error: GuestError) -> Self {
        Self::Error(match error {
            GuestError::Upstream(message) => AnswerError::Upstream(message),
            GuestError::Unsupported(message) => AnswerError::Unsupported(message),
            GuestError::Internal(message) => AnswerError::Internal(message),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_keeps_its_order_and_one_that_is_no_json_is_told() {
        let text = |extra: &str| Answer::extra(Some(extra.to_owned())).text();
        assert_eq!(text(r#"{"z":1,"a":[]}"#), "{\n  \"extra\": {\n    \"z\": 1,\n    \"a\": []\n  }\n}\n");
        assert_eq!(text("{"), "{\n  \"extra\": {\n    \"notJson\": \"{\"\n  }\n}\n");
        assert_eq!(Answer::extra(None).text(), "{\n  \"extra\": null\n}\n");
        assert_eq!(Answer::Unknown {}.text(), "{\n  \"unknown\": {}\n}\n");
    }
}
