//! From the text to the model: what every section may hold, and what must fit together.

mod acd;
mod insights;
mod leaf;
mod mapping;
mod quality;
mod rules;
mod service;
mod wfm;

use std::collections::HashMap;
use std::path::Path;

use toml::de::DeTable;

use crate::fault::{ConfigError, Faults};
use crate::model::{Acd, Config, Intake, Ledger, Product};
use crate::reader::{Document, Problem, Section};

/// Reads a whole file. Beside the result it returns the fields that were asked for, for the test that compares them with
/// the documentation.
///
/// For one product, faults that hinder only the other are left out.
pub(crate) fn config(
    text: &str,
    file: &Path,
    product: Option<Product>,
) -> (Result<Config, ConfigError>, Vec<String>) {
    let document = Document::new(text, file);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = document.place(error.span().map_or(0, |span| span.start), "");
        document.fault(
            &place,
            format!("this is not TOML: {}", error.message()),
            "correct the line",
        );
    }
    let config = read(&document, table.get_ref(), file, product);
    let (mut faults, warnings, asked) = document.finish();
    faults.retain(|fault| fault.product.is_none() || product.is_none() || fault.product == product);
    // Where the text is not TOML, what is missing may only have been lost: those faults would mislead.
    let faults = if errors.is_empty() {
        faults
    } else {
        faults.into_iter().take(errors.len()).collect()
    };
    let result = match (Faults::new(faults), config) {
        (None, config) => Ok(Config { warnings, ..config }),
        (Some(faults), _) => Err(ConfigError::Faults(faults)),
    };
    (result, asked)
}

fn read<'a>(
    document: &'a Document<'a>,
    table: &'a DeTable<'a>,
    file: &Path,
    product: Option<Product>,
) -> Config {
    let mut root = Section::root(document, table);
    let (tls, ledger, spool) = (
        service::tls(root.section("tls")),
        service::ledger(root.section("ledger")),
        service::spool(root.section("spool")),
    );
    let runtime = service::runtime(root.section("runtime"));
    let intake = service::intake(root.section("intake"), &tls.allow_http_loopback, &runtime);
    let acds = acds(&mut root, &tls.allow_http_loopback, &intake, &ledger);
    rules::somebody_has_the_product(&root, &acds, product);
    rules::spool_holds_nothing_else(&root, &spool, &ledger, &acds, file);
    let config = Config {
        limits: service::limits(root.section("limits")),
        runtime,
        timing: service::timing(root.section("timing")),
        intake,
        reconcile: service::reconcile(root.section("reconcile")),
        acds,
        ledger,
        spool,
        tls,
        file: file.to_path_buf(),
        warnings: Vec::new(),
        product,
    };
    root.finish();
    config
}

fn acds(
    root: &mut Section<'_>,
    loopback: &[std::net::SocketAddr],
    intake: &Intake,
    ledger: &Ledger,
) -> Vec<Acd> {
    let has = root.has("acd");
    let sections = root.sections("acd");
    if sections.is_empty() && !has {
        root.fault(
            "acd",
            "is missing: there is no ACD to work for",
            "add an [[acd]] entry; the command init writes an example",
        );
    }
    let places: Vec<_> = sections
        .iter()
        .map(|section| (section.place("name"), section.place("twilio")))
        .collect();
    let acds: Vec<_> = sections
        .into_iter()
        .map(|section| acd::read(section, loopback, ledger))
        .collect();
    let (mut names, mut keys, mut paths) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut folders = HashMap::new();
    for ((name_place, twilio_place), acd) in places.iter().zip(&acds) {
        let Some(acd) = acd else { continue };
        if let Some(line) = names.insert(acd.name.to_lowercase(), name_place.line) {
            root.fault_at(
                name_place,
                format!("is the name of another ACD, on line {line}"),
                "give each ACD a name of its own",
            );
        }
        if let Some(line) = keys.insert(acd.key(), twilio_place.line) {
            let what = format!("has the account, workspace and tenant of the ACD on line {line}");
            root.fault_at(twilio_place, what, "remove one of the two");
        } else if let Some(line) = paths
            .insert(acd.intake_path(), twilio_place.line)
            .filter(|_| intake.is_on())
        {
            let what = format!("has the intake.path of the ACD on line {line}");
            root.fault_at(
                twilio_place,
                what,
                "give each ACD a path of its own under [acd.intake]",
            );
        }
        let folder = acd.wfm.files.folder.clone();
        let taken = folder.and_then(|folder| folders.insert(folder, twilio_place.line));
        if let Some(line) = taken {
            root.fault_at(
                twilio_place,
                format!("has the wfm.files.folder of the ACD on line {line}, and each sweeps its own at the start"),
                "give each ACD a folder of its own under [acd.wfm.files]",
            );
        }
        rules::pushed_events_are_authenticated(root, twilio_place, acd, intake);
    }
    acds.into_iter().flatten().collect()
}

/// A value between two others, both included.
fn within<T: PartialOrd + std::fmt::Display>(
    least: T,
    most: T,
) -> impl Fn(&T) -> Result<(), Problem> {
    move |value| {
        if (&least..=&most).contains(&value) {
            Ok(())
        } else {
            Err(Problem::new(
                "is out of range",
                format!("write a value from {least} to {most}"),
            ))
        }
    }
}

#[cfg(test)]
mod tests;
