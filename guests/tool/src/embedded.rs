//! What the binary carries: templates, the sources of the SDK, and the repository's own manifest.

/// Names and contents, in the order of names; `build.rs` says where they come from.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The files below `directory`, by their paths in it.
pub(crate) fn below(directory: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES
        .iter()
        .filter_map(move |(name, text)| Some((name.strip_prefix(directory)?.strip_prefix('/')?, *text)))
}

/// The text of one file; empty if there is none, which the tests of this crate would show.
pub(crate) fn file(name: &str) -> &'static str {
    FILES.iter().find(|(found, _)| *found == name).map_or("", |(_, text)| *text)
}
