//! The call that settles a verified payment.

use facilitator_protocol::{EvmCall, Intent, Valid};
use guest_sdk::{GuestError, Host, Request};
use serde::Deserialize;

use crate::{calldata, payment::Payment, refusal::Stop, signature::Authority};

/// Gas on top of a quarter more than the estimate: what a first transfer to a payee, or a balance that
/// changed in between, may cost more.
const GAS_MARGIN: u64 = 10_000;

/// What `verify` tells `prepare`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Carry {
    /// Gas of the simulated settlement; only the settle phase knows it.
    #[serde(default)]
    pub(crate) gas: Option<u64>,
}

impl Carry {
    /// Nothing to tell is no text.
    pub(crate) fn to_text(self) -> String {
        self.gas.map_or_else(String::new, |gas| format!("{{\"gas\":{gas}}}"))
    }

    fn read(text: &str) -> Result<Self, GuestError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|error| GuestError::Internal(format!("valid.carry: {error}")))
    }

    /// The estimate with its margin, within the operator's cap.
    fn gas_ceiling(self, max_gas: u64) -> u64 {
        self.gas.map_or(max_gas, |gas| gas.saturating_add(gas / 4).saturating_add(GAS_MARGIN).min(max_gas))
    }
}

/// Derives the call from the request again; of what `verify` found, only the gas is believed.
pub(crate) fn prepare(host: &dyn Host, request: &Request, valid: &Valid) -> Result<Intent, GuestError> {
    let (payment, authority) = derive(host, request).map_err(|stop| match stop {
        Stop::Refused(invalid) => {
            GuestError::Internal(format!("not a verified payment: {}: {}", invalid.reason, invalid.message))
        }
        Stop::Broken(error) => error,
    })?;
    if payment.id() != valid.payment_id {
        return Err(GuestError::Internal("the verified payment is another one".to_owned()));
    }
    Ok(Intent::EvmCall(EvmCall {
        to: payment.terms.asset.into_array(),
        data: calldata::transfer(&payment.authorization, &authority),
        gas_ceiling: Carry::read(&valid.carry)?.gas_ceiling(request.settings.max_gas),
    }))
}

fn derive<'a>(host: &dyn Host, request: &'a Request) -> Result<(Payment<'a>, Authority), Stop> {
    let payment = Payment::read(request)?;
    let authority = Authority::of(host, &payment, &request.settings)?;
    Ok((payment, authority))
}
