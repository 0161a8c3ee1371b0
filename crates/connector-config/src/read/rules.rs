//! Rules that hold between fields.

use std::path::Path;

use twilio_sid::{SidError, TaskQueueSid, WorkerSid};

use crate::fault::Place;
use crate::model::{Acd, Exclude, Intake, Ledger, Product, Products, Spool, Wfm};
use crate::reader::Section;

/// An attribute's name, or `object.attribute`.
fn attribute(section: &Section<'_>, path: &str) {
    let parts: Vec<_> = path.split('.').collect();
    if parts.len() > 2 {
        let what = "is nested more than one level deep";
        section.fault(
            "attribute",
            what,
            "write the name of an attribute, or object.attribute",
        );
    } else if parts.iter().any(|part| part.trim().is_empty()) {
        section.fault(
            "attribute",
            "has an empty name beside its dot",
            "write the name of an attribute, or object.attribute",
        );
    }
}

pub(super) fn exclude(section: &Section<'_>, rule: &Exclude) {
    let criteria = [
        "channel",
        "queue",
        "worker",
        "direction",
        "attribute",
        "shorter_than",
    ];
    if !criteria.iter().any(|key| section.has(key)) {
        let what = "names nothing that a leg must fit, so every leg would be left out";
        section.fault("name", what, format!("add one of {}", criteria.join(", ")));
    }
    if section.has("equals") && !section.has("attribute") {
        section.fault(
            "equals",
            "stands without attribute",
            "add attribute = \"name\"",
        );
    }
    if let Some(path) = &rule.attribute {
        attribute(section, path);
    }
    if let Some(Err(error)) = rule
        .queue
        .as_deref()
        .filter(|text| looks_like_a_sid(text))
        .map(str::parse::<TaskQueueSid>)
    {
        wrong_sid(section, "queue", &error);
    }
    if let Some(Err(error)) = rule
        .worker
        .as_deref()
        .filter(|text| looks_like_a_sid(text))
        .map(str::parse::<WorkerSid>)
    {
        wrong_sid(section, "worker", &error);
    }
}

fn wrong_sid(section: &Section<'_>, key: &str, error: &SidError) {
    section.fault(
        key,
        error.to_string(),
        format!("write the SID of the {key}, or its name"),
    );
}

pub(super) fn looks_like_a_sid(text: &str) -> bool {
    text.len() == twilio_sid::SID_LEN
        && text.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
        && text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn products(section: &Section<'_>, products: &Products, wfm: &Wfm) {
    for (on, what) in [(wfm.history, "history"), (wfm.adherence, "adherence")] {
        if on && !products.workforce_management {
            let remedy = "set workforce_management = true under [acd.products], or turn it off";
            section.fault(
                "wfm",
                format!("{what} is on, and workforce management is not among the products"),
                remedy,
            );
        }
    }
}

/// A program that is started for a product which no ACD has would sit there and do nothing.
pub(super) fn somebody_has_the_product(root: &Section<'_>, acds: &[Acd], product: Option<Product>) {
    let Some(product) = product else { return };
    // Without any ACD there is a fault already, be it that one was not readable.
    if acds.is_empty() || acds.iter().any(|acd| acd.products.has(product)) {
        return;
    }
    let (what, remedy) = match product {
        Product::QualityManagement => (
            "has no ACD with quality management",
            "write quality_management = [\"voice\"] under [acd.products], or start sync-wfm instead",
        ),
        Product::WorkforceManagement => (
            "has no ACD with workforce management",
            "write workforce_management = true under [acd.products], or start sync-qm instead",
        ),
    };
    root.fault("acd", what, remedy);
}

/// The spool is emptied at every start.
pub(super) fn spool_holds_nothing_else(
    root: &Section<'_>,
    spool: &Spool,
    ledger: &Ledger,
    acds: &[Acd],
    file: &Path,
) {
    let own = [
        (ledger.path.clone(), "the ledger"),
        (ledger.wfm_path.clone(), "the ledger of sync-wfm"),
        (file.to_path_buf(), "this configuration"),
    ];
    let of_acds = acds.iter().flat_map(|acd| {
        let drop_folder = acd.wfm.files.folder.clone();
        let folder = drop_folder.map(|folder| (folder, "the drop folder wfm.files.folder"));
        let spills = (acd.spill_dir(ledger), "insights.spill_dir");
        folder.into_iter().chain([spills])
    });
    let found = own
        .into_iter()
        .chain(of_acds)
        .find(|(path, _)| path.starts_with(&spool.dir) && !spool.dir.as_os_str().is_empty());
    if let Some((_, what)) = found {
        root.fault(
            "spool",
            format!("dir holds {what}, and the spool is emptied at every start"),
            "give the spool a directory of its own",
        );
    }
}

/// A listener that cannot tell Twilio from others would take anything.
pub(super) fn pushed_events_are_authenticated(
    root: &Section<'_>,
    place: &Place,
    acd: &Acd,
    intake: &Intake,
) {
    if intake.is_on()
        && acd.twilio.auth_token.is_none()
        && acd.intake.username.is_none()
        && acd.intake.secret_path.is_none()
    {
        root.fault_at(
            place,
            "has no auth_token, so no signature of an event that Twilio pushes can be checked, and intake.public_url or intake.wfm_public_url is set",
            "add auth_token, or username and password or secret_path under [acd.intake]",
        );
    }
}
