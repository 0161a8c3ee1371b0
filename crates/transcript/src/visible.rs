//! Text of others, so that it can stand in a rendering without changing anything around it.
//!
//! Control characters and the characters that steer the direction of text are shown instead of done, and each piece is
//! isolated: FSI (U+2068) before it and PDI (U+2069) after it give it a direction of its own that ends where it ends
//! (Unicode Standard Annex 9). Within a piece of text neither can occur, since both are shown.

use std::fmt::{self, Write};

/// Opens a piece of text whose direction is its own.
const FSI: char = '\u{2068}';
/// Closes it.
const PDI: char = '\u{2069}';

/// The lines of a body, split at whatever a viewer might take for the end of a line.
pub(crate) fn lines(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((at, end)) = text.char_indices().find(|(_, c)| ends_line(*c)) else {
            rest = None;
            return Some(text);
        };
        let after = &text[at + end.len_utf8()..];
        rest = Some(match end {
            '\r' => after.strip_prefix('\n').unwrap_or(after),
            _ => after,
        });
        Some(&text[..at])
    })
}

/// Line feed, carriage return, next line, line separator, paragraph separator. Vertical tab and form feed are shown.
fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A line of a body, isolated. Tabs stay.
pub(crate) struct Line<'a>(pub(crate) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(FSI)?;
        for c in self.0.chars() {
            match c {
                '\t' => f.write_char(c)?,
                c => show(c, f)?,
            }
        }
        f.write_char(PDI)
    }
}

/// A name, an address, a file name: isolated, in quotation marks that it cannot close itself.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{FSI}")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c => show(c, f)?,
            }
        }
        write!(f, "{PDI}\"")
    }
}

/// Writes a character, or shows it where a viewer might obey it.
fn show(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match c {
        // Each control character of ASCII has a picture: ESC is shown as U+241B.
        '\0'..='\u{1f}' => f.write_char(char::from_u32(0x2400 + c as u32).unwrap_or('?')),
        '\u{7f}' => f.write_char('\u{2421}'),
        _ if is_obeyed(c) => write!(f, "<U+{:04X}>", c as u32),
        _ => f.write_char(c),
    }
}

/// C1 controls, separators of lines, embeddings, overrides and isolates of direction, deprecated and annotating controls.
/// Marks of direction (LRM, RLM, ALM) and joiners reach no further than their neighbours, and are part of how people write.
fn is_obeyed(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_split_at_every_end_of_line_there_is() {
        let split = |body| lines(body).collect::<Vec<_>>();
        assert_eq!(split("one"), ["one"]);
        assert_eq!(split(""), [""]);
        assert_eq!(
            split("a\nb\r\nc\rd\u{85}e\u{2028}f\u{2029}g"),
            ["a", "b", "c", "d", "e", "f", "g"]
        );
        assert_eq!(split("a\n\n"), ["a", "", ""]);
        assert_eq!(split("\n\r"), ["", "", ""]);
    }

    #[test]
    fn controls_are_shown_and_not_done() {
        assert_eq!(
            Line("\u{1b}[2J\u{8}\u{7f}\u{9b}1m\ta").to_string(),
            "\u{2068}␛[2J␈␡<U+009B>1m\ta\u{2069}"
        );
        assert_eq!(
            Line("\u{202e}abc\u{2069}\u{206a}\u{fffb}").to_string(),
            "\u{2068}<U+202E>abc<U+2069><U+206A><U+FFFB>\u{2069}"
        );
    }

    #[test]
    fn a_name_stays_on_its_line_and_within_its_quotation_marks() {
        assert_eq!(
            Quoted("Eve\" \\\n\t\u{2028}").to_string(),
            "\"\u{2068}Eve\\\" \\\\␊␉<U+2028>\u{2069}\""
        );
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "مرحبا، رقم ٥",
            "שלום\u{200f}!",
            "👩🏽‍🚀🏴󠁧󠁢󠁥󠁮󠁧󠁿❤️",
            "a\u{301}\u{200d}\u{feff}",
            "<U+202E>",
        ] {
            assert_eq!(Line(text).to_string(), format!("{FSI}{text}{PDI}"));
        }
    }
}
