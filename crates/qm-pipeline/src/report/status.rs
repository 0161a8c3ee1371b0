//! How things stand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use connector_config::{Config, DeleteSource};
use contact_model::{AcdKey, LegId, ParkKind, Stage, StageName};
use serde::Serialize;
use sync_ledger::{
    ContactFilter, DeletionCount, DeletionState, HeldRecording, HeldRecordings, Holder, Ledger,
    OutboxCount, PageRequest, StageCount, Wish, WishState,
};
use twilio_sid::RecordingSid;

use super::reconcile::{LastAccounts, last_accounts};
use super::webhooks::EndpointLine;
use super::{AcdNames, BackfillLine, ReportError, backfill_line};
use crate::policy::deletion::Obstacle;
use crate::runner::EVENTS_STREAM;

/// How many wishes are shown: those that wait, and the newest of the others.
const WISHES: u32 = 20;

/// How many recordings are shown of those that stay at their source since a contact is parked or failed; all are counted.
const HELD: u32 = 20;

/// How things stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// When this was so.
    pub at: DateTime<Utc>,
    /// The ledger's file.
    pub ledger: PathBuf,
    /// The worker.
    pub worker: WorkerStatus,
    /// Each ACD that the configuration or the ledger knows.
    pub acds: Vec<AcdStatus>,
    /// Backfills that are under way.
    pub backfills: Vec<BackfillLine>,
    /// What was asked of the worker, the newest first.
    pub wishes: Vec<WishLine>,
}

/// Whether a worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WorkerStatus {
    /// Whether one does.
    pub running: bool,
    /// Its process id, where it could be read.
    pub pid: Option<u32>,
}

impl From<Option<Holder>> for WorkerStatus {
    fn from(holder: Option<Holder>) -> Self {
        Self {
            running: holder.is_some(),
            pid: holder.and_then(|holder| holder.pid),
        }
    }
}

/// How things stand at one ACD.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AcdStatus {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub key: AcdKey,
    /// Whether the configuration names it. Where it does not, its unfinished contacts rest.
    pub configured: bool,
    /// How far discovery has come; `None` before its first window.
    pub discovery: Option<DiscoveryStatus>,
    /// How many contacts are in each stage. Stages without any are 0.
    pub stages: BTreeMap<StageName, u64>,
    /// Why contacts are parked, failed or excluded.
    pub reasons: Vec<ReasonLine>,
    /// What keeps contacts from going on.
    pub waits: Vec<WaitLine>,
    /// How its webhook fares; `None` while nothing was ever to be told.
    pub webhooks: Option<EndpointLine>,
    /// Pushed events that wait to be processed.
    pub pushed_waiting: u64,
    /// How the deletion of source recordings stands.
    pub deletions: Vec<DeletionLine>,
    /// Source recordings that stay since a contact that has to do with them is parked or failed; `None` where nothing is deleted at the
    /// source.
    pub held_sources: Option<HeldSources>,
    /// The last reconciliations.
    pub reconciled: LastAccounts,
}

/// What keeps contacts from going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitLine {
    /// What they wait for, and what can be done about it.
    pub waits_for: String,
    /// How many.
    pub contacts: u64,
    /// Since when the first of them is in its stage.
    pub oldest: DateTime<Utc>,
}

/// How many source recordings are in one state of their deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletionLine {
    /// The state.
    pub state: DeletionState,
    /// What stands in the way, or why it failed.
    pub reason: Option<String>,
    /// How many.
    pub recordings: u64,
    /// Since when the first of them is there.
    pub oldest: DateTime<Utc>,
    /// What a person can do about what stands in the way.
    pub advice: Option<&'static str>,
}

impl DeletionLine {
    fn of(count: DeletionCount) -> Self {
        let is_blocked = count.state == DeletionState::Blocked;
        let word = count.reason.as_deref().filter(|_| is_blocked);
        Self {
            advice: word.and_then(Obstacle::parse).map(Obstacle::advice),
            state: count.state,
            reason: count.reason,
            recordings: count.recordings,
            oldest: count.oldest,
        }
    }
}

