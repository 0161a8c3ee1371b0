//! A walk through the parsed file that goes on after a fault, so that all of them are found at once.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{Fault, Place};
use crate::model::Product;

/// What is wrong with one value, before its place is known.
pub(crate) struct Problem {
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// A value that a field can have.
pub(crate) trait Leaf: Sized {
    /// Reads it.
    fn read(value: &DeValue<'_>, context: &Context<'_>) -> Result<Self, Problem>;

    /// What to write where the field is missing: `name = "…"`.
    fn example() -> String;
}

/// What reading a value may need beside the value.
pub(crate) struct Context<'a> {
    pub(crate) place: &'a Place,
    pub(crate) directory: &'a Path,
}

/// The file and everything found in it so far.
pub(crate) struct Document<'a> {
    text: &'a str,
    file: PathBuf,
    directory: PathBuf,
    line_starts: Vec<usize>,
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<Fault>>,
    asked: RefCell<Vec<String>>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(text: &'a str, file: &Path) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            text,
            file: file.to_path_buf(),
            directory: file.parent().map(Path::to_path_buf).unwrap_or_default(),
            line_starts,
            faults: RefCell::default(),
            warnings: RefCell::default(),
            asked: RefCell::default(),
        }
    }

    pub(crate) fn place(&self, at: usize, field: &str) -> Place {
        let at = (0..=at.min(self.text.len()))
            .rev()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(0);
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self
            .line_starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        Place {
            line,
            column: self.text[start..at].chars().count() + 1,
            field: field.to_owned(),
        }
    }

    pub(crate) fn fault(&self, place: &Place, what: impl Into<String>, remedy: impl Into<String>) {
        self.faults
            .borrow_mut()
            .push(place.fault(&self.file, what, remedy));
    }

    pub(crate) fn warn(&self, place: &Place, what: impl Into<String>, remedy: impl Into<String>) {
        self.warnings
            .borrow_mut()
            .push(place.fault(&self.file, what, remedy));
    }

    /// The faults, the warnings, and every field that was asked for (indices left out).
    pub(crate) fn finish(self) -> (Vec<Fault>, Vec<Fault>, Vec<String>) {
        (
            self.faults.into_inner(),
            self.warnings.into_inner(),
            self.asked.into_inner(),
        )
    }
}

/// One table of the file, or the place where it could stand.
pub(crate) struct Section<'a> {
    document: &'a Document<'a>,
    field: String,
    at: usize,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    /// The whole table is missing, which was said already.
    quiet: bool,
}

impl<'a> Section<'a> {
    pub(crate) fn root(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self {
            document,
            field: String::new(),
            at: 0,
            table: Some(table),
            asked: Vec::new(),
            quiet: false,
        }
    }

