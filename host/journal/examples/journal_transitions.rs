//! Prints how many transitions per second the SQLite journal makes durable, and how long one takes:
//! `journal_transitions [DIRECTORY] [SECONDS] [PROCESSES]`
//!
//! Settlements go one after the other through their writes: claim, approved, reserve, signed, broadcast,
//! finish. First by one writer, then by 64 at once, then by 64 that are shared out among PROCESSES journals on
//! one file (default 2), as among processes of one machine. `reserve` is a durable write and no transition.

use std::{
    error::Error,
    io::Write,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use facilitator_journal::{
    GuestGeneration, Journal, JournalError, LaneKey, NewSettlement, Outcome, Owner, PaymentId, SignedBytes,
    SqliteJournal,
};
use facilitator_protocol::X402Version;

const WRITERS: usize = 64;
/// Of one settlement: claim, approved, signed, broadcast, finish.
const TRANSITIONS: usize = 5;
const KEEP: Duration = Duration::from_secs(3_600);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let temporary = tempfile::tempdir()?;
    let directory = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let processes: usize = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let directory = tempfile::tempdir_in(directory)?;

    let mut stdout = std::io::stdout().lock();
    for (writers, processes) in [(1, 1), (WRITERS, 1), (WRITERS, processes.clamp(1, WRITERS))] {
        let path = directory.path().join(format!("{writers}-{processes}.sqlite"));
        let mut journals = Vec::new();
        for n in 0..processes {
            let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(&path, KEEP)?);
            let owner = journal.begin_lease(&format!("process {n}")).await?;
            journals.push((journal, owner));
        }
        let started = Instant::now();
        let until = started + Duration::from_secs(seconds);
        let tasks: Vec<_> = journals
            .iter()
            .cycle()
            .take(writers)
            .enumerate()
            .map(|(n, (journal, owner))| tokio::spawn(drive(Arc::clone(journal), *owner, n, until)))
            .collect();
        let mut durable = Vec::new();
        for task in tasks {
            durable.extend(task.await??);
        }
        let settlements = durable.len() / TRANSITIONS;
        let rate = durable.len() as f64 / started.elapsed().as_secs_f64();
        durable.sort_unstable();
        let percentile = |of: usize| durable.get(durable.len() * of / 100).copied().unwrap_or_default();
        writeln!(
            stdout,
            "writers={writers} processes={processes} settlements={settlements} \
             transitions_per_second={rate:.0} p50={:?} p99={:?}",
            percentile(50),
            percentile(99),
        )?;
    }
    Ok(())
}

/// Settles one payment after the other. Answers how long each transition took.
async fn drive(
    journal: Arc<dyn Journal>,
    owner: Owner,
    writer: usize,
    until: Instant,
) -> Result<Vec<Duration>, JournalError> {
    let mut durable = Vec::new();
    for n in 0.. {
        let Some((new, lane)) = settlement(&format!("{writer}-{n}")).filter(|_| Instant::now() < until)
        else {
            break;
        };
        let id: PaymentId = new.payment_id.clone();
        let (payer, amount) = (new.payer.clone(), new.amount.clone());
        let transaction = format!("0x{id:0>64}");
        durable.push(timed(journal.claim(owner, new)).await?);
        durable.push(timed(journal.approved(owner, &id)).await?);
        let signed = SignedBytes {
            transaction: transaction.clone(),
            bytes: vec![2; 400],
            signer: lane.signer.clone(),
            lane_sequence: Some(journal.reserve(&lane, 0).await?),
        };
        durable.push(timed(journal.signed(owner, &id, signed)).await?);
        durable.push(timed(journal.broadcast(owner, &id)).await?);
        durable.push(
            timed(journal.finish(owner, &id, Outcome::Confirmed { payer, amount, transaction })).await?,
        );
    }
    Ok(durable)
}

async fn timed<T>(answer: impl Future<Output = Result<T, JournalError>>) -> Result<Duration, JournalError> {
    let started = Instant::now();
    answer.await?;
    Ok(started.elapsed())
}

/// A settlement of the size that an EVM payment has, and the lane that it takes a number of.
fn settlement(name: &str) -> Option<(NewSettlement, LaneKey)> {
    let new = NewSettlement {
        payment_id: name.parse().ok()?,
        payload: format!("sha256:{name}").parse().ok()?,
        fingerprint: "sha256:0000000000000000000000000000000000000000000000000000000000000000"
            .parse()
            .ok()?,
        network: "eip155:84532".parse().ok()?,
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        request: "x".repeat(1_200),
        guest: GuestGeneration { name: "evm".to_owned(), sha256: [1; 32] },
        payer: format!("0x{:040x}", 2),
        amount: "1000".parse().ok()?,
        expires_at: 1_800_000_000,
    };
    let lane = LaneKey { network: new.network.clone(), signer: format!("0x{:040x}", 1) };
    Some((new, lane))
}
