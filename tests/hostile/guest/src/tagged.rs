//! `tagged:<TAG>`: the EVM guest, that tells in the log which generation was asked, and refuses to
//! prepare what another generation has verified.
//!
//! Each call but `describe` and `supported` logs `generation <TAG> <phase> <nonce>` at level info, where the
//! phase is `verify`, `settle` (a verification in the settle phase), `prepare` or `confirm`, and the nonce
//! the authorization's.

use guest_sdk::component::bindings::{
    exports::x402::scheme::scheme::Guest as _,
    x402::scheme::{log, types},
};

use crate::{Honest, attack, request::authorization};

/// What stands between the tag and the EVM guest's own carry.
const MARK: char = '|';

/// The tag, if this component has one.
pub(crate) fn tag() -> Option<&'static str> {
    attack().strip_prefix("tagged:")
}

fn tell(tag: &str, phase: &str, request: &types::Request) {
    log::write(log::Level::Info, &format!("generation {tag} {phase} {}", authorization(request, "nonce")));
}

pub(crate) fn verify(
    tag: &str,
    request: types::Request,
    phase: types::Phase,
) -> Result<types::Verdict, types::GuestError> {
    let name = match phase {
        types::Phase::Verify => "verify",
        types::Phase::Settle => "settle",
    };
    tell(tag, name, &request);
    let mut verdict = Honest::verify(request, phase)?;
    if let types::Verdict::Valid(valid) = &mut verdict {
        valid.carry = format!("{tag}{MARK}{}", valid.carry);
    }
    Ok(verdict)
}

pub(crate) fn prepare(
    tag: &str,
    request: types::Request,
    valid: types::Valid,
) -> Result<types::Intent, types::GuestError> {
    tell(tag, "prepare", &request);
    match valid.carry.split_once(MARK) {
        Some((verified_by, carry)) if verified_by == tag => {
            let valid = types::Valid { carry: carry.to_owned(), ..valid };
            Honest::prepare(request, valid)
        }
        verified_by => {
            let found = verified_by.map_or("none", |(other, _)| other);
            let text = format!("generation {tag} is to prepare what {found} has verified");
            Err(types::GuestError::Internal(text))
        }
    }
}

pub(crate) fn confirm(
    tag: &str,
    request: types::Request,
    observation: types::Observation,
) -> Result<types::Confirmation, types::GuestError> {
    tell(tag, "confirm", &request);
    Honest::confirm(request, observation)
}
