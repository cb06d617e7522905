//! What a guest's author does with cargo, as commands: a new guest crate, and a crate made a component.
//!
//! `facilitator guest new` and `facilitator guest build` are [`new`] and [`build`]; the workspace builds its
//! own guests with [`compile`] and [`component`], so that there is one way in which a guest comes into
//! being. The crate runs `cargo` and `rustc` and writes files. It deliberately knows no engine and no
//! server: whether a component is let in is the host's decision, taken when it loads the component.

pub mod build;
pub mod compile;
pub mod component;
mod draft;
mod embedded;
mod error;
mod manifest;
pub mod name;
pub mod new;
mod paths;
mod project;
mod template;

pub use error::{ComponentError, Error};
pub use project::Project;
