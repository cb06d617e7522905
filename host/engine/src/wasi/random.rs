//! Random numbers of a call: `ChaCha20` keyed with the call's seed, so that a replay with the same seed
//! gives the same bytes. They are as unpredictable as the seed.

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::{Exhausted, budget::HostState};

/// Most that one call of a random function gives.
const MAX_BYTES: u64 = 64 << 10;

/// Streams of the generator, one per interface, so that what is called insecure tells nothing of what
/// is not.
const SECURE: u64 = 0;
const INSECURE: u64 = 1;
const SEED: u64 = 2;

pub(super) struct Random {
    secure: ChaCha20Rng,
    insecure: ChaCha20Rng,
    /// The same throughout a call.
    seed: (u64, u64),
}

impl Random {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let stream = |number| {
            let mut generator = ChaCha20Rng::from_seed(seed);
            generator.set_stream(number);
            generator
        };
        let mut seeds = stream(SEED);
        Self {
            secure: stream(SECURE),
            insecure: stream(INSECURE),
            seed: (seeds.next_u64(), seeds.next_u64()),
        }
    }
}

/// Within the bound, or the end of the call: a guest that could handle it could ask for ever.
fn filled(generator: &mut ChaCha20Rng, length: u64) -> wasmtime::Result<Vec<u8>> {
    if length > MAX_BYTES {
        return Err(Exhausted::HostCall.into());
    }
    let mut bytes = vec![0; usize::try_from(length)?];
    generator.fill_bytes(&mut bytes);
    Ok(bytes)
}

impl HostState {
    fn random(&mut self) -> &mut Random {
        self.wasi.random(&*self.ports.entropy)
    }
}

impl random::Host for HostState {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        filled(&mut self.random().secure, length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random().secure.next_u64())
    }
}

impl insecure::Host for HostState {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        filled(&mut self.random().insecure, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random().insecure.next_u64())
    }
}

impl insecure_seed::Host for HostState {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok(self.random().seed)
    }
}
