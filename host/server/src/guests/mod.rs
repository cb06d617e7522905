//! The guests of this process: where they come from, and how one takes the place of another while
//! requests run.
//!
//! A change is prepared in full before anything is switched: files read and held against `guests.lock`,
//! components compiled off the request path, imports, ABI and descriptor checked, the cases that ship with
//! a guest run. Then one pointer changes. Whatever fails on the way, those in use stay.

mod directory;
mod embedded;
pub mod lock;
mod report;
mod supervise;
mod watch;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use facilitator_engine::{
    Engine, Found, Generation, Guest, LoadOptions, Origin, Registry, RegistryError, Route,
};

pub use directory::{DirectoryError, Refusal};
pub use report::{Change, ReloadReport};
pub use supervise::supervise;
pub use watch::watch;

use crate::config::GuestsSettings;
use directory::Candidate;

/// The guests of this process.
pub struct Guests {
    engine: Engine,
    settings: GuestsSettings,
    registry: Registry,
    embedded: Vec<Arc<Guest>>,
    /// Held through a reload: a second one waits, and then finds what the first one did.
    reloading: tokio::sync::Mutex<()>,
    /// Digests of components that were rolled back from. They are not taken up again by themselves.
    rolled_back: Mutex<BTreeSet<String>>,
    last_failure: Mutex<Option<Failure>>,
}

/// A change that did not happen.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// Why.
    pub reason: String,
}

/// What asked for a change; stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The process starts.
    Start,
    /// SIGHUP.
    Signal,
    /// `POST /admin/guests/…`.
    Admin,
    /// A file changed, in dev mode.
    Watch,
    /// A breaker tripped.
    Breaker,
}

impl Trigger {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Signal => "signal",
            Self::Admin => "admin",
            Self::Watch => "watch",
            Self::Breaker => "breaker",
        }
    }
}

/// Why guests were not changed. Those in use stay.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The directory does not hold what it should.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// They cannot be used together.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The reading task died.
    #[error("reading the guests directory ended early")]
    Interrupted,
}

/// Digests that are remembered as rolled back; the oldest do not matter.
const MAX_ROLLED_BACK: usize = 256;

impl Guests {
    /// Loads what is embedded, and what the operator's directory holds.
    ///
    /// # Errors
    /// The first guest that is not usable: a facilitator does not start with other guests than it was told.
    pub async fn start(engine: Engine, settings: GuestsSettings) -> anyhow::Result<Self> {
        let embedded = embedded::load(&engine).await?;
        let guests = Self {
            engine,
            settings,
            registry: Registry::default(),
            embedded,
            reloading: tokio::sync::Mutex::default(),
            rolled_back: Mutex::default(),
            last_failure: Mutex::default(),
        };
        // First what is embedded: it is what the first guest of a directory can be rolled back to.
        let embedded = guests.embedded.iter().map(|guest| (Origin::Embedded, Arc::clone(guest))).collect();
        for change in guests.registry.replace(embedded)? {
            Change::of(&change).log(Trigger::Start);
        }
        if guests.settings.dir.is_some() {
            guests.reload(Trigger::Start, false).await?;
        }
        Ok(guests)
    }

    /// What the operator decided about guests.
    #[must_use]
    pub const fn settings(&self) -> &GuestsSettings {
        &self.settings
    }

    /// What serves a route now.
    #[must_use]
    pub fn find(&self, route: &Route) -> Option<Found> {
        self.registry.find(route)
    }

    /// What finishes a payment that the component of `sha256` began.
    #[must_use]
    pub fn find_for(&self, route: &Route, sha256: &str) -> Option<Arc<Generation>> {
        self.registry.find_for(route, sha256)
    }

    /// Every route that is served now: those of guests that rest are left out.
    #[must_use]
    pub fn serving(&self) -> Vec<(Route, Arc<Generation>)> {
        self.routes().into_iter().filter(|(_, generation)| !generation.is_resting()).collect()
    }

    /// Every route with what serves it, in service or resting.
    #[must_use]
    pub fn routes(&self) -> Vec<(Route, Arc<Generation>)> {
        self.registry.routes()
    }

    /// Every guest in use with the generation before it.
    #[must_use]
    pub fn generations(&self) -> Vec<(Arc<Generation>, Option<Arc<Generation>>)> {
        self.registry.generations()
    }

    /// Whether a component was rolled back from.
    fn was_rolled_back(&self, generation: &Generation) -> bool {
        lock(&self.rolled_back).contains(generation.sha256())
    }

