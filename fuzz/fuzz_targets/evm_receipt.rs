//! Any text as a node's receipt: the host's own look at it.

#![no_main]

use facilitator_chain::evm::ExpectedTransfer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|receipt: &str| {
    let amount = "1000".parse().expect("an amount");
    let expected = ExpectedTransfer {
        asset: "0xa5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5",
        from: "0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        to: "0xbebebebebebebebebebebebebebebebebebebebe",
        amount: &amount,
    };
    if expected.is_shown_by(receipt) == Some(true) {
        assert!(receipt.to_lowercase().contains("a5a5a5a5"), "only the asset's own event shows it");
    }
});
