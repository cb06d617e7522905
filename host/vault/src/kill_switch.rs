//! The operator's stop for one network.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Whether signing is stopped. A signature is made while the switch is held still: once
/// [`set`](Self::set) has returned, none that was allowed before is still being made.
#[derive(Debug)]
pub(crate) struct KillSwitch(RwLock<bool>);

/// Signing is allowed as long as this is held.
#[must_use = "signing is allowed only as long as this is held"]
pub(crate) struct Alive<'a> {
    _held_still: RwLockReadGuard<'a, bool>,
}

impl KillSwitch {
    pub(crate) const fn new(killed: bool) -> Self {
        Self(RwLock::new(killed))
    }

    /// Waits for the signatures that are just being made.
    pub(crate) fn set(&self, killed: bool) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = killed;
    }

    pub(crate) fn is_killed(&self) -> bool {
        *self.read()
    }

    /// None if signing is stopped.
    pub(crate) fn alive(&self) -> Option<Alive<'_>> {
        let killed = self.read();
        if *killed { None } else { Some(Alive { _held_still: killed }) }
    }

    fn read(&self) -> RwLockReadGuard<'_, bool> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn stopping_waits_for_the_signature_under_way_and_lets_none_follow() {
        let switch = KillSwitch::new(false);
        let (tell, told) = mpsc::channel();
        std::thread::scope(|threads| {
            let signing = switch.alive().unwrap();
            let (switch, tell_stopped) = (&switch, tell.clone());
            threads.spawn(move || {
                tell_stopped.send("stopping").unwrap();
                switch.set(true);
                tell_stopped.send("stopped").unwrap();
            });
            assert_eq!(told.recv(), Ok("stopping"));
            tell.send("signed").unwrap();
            drop(signing);
            assert_eq!([told.recv(), told.recv()], [Ok("signed"), Ok("stopped")]);
        });
        assert!(switch.is_killed() && switch.alive().is_none());
        switch.set(false);
        assert!(!switch.is_killed() && switch.alive().is_some());
    }
}
