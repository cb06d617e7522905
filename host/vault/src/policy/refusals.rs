//! How often each rule refused.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use super::rule;

/// One counter per rule: the set is fixed, whatever is asked of the vault.
#[derive(Debug)]
pub(crate) struct Refusals(BTreeMap<&'static str, AtomicU64>);

impl Default for Refusals {
    fn default() -> Self {
        Self(rule::ALL.iter().map(|&name| (name, AtomicU64::new(0))).collect())
    }
}

impl Refusals {
    pub(crate) fn count(&self, rule: &'static str) {
        if let Some(counter) = self.0.get(rule) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.iter().map(|(&name, counter)| (name, counter.load(Ordering::Relaxed))).collect()
    }
}
