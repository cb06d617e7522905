//! The journal from outside: what all backends share, and what a crash leaves behind.

#[cfg(test)]
mod between;
#[cfg(test)]
mod builders;
#[cfg(test)]
mod conformance;
#[cfg(test)]
#[cfg(unix)]
mod crash;
#[cfg(test)]
mod dynamodb;
#[cfg(test)]
mod dynamodb_faults;
#[cfg(test)]
mod moto;
#[cfg(test)]
mod sqlite;
