//! Prints how many transitions per second the SQLite journal makes durable: 64 writers at once, each
//! taking one settlement after the other through its five writes. `throughput [DIRECTORY] [SECONDS]`.

use std::{
    error::Error,
    io::Write,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use facilitator_journal::{
    GuestGeneration, Journal, JournalError, NewSettlement, Outcome, PaymentId, SignedBytes, SqliteJournal,
};
use facilitator_protocol::X402Version;

const WRITERS: usize = 64;
/// Durable writes of one settlement: claim, approved, signed, broadcast, finish.
const WRITES: usize = 5;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let temporary = tempfile::tempdir()?;
    let directory = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let path = directory.join(format!("throughput-{}.sqlite", std::process::id()));
    let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(&path)?);

    let mut stdout = std::io::stdout().lock();
    for writers in [1, WRITERS] {
        let started = Instant::now();
        let until = started + Duration::from_secs(seconds);
        let tasks: Vec<_> = (0..writers)
            .map(|n| tokio::spawn(drive(Arc::clone(&journal), format!("{writers}-{n}"), until)))
            .collect();
        let mut settlements = 0;
        for task in tasks {
            settlements += task.await??;
        }
        let rate = (settlements * WRITES) as f64 / started.elapsed().as_secs_f64();
        writeln!(stdout, "writers={writers} settlements={settlements} transitions_per_second={rate:.0}")?;
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    Ok(())
}

async fn drive(journal: Arc<dyn Journal>, writer: String, until: Instant) -> Result<usize, JournalError> {
    let mut settlements = 0;
    while Instant::now() < until {
        let Some(new) = settlement(&format!("{writer}-{settlements}")) else {
            break;
        };
        let id: PaymentId = new.payment_id.clone();
        let (payer, amount) = (new.payer.clone(), new.amount.clone());
        journal.claim(new).await?;
        journal.approved(&id).await?;
        let transaction = format!("0x{id}");
        let bytes = vec![2; 400];
        let signed = SignedBytes {
            transaction: transaction.chars().take(66).collect(),
            bytes,
            signer: format!("0x{:040x}", 1),
            lane_sequence: Some(settlements as u64),
        };
        journal.signed(&id, signed).await?;
        journal.broadcast(&id).await?;
        journal.finish(&id, Outcome::Confirmed { payer, amount, transaction }).await?;
        settlements += 1;
    }
    Ok(settlements)
}

/// A settlement of the size that an EVM payment has.
fn settlement(name: &str) -> Option<NewSettlement> {
    Some(NewSettlement {
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
    })
}
