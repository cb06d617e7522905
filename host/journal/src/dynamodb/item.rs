//! Items to records and back.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use facilitator_protocol::{AtomicAmount, Caip2, X402Version};

use super::{
    keys,
    write::{Item, Write, bytes, number, text},
};
use crate::{
    GuestGeneration, JournalError, NewSettlement, Outcome, Owner, PaymentId, Record, SignedBytes, State,
};

/// Largest number that a record holds, as in every backend.
const MAX_NUMBER: u64 = i64::MAX as u64;

/// A number that must come back as it was.
pub(super) fn exact(field: &'static str, value: u64) -> Result<u64, JournalError> {
    if value <= MAX_NUMBER { Ok(value) } else { Err(JournalError::OutOfRange { field, limit: MAX_NUMBER }) }
}

/// The item of a payment that is claimed now.
pub(super) fn claimed(new: &NewSettlement, owner: Owner, now_ms: u64) -> Write {
    Write::put(
        keys::record(&new.payment_id),
        [
            ("payload", text(new.payload.as_str())),
            ("fingerprint", text(new.fingerprint.as_str())),
            ("network", text(new.network.as_str())),
            ("x402_version", number(new.x402_version.number().into())),
            ("scheme", text(&new.scheme)),
            ("request", text(&new.request)),
            ("guest_name", text(&new.guest.name)),
            ("guest_sha256", bytes(new.guest.sha256)),
            ("payer", text(&new.payer)),
            ("amount", text(new.amount.as_str())),
            ("expires_at", number(new.expires_at.min(MAX_NUMBER))),
            ("owner", number(owner.number())),
            ("state", text(State::Claimed.as_str())),
            ("earlier", number(0)),
            ("created_at_ms", number(now_ms)),
            ("updated_at_ms", number(now_ms)),
            ("unsealed", text(keys::place(now_ms, new.payment_id.as_str()))),
        ],
    )
}

/// Signed bytes, as the value of one attribute.
pub(super) fn signed(signed: &SignedBytes) -> AttributeValue {
    let mut fields = HashMap::from([
        ("transaction".to_owned(), text(&signed.transaction)),
        ("bytes".to_owned(), bytes(signed.bytes.as_slice())),
        ("signer".to_owned(), text(&signed.signer)),
    ]);
    if let Some(sequence) = signed.lane_sequence {
        fields.insert("lane_sequence".to_owned(), number(sequence));
    }
    AttributeValue::M(fields)
}

/// An outcome, as the value of one attribute. Payer and amount of a confirmed one stand here, beside those that
/// were verified: a reorganisation may take it back.
pub(super) fn outcome(outcome: &Outcome) -> AttributeValue {
    let fields = match outcome {
        Outcome::Confirmed { payer, amount, transaction } => vec![
            ("payer", payer.as_str()),
            ("amount", amount.as_str()),
            ("transaction", transaction.as_str()),
        ],
        Outcome::Failed { reason, message, transaction } => {
            let mut fields = vec![("reason", reason.as_str()), ("message", message.as_str())];
            fields.extend(transaction.as_deref().map(|transaction| ("transaction", transaction)));
            fields
        }
        Outcome::Expired { reason, message } => {
            vec![("reason", reason.as_str()), ("message", message.as_str())]
        }
    };
    AttributeValue::M(fields.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect())
}

