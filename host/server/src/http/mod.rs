//! HTTP: routes, bounds, and the shapes of answers. Nothing else of the server knows a status code.

mod admin;
mod body;
mod discovery;
mod error;
mod guests;
mod idempotency_key;
mod payment;
mod router;
mod settlements;

pub use router::router;