    /// Whether the file has this table.
    pub(crate) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    fn path(&self, key: &str) -> String {
        if self.field.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.field)
        }
    }

    fn ask(&mut self, key: &'static str) -> Option<(Range<usize>, &'a Spanned<DeValue<'a>>)> {
        self.asked.push(key);
        let mut generic = String::new();
        let mut depth = 0_u32;
        for c in self.path(key).chars() {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                c if depth == 0 => generic.push(c),
                _ => {}
            }
        }
        self.document.asked.borrow_mut().push(generic);
        self.table?
            .get_key_value(key)
            .map(|(name, value)| (name.span(), value))
    }

    /// The place of a field's value; where the field is missing, of its table.
    pub(crate) fn place(&self, key: &str) -> Place {
        let at = self
            .table
            .and_then(|table| table.get(key))
            .map_or(self.at, |value| value.span().start);
        self.document.place(at, &self.path(key))
    }

    pub(crate) fn fault(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.document.fault(&self.place(key), what, remedy);
    }

    pub(crate) fn fault_at(
        &self,
        place: &Place,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.document.fault(place, what, remedy);
    }

    /// A fault that hinders one product and not the other.
    pub(crate) fn fault_for(
        &self,
        product: Product,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let fault = self.place(key).fault(&self.document.file, what, remedy);
        self.document.faults.borrow_mut().push(Fault {
            product: Some(product),
            ..fault
        });
    }

    /// The place of what stands below a field, as far as the file has it.
    pub(crate) fn place_below(&self, key: &str, path: &[&str]) -> Place {
        let (mut at, mut field) = (self.place(key), self.path(key));
        let mut value = self.table.and_then(|table| table.get(key));
        for name in path {
            let Some(DeValue::Table(table)) = value.map(Spanned::get_ref) else {
                break;
            };
            value = table.get(*name);
            let Some(below) = value else { break };
            field = format!("{field}.{name}");
            at = self.document.place(below.span().start, &field);
        }
        at
    }

    /// The entries of a table whose keys are the operator's to choose, each with its place.
    pub(crate) fn entries(&mut self, key: &'static str) -> Vec<(String, Place, &'a DeValue<'a>)> {
        let field = self.path(key);
        let Some((_, value)) = self.ask(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(
                key,
                format!("is {}, not a table", kind(value.get_ref())),
                format!("write it as a table: [{}]", strip(&field)),
            );
            return Vec::new();
        };
        table
            .iter()
            .map(|(name, value)| {
                let shown: String = name.get_ref().chars().take(60).collect();
                let field = format!("{field}.{}", shown.escape_debug());
                let place = self.document.place(value.span().start, &field);
                (name.get_ref().to_string(), place, value.get_ref())
            })
            .collect()
    }

    pub(crate) fn warn(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.document.warn(&self.place(key), what, remedy);
    }

    /// The value of a field that may be missing. `None` also after a fault.
    pub(crate) fn optional<T: Leaf>(&mut self, key: &'static str) -> Option<T> {
        let (_, value) = self.ask(key)?;
        let place = self.place(key);
        let context = Context {
            place: &place,
            directory: &self.document.directory,
        };
        match T::read(value.get_ref(), &context) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.document.fault(&place, problem.what, problem.remedy);
                None
            }
        }
    }

    /// The value of a field that must be there. `None` after a fault.
    pub(crate) fn required<T: Leaf>(&mut self, key: &'static str) -> Option<T> {
        if !self.has(key) {
            self.ask(key);
            if !self.quiet {
                self.fault(key, "is missing", format!("add {key} = {}", T::example()));
            }
            return None;
        }
        self.optional(key)
    }

    /// The value of a field, or its default.
    pub(crate) fn or<T: Leaf>(&mut self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// The value of a field if it is sound, or its default. `judge` says what is wrong with a value.
    pub(crate) fn or_if<T: Leaf>(
        &mut self,
        key: &'static str,
        default: T,
        judge: impl Fn(&T) -> Result<(), Problem>,
    ) -> T {
        let Some(value) = self.optional(key) else {
            return default;
        };
        match judge(&value) {
            Ok(()) => value,
            Err(problem) => {
                self.fault(key, problem.what, problem.remedy);
                default
            }
        }
    }

    /// A path, or a default that starts at the directory of the file.
    pub(crate) fn path_or(&mut self, key: &'static str, default: &Path) -> PathBuf {
        self.optional(key)
            .unwrap_or_else(|| self.document.directory.join(default))
    }

    /// The values of a list. `None` where it is missing, or no list.
    pub(crate) fn list<T: Leaf>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let field = self.path(key);
        let (_, value) = self.ask(key)?;
        let DeValue::Array(entries) = value.get_ref() else {
            self.fault(
                key,
                format!("is {}, not a list", kind(value.get_ref())),
                format!("write [{}]", T::example()),
            );
            return None;
        };
        let mut values = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let place = self
                .document
                .place(entry.span().start, &format!("{field}[{index}]"));
            match T::read(
                entry.get_ref(),
                &Context {
                    place: &place,
                    directory: &self.document.directory,
                },
            ) {
                Ok(value) => values.push(value),
                Err(problem) => self.document.fault(&place, problem.what, problem.remedy),
            }
        }
        Some(values)
    }

    /// A table below this one that must be there.
    pub(crate) fn required_section(&mut self, key: &'static str) -> Section<'a> {
        let missing = !self.has(key);
        if missing {
            self.fault(
                key,
                "is missing",
                format!("add the table [{}]", strip(&self.path(key))),
            );
        }
        let section = self.section(key);
        Section {
            quiet: !section.is_there(),
            ..section
        }
    }

    /// A table below this one.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'a> {
        let field = self.path(key);
        let (at, table) = match self.ask(key) {
            None => (self.at, None),
            Some((name, value)) => match value.get_ref() {
                DeValue::Table(table) => (name.start, Some(table)),
                other => {
                    self.fault(
                        key,
                        format!("is {}, not a table", kind(other)),
                        format!("write it as a table: [{}]", strip(&field)),
                    );
                    (name.start, None)
                }
            },
        };
        Section {
            document: self.document,
            field,
            at,
            table,
            asked: Vec::new(),
            quiet: false,
        }
    }

    /// The tables of an array below this one.
    pub(crate) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let field = self.path(key);
        let Some((_, value)) = self.ask(key) else {
            return Vec::new();
        };
        let DeValue::Array(entries) = value.get_ref() else {
            self.fault(
                key,
                format!("is {}, not a list of tables", kind(value.get_ref())),
                format!("write each entry under [[{}]]", strip(&field)),
            );
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let field = format!("{field}[{index}]");
            match entry.get_ref() {
                DeValue::Table(table) => {
                    let at = entry.span().start;
                    sections.push(Section {
                        document: self.document,
                        field,
                        at,
                        table: Some(table),
                        asked: Vec::new(),
                        quiet: false,
                    });
                }
                other => {
                    let place = self.document.place(entry.span().start, &field);
                    self.document.fault(
                        &place,
                        format!("is {}, not a table", kind(other)),
                        format!("write it under [[{}]]", strip(&field)),
                    );
                }
            }
        }
        sections
    }

    /// Finds every key that nobody asked for.
    pub(crate) fn finish(self) {
        let Some(table) = self.table else { return };
        for name in table.keys() {
            let key = name.get_ref().as_ref();
            if self.asked.contains(&key) {
                continue;
            }
            let shown: String = key.chars().take(60).flat_map(char::escape_debug).collect();
            let remedy = nearest(key, &self.asked).map_or_else(
                || format!("remove it; the fields here are {}", list(&self.asked)),
                |known| format!("did you mean {known}?"),
            );
            let place = self.document.place(name.span().start, &self.path(&shown));
            self.document.fault(&place, "is not a known field", remedy);
        }
    }
}

/// `acd[0].exclude[2]` as a header of the file names it: `acd.exclude`.
fn strip(field: &str) -> String {
    field
        .split('.')
        .map(|part| part.split('[').next().unwrap_or(part))
        .collect::<Vec<_>>()
        .join(".")
}

/// The known key that resembles a key enough to be meant.
pub(crate) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let tidy = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    let wanted = tidy(key);
    let scored = known
        .iter()
        .map(|name| (strsim::jaro_winkler(&wanted, name), *name));
    let (best, name) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best > 0.8).then_some(name)
}

fn list(keys: &[&str]) -> String {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys.join(", ")
}

/// A value's kind with its article.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
