//! `docs/calabrio-contract.md` against the code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::fmt::Write as _;

use calabrio_client::{Contract, Grade, assumptions};

const BEGIN: &str = "<!-- assumptions: begin -->\n";
const END: &str = "<!-- assumptions: end -->";

fn page() -> String {
    std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/calabrio-contract.md"
    ))
    .unwrap()
}

fn table() -> String {
    let mut table = String::from(
        "| no. | setting | default | grade | what is assumed |\n|---|---|---|---|---|\n",
    );
    for assumption in assumptions() {
        let default = Contract::default_of(assumption.setting)
            .unwrap()
            .to_string();
        writeln!(
            table,
            "| {} | `{}` | `{default}` | {} | {} |",
            assumption.number, assumption.setting, assumption.grade, assumption.text
        )
        .unwrap();
    }
    table
}

#[test]
fn the_page_lists_every_assumption_with_number_setting_default_and_grade() {
    let page = page();
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page marks where its table begins");
    let (listed, after) = rest
        .split_once(END)
        .expect("the page marks where its table ends");
    let expected = table();
    if listed != expected && std::env::var_os("UPDATE_DOCS").is_some() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/calabrio-contract.md"
        );
        std::fs::write(path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    for (line, wanted) in listed.lines().zip(expected.lines()) {
        assert_eq!(
            line, wanted,
            "docs/calabrio-contract.md differs from the code; UPDATE_DOCS=1 rewrites its table"
        );
    }
    assert_eq!(listed.lines().count(), expected.lines().count());
}

#[test]
fn the_page_explains_every_grade() {
    let page = page();
    for grade in [
        Grade::Vendor,
        Grade::Client,
        Grade::Inference,
        Grade::Undocumented,
    ] {
        assert!(page.contains(&format!("| **{grade}** |")), "{grade}");
    }
}

#[test]
fn what_is_documented_stands_on_the_vendors_word() {
    let grade = |setting: &str| {
        assumptions()
            .find(|assumption| assumption.setting == setting)
            .unwrap()
            .grade
    };
    assert_eq!(grade("import.path"), Grade::Vendor);
    assert_eq!(grade("import.list_field"), Grade::Undocumented);
    assert_eq!(grade("metadata.fields_path"), Grade::Undocumented);
}
