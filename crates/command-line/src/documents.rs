//! Whether every command line that the documents show in a block can be given as it stands: for the tests of programs.

use std::path::Path;

use crate::{CommandLine, Program};

/// What became of the command lines of the documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// How many of the program's were tried.
    pub tried: usize,
    /// Those that cannot be given: where they stand, and why.
    pub wrong: Vec<String>,
}

/// Tries every command line of a program that stands in a fenced block of the repository's README, of that of the program, or of a document below `docs`.
///
/// # Errors
///
/// A document cannot be read.
pub fn shown_command_lines<C: CommandLine>(root: &Path) -> std::io::Result<Shown> {
    let own = format!("bins/{}/README.md", C::Program::NAME);
    let mut paths = vec![root.join("README.md"), root.join(own)];
    for entry in std::fs::read_dir(root.join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "md") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut shown = Shown::default();
    for path in paths {
        let text = std::fs::read_to_string(&path)?;
        try_all::<C>(&path.display().to_string(), &text, &mut shown);
    }
    Ok(shown)
}

fn try_all<C: CommandLine>(path: &str, text: &str, shown: &mut Shown) {
    for (number, line) in fenced(text) {
        for line in variants(line.trim()) {
            let words = words(&line);
            let Some(arguments) = arguments(C::Program::NAME, &words) else {
                continue;
            };
            shown.tried += 1;
            let name = std::iter::once(C::Program::NAME.to_owned());
            let Err(error) = C::try_parse_from(name.chain(arguments.iter().cloned())) else {
                continue;
            };
            // Help and version are asked for by an error, too.
            if error.use_stderr() {
                shown
                    .wrong
                    .push(format!("{path}:{number}: {line}: {error}"));
            }
        }
    }
}

/// The lines inside of fenced blocks with their numbers, those that go on after a backslash joined.
fn fenced(text: &str) -> Vec<(usize, String)> {
    let (mut inside, mut lines, mut open) = (false, Vec::new(), None::<(usize, String)>);
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            continue;
        }
        if !inside {
            continue;
        }
        let (begun, mut whole) = open.take().unwrap_or((number, String::new()));
        match line.trim_end().strip_suffix('\\') {
            Some(part) => {
                whole.push_str(part);
                open = Some((begun, whole));
            }
            None => lines.push((begun, whole + line)),
        }
    }
    lines
}

/// The words of a line as a shell takes them, up to a comment, a pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut quoted = false;
    for letter in line.chars().chain([' ']) {
        match (quote, letter) {
            (Some(mark), _) if letter == mark => quote = None,
            (None, '"' | '\'') => (quote, quoted) = (Some(letter), true),
            (None, ' ') if word.is_empty() && !quoted => {}
            (None, ' ') => {
                words.push(std::mem::take(&mut word));
                quoted = false;
            }
            (None, '#') if word.is_empty() => break,
            (None, '|' | '>' | '<' | ';') => break,
            _ => word.push(letter),
        }
    }
    words
}

/// What follows the program's name, if a line calls it.
fn arguments<'a>(name: &str, words: &'a [String]) -> Option<&'a [String]> {
    let first = words.first()?;
    if first == "cargo" {
        let is_ours = words
            .windows(2)
            .any(|pair| pair[0] == "-p" && pair[1] == name);
        let runs = words.get(1).is_some_and(|word| word == "run");
        let dashes = words.iter().position(|word| word == "--")?;
        return (is_ours && runs).then(|| &words[dashes + 1..]);
    }
    let called = first.rsplit('/').next();
    (called == Some(name)).then(|| &words[1..])
}

/// A line without what stands in brackets and with it; SIDs that are cut short made whole.
fn variants(line: &str) -> Vec<String> {
    let mut whole = String::new();
    for part in line.split_inclusive('…') {
        let Some(stem) = part.strip_suffix('…') else {
            whole.push_str(part);
            continue;
        };
        whole.push_str(stem);
        let tail: String = stem.chars().rev().take(3).collect();
        let is_sid = tail.chars().take(2).all(|c| c.is_ascii_uppercase()) && tail.ends_with(' ');
        whole.push_str(&if is_sid {
            "0".repeat(32)
        } else {
            "x".to_owned()
        });
    }
    let Some((before, rest)) = whole.split_once(" [") else {
        return vec![whole];
    };
    let (within, after) = rest.split_once(']').unwrap_or((rest, ""));
    let mut both = variants(&format!("{before}{after}"));
    both.extend(variants(&format!("{before} {within}{after}")));
    both
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use clap::{Parser, Subcommand};
    use service_runtime::Exit;

    use super::*;
    use crate::Global;
    use crate::testing::Quality;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        global: Global<Quality>,
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Subcommand)]
    enum Command {
        Status,
        Forget {
            #[arg(long)]
            address: Option<String>,
            leg: Option<twilio_sid::ReservationSid>,
        },
    }

    impl CommandLine for Line {
        type Program = Quality;

        fn global(&self) -> &Global<Quality> {
            &self.global
        }

        fn log_level(&self) -> Option<&'static str> {
            match self.command {
                Command::Status | Command::Forget { .. } => None,
            }
        }

        async fn carry_out(self) -> Result<Exit> {
            Ok(Exit::Ok)
        }
    }

    #[test]
    fn what_is_no_longer_understood_is_seen_and_what_is_not_the_programs_is_not_tried() {
        for (line, tried, wrong) in [
            ("sync-qm status --json", 1, 0),
            ("target/release/sync-qm status   # how it stands", 1, 0),
            ("cargo run --release -p sync-qm -- status", 1, 0),
            ("sync-qm forget --address \"+1 555 010 0100\" | head", 1, 0),
            ("sync-qm forget WR…", 1, 0),
            ("sync-qm --help", 1, 0),
            ("sync-qm status [--json]", 2, 0),
            ("sync-qm status \\\n  --json", 1, 0),
            ("sync-qm status [--jason]", 2, 1),
            ("sync-qm state", 1, 1),
            ("sync-wfm state", 0, 0),
            ("cargo build -p sync-qm", 0, 0),
        ] {
            let mut shown = Shown::default();
            try_all::<Line>("a.md", &format!("```sh\n{line}\n```\n"), &mut shown);
            assert_eq!((shown.tried, shown.wrong.len()), (tried, wrong), "{line}");
            try_all::<Line>("a.md", line, &mut shown);
            assert_eq!(shown.tried, tried, "outside of a block: {line}");
        }
    }
}
