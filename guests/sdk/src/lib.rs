//! What a guest author depends on.
//!
//! A guest implements [`Scheme`] for a type of its own and says `guest_sdk::export_scheme!(ThatType);`.
//! It reaches the world only through [`Host`]: RPC reads on the network of the request, native crypto,
//! a clock that stands still for the length of a call, and a log. On `wasm32` these are the imports of
//! the WIT world `scheme-guest`; in tests they are the `double` (feature of that name), so that a
//! guest's logic runs under plain `cargo test`.
//!
//! The crate deliberately knows no chain: encodings belong to the guests.

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod error;
pub mod host;
pub mod request;
pub mod scheme;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod component;
#[cfg(feature = "double")]
pub mod double;

pub use error::GuestError;
pub use host::{Answer, Call, Host, Level, RemoteError, Rpc, RpcError, RpcExt};
pub use request::{Request, RequestText, Unreadable};
pub use scheme::Scheme;

/// Version of the WIT package that this SDK speaks; goes into `Descriptor::abi`.
pub const ABI: &str = "0.1.0";

/// Makes a type that implements [`Scheme`] the export of the component. A no-op on native targets.
#[macro_export]
macro_rules! export_scheme {
    ($scheme:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod exported {
            type Component = $crate::component::Component<$scheme>;
            $crate::component::export_component!(Component with_types_in $crate::component::bindings);
        }
    };
}