/// Reads what [`claimed`] and the moves after it wrote; how many earlier bytes there are in items of their own
/// comes with it.
pub(super) fn record(item: &Item) -> Result<(Record, u64), JournalError> {
    let fields = Fields::of(item);
    let payment_id = keys::payment_of(&fields.key).ok_or_else(|| fields.corrupt("pk"))?;
    let state: State = fields.parsed("state")?;
    let outcome = match fields.value("outcome") {
        None if !state.is_final() => None,
        Some(AttributeValue::M(told)) if state.is_final() => Some(read_outcome(&fields.within(told), state)?),
        _ => return Err(fields.corrupt("outcome")),
    };
    let (payer, amount) = match &outcome {
        Some(Outcome::Confirmed { payer, amount, .. }) => (payer.clone(), amount.clone()),
        _ => (fields.text("payer")?, fields.parsed("amount")?),
    };
    let settlement = NewSettlement {
        payment_id,
        payload: fields.parsed("payload")?,
        fingerprint: fields.parsed("fingerprint")?,
        network: fields.parsed::<Caip2>("network")?,
        x402_version: X402Version::from_number(fields.number("x402_version")?)
            .ok_or_else(|| fields.corrupt("x402_version"))?,
        scheme: fields.text("scheme")?,
        request: fields.text("request")?,
        guest: GuestGeneration {
            name: fields.text("guest_name")?,
            sha256: fields.bytes("guest_sha256")?.try_into().map_err(|_| fields.corrupt("guest_sha256"))?,
        },
        payer,
        amount,
        expires_at: fields.number("expires_at")?,
    };
    let record = Record {
        settlement,
        owner: Owner::from_number(fields.number("owner")?),
        state,
        sealed: fields.value("unsealed").is_none(),
        signed: fields.value("signed").map(|_| fields.signed("signed")).transpose()?,
        earlier: Vec::new(),
        outcome,
        created_at_ms: fields.number("created_at_ms")?,
        updated_at_ms: fields.number("updated_at_ms")?,
    };
    Ok((record, fields.number("earlier")?))
}

fn read_outcome(fields: &Fields<'_>, state: State) -> Result<Outcome, JournalError> {
    Ok(match state {
        State::Confirmed => Outcome::Confirmed {
            payer: fields.text("payer")?,
            amount: fields.parsed::<AtomicAmount>("amount")?,
            transaction: fields.text("transaction")?,
        },
        State::Failed => Outcome::Failed {
            reason: fields.text("reason")?,
            message: fields.text("message")?,
            transaction: fields.value("transaction").map(|_| fields.text("transaction")).transpose()?,
        },
        _ => Outcome::Expired { reason: fields.text("reason")?, message: fields.text("message")? },
    })
}

/// The payment that an item points to by its sort key.
pub(super) fn pointed_to(item: &Item) -> Option<PaymentId> {
    item.get("sk")?.as_s().ok()?.parse().ok()
}

/// Attributes of one item, and what its errors call it.
pub(super) struct Fields<'a> {
    item: &'a Item,
    /// Partition of the item.
    pub(super) key: String,
}

impl<'a> Fields<'a> {
    pub(super) fn of(item: &'a Item) -> Self {
        let key = item.get("pk").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        Self { item, key }
    }

    fn within<'b>(&self, fields: &'b Item) -> Fields<'b> {
        Fields { item: fields, key: self.key.clone() }
    }

    pub(super) fn corrupt(&self, field: &'static str) -> JournalError {
        let payment_id = keys::payment_of(&self.key).map_or_else(|| self.key.clone(), |id| id.to_string());
        JournalError::Corrupt { payment_id, field }
    }

    pub(super) fn value(&self, field: &str) -> Option<&'a AttributeValue> {
        self.item.get(field)
    }

    pub(super) fn text(&self, field: &'static str) -> Result<String, JournalError> {
        match self.value(field) {
            Some(AttributeValue::S(text)) => Ok(text.clone()),
            _ => Err(self.corrupt(field)),
        }
    }

    pub(super) fn parsed<T: FromStr>(&self, field: &'static str) -> Result<T, JournalError> {
        self.text(field)?.parse().map_err(|_| self.corrupt(field))
    }

    pub(super) fn optional_number(&self, field: &'static str) -> Result<Option<u64>, JournalError> {
        match self.value(field) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => Ok(Some(digits.parse().map_err(|_| self.corrupt(field))?)),
            Some(_) => Err(self.corrupt(field)),
        }
    }

    pub(super) fn number(&self, field: &'static str) -> Result<u64, JournalError> {
        self.optional_number(field)?.ok_or_else(|| self.corrupt(field))
    }

    pub(super) fn bytes(&self, field: &'static str) -> Result<Vec<u8>, JournalError> {
        match self.value(field) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref().to_vec()),
            _ => Err(self.corrupt(field)),
        }
    }

    pub(super) fn signed(&self, field: &'static str) -> Result<SignedBytes, JournalError> {
        let Some(AttributeValue::M(fields)) = self.value(field) else { return Err(self.corrupt(field)) };
        let fields = self.within(fields);
        Ok(SignedBytes {
            transaction: fields.text("transaction")?,
            bytes: fields.bytes("bytes")?,
            signer: fields.text("signer")?,
            lane_sequence: fields.optional_number("lane_sequence")?,
        })
    }
}
