//! Contacts, in lists and one by one.

use chrono::{DateTime, Utc};
use contact_model::{CcrId, Channel, Direction, LegId, LegMedia, SessionId, Stage, StageName};
use serde::Serialize;
use sync_ledger::{
    ContactFilter, ContactRow, ContactStore, PageRequest, StoredDetails, UnreadableContact,
};
use twilio_sid::{PublicKeySid, RecordingSid, TaskQueueSid, TaskSid, WorkerSid};

use super::{AcdNames, ReportError};

/// Which contacts to list; what is empty or `None` asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactQuery {
    /// Of the ACD of this name.
    pub acd: Option<String>,
    /// In one of these stages.
    pub stages: Vec<StageName>,
    /// For one of these reasons: that of a park, of a failure, or the name of a rule that excluded it.
    pub reasons: Vec<String>,
    /// Of this agent.
    pub worker: Option<WorkerSid>,
    /// Of this interaction.
    pub session: Option<SessionId>,
    /// Whose leg ended at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Whose leg ended before this time.
    pub to: Option<DateTime<Utc>>,
    /// At most so many; at least one.
    pub limit: u32,
}

/// A list of contacts, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactList {
    /// The contacts.
    pub contacts: Vec<ContactLine>,
    /// Contacts that belong here and cannot be read.
    pub unreadable: Vec<UnreadableContact>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// A contact in one line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactLine {
    /// The leg: the SID of its reservation.
    pub leg: LegId,
    /// The ACD's name.
    pub acd: String,
    /// Where it stands.
    pub stage: StageName,
    /// The kind of park reason, the failure reason, or the rule that excluded it.
    pub reason: Option<String>,
    /// The same as a clause for people; of a contact on its way, what it waits for.
    pub explanation: Option<String>,
    /// What a person can do about it.
    pub advice: Option<&'static str>,
    /// The interaction.
    pub session: SessionId,
    /// The agent.
    pub worker: WorkerSid,
    /// When the agent accepted.
    pub accepted: Option<DateTime<Utc>>,
    /// When its media ended.
    pub ended: Option<DateTime<Utc>>,
    /// Since when it is where it is.
    pub since: DateTime<Utc>,
    /// When it wants attention next.
    pub due: Option<DateTime<Utc>>,
    /// How many tries in a row failed.
    pub failures: u32,
    /// Calabrio's id of it.
    pub ccr: Option<CcrId>,
}

impl ContactLine {
    /// The line of a row.
    pub fn of(row: &ContactRow, names: &AcdNames) -> Self {
        let leg = &row.contact.leg;
        let stage = &row.contact.stage;
        let (reason, explanation, advice) = explain(stage);
        let waits = || Some(format!("waits for {}", row.waits_for.as_ref()?));
        Self {
            leg: leg.id,
            acd: names.name(&leg.acd),
            stage: stage.name(),
            reason,
            explanation: explanation.or_else(waits),
            advice,
            session: leg.session_id(),
            worker: leg.worker,
            accepted: leg.times.accepted,
            ended: leg.times.media_ended(),
            since: row.stage_since,
            due: row.schedule.due_at,
            failures: row.schedule.backoff,
            ccr: stage.ccr(),
        }
    }
}

fn explain(stage: &Stage) -> (Option<String>, Option<String>, Option<&'static str>) {
    match stage {
        Stage::Parked(parked) => (
            Some(parked.reason.kind().as_str().to_owned()),
            Some(parked.reason.to_string()),
            Some(parked.reason.advice()),
        ),
        Stage::Failed(failed) => {
            let name = serde_json::to_value(failed.reason).ok();
            let name = name.and_then(|name| name.as_str().map(str::to_owned));
            (name, Some(failed.reason.sentence().to_owned()), None)
        }
        Stage::Excluded(excluded) => (
            Some(excluded.rule.clone()),
            Some(format!("excluded by the rule {:?}", excluded.rule)),
            None,
        ),
        Stage::Linked(linked) if linked.in_doubt => (
            Some("in-doubt".to_owned()),
            Some("it was sent without a clear answer, and is only searched for".to_owned()),
            None,
        ),
        _ => (None, None, None),
    }
}

/// Everything that is told of one contact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactReport {
    /// The line that it has in lists.
    #[serde(flatten)]
    pub line: ContactLine,
    /// The task.
    pub task: TaskSid,
    /// The queue.
    pub queue: Option<TaskQueueSid>,
    /// The task channel.
    pub channel: Channel,
    /// Who began the interaction.
    pub direction: Option<Direction>,
    /// The recordings that it is made of, in order.
    pub media: Vec<PieceLine>,
    /// Recordings of the same time that were not taken.
    pub superseded: Vec<RecordingSid>,
    /// What a listener should know of the audio.
    pub marks: Vec<&'static str>,
    /// Whether the customer's data is still here. It is never printed.
    pub details: DetailsState,
    /// When the ledger first wrote it down.
    pub discovered: DateTime<Utc>,
    /// Its steps, the oldest first.
    pub history: Vec<Step>,
    /// The other legs of its interaction.
    pub siblings: Vec<ContactLine>,
    /// Those of them that cannot be read.
    pub unreadable_siblings: Vec<UnreadableContact>,
}

