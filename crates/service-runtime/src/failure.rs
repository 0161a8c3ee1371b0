//! A failure as a person reads it: the chain of its causes and one line of advice.

use std::error::Error;
use std::io::Write;

use serde::Serialize;

use crate::exit::Exit;
use crate::redact::plain;
use crate::report::Output;

/// What a failed command says. One value, printed as lines or as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What went wrong.
    pub error: String,
    /// Why, from the nearest cause to the furthest. What the line before already says is left out.
    pub causes: Vec<String>,
    /// What to do.
    pub advice: Option<String>,
    /// The exit code that goes with it.
    pub exit_code: u8,
}

impl Failure {
    /// Takes an error apart.
    pub fn new(error: &(dyn Error + 'static), exit: Exit, advice: Option<&str>) -> Self {
        let mut texts = chain(error).into_iter();
        Self {
            error: texts.next().unwrap_or_default(),
            causes: texts.collect(),
            advice: advice.map(str::to_owned),
            exit_code: exit.code(),
        }
    }
}

/// The texts of an error and its causes, without a cause that the text before ends with or holds.
pub fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    // A chain that refers back to itself would never end.
    while let Some(error) = cause.filter(|_| texts.len() < 16) {
        let text = error.to_string();
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts
}

/// Prints a failure, as lines for people or as one JSON object. Errors of the stream are ignored: nobody is left to tell.
pub fn print_failure(failure: &Failure, output: Output, out: &mut dyn Write) {
    let written = match output {
        Output::Json => serde_json::to_string(failure)
            .map_err(std::io::Error::other)
            .and_then(|text| writeln!(out, "{text}")),
        Output::Table => lines(failure)
            .iter()
            .try_for_each(|line| writeln!(out, "{line}")),
    };
    let _ = written.and_then(|()| out.flush());
}

fn lines(failure: &Failure) -> Vec<String> {
    // An error may have lines of its own, one for each fault of a configuration; each is cleaned by itself.
    let mut lines: Vec<_> = format!("error: {}", failure.error)
        .lines()
        .map(plain)
        .collect();
    for cause in &failure.causes {
        lines.push(format!("  caused by: {}", plain(cause)));
    }
    if let Some(advice) = &failure.advice {
        lines.push(format!("advice: {}", plain(advice)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    fn example() -> Failure {
        let root = Link {
            text: "connection refused",
            source: None,
        };
        let call = Link {
            text: "GET https://example.com: connection refused",
            source: Some(Box::new(root)),
        };
        let top = Link {
            text: "the metadata fields cannot be read",
            source: Some(Box::new(call)),
        };
        Failure::new(&top, Exit::CheckFailed, Some("check calabrio.base_url"))
    }

    #[test]
    fn lines_tell_the_causes_once_and_end_in_the_advice() {
        let mut out = Vec::new();
        print_failure(&example(), Output::Table, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "error: the metadata fields cannot be read\n  caused by: GET https://example.com: connection refused\nadvice: check calabrio.base_url\n"
        );
    }

    #[test]
    fn json_tells_the_same() {
        let mut out = Vec::new();
        print_failure(&example(), Output::Json, &mut out);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["exit_code"], 5);
        assert_eq!(
            value["causes"],
            serde_json::json!(["GET https://example.com: connection refused"])
        );
    }

    #[test]
    fn what_an_error_repeats_cannot_move_the_cursor() {
        let error = Link {
            text: "bad \u{1b}[2J\nline two",
            source: None,
        };
        let mut out = Vec::new();
        print_failure(
            &Failure::new(&error, Exit::Failure, None),
            Output::Table,
            &mut out,
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "error: bad \\u{1b}[2J\nline two\n"
        );
    }
}
