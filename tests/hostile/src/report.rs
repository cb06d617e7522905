//! The table for people.

use std::fmt::{self, Display};

/// What was seen of one attack, or the sentence that says what was not as it should be.
#[derive(Debug)]
pub struct Row {
    /// Name of the attack.
    pub attack: &'static str,
    /// What the host answered.
    pub answered: String,
    /// Signatures made.
    pub signatures: u64,
    /// Whether a payment through the shipped guest settled afterwards.
    pub next_payment: bool,
    /// What is wrong.
    pub fault: Option<anyhow::Error>,
}

/// The rows of one group, and what the process held before and after.
#[derive(Debug)]
pub struct Report {
    /// Name of the group.
    pub group: &'static str,
    /// One row each.
    pub rows: Vec<Row>,
    /// Resident memory before the first attack, bytes.
    pub resident_before: u64,
    /// After the last.
    pub resident_after: u64,
}

/// Most that resident memory may have grown, bytes.
pub const MOST_GROWTH: u64 = 30 << 20;

impl Report {
    /// How much resident memory grew, bytes.
    #[must_use]
    pub const fn growth(&self) -> u64 {
        self.resident_after.saturating_sub(self.resident_before)
    }

    /// Every sentence that says what was not as it should be.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self
            .rows
            .iter()
            .filter_map(|row| row.fault.as_ref().map(|fault| format!("{}: {fault:#}", row.attack)))
            .collect();
        if self.growth() > MOST_GROWTH {
            faults.push(format!("{}: the process grew by {} bytes", self.group, self.growth()));
        }
        faults
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        let width = self.rows.iter().map(|row| row.answered.chars().count()).max().unwrap_or_default();
        writeln!(f, "\n{}", self.group)?;
        for row in &self.rows {
            let next = if row.next_payment { "settled" } else { "NOT SETTLED" };
            write!(f, "  {:<34}{:<width$}  {:>10}  {next}", row.attack, row.answered, row.signatures)?;
            match &row.fault {
                None => writeln!(f)?,
                Some(fault) => writeln!(f, "\n    FAULT: {fault:#}")?,
            }
        }
        let (before, after) = (mib(self.resident_before), mib(self.resident_after));
        writeln!(f, "  resident memory: {before} MiB before, {after} MiB after")
    }
}
