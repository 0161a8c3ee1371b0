//! Every command line that the documents show in a block can be given as it stands.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use std::path::Path;

use clap::Parser as _;

use super::Cli;

/// The documents of the repository, by their paths below its root.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = vec![root.join("README.md"), root.join("bins/sync-qm/README.md")];
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "md") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        (path.display().to_string(), text)
    };
    paths.iter().map(|path| read(path)).collect()
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
fn arguments(words: &[String]) -> Option<&[String]> {
    let first = words.first()?;
    if first == "cargo" {
        let is_ours = words
            .windows(2)
            .any(|pair| pair[0] == "-p" && pair[1] == "sync-qm");
        let runs = words.get(1).is_some_and(|word| word == "run");
        let dashes = words.iter().position(|word| word == "--")?;
        return (is_ours && runs).then(|| &words[dashes + 1..]);
    }
    let is_ours = first == "sync-qm" || first.ends_with("/sync-qm");
    is_ours.then(|| &words[1..])
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

#[test]
fn every_command_line_of_the_documents_can_be_given() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for (path, text) in documents() {
        for (number, line) in fenced(&text) {
            for line in variants(line.trim()) {
                let words = words(&line);
                let Some(arguments) = arguments(&words) else {
                    continue;
                };
                tried += 1;
                let given = std::iter::once("sync-qm".to_owned()).chain(arguments.iter().cloned());
                let Err(error) = Cli::try_parse_from(given) else {
                    continue;
                };
                // Help and version are asked for by an error, too.
                if error.use_stderr() {
                    wrong.push(format!("{path}:{number}: {line}: {error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 40, "only {tried} command lines were found");
}

#[test]
fn what_is_no_longer_understood_would_be_seen() {
    for (line, is_understood) in [
        ("sync-qm status --json", true),
        ("target/release/sync-qm check --offline   # the file", true),
        ("cargo run --release -p sync-qm -- status", true),
        (
            "sync-qm contacts forget --address \"+1 555 010 0100\"",
            true,
        ),
        ("sync-qm contacts show WR…", true),
        ("sync-qm contacts list --stages parked", false),
        ("sync-qm webhooks replay", false),
    ] {
        let line = variants(line).remove(0);
        let words = words(&line);
        let arguments = arguments(&words).unwrap().iter().cloned();
        let parsed = Cli::try_parse_from(std::iter::once("sync-qm".to_owned()).chain(arguments));
        assert_eq!(parsed.is_ok(), is_understood, "{line}");
    }
    assert!(arguments(&words("cargo build -p sync-qm")).is_none());
    assert_eq!(variants("a [--b] c"), ["a c", "a --b c"]);
}
