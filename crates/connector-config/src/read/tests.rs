//! The reader and the schema know the same fields.

use std::collections::BTreeSet;
use std::path::Path;

#[path = "../../tests/it/common/mod.rs"]
mod common;
#[path = "../../tests/it/walk.rs"]
mod walk;

#[test]
fn the_reader_asks_for_exactly_the_fields_of_the_schema() {
    let mut known = BTreeSet::new();
    walk::walk(&crate::json_schema(), &mut |path, _| {
        known.insert(path.to_owned());
    });
    let text = common::with_everything_written();
    let asked: BTreeSet<_> = super::config(&text, Path::new("connector.toml"), None)
        .1
        .into_iter()
        .collect();
    assert_eq!(asked, known);
}
