//! `make hostile`: every attack in one process, and the table of what the host answered.

use std::{io::Write as _, process::ExitCode};

use hostile::{catalogue::GROUPS, facilitator::Facilitator, run::run};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let facilitator = Facilitator::start().await?;
    let mut out = std::io::stdout();
    writeln!(out, "attack, what the host answered, signatures, next payment through the shipped guest")?;
    let mut faults = Vec::new();
    let (mut attacks, mut before, mut after) = (0, None, 0);
    for group in GROUPS {
        let report = run(&facilitator, *group).await?;
        write!(out, "{report}")?;
        attacks += report.rows.len();
        before.get_or_insert(report.resident_before);
        after = report.resident_after;
        faults.extend(report.faults());
    }
    let growth = after.saturating_sub(before.unwrap_or_default());
    if growth > hostile::report::MOST_GROWTH {
        faults.push(format!("the process grew by {growth} bytes over all groups"));
    }
    writeln!(
        out,
        "\n{attacks} attacks, {} faults, resident memory grew by {} KiB",
        faults.len(),
        growth >> 10
    )?;
    for fault in &faults {
        writeln!(out, "  {fault}")?;
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