/// A recording, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PieceLine {
    /// The recording.
    pub recording: RecordingSid,
    /// The first millisecond that belongs to the leg.
    pub from_ms: u64,
    /// The first millisecond after it; `None` to the end.
    pub to_ms: Option<u64>,
    /// How many channels it has.
    pub channels: u8,
    /// Whether left and right change places.
    pub swapped: bool,
    /// The public key that it is encrypted under.
    pub key: Option<PublicKeySid>,
}

/// What became of the customer's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DetailsState {
    /// There never was any.
    Absent,
    /// It is kept.
    Kept,
    /// It was dropped.
    Dropped,
    /// It is kept and cannot be read.
    Unreadable,
}

impl DetailsState {
    pub(super) fn of(details: &StoredDetails) -> Self {
        match details {
            StoredDetails::Absent => Self::Absent,
            StoredDetails::Present(_) => Self::Kept,
            StoredDetails::Dropped { .. } => Self::Dropped,
            _ => Self::Unreadable,
        }
    }

    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Kept => "kept",
            Self::Dropped => "dropped",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A step of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at: DateTime<Utc>,
    /// The stage that it came to.
    pub stage: StageName,
    /// For which reason.
    pub reason: Option<String>,
    /// What was noted.
    pub note: Option<String>,
}

/// The ledger's words for a query.
pub(super) fn filter(names: &AcdNames, query: &ContactQuery) -> Result<ContactFilter, ReportError> {
    Ok(ContactFilter {
        acd: names.find_some(query.acd.as_deref())?,
        stages: query.stages.clone(),
        park_kinds: Vec::new(),
        worker: query.worker,
        session: query.session.clone(),
        reasons: query.reasons.clone(),
        from: query.from,
        to: query.to,
    })
}

/// The contacts that a query asks for.
pub async fn contacts<L: ContactStore>(
    ledger: &L,
    names: &AcdNames,
    query: &ContactQuery,
) -> Result<ContactList, ReportError> {
    let filter = filter(names, query)?;
    let mut list = ContactList {
        contacts: Vec::new(),
        unreadable: Vec::new(),
        more: false,
    };
    let wanted = query.limit.max(1) as usize;
    let mut request = PageRequest::first(query.limit);
    loop {
        let page = ledger.list(&filter, &request).await?;
        let lines = page.contacts.iter().map(|row| ContactLine::of(row, names));
        list.contacts.extend(lines);
        list.unreadable.extend(page.unreadable);
        match page.next {
            Some(mark) if list.contacts.len() < wanted => request.after = Some(mark),
            next => {
                list.more = next.is_some() || list.contacts.len() > wanted;
                list.contacts.truncate(wanted);
                return Ok(list);
            }
        }
    }
}

/// Everything that is told of the contact of a leg, of whichever ACD.
pub async fn contact<L: ContactStore>(
    ledger: &L,
    names: &AcdNames,
    leg: LegId,
) -> Result<ContactReport, ReportError> {
    let record = find(ledger, names, leg).await?;
    let row = &record.row;
    let acd = row.acd();
    let history = ledger.history(acd, leg).await?;
    let siblings = ledger
        .find_session_siblings(acd, &row.contact.leg.session_id())
        .await?;
    let (media, superseded, marks) = media_of(&row.contact.stage);
    Ok(ContactReport {
        line: ContactLine::of(row, names),
        task: row.contact.leg.task,
        queue: row.contact.leg.queue,
        channel: row.contact.leg.channel.clone(),
        direction: row.contact.leg.direction,
        media,
        superseded,
        marks,
        details: DetailsState::of(&record.details),
        discovered: row.discovered_at,
        history: history
            .into_iter()
            .map(|step| Step {
                at: step.at,
                stage: step.stage,
                reason: step.reason,
                note: step.note,
            })
            .collect(),
        siblings: siblings
            .contacts
            .iter()
            .filter(|sibling| sibling.leg() != leg)
            .map(|sibling| ContactLine::of(sibling, names))
            .collect(),
        unreadable_siblings: siblings.unreadable,
    })
}

/// The contact of a leg, of whichever ACD.
pub(super) async fn find<L: ContactStore>(
    ledger: &L,
    names: &AcdNames,
    leg: LegId,
) -> Result<sync_ledger::ContactRecord, ReportError> {
    for acd in names.keys() {
        if let Some(record) = ledger.get(acd, leg).await? {
            return Ok(record);
        }
    }
    Err(ReportError::UnknownLeg { leg })
}

