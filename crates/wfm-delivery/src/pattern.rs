//! Names of files and lines of headers, with placeholders.

use chrono::{DateTime, Utc};
use wfm_interval::Zone;

use crate::DeliveryError;
use crate::when::TimeFormat;

/// How a time is written where the placeholder does not say.
const USUAL: &str = "%Y%m%dT%H%M%SZ";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    AcdServer,
    Number,
    First(TimeFormat),
    Last(TimeFormat),
    Now(TimeFormat),
}

/// A text with placeholders: `{acd_server}`, `{number}`, `{now}`, `{first}`, `{last}`; the latter three with a format, like `{now:%Y%m%d}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Piece>);

/// What the placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) acd_server: u32,
    /// The part's number in its batch, from 1.
    pub(crate) number: usize,
    pub(crate) first: DateTime<Utc>,
    pub(crate) last: DateTime<Utc>,
    pub(crate) now: DateTime<Utc>,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (inside, after) = after
                .split_once('}')
                .ok_or_else(|| format!("a placeholder of \"{text}\" has no end"))?;
            let (name, format) = inside.split_once(':').unwrap_or((inside, USUAL));
            let format = TimeFormat::parse(format)?;
            pieces.push(match name {
                "acd_server" => Piece::AcdServer,
                "number" => Piece::Number,
                "first" => Piece::First(format),
                "last" => Piece::Last(format),
                "now" => Piece::Now(format),
                other => {
                    return Err(format!(
                        "there is no placeholder {{{other}}}; known are acd_server, number, first, last, now"
                    ));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Whether parts of one batch get different names.
    pub(crate) fn has_number(&self) -> bool {
        self.0.contains(&Piece::Number)
    }

    /// Whether a delivery a millisecond later gets another name: then a name tells which delivery it is of.
    pub(crate) fn is_unique(&self, facts: &Facts) -> bool {
        let later = Facts {
            now: facts.now + chrono::TimeDelta::milliseconds(1),
            ..*facts
        };
        self.render(facts, Zone::UTC) != self.render(&later, Zone::UTC)
    }

    /// The text. Times are those of `zone`.
    pub(crate) fn render(&self, facts: &Facts, zone: Zone) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::AcdServer => facts.acd_server.to_string(),
            Piece::Number => facts.number.to_string(),
            Piece::First(format) => format.write(facts.first, zone),
            Piece::Last(format) => format.write(facts.last, zone),
            Piece::Now(format) => format.write(facts.now, zone),
        };
        self.0.iter().map(piece).collect()
    }

    /// The text as the name of a file. Its times are UTC, where no hour comes twice.
    pub(crate) fn file_name(&self, facts: &Facts) -> Result<String, DeliveryError> {
        let file = self.render(facts, Zone::UTC);
        match fault_of_name(&file) {
            Some(problem) => Err(DeliveryError::FileName { file, problem }),
            None => Ok(file),
        }
    }
}

/// What keeps a text from being a file's name on Calabrio's side, which runs Windows, or on ours.
pub(crate) fn fault_of_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.starts_with('.') {
        Some("it begins with a dot, like our temporary files")
    } else if name.len() > 200 {
        Some("it has more than 200 bytes")
    } else if name.contains(|c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c)) {
        Some("it has a control character or one of / \\ : * ? \" < > |")
    } else if name.ends_with(['.', ' ']) {
        Some("it ends with a dot or a space")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            acd_server: 3,
            number: 2,
            first: "2026-03-01T12:00:00Z".parse().unwrap(),
            last: "2026-03-01T12:30:00Z".parse().unwrap(),
            now: "2026-03-01T13:00:00.250Z".parse().unwrap(),
        }
    }

    #[test]
    fn placeholders_stand_for_what_they_say() {
        let pattern =
            Pattern::parse("H.{acd_server}.{first:%H%M}-{last:%H%M}.{now:epoch-seconds}.{number}")
                .unwrap();
        assert_eq!(
            pattern.file_name(&facts()).unwrap(),
            "H.3.1200-1230.1772370000.2"
        );
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for (text, problem) in [
            ("{now", "has no end"),
            ("{nwo}", "no placeholder {nwo}"),
            ("{now:%Q}", "no format of a time"),
        ] {
            let found = Pattern::parse(text).unwrap_err();
            assert!(found.contains(problem), "{found}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_file_is_an_error() {
        for pattern in [
            "",
            ".hidden",
            "a/b",
            r"a\b",
            "{now:%H:%M}",
            "a.",
            &"x".repeat(201),
        ] {
            let error = Pattern::parse(pattern)
                .unwrap()
                .file_name(&facts())
                .unwrap_err();
            assert!(
                matches!(error, DeliveryError::FileName { .. }),
                "{pattern}: {error}"
            );
        }
    }
}
