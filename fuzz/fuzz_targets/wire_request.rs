//! Any bytes as the body of `/verify` or `/settle`.

#![no_main]

use facilitator_protocol::FacilitatorRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Err(refused) = FacilitatorRequest::from_body(body) {
        assert!(refused.to_string().len() < 2_000, "what is told of bad input is bounded");
    }
});