type Media = (Vec<PieceLine>, Vec<RecordingSid>, Vec<&'static str>);

fn media_of(stage: &Stage) -> Media {
    let Some(LegMedia::Recordings {
        pieces,
        superseded,
        marks,
    }) = stage.media()
    else {
        return Media::default();
    };
    let lines = pieces.iter().map(|piece| PieceLine {
        recording: piece.recording,
        from_ms: piece.span.map_or(0, |span| span.from_ms),
        to_ms: piece.span.and_then(|span| span.to_ms),
        channels: piece.channels,
        swapped: piece.swap,
        key: piece.encrypted,
    });
    (
        lines.collect(),
        superseded.clone(),
        marks.iter().map(|mark| mark.as_str()).collect(),
    )
}

#[cfg(test)]
mod tests {
    use contact_model::ParkReason;

    use super::super::fixture::{Fixture, at, discovered, excluded, leg, parked};
    use super::*;

    fn missing_key() -> Stage {
        parked(ParkReason::MissingKey {
            key: format!("CR{:032}", 1).parse().unwrap(),
        })
    }

    async fn listed(fixture: &Fixture, query: ContactQuery) -> Vec<LegId> {
        let list = contacts(&fixture.ledger, &fixture.names, &query)
            .await
            .unwrap();
        list.contacts.into_iter().map(|line| line.leg).collect()
    }

    fn all() -> ContactQuery {
        ContactQuery {
            limit: 100,
            ..ContactQuery::default()
        }
    }

    #[tokio::test]
    async fn a_list_holds_what_fits_all_filters_the_newest_first() {
        let fixture = Fixture::new(vec![
            discovered(),
            missing_key(),
            excluded(),
            parked(ParkReason::NoMedia),
        ])
        .await;
        assert_eq!(
            listed(&fixture, all()).await,
            [leg(4), leg(3), leg(2), leg(1)]
        );
        let stages = vec![StageName::Parked];
        assert_eq!(
            listed(&fixture, ContactQuery { stages, ..all() }).await,
            [leg(4), leg(2)]
        );
        let reasons = vec!["missing-key".to_owned()];
        assert_eq!(
            listed(&fixture, ContactQuery { reasons, ..all() }).await,
            [leg(2)]
        );
        let worker = Some(format!("WK{:032}", 1).parse().unwrap());
        assert_eq!(
            listed(&fixture, ContactQuery { worker, ..all() }).await,
            [leg(3), leg(1)]
        );
        let (from, to) = (Some(at(2)), Some(at(4)));
        assert_eq!(
            listed(&fixture, ContactQuery { from, to, ..all() }).await,
            [leg(3), leg(2)]
        );
        let acd = Some("main".to_owned());
        assert_eq!(
            listed(&fixture, ContactQuery { acd, ..all() }).await.len(),
            4
        );
    }

    #[tokio::test]
    async fn a_list_says_when_there_are_more() {
        let fixture = Fixture::new(vec![discovered(), discovered(), discovered()]).await;
        for (limit, more) in [(2, true), (3, false)] {
            let list = contacts(
                &fixture.ledger,
                &fixture.names,
                &ContactQuery { limit, ..all() },
            )
            .await
            .unwrap();
            assert_eq!((list.contacts.len(), list.more), (limit as usize, more));
        }
    }

    #[tokio::test]
    async fn an_acd_that_is_not_there_is_told_with_those_that_are() {
        let fixture = Fixture::new(Vec::new()).await;
        let acd = Some("mian".to_owned());
        let error = contacts(
            &fixture.ledger,
            &fixture.names,
            &ContactQuery { acd, ..all() },
        )
        .await
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no ACD named \"mian\": there is main"
        );
    }

    #[tokio::test]
    async fn a_parked_contact_is_shown_with_its_reason_its_advice_and_its_steps() {
        let fixture = Fixture::new(vec![missing_key(), discovered()]).await;
        let mut report = contact(&fixture.ledger, &fixture.names, leg(1))
            .await
            .unwrap();
        assert_eq!(report.unreadable_siblings, []);
        report.unreadable_siblings.push(UnreadableContact {
            acd: fixture.config.acds[0].key(),
            leg: leg(3).to_string(),
            fault: "its stage is no stage".to_owned(),
        });
        let shown = {
            let mut out = Vec::new();
            service_runtime::print_report(
                &report,
                service_runtime::Output::Table,
                service_runtime::Terminal::NONE,
                &mut out,
            )
            .unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(
            shown.ends_with(&format!(
                "{} cannot be read: its stage is no stage\n",
                leg(3)
            )),
            "{shown}"
        );
        assert_eq!(report.line.reason.as_deref(), Some("missing-key"));
        assert!(
            report
                .line
                .explanation
                .unwrap()
                .starts_with("the key ring has no private key for CR")
        );
        assert!(
            report
                .line
                .advice
                .unwrap()
                .starts_with("add the private key")
        );
        assert_eq!(
            (report.details, report.media.len()),
            (DetailsState::Absent, 0)
        );
        assert_eq!(report.history.last().unwrap().stage, StageName::Parked);
        let siblings: Vec<_> = report.siblings.iter().map(|line| line.leg).collect();
        assert_eq!(siblings, [leg(2)]);
    }

    #[tokio::test]
    async fn a_leg_that_no_acd_has_is_told() {
        let fixture = Fixture::new(Vec::new()).await;
        let error = contact(&fixture.ledger, &fixture.names, leg(9))
            .await
            .unwrap_err();
        assert!(matches!(error, ReportError::UnknownLeg { leg: unknown } if unknown == leg(9)));
    }
}