    /// The latest change that did not happen, if none has happened since.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        lock(&self.last_failure).clone()
    }

    /// Reads the directory again and puts its guests in place of those in use. A component that was rolled
    /// back from is not taken up again unless `force` says so: the guest in use stays instead.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing has changed then.
    pub async fn reload(&self, trigger: Trigger, force: bool) -> Result<ReloadReport, ReloadError> {
        let _one_at_a_time = self.reloading.lock().await;
        let started = Instant::now();
        let reloaded = self.try_reload(trigger, force).await;
        *lock(&self.last_failure) = match &reloaded {
            Ok(_) => None,
            Err(error) => {
                let reason = error.to_string();
                tracing::error!(event = "guests_reload_failed", trigger = trigger.as_str(), reason);
                Some(Failure { at: SystemTime::now(), reason })
            }
        };
        reloaded.map(|report| report.took(started.elapsed()))
    }

    async fn try_reload(&self, trigger: Trigger, force: bool) -> Result<ReloadReport, ReloadError> {
        if force {
            lock(&self.rolled_back).clear();
        }
        let mut guests = Vec::new();
        let mut kept = Vec::new();
        for candidate in self.candidates().await? {
            if let Some(guest) = self.instead_of_rolled_back(&candidate) {
                tracing::warn!(
                    event = "guest_kept",
                    guest = guest.name(),
                    file = candidate.file,
                    reason = "its file was rolled back from"
                );
                kept.push(candidate.file.clone());
                guests.push((guest.origin().clone(), Arc::clone(guest.guest())));
                continue;
            }
            let guest = self.load(&candidate).await?;
            guests.push((Origin::File(candidate.file), guest));
        }
        // A file takes the place of the embedded guest of its name.
        let named: BTreeSet<String> =
            guests.iter().map(|(_, guest)| guest.descriptor().name.clone()).collect();
        let embedded = self.embedded.iter().filter(|guest| !named.contains(&guest.descriptor().name));
        guests.extend(embedded.map(|guest| (Origin::Embedded, Arc::clone(guest))));
        let changes: Vec<Change> = self.registry.replace(guests)?.iter().map(Change::of).collect();
        for change in &changes {
            change.log(trigger);
        }
        Ok(ReloadReport::new(changes, kept))
    }

    /// What the directory holds; nothing without one.
    async fn candidates(&self) -> Result<Vec<Candidate>, ReloadError> {
        let Some(dir) = self.settings.dir.clone() else { return Ok(Vec::new()) };
        let settings = self.settings.clone();
        let read = tokio::task::spawn_blocking(move || directory::read(&settings, &dir));
        Ok(read.await.map_err(|_| ReloadError::Interrupted)??)
    }

    /// The guest in use whose earlier component was rolled back from, if this is that component.
    fn instead_of_rolled_back(&self, candidate: &Candidate) -> Option<Arc<Generation>> {
        if !lock(&self.rolled_back).contains(&candidate.sha256) {
            return None;
        }
        self.generations().into_iter().find_map(|(current, previous)| {
            previous.filter(|previous| previous.sha256() == candidate.sha256).map(|_| current)
        })
    }

    /// Loads a component and checks all that can be checked of it before it serves anybody.
    async fn load(&self, candidate: &Candidate) -> Result<Arc<Guest>, DirectoryError> {
        if let Some(guest) = self.in_use(candidate) {
            candidate.check_descriptor(self.settings.mode, &guest)?;
            return Ok(guest);
        }
        let options = LoadOptions { family: candidate.family(), wasi: candidate.wasi() };
        let loaded = self.engine.load_with(options, candidate.bytes.clone()).await;
        let guest = loaded.map_err(|error| candidate.refused(error))?;
        candidate.check_descriptor(self.settings.mode, &guest)?;
        if let Some(dir) = &self.settings.dir {
            self_test(&guest, candidate, dir).await?;
        }
        Ok(Arc::new(guest))
    }

    /// The component of a candidate, if it is in use already with the same grant.
    fn in_use(&self, candidate: &Candidate) -> Option<Arc<Guest>> {
        let mut generations = self.generations().into_iter().map(|(current, _)| current);
        let current = generations.find(|current| {
            current.sha256() == candidate.sha256
                && current.wasi() == candidate.wasi()
                && *current.origin() != Origin::Embedded
        })?;
        Some(Arc::clone(current.guest()))
    }

    /// Goes back to the generation of a guest before the one in use.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing has changed then.
    pub async fn rollback(&self, name: &str, trigger: Trigger) -> Result<ReloadReport, RegistryError> {
        let _one_at_a_time = self.reloading.lock().await;
        let started = Instant::now();
        let replaced = self.registry.rollback(name)?;
        {
            let mut rolled_back = lock(&self.rolled_back);
            if rolled_back.len() >= MAX_ROLLED_BACK {
                rolled_back.clear();
            }
            if let Some(now) = &replaced.now {
                rolled_back.remove(now.sha256());
            }
            rolled_back.extend(replaced.before.as_ref().map(|before| before.sha256().to_owned()));
        }
        let change = Change::of(&replaced);
        change.log(trigger);
        Ok(ReloadReport::new(vec![change], Vec::new()).took(started.elapsed()))
    }
}

/// Runs the cases that ship beside a component, in `<name>.cases/`.
async fn self_test(guest: &Guest, candidate: &Candidate, dir: &Path) -> Result<(), DirectoryError> {
    let cases = dir.join(&candidate.file).with_extension("cases");
    if !cases.is_dir() {
        return Ok(());
    }
    let deadline = tokio::time::Instant::now() + SELF_TEST_LIMIT;
    let tested = harness::self_test(guest, &cases, deadline).await;
    let refused = |why: String| candidate.refused(Refusal::SelfTest(why));
    let tested = tested.map_err(|error| refused(error.to_string()))?;
    let (passed, failed) = (tested.passed, tested.failed);
    tracing::info!(event = "guest_self_test", file = candidate.file, passed, failed);
    match tested.failures.first() {
        None => Ok(()),
        Some(first) => {
            Err(refused(format!("{failed} of {} cases fail, first {}", passed + failed, first.name)))
        }
    }
}

/// A lock that was poisoned by a panic elsewhere holds what it held: each is changed by single calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time for the cases of one guest.
const SELF_TEST_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);
