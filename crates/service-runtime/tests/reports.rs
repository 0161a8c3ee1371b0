//! Reports, as commands print them.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use std::io::{self, Write};

use service_runtime::{Mood, Output, Page, Report, RuntimeError, Table, Terminal, print_report};

#[derive(serde::Serialize)]
struct Status {
    complete: u32,
    rows: Vec<(&'static str, u32)>,
}

impl Report for Status {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new(["stage", "contacts"]);
        for (stage, count) in &self.rows {
            table.row([(*stage).to_owned(), count.to_string()]);
        }
        page.mood(Mood::Good, format!("{} complete", self.complete))
            .table(table);
    }
}

struct Unserializable;

impl serde::Serialize for Unserializable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no JSON for this"))
    }
}

impl Report for Unserializable {
    fn page(&self, page: &mut Page) {
        page.line("fine");
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn printed(output: Output) -> String {
    let report = Status {
        complete: 3,
        rows: vec![("linked", 1), ("parked", 12)],
    };
    let mut out = Vec::new();
    print_report(&report, output, Terminal::NONE, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_and_json_are_two_prints_of_one_value() {
    let table = printed(Output::Table);
    let words: Vec<Vec<_>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(words[0], ["3", "complete"]);
    assert!(
        words.contains(&vec!["stage", "contacts"]) && words.contains(&vec!["parked", "12"]),
        "{table}"
    );
    let json: serde_json::Value = serde_json::from_str(&printed(Output::Json)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "complete": 3, "rows": [["linked", 1], ["parked", 12]] })
    );
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let report = Status {
        complete: 0,
        rows: Vec::new(),
    };
    assert!(matches!(
        print_report(&report, Output::Json, Terminal::NONE, &mut Closed),
        Err(RuntimeError::Print(_))
    ));
    assert!(matches!(
        print_report(
            &Unserializable,
            Output::Json,
            Terminal::NONE,
            &mut Vec::new()
        ),
        Err(RuntimeError::Json(_))
    ));
    assert!(
        print_report(
            &Unserializable,
            Output::Table,
            Terminal::NONE,
            &mut Vec::new()
        )
        .is_ok()
    );
}
