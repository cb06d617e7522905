//! From settings to a listening server, and to an orderly end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
    sync::Semaphore,
    task::JoinHandle,
};

use crate::{
    app::App,
    config::{GuestsMode, HttpSettings, Settings},
    flow,
    guests::{self, Trigger},
    http::router,
    lanes,
    networks::Status,
};

/// How long the first attestations may keep the port closed: an RPC that is down must not.
const FIRST_ATTESTATION: Duration = Duration::from_secs(3);

/// How long the start waits for what others have left to be taken up.
const FIRST_RECOVERY: Duration = Duration::from_secs(6);
/// Between two looks for records that are too old, and between two steps of forgetting them.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);
const PURGE_PAUSE: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT, then finishes what is under way.
///
/// # Errors
/// Whatever keeps it from starting.
pub async fn run(settings: Settings, lookup: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM handler")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT handler")?;
    let hangup = signal(SignalKind::hangup()).context("SIGHUP handler")?;
    let http = settings.http;
    let address = (settings.host, settings.port);
    let app = App::build(settings, lookup).await?;
    let recovering = take_part(&app).await;
    app.networks.first_attested(FIRST_ATTESTATION).await;
    warn_of_networks_left_out(&app);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {}:{} (HOST, PORT)", address.0, address.1))?;
    tracing::info!(
        event = "listening",
        address = %listener.local_addr()?,
        version = env!("CARGO_PKG_VERSION"),
    );
    tend(&app, hangup);
    let routes = router(Arc::clone(&app));
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(http.max_connections));
    loop {
        tokio::select! {
            accepted = accept(&listener, &connections) => {
                if let Some((stream, permit)) = accepted {
                    serve_connection(stream, permit, routes.clone(), &http, &graceful);
                }
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    drop(listener);
    tracing::info!(event = "shutting_down", under_way = app.joins.count());
    // What others leave now is not for a process that goes.
    recovering.abort();
    app.tasks.close();
    let drained = async {
        graceful.shutdown().await;
        app.tasks.wait().await;
    };
    match tokio::time::timeout(http.shutdown_timeout, drained).await {
        Ok(()) => tracing::info!(event = "stopped"),
        // Their bytes are in the journal: the next start takes them up.
        Err(_) => tracing::warn!(event = "stopped_with_settlements_under_way", under_way = app.joins.count()),
    }
    // Whoever is there, or comes next, goes on with the rest at once.
    app.lease.end().await;
    Ok(())
}

/// Takes part in the journal: begins the lease, takes up what processes have left that are gone, and goes on
/// with both and with looking after lanes and ended settlements, in tasks of their own. The one that takes up
/// what others leave is given back.
///
/// A journal that does not answer keeps nothing from starting: payments are verified meanwhile, and settled as
/// soon as it answers.
pub async fn take_part(app: &Arc<App>) -> JoinHandle<()> {
    let mut watch = flow::Watch::default();
    let holder = Arc::clone(app);
    // In a task of its own: a lease that is begun must be known, however long it takes.
    let begun = tokio::spawn(async move {
        if let Err(error) = holder.lease.renew().await {
            tracing::error!(event = "lease_not_begun", reason = %error, cause = ?std::error::Error::source(&error));
        }
    });
    let first = async {
        // A fault of ours is as none begun: it is tried again.
        let _begun_or_not = begun.await.is_ok();
        flow::recover(app, &mut watch).await;
    };
    if tokio::time::timeout(FIRST_RECOVERY, first).await.is_err() {
        tracing::warn!(event = "recovery_goes_on");
    }
    let keeper = Arc::clone(app);
    tokio::spawn(async move { keeper.lease.keep().await });
    tokio::spawn(flow::keep_watching(Arc::clone(app)));
    tokio::spawn(lanes::keep_lanes(Arc::clone(app)));
    let purger = Arc::clone(app);
    tokio::spawn(async move { purge(&purger).await });
    tokio::spawn(flow::keep_recovering(Arc::clone(app), watch))
}

/// Forgets what is older than the journal keeps, in small steps.
async fn purge(app: &App) {
    loop {
        let forgotten = match app.journal.purge().await {
            Ok(forgotten) => forgotten,
            Err(error) => {
                tracing::warn!(event = "purge_failed", reason = %error);
                0
            }
        };
        tokio::time::sleep(if forgotten > 0 { PURGE_PAUSE } else { PURGE_INTERVAL }).await;
    }
}

/// Starts what changes guests and kill switches while requests run: SIGHUP, breakers, and in dev mode changed
/// files. These tasks end with the process.
fn tend(app: &Arc<App>, mut hangup: Signal) {
    let on_signal = Arc::clone(app);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            read_kill_switches(&on_signal);
            // A failure is logged where it happens, and shown by the admin API.
            let _logged = on_signal.guests.reload(Trigger::Signal, false).await.is_ok();
        }
    });
    let on_trip = Arc::clone(app);
    tokio::spawn(async move { guests::supervise(&on_trip.guests).await });
    if app.settings.guests.mode == GuestsMode::Dev {
        let on_change = Arc::clone(app);
        tokio::spawn(async move {
            if let Err(error) = guests::watch(&on_change.guests).await {
                tracing::error!(event = "guests_not_watched", reason = format!("{error:#}"));
            }
        });
    }
}

/// Puts the file's kill switches in force. What cannot be read leaves those in force that are.
fn read_kill_switches(app: &App) {
    let switches = match Settings::kill_switches(app.settings.file.as_deref()) {
        Ok(switches) => switches,
        Err(error) => {
            tracing::error!(event = "kill_switches_unread", reason = %error);
            return;
        }
    };
    for (network, killed) in switches {
        // A network that is not served here has no switch.
        if app.vault.is_killed(&network) != killed && app.vault.set_killed(&network, killed).is_ok() {
            tracing::warn!(event = "kill_switch", network = network.as_str(), killed);
        }
    }
}

/// What the operator probably wanted and does not get. The same stands in `/ready`.
fn warn_of_networks_left_out(app: &App) {
    let networks = app.networks.all();
    for network in networks.iter().filter(|network| !network.settings.rpc.is_empty()) {
        if let Status::NotConfigured(reason) = network.status() {
            tracing::warn!(event = "network_left_out", network = network.settings.facts.name, reason);
        }
    }
    if !networks.iter().any(|network| network.status() == Status::Ready) {
        tracing::warn!(
            event = "no_network_ready",
            hint = "a network needs an RPC endpoint (RPC_URL_BASE_SEPOLIA=…) and a key (EVM_PRIVATE_KEY_TESTNET=…)",
        );
    }
}

type Permit = tokio::sync::OwnedSemaphorePermit;

/// The next connection, once there is room for it.
async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<(TcpStream, Permit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            // Out of file descriptors, or the client is gone already: neither ends the server.
            tracing::warn!(event = "accept_failed", reason = %error);
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

fn serve_connection(
    stream: TcpStream,
    permit: Permit,
    routes: Router,
    http: &HttpSettings,
    graceful: &GracefulShutdown,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(event = "nodelay_failed", reason = %error);
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(http.idle_timeout)
        .max_buf_size(64 << 10)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(event = "connection_ended", reason = %error);
        }
        drop(permit);
    });
}
