//! HTTP: routes, bounds, and the shapes of answers. Nothing else of the server knows a status code.

mod body;
mod discovery;
mod error;
mod payment;
mod router;

pub use router::router;
