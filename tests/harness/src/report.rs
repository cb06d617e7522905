//! What was found, told: to people on a terminal, and to machines as `JUnit` XML.

mod failure;
mod human;
mod junit;
mod printable;
mod progress;
mod style;

pub(crate) use failure::{lines as failure_lines, log as log_lines};
pub(crate) use human::{Counts, case, recorded, summary};
pub(crate) use junit::junit;
pub(crate) use printable::printable;
pub(crate) use progress::Progress;
pub(crate) use style::{Style, Tone};
