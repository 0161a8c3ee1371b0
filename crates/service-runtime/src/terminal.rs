//! Whether a person watches.

use std::io::IsTerminal;

/// What a stream leads to. Colour and progress are for terminals only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Whether the stream is a terminal.
    pub is_terminal: bool,
    /// Whether colours may be used on it.
    pub colour: bool,
}

impl Terminal {
    /// Neither a terminal nor coloured.
    pub const NONE: Self = Self {
        is_terminal: false,
        colour: false,
    };

    /// The standard output stream.
    pub fn stdout() -> Self {
        Self::of(std::io::stdout().is_terminal(), |name| {
            std::env::var(name).ok()
        })
    }

    /// The standard error stream.
    pub fn stderr() -> Self {
        Self::of(std::io::stderr().is_terminal(), |name| {
            std::env::var(name).ok()
        })
    }

    /// `NO_COLOR` with any value, and `TERM=dumb`, turn colour off (<https://no-color.org>).
    fn of(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let unwanted = variable("NO_COLOR").is_some_and(|value| !value.is_empty())
            || variable("TERM").is_some_and(|value| value == "dumb");
        Self {
            is_terminal,
            colour: is_terminal && !unwanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_whose_user_did_not_turn_it_off() {
        let with = |name: &'static str, value: &'static str| {
            move |asked: &str| (asked == name).then(|| value.to_owned())
        };
        assert!(Terminal::of(true, with("TERM", "xterm")).colour);
        assert!(Terminal::of(true, with("NO_COLOR", "")).colour);
        assert!(!Terminal::of(true, with("NO_COLOR", "1")).colour);
        assert!(!Terminal::of(true, with("TERM", "dumb")).colour);
        assert!(!Terminal::of(false, with("TERM", "xterm")).colour);
    }
}
