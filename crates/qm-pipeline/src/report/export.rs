//! Everything that the ledger knows of contacts, one JSON value for each, as a stream. This is the one report that holds the
//! customer's data: it is what a customer who asks is given.

use std::io;

use contact_model::Details;
use serde::Serialize;
use service_runtime::{Mood, Page, Report};
use sync_ledger::{
    ContactRow, ContactStore, MessageFilter, MessageRow, OutboxStore, PageRequest, StoredDetails,
    Transition, UnreadableContact,
};

use super::contacts::filter;
use super::{AcdNames, ContactQuery, DetailsState, ReportError};

/// How many contacts are listed at a time; the details of one at a time are in memory.
const PAGE: u32 = 200;

/// How many webhook messages of one contact are exported: the newest.
const MESSAGES: u32 = 100;

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The file, where it is one.
    pub file: Option<String>,
    /// How many contacts.
    pub contacts: u64,
    /// How many of these have details that are stored and cannot be read.
    pub details_unreadable: u64,
    /// How many contacts cannot be read at all; a line says so of each.
    pub unreadable: u64,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    acd: String,
    #[serde(flatten)]
    row: &'a ContactRow,
    details_state: DetailsState,
    #[serde(skip_serializing_if = "Option::is_none")]
    details_fault: Option<String>,
    details: Option<&'a Details>,
    history: &'a [Transition],
    webhooks: &'a [MessageRow],
}

/// The line of a contact that cannot be read.
#[derive(Serialize)]
struct Unreadable<'a> {
    acd: String,
    unreadable: &'a UnreadableContact,
}

/// Hands one line after the other to `write`, each with its newline, the newest contact first. The query's limit does not
/// count. What comes or goes meanwhile may be there or not.
pub async fn export<L: ContactStore + OutboxStore>(
    ledger: &L,
    names: &AcdNames,
    query: &ContactQuery,
    write: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
) -> Result<ExportReport, ReportError> {
    let filter = filter(names, query)?;
    let mut report = ExportReport::default();
    let mut request = PageRequest::first(PAGE);
    loop {
        let page = ledger.list(&filter, &request).await?;
        for row in &page.contacts {
            let Some(record) = ledger.get(row.acd(), row.leg()).await? else {
                // Pruned, or removed with its ACD, since it was listed.
                continue;
            };
            let history = ledger.history(row.acd(), row.leg()).await?;
            let messages = MessageFilter {
                acd: Some(row.acd().clone()),
                leg: Some(row.leg()),
                ..MessageFilter::default()
            };
            let messages = ledger.messages(&messages, MESSAGES, None).await?.messages;
            let details_fault = match &record.details {
                StoredDetails::Unreadable(fault) => Some(fault.to_string()),
                _ => None,
            };
            report.details_unreadable += u64::from(details_fault.is_some());
            let line = Line {
                acd: names.name(row.acd()),
                row: &record.row,
                details_state: DetailsState::of(&record.details),
                details_fault,
                details: record.details.present(),
                history: &history,
                webhooks: &messages,
            };
            put(write, &line)?;
            report.contacts += 1;
        }
        for contact in &page.unreadable {
            let acd = names.name(&contact.acd);
            put(
                write,
                &Unreadable {
                    acd,
                    unreadable: contact,
                },
            )?;
            report.unreadable += 1;
        }
        match page.next {
            Some(mark) => request.after = Some(mark),
            None => return Ok(report),
        }
    }
}

fn put(
    write: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    line: &impl Serialize,
) -> Result<(), ReportError> {
    let written = serde_json::to_vec(line).map_err(io::Error::from);
    written
        .and_then(|mut text| {
            text.push(b'\n');
            write(&text)
        })
        .map_err(ReportError::Write)
}

impl Report for ExportReport {
    fn page(&self, page: &mut Page) {
        let file = self.file.as_deref().unwrap_or("the standard output");
        page.line(format!("wrote {} contacts to {file}", self.contacts));
        if self.details_unreadable > 0 {
            page.mood(
                Mood::Bad,
                format!(
                    "the details of {} of them cannot be read; their lines say why",
                    self.details_unreadable
                ),
            );
        }
        if self.unreadable > 0 {
            page.mood(
                Mood::Bad,
                format!(
                    "{} more contacts cannot be read; a line says why of each",
                    self.unreadable
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use contact_model::{ParkReason, StageName};
    use serde_json::{Value, json};
    use sync_ledger::Schedule;

    use super::super::fixture::{Fixture, at, discovered, leg, parked};
    use super::*;

    async fn exported(fixture: &Fixture, query: &ContactQuery) -> (ExportReport, Vec<Value>) {
        let mut text = Vec::new();
        let mut write = |line: &[u8]| {
            text.extend_from_slice(line);
            Ok(())
        };
        let report = export(&fixture.ledger, &fixture.names, query, &mut write)
            .await
            .unwrap();
        let lines = String::from_utf8(text).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (report, lines.collect())
    }

    #[tokio::test]
    async fn each_contact_is_one_line_with_its_details_and_its_history() {
        let fixture = Fixture::new(vec![discovered(), parked(ParkReason::NoMedia)]).await;
        let acd = fixture.config.acds[0].key();
        let record = fixture.ledger.get(&acd, leg(1)).await.unwrap().unwrap();
        let details = Details {
            attributes: Some(json!({"from": "+15550100100"})),
            ..Details::default()
        };
        let contact = record.row.contact.clone();
        let change = record.row.change(contact, Schedule::at(at(60)), at(40));
        fixture
            .ledger
            .save(change.details(details).note("seen"))
            .await
            .unwrap();
        let (report, lines) = exported(&fixture, &ContactQuery::default()).await;
        assert_eq!((report.contacts, report.unreadable), (2, 0));
        let line = lines
            .iter()
            .find(|line| line["contact"]["leg"]["id"] == leg(1).as_str())
            .unwrap();
        assert_eq!(line["acd"], "main");
        assert_eq!(line["contact"]["stage"]["stage"], "discovered");
        assert_eq!(line["details_state"], "kept");
        assert_eq!(line["details"]["attributes"]["from"], "+15550100100");
        assert_eq!(line["history"][1]["note"], "seen");
        assert_eq!(line["webhooks"], json!([]));
        let other = lines.iter().find(|other| *other != line).unwrap();
        assert_eq!(other["details_state"], "absent");
        assert_eq!(other["details"], Value::Null);
    }

    #[tokio::test]
    async fn more_than_a_page_is_exported_and_filters_hold() {
        let mut stages = vec![discovered(); PAGE as usize + 3];
        stages.push(parked(ParkReason::NoMedia));
        let fixture = Fixture::new(stages).await;
        let (report, lines) = exported(&fixture, &ContactQuery::default()).await;
        assert_eq!((report.contacts, lines.len()), (204, 204));
        let query = ContactQuery {
            stages: vec![StageName::Parked],
            ..ContactQuery::default()
        };
        assert_eq!(exported(&fixture, &query).await.1.len(), 1);
    }

    #[tokio::test]
    async fn a_full_disk_ends_it_with_an_error() {
        let fixture = Fixture::new(vec![discovered()]).await;
        let mut write = |_: &[u8]| Err(io::ErrorKind::StorageFull.into());
        let error = export(
            &fixture.ledger,
            &fixture.names,
            &ContactQuery::default(),
            &mut write,
        )
        .await
        .unwrap_err();
        assert!(matches!(error, ReportError::Write(_)), "{error}");
    }
}
