//! Text of strangers on a terminal and in XML: what could steer either is shown as an escape.

/// `text` with every character shown as an escape that has no picture of its own or changes how others
/// are shown. Line ends too: `text` is one line.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Marks of writing direction, joiners and separators.
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            // Byte order mark, annotations, tags, and what XML forbids.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{fffe}' | '\u{ffff}')
}

/// At most `most` characters of `text`, and how many are missing.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let (head, rest) = text.split_at(end);
            format!("{head}… ({} more characters)", rest.chars().count())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[31mb\r\n\u{202e}ü\u{9b}"),
            "a\\u{1b}[31mb\\u{d}\\u{a}\\u{202e}ü\\u{9b}"
        );
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß!", 3), "äöü… (2 more characters)");
    }
}
