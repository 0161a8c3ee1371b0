//! Making a value fit to be metadata.

/// One line without control characters and without spaces around it.
///
/// What parts lines or columns becomes one space; other control characters go.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut parted = false;
    for c in text.chars() {
        if matches!(
            c,
            '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'
        ) {
            parted = true;
        } else if !c.is_control() {
            if parted && !line.ends_with(' ') && c != ' ' {
                line.push(' ');
            }
            parted = false;
            line.push(c);
        }
    }
    let trimmed = line.trim();
    if trimmed.len() == line.len() {
        line
    } else {
        trimmed.to_owned()
    }
}

/// Cuts a text after `limit` characters; tells how many it had if it was too long.
pub(crate) fn cut(text: &mut String, limit: usize) -> Option<usize> {
    let (end, _) = text.char_indices().nth(limit)?;
    let chars = text.chars().count();
    text.truncate(end);
    text.truncate(text.trim_end().len());
    Some(chars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_line() {
        for (text, line) in [
            ("  plain ", "plain"),
            ("a\r\n\tb", "a b"),
            ("a \n b", "a  b"),
            ("be\u{7}ll\u{0}", "bell"),
            ("\u{2028}x\u{85}", "x"),
            ("\n\t ", ""),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let mut text = "äöü 🦀x".to_owned();
        assert_eq!(cut(&mut text, 6), None);
        assert_eq!(cut(&mut text, 5), Some(6));
        assert_eq!(text, "äöü 🦀");
        assert_eq!(cut(&mut text, 4), Some(5));
        assert_eq!(text, "äöü");
    }
}