/// Source recordings that stay since contacts are parked or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldSources {
    /// How many there are: a recording counts once for each such contact.
    pub total: u64,
    /// The first of them, those that have been held longest first.
    pub recordings: Vec<HeldSourceLine>,
}

impl From<HeldRecordings> for HeldSources {
    fn from(held: HeldRecordings) -> Self {
        Self {
            total: held.total,
            recordings: held.recordings.into_iter().map(Into::into).collect(),
        }
    }
}

/// A source recording that stays since a contact is parked or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldSourceLine {
    /// The recording.
    pub recording: RecordingSid,
    /// The leg of the contact.
    pub leg: LegId,
    /// Parked or failed.
    pub stage: StageName,
    /// Why the contact is.
    pub contact_reason: Option<String>,
    /// Since when it is.
    pub since: DateTime<Utc>,
    /// What stands in the way of the deletion: `leg-parked` or `leg-failed`.
    pub reason: &'static str,
    /// What a person can do about it.
    pub advice: &'static str,
}

impl From<HeldRecording> for HeldSourceLine {
    fn from(held: HeldRecording) -> Self {
        let obstacle = if held.stage == StageName::Parked {
            Obstacle::LegParked
        } else {
            Obstacle::LegFailed
        };
        Self {
            recording: held.recording,
            leg: held.leg,
            stage: held.stage,
            contact_reason: held.reason,
            since: held.since,
            reason: obstacle.as_str(),
            advice: obstacle.advice(),
        }
    }
}

/// How far discovery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiscoveryStatus {
    /// Everything that ended before this time is written down.
    pub position: DateTime<Utc>,
    /// When it last moved.
    pub moved_at: DateTime<Utc>,
    /// How far it is behind the present, in seconds.
    pub behind_seconds: i64,
    /// Whether that is further than the configuration wants it to be: by the trail, two intervals and a minute.
    pub late: bool,
}

/// How many contacts are at their end, or set aside, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonLine {
    /// Parked, failed or excluded.
    pub stage: StageName,
    /// The reason, or the rule's name.
    pub reason: String,
    /// How many.
    pub contacts: u64,
    /// Since when the first of them is there.
    pub oldest: DateTime<Utc>,
    /// What a person can do about it.
    pub advice: Option<&'static str>,
}

/// Something that was asked of the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WishLine {
    /// Its number.
    pub id: i64,
    /// What is asked, in words.
    pub wish: String,
    /// What became of it.
    pub state: WishState,
    /// When it was left.
    pub created: DateTime<Utc>,
    /// What was said of it when it was settled.
    pub outcome: Option<String>,
}

/// How things stand.
pub async fn status<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    config: &Config,
    worker: WorkerStatus,
    now: DateTime<Utc>,
) -> Result<StatusReport, ReportError> {
    let mut acds = Vec::new();
    for key in names.keys() {
        acds.push(acd_status(ledger, names, config, key, now).await?);
    }
    let backfills = ledger.backfills(true).await?;
    let wishes = ledger.wishes(false, WISHES).await?;
    Ok(StatusReport {
        at: now,
        ledger: config.ledger.path.clone(),
        worker,
        acds,
        backfills: backfills
            .iter()
            .map(|row| backfill_line(row, names))
            .collect(),
        wishes: wishes
            .into_iter()
            .map(|row| WishLine {
                id: row.id.0,
                wish: row.wish.as_ref().map_or_else(
                    || "of a kind that this release does not know".to_owned(),
                    |wish| in_words(wish, names),
                ),
                state: row.state,
                created: row.created_at,
                outcome: row.outcome,
            })
            .collect(),
    })
}

