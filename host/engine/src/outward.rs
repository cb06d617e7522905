//! What of a guest's answer leaves the host as text, whatever version of the ABI it came by: names of
//! accounts, and messages for people.
//!
//! It ends up in logs, terminals and pages that the host knows nothing of. An account's name is something
//! that the host's own rules compare, so one of another form is out of contract; a message loses what
//! steers a terminal, and is passed on.

use facilitator_protocol::{Confirmation, Invalid, Valid, Verdict};

use crate::CallError;

/// A verdict whose texts may leave the host.
pub(crate) fn verdict(verdict: Verdict) -> Result<Verdict, CallError> {
    Ok(match verdict {
        Verdict::Valid(valid) => Verdict::Valid(Valid { payer: account(valid.payer)?, ..valid }),
        Verdict::Invalid(Invalid { reason, message, payer }) => Verdict::Invalid(Invalid {
            reason,
            message: one_line(&message),
            payer: payer.map(account).transpose()?,
        }),
    })
}

/// A confirmation whose texts may leave the host.
pub(crate) fn confirmation(confirmation: Confirmation) -> Result<Confirmation, CallError> {
    Ok(match confirmation {
        Confirmation::Paid { payer, amount } => Confirmation::Paid { payer: account(payer)?, amount },
        Confirmation::Failed { reason, message } => {
            Confirmation::Failed { reason, message: one_line(&message) }
        }
        Confirmation::Unknown => Confirmation::Unknown,
    })
}

/// Accounts are letters and digits in every family; NEAR's have dots, dashes and underscores too.
fn account(text: String) -> Result<String, CallError> {
    let is_account = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !text.is_empty() && text.bytes().all(is_account) {
        Ok(text)
    } else {
        Err(CallError::BadAnswer("payer is not of the form [A-Za-z0-9._-]+".to_owned()))
    }
}

/// Text without line breaks and other control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_of_every_family_pass_and_what_acts_upon_a_reader_does_not() {
        for good in [
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
            "a-b_c.testnet",
            "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
        ] {
            assert_eq!(account(good.to_owned()).unwrap(), good);
        }
        for bad in ["", " ", "<b>", "0x1\n", "\u{1b}[2J", "п", "a b"] {
            assert!(matches!(account(bad.to_owned()), Err(CallError::BadAnswer(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(one_line("no\r\nevent=settle \u{1b}[2J\u{9b}2J é"), "no  event=settle  [2J 2J é");
    }
}
