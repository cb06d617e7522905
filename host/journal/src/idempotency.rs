//! Names that clients give to their requests, so that a retry is told from another request.

use crate::Fingerprint;

/// What a name stands for, next to the request that it is used for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The name was not used before; it stands for this request now.
    New,
    /// It stands for the same request.
    Same,
    /// It stands for another one.
    Other(Fingerprint),
}
