//! Colours, for a terminal whose owner did not ask for none.

use std::{env, ffi::OsStr};

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Coloured,
}

/// What a text says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Good,
    Bad,
    Changed,
    Aside,
}

impl Style {
    /// For a stream that is a terminal or not. `NO_COLOR` with any content turns colours off
    /// (<https://no-color.org>), and so does a terminal that knows none.
    pub(crate) fn of(is_terminal: bool) -> Self {
        Self::decide(is_terminal, env::var_os("NO_COLOR").as_deref(), env::var_os("TERM").as_deref())
    }

    fn decide(is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> Self {
        let is_unwanted = no_color.is_some_and(|value| !value.is_empty());
        if is_terminal && !is_unwanted && term.is_none_or(|term| term != "dumb") {
            Self::Coloured
        } else {
            Self::Plain
        }
    }

    /// `text` in the colour of `tone`.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Changed => "33",
            Tone::Aside => "2",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_a_terminal_that_wants_them() {
        let decide = |is_terminal, no_color: Option<&str>, term: Option<&str>| {
            Style::decide(is_terminal, no_color.map(OsStr::new), term.map(OsStr::new))
        };
        assert_eq!(decide(true, None, Some("xterm")), Style::Coloured);
        assert_eq!(decide(true, Some(""), None), Style::Coloured);
        assert_eq!(decide(true, Some("1"), Some("xterm")), Style::Plain);
        assert_eq!(decide(true, None, Some("dumb")), Style::Plain);
        assert_eq!(decide(false, None, Some("xterm")), Style::Plain);
        assert_eq!(Style::Coloured.paint(Tone::Bad, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(Style::Plain.paint(Tone::Bad, "x"), "x");
    }
}