async fn acd_status<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    config: &Config,
    key: &AcdKey,
    now: DateTime<Utc>,
) -> Result<AcdStatus, ReportError> {
    let counts = ledger.counts(Some(key)).await?;
    let mut stages: BTreeMap<StageName, u64> =
        StageName::ALL.iter().map(|stage| (*stage, 0)).collect();
    let mut reasons = Vec::new();
    for count in counts {
        *stages.entry(count.stage).or_default() += count.contacts;
        if let Some(reason) = count.reason.clone() {
            let advice = advice(ledger, &count).await?;
            reasons.push(ReasonLine {
                stage: count.stage,
                reason,
                contacts: count.contacts,
                oldest: count.oldest,
                advice,
            });
        }
    }
    let timing = &config.timing;
    let tolerated = timing.discover_trail + timing.discover_interval * 2;
    let tolerated = i64::try_from(tolerated.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_add(60);
    let cursor = ledger.cursor(key, EVENTS_STREAM).await?;
    let outbox = ledger.outbox_counts(Some(key)).await?;
    let ever_told = |count: &&OutboxCount| {
        count.pending + count.delivered + count.exhausted > 0 || count.endpoint.disabled.is_some()
    };
    let webhooks = outbox.iter().find(ever_told);
    let backlog = ledger.inbox_backlog().await?;
    let waiting = backlog.iter().find(|waiting| waiting.acd == *key);
    let deletes = config
        .acds
        .iter()
        .any(|acd| acd.key() == *key && acd.delete_source == DeleteSource::AfterComplete);
    let (deletions, held) = if deletes {
        let held = ledger.held_recordings(key, HELD).await?;
        (ledger.deletion_counts(Some(key)).await?, Some(held.into()))
    } else {
        (Vec::new(), None)
    };
    let waits = ledger.waits(Some(key)).await?;
    Ok(AcdStatus {
        waits: waits
            .into_iter()
            .map(|wait| WaitLine {
                waits_for: wait.waits_for,
                contacts: wait.contacts,
                oldest: wait.oldest,
            })
            .collect(),
        webhooks: webhooks.map(|count| EndpointLine::of(count, names)),
        pushed_waiting: waiting.map_or(0, |waiting| waiting.waiting),
        deletions: deletions.into_iter().map(DeletionLine::of).collect(),
        held_sources: held,
        reconciled: last_accounts(ledger, key).await?,
        name: names.name(key),
        key: key.clone(),
        configured: names.is_configured(key),
        discovery: cursor.map(|cursor| {
            let behind_seconds = (now - cursor.position).num_seconds();
            DiscoveryStatus {
                position: cursor.position,
                moved_at: cursor.moved_at,
                behind_seconds,
                late: behind_seconds > tolerated,
            }
        }),
        stages,
        reasons,
    })
}

/// The advice for a park reason: that of the first contact that has it, since advice belongs to reasons with their facts.
async fn advice<L: Ledger>(
    ledger: &L,
    count: &StageCount,
) -> Result<Option<&'static str>, ReportError> {
    let kind = count
        .reason
        .as_deref()
        .and_then(|reason| reason.parse::<ParkKind>().ok());
    let (StageName::Parked, Some(kind)) = (count.stage, kind) else {
        return Ok(None);
    };
    let filter = ContactFilter {
        acd: Some(count.acd.clone()),
        stages: vec![StageName::Parked],
        park_kinds: vec![kind],
        ..ContactFilter::default()
    };
    let page = ledger.list(&filter, &PageRequest::first(1)).await?;
    Ok(page
        .contacts
        .first()
        .and_then(|row| match &row.contact.stage {
            Stage::Parked(parked) => Some(parked.reason.advice()),
            _ => None,
        }))
}

