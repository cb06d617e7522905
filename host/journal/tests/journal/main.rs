//! The journal from outside: what all backends share, and what a crash leaves behind.

#[cfg(test)]
mod builders;
#[cfg(test)]
mod conformance;
#[cfg(test)]
#[cfg(unix)]
mod crash;
#[cfg(test)]
mod sqlite;
