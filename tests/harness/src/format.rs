//! JSON text as cases are written: two spaces of indentation, keys in the order in which they are told,
//! numbers with their digits. Works on the text, because reading and writing it again would lose both.

/// `text`, which is JSON, over several lines.
#[must_use]
pub(crate) fn pretty(text: &str) -> String {
    laid_out(text, true)
}

/// `text`, which is JSON, on one line and without spaces.
#[must_use]
pub(crate) fn compact(text: &str) -> String {
    laid_out(text, false)
}

fn laid_out(text: &str, is_pretty: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut has_just_opened = false;
    let line = |out: &mut String, depth: usize| {
        if is_pretty {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(character, '}' | ']');
        depth = depth.saturating_sub(usize::from(closes));
        // Neither between the brackets of something empty nor before anything else that is not first.
        if has_just_opened != closes {
            line(&mut out, depth);
        }
        has_just_opened = matches!(character, '{' | '[');
        depth += usize::from(has_just_opened);
        out.push(character);
        match character {
            '"' => copy_string(&mut characters, &mut out),
            ',' => line(&mut out, depth),
            ':' if is_pretty => out.push(' '),
            _ => {}
        }
    }
    out
}

/// The rest of a string whose opening quote has been read.
fn copy_string(characters: &mut std::str::Chars<'_>, out: &mut String) {
    let mut is_escaped = false;
    for character in characters {
        out.push(character);
        match character {
            '"' if !is_escaped => return,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_laid_out_as_json_stringify_does() {
        let text = r#" {"b" : [ ] ,"a":[1e2,{ }, {"x":"\\\" , { ["}],"n":12345678901234567890123} "#;
        let lines = "{\n  \"b\": [],\n  \"a\": [\n    1e2,\n    {},\n    {\n      \"x\": \"\\\\\\\" , { [\"\n    }\n  ],\n  \"n\": 12345678901234567890123\n}";
        assert_eq!(pretty(text), lines);
        let line = r#"{"b":[],"a":[1e2,{},{"x":"\\\" , { ["}],"n":12345678901234567890123}"#;
        assert_eq!(compact(text), line);
        assert_eq!(compact(lines), line);
        assert_eq!((pretty(" null "), compact("\"a b\"")), ("null".to_owned(), "\"a b\"".to_owned()));
    }
}