fn in_words(wish: &Wish, names: &AcdNames) -> String {
    match wish {
        Wish::RetryContact { leg, .. } => format!("retry {leg}"),
        Wish::RetryParked { acd, kind } => {
            let kind = kind.map_or_else(String::new, |kind| format!(" for {kind}"));
            let acd = acd
                .as_ref()
                .map_or_else(String::new, |acd| format!(" of {}", names.name(acd)));
            format!("retry what is parked{kind}{acd}")
        }
        Wish::Backfill { acd, from, to } => {
            format!(
                "backfill {} from {} to {}",
                names.name(acd),
                from.to_rfc3339(),
                to.to_rfc3339()
            )
        }
        Wish::Reconcile { acd, from, to, .. } => format!(
            "reconcile {} from {} to {}",
            names.name(acd),
            from.to_rfc3339(),
            to.to_rfc3339()
        ),
        Wish::ForgetContact { leg, .. } => format!("forget {leg}"),
        _ => "something that this release does not know".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contact_model::{Capture, Discovered, LegMedia, MediaPiece, ParkReason};
    use sync_ledger::{CursorStore as _, DeletionStore as _, Verdict, WishStore as _};

    use super::super::fixture::{Fixture, at, discovered, excluded, leg, parked};
    use super::*;

    fn printed(report: &StatusReport) -> String {
        let mut out = Vec::new();
        service_runtime::print_report(
            report,
            service_runtime::Output::Table,
            service_runtime::Terminal::NONE,
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    async fn told(fixture: &Fixture, now: DateTime<Utc>) -> StatusReport {
        let worker = Some(Holder { pid: Some(7) }).into();
        status(
            &fixture.ledger,
            &fixture.names,
            &fixture.config,
            worker,
            now,
        )
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn every_stage_is_counted_and_every_reason_has_its_advice() {
        let fixture = Fixture::new(vec![
            discovered(),
            excluded(),
            parked(ParkReason::NoMedia),
            parked(ParkReason::NoMedia),
        ])
        .await;
        let report = told(&fixture, at(33)).await;
        assert_eq!(
            report.worker,
            WorkerStatus {
                running: true,
                pid: Some(7)
            }
        );
        let [acd] = report.acds.as_slice() else {
            panic!("one ACD")
        };
        assert_eq!(
            (acd.name.as_str(), acd.configured, acd.stages.len()),
            ("main", true, StageName::ALL.len())
        );
        let count = |stage| acd.stages.get(&stage).copied();
        assert_eq!(
            (
                count(StageName::Discovered),
                count(StageName::Excluded),
                count(StageName::Parked),
                count(StageName::Complete)
            ),
            (Some(1), Some(1), Some(2), Some(0))
        );
        let parked = acd
            .reasons
            .iter()
            .find(|line| line.stage == StageName::Parked)
            .unwrap();
        assert_eq!((parked.reason.as_str(), parked.contacts), ("no-media", 2));
        assert!(
            parked
                .advice
                .unwrap()
                .contains("why the call was not recorded")
        );
        assert!(
            acd.reasons
                .iter()
                .any(|line| line.reason == "test calls" && line.advice.is_none())
        );
    }

    #[tokio::test]
    async fn discovery_is_late_only_beyond_what_the_configuration_wants() {
        let fixture = Fixture::new(Vec::new()).await;
        let discovery = |report: StatusReport| report.acds[0].discovery.unwrap();
        let timing = &fixture.config.timing;
        let tolerated = TimeDelta::from_std(timing.discover_trail + timing.discover_interval * 2)
            .unwrap()
            + TimeDelta::minutes(1);
        let fine = discovery(told(&fixture, at(30) + tolerated).await);
        assert_eq!(
            (fine.behind_seconds, fine.late),
            (tolerated.num_seconds(), false)
        );
        assert!(discovery(told(&fixture, at(30) + tolerated + TimeDelta::seconds(1)).await).late);
    }

    /// The first stage linked to so many recordings and parked.
    fn parked_with(recordings: u32) -> Stage {
        let piece = |number: u32| MediaPiece {
            recording: format!("RE{number:032}").parse().unwrap(),
            span: None,
            channels: 1,
            swap: false,
            encrypted: None,
        };
        let media = LegMedia::Recordings {
            pieces: (1..=recordings).map(piece).collect(),
            superseded: Vec::new(),
            marks: Vec::new(),
        };
        let captured = Discovered { at: at(31) }.capture(Capture::default(), at(31));
        let linked = Stage::Linked(captured.link(media, at(31)));
        Stage::Parked(linked.park(ParkReason::NoMedia, at(32)).unwrap())
    }

    #[tokio::test]
    async fn recordings_of_parked_contacts_are_shown_as_held_where_sources_are_deleted() {
        let mut fixture = Fixture::new(vec![parked_with(HELD + 1), discovered()]).await;
        let silent = told(&fixture, at(33)).await;
        assert_eq!(silent.acds[0].held_sources, None);
        fixture.config.acds[0].delete_source = DeleteSource::AfterComplete;
        let report = told(&fixture, at(33)).await;
        let held = report.acds[0].held_sources.as_ref().unwrap();
        assert_eq!(
            (held.total, held.recordings.len()),
            (u64::from(HELD) + 1, HELD as usize)
        );
        let first = &held.recordings[0];
        assert_eq!(
            (first.leg, first.stage, first.contact_reason.as_deref()),
            (leg(1), StageName::Parked, Some("no-media"))
        );
        assert_eq!(
            (first.reason, first.advice),
            ("leg-parked", Obstacle::LegParked.advice())
        );
        let page = printed(&report);
        assert!(page.contains("resolve the parked contacts"), "{page}");
        assert!(page.contains("20 of 21 are shown"), "{page}");
    }

    #[tokio::test]
    async fn what_blocks_a_deletion_is_shown_with_its_advice() {
        let mut fixture = Fixture::new(vec![discovered()]).await;
        fixture.config.acds[0].delete_source = DeleteSource::AfterComplete;
        let acd = fixture.config.acds[0].key();
        for (number, verdict) in [
            (
                1,
                Verdict::Blocked {
                    reason: Obstacle::WebhookExhausted.as_str().to_owned(),
                    next: at(90),
                },
            ),
            (2, Verdict::Deleted),
        ] {
            let recording = format!("RE{number:032}").parse().unwrap();
            let said = fixture
                .ledger
                .record_deletion(&acd, recording, &verdict, at(40));
            said.await.unwrap();
        }
        let report = told(&fixture, at(41)).await;
        let [blocked, gone] = report.acds[0].deletions.as_slice() else {
            panic!("two lines")
        };
        assert_eq!(blocked.advice, Some(Obstacle::WebhookExhausted.advice()));
        assert_eq!((gone.state, gone.advice), (DeletionState::Deleted, None));
        assert!(printed(&report).contains("webhooks replay"));
    }

    #[tokio::test]
    async fn wishes_and_open_backfills_are_told_in_words() {
        let fixture = Fixture::new(Vec::new()).await;
        let acd = fixture.config.acds[0].key();
        fixture
            .ledger
            .begin_backfill(&acd, at(0), at(10), at(40))
            .await
            .unwrap();
        let wishes = [
            Wish::RetryParked {
                acd: Some(acd.clone()),
                kind: Some(ParkKind::NoMedia),
            },
            Wish::Backfill {
                acd,
                from: at(0),
                to: at(10),
            },
        ];
        for wish in &wishes {
            fixture.ledger.put(wish, at(40)).await.unwrap();
        }
        let report = told(&fixture, at(41)).await;
        assert_eq!(
            (report.backfills.len(), report.backfills[0].percent),
            (1, 0)
        );
        let words: Vec<_> = report
            .wishes
            .iter()
            .map(|line| line.wish.as_str())
            .collect();
        assert!(
            words.contains(&"retry what is parked for no-media of main"),
            "{words:?}"
        );
        assert!(
            words
                .iter()
                .any(|words| words.starts_with("backfill main from ")),
            "{words:?}"
        );
    }
}
