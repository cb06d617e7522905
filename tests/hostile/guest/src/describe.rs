//! Lies about itself.

use guest_sdk::component::bindings::x402::scheme::types;

use crate::attack;

/// The honest description, with the lie of this component.
pub(crate) fn describe(mut honest: types::Descriptor) -> types::Descriptor {
    match attack() {
        "describe-family-svm" => honest.family = "svm".to_owned(),
        "describe-family-unknown" => honest.family = "everything".to_owned(),
        "describe-write-method" => honest.rpc_methods.push("eth_sendRawTransaction".to_owned()),
        "describe-many-methods" => honest.rpc_methods = vec!["eth_call".to_owned(); 100_000],
        "describe-name" => honest.name = "<script>alert(1)</script>\n\u{1b}[2J".to_owned(),
        "describe-long-name" => honest.name = "a".repeat(1 << 20),
        "describe-version" => honest.version = "latest".to_owned(),
        "describe-abi" => honest.abi = "9.9.9".to_owned(),
        "describe-no-kinds" => honest.kinds.clear(),
        "describe-kind" => honest.kinds.push(types::Kind { x402_version: 9, scheme: "exact".to_owned() }),
        "describe-scheme" => {
            honest.kinds.push(types::Kind { x402_version: 2, scheme: "../../admin".to_owned() });
        }
        _ => {}
    }
    honest
}
