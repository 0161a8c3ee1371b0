//! The comparison: day by day, so that what is in memory does not grow with the range.

use std::collections::{BTreeMap, BTreeSet};

use calabrio_client::{CalabrioClient, ContactState, SearchWindow, Sighting, Survey};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use contact_model::{AcdKey, CcrId, LegId};
use flex_events::ReservationStatus;
use sync_ledger::{ContactFilter, ContactRow, Ledger, LedgerError, PageRequest};
use twilio_client::{EventQuery, TwilioClient};

use super::events::{Reader, Told};
use super::recordings::Waiting;
use crate::policy::account::{AtCalabrio, Line, Unexplained, line_of, line_of_unknown, slices};
use crate::policy::confirmed::is_synthetic;
use crate::policy::{Window, span};
use crate::report::reconcile::{Account, KeyLine, Trigger};
use crate::report::{RangeNote, ReportError};
use crate::runner::document::began;
use crate::runner::{EVENTS_KEPT, EVENTS_STREAM};

/// How long before it ended a leg may have begun to be found where its day is surveyed. Others are looked for one by one.
const BEGAN_BEFORE: TimeDelta = TimeDelta::days(1);

/// How far around its time a contact is looked for that a survey did not show.
const REACH: TimeDelta = TimeDelta::days(2);

/// How long after the range legs may end that recordings of the range belong to.
const TAIL: TimeDelta = TimeDelta::hours(4);

/// What is compared.
pub(crate) struct Ends<'a> {
    pub(crate) acd: &'a AcdKey,
    pub(crate) name: String,
    pub(crate) twilio: &'a TwilioClient,
    pub(crate) calabrio: &'a CalabrioClient,
    /// How long the windows are in which Twilio is asked for events.
    pub(crate) window: std::time::Duration,
}

/// What came of it.
pub(crate) struct Compared {
    pub(crate) account: Account,
    /// Legs that are complete here and not there: all of them.
    pub(crate) missing: Vec<LegId>,
}

/// Compares a range. `progress` is told how much of it is done.
pub(crate) async fn compare<L: Ledger>(
    ledger: &L,
    ends: &Ends<'_>,
    range: RangeNote,
    by: Trigger,
    now: DateTime<Utc>,
    progress: &(dyn Fn(TimeDelta) + Send + Sync),
) -> Result<Compared, ReportError> {
    let kept_since = (now - EVENTS_KEPT).trunc_subsecs(0);
    let mut comparison = Comparison {
        ledger,
        ends,
        range,
        kept_since,
        now,
        account: Account::new(ends.name.clone(), range, now, by),
        missing: Vec::new(),
        unknown: BTreeSet::new(),
        strangers: BTreeMap::new(),
        reader: Reader::new(ends.twilio, ends.acd, range.from.max(kept_since)),
        before: Told::default(),
        waiting: Vec::new(),
    };
    comparison.account.beyond_reach = (range.from < kept_since).then(|| RangeNote {
        from: range.from,
        to: range.to.min(kept_since),
    });
    for (from, to) in slices(range.from, range.to) {
        comparison.slice(from, to, progress).await?;
    }
    comparison.tail().await?;
    comparison.judge_strangers().await?;
    Ok(Compared {
        account: comparison.account,
        missing: comparison.missing,
    })
}

/// A leg key that is there at Calabrio and not in the ledger.
struct Stranger {
    contacts: Vec<CcrId>,
    start: Option<DateTime<Utc>>,
}

pub(super) struct Comparison<'a, L> {
    pub(super) ledger: &'a L,
    pub(super) ends: &'a Ends<'a>,
    range: RangeNote,
    /// Twilio tells of what ended from here on.
    kept_since: DateTime<Utc>,
    now: DateTime<Utc>,
    pub(super) account: Account,
    missing: Vec<LegId>,
    /// Legs that Twilio tells and the ledger does not know.
    unknown: BTreeSet<LegId>,
    strangers: BTreeMap<LegId, Stranger>,
    reader: Reader<'a>,
    /// What Twilio told of the slice before.
    pub(super) before: Told,
    /// Recordings that no leg of their slice has.
    pub(super) waiting: Vec<Waiting>,
}

impl<L: Ledger> Comparison<'_, L> {
    async fn slice(
        &mut self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        progress: &(dyn Fn(TimeDelta) + Send + Sync),
    ) -> Result<(), ReportError> {
        // In this order: what ended before the time up to which discovery had come when it was read here is in the ledger when that is
        // read.
        let discovered = self.discovered().await?;
        let told = self.told(from, to, progress).await?;
        let (rows, unreadable) = self.rows(from, to).await?;
        let window = SearchWindow::new(from - BEGAN_BEFORE, to)?;
        let survey = self.ends.calabrio.survey(window).await?;

        for leg in &unreadable {
            let line = Line::Unexplained(Unexplained::UnreadableRow);
            self.account.count(line, leg, None, None);
        }
        self.judge_rows(&rows, &survey).await?;
        for (leg, ended) in &told.legs {
            let is_told = self.unknown.contains(leg) || unreadable.contains(leg.as_str());
            if !is_told && !rows.contains_key(leg) && !self.knows(self.ends.acd, *leg).await? {
                self.unknown.insert(*leg);
                let line = line_of_unknown(*ended, discovered);
                self.account.count(line, leg.as_str(), Some(*ended), None);
            }
        }
        self.note_strangers(&rows, &survey, from, to).await?;
        self.recordings(from, to, told).await?;
        progress(to - self.range.from);
        Ok(())
    }

    async fn discovered(&self) -> Result<Option<DateTime<Utc>>, ReportError> {
        let cursor = self.ledger.cursor(self.ends.acd, EVENTS_STREAM).await?;
        Ok(cursor.map(|cursor| cursor.position))
    }

    /// The legs that Twilio tells of a stretch of time, as far as it tells any.
    pub(super) async fn told(
        &mut self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        progress: &(dyn Fn(TimeDelta) + Send + Sync),
    ) -> Result<Told, ReportError> {
        let mut told = Told::default();
        let mut position = from.max(self.kept_since);
        while position < to {
            let next = position
                .checked_add_signed(span(self.ends.window).max(TimeDelta::seconds(1)))
                .map_or(to, |next| next.min(to));
            let window = Window {
                from: position,
                to: next,
            };
            self.reader.read(window, self.now, &mut told).await?;
            position = next;
            progress(position - self.range.from);
        }
        Ok(told)
    }

    /// What the ledger has of a stretch of time, and which of its rows cannot be read.
    async fn rows(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<(BTreeMap<LegId, ContactRow>, BTreeSet<String>), ReportError> {
        let filter = ContactFilter {
            acd: Some(self.ends.acd.clone()),
            from: Some(from),
            to: Some(to),
            ..ContactFilter::default()
        };
        let (mut rows, mut unreadable) = (BTreeMap::new(), BTreeSet::new());
        let mut request = PageRequest::first(PageRequest::MAX);
        loop {
            let page = self.ledger.list(&filter, &request).await?;
            rows.extend(page.contacts.into_iter().map(|row| (row.leg(), row)));
            unreadable.extend(page.unreadable.into_iter().map(|row| row.leg));
            match page.next {
                Some(mark) => request.after = Some(mark),
                None => return Ok((rows, unreadable)),
            }
        }
    }

    /// Whether the ledger has a row of a leg, readable or not.
    async fn knows(&self, acd: &AcdKey, leg: LegId) -> Result<bool, ReportError> {
        match self.ledger.get(acd, leg).await {
            Ok(record) => Ok(record.is_some()),
            Err(LedgerError::Unreadable { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the legs that the ledger knows on their lines.
    async fn judge_rows(
        &mut self,
        rows: &BTreeMap<LegId, ContactRow>,
        survey: &Survey,
    ) -> Result<(), ReportError> {
        let mut not_seen = Vec::new();
        for (leg, row) in rows {
            let sightings = survey.legs.get(leg).map_or(&[][..], Vec::as_slice);
            let seen = seen(sightings, survey.unreadable.contains(leg));
            let is_missing = line_of(&row.contact, row.forgotten_at.is_some(), seen) == MISSING;
            if is_missing {
                not_seen.push(row);
            } else {
                self.judge(row, sightings, seen);
            }
        }
        // Perhaps it began days before, or was filed under another time.
        for group in neighbours(not_seen) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else {
                continue;
            };
            let legs: BTreeSet<LegId> = group.iter().map(|row| row.leg()).collect();
            let window = SearchWindow::new(
                began(&first.contact.leg) - REACH,
                began(&last.contact.leg) + REACH,
            )?;
            let mut found = self.ends.calabrio.find_by_leg_keys(&legs, window).await?;
            for row in group {
                let found = found.remove(&row.leg()).unwrap_or_default();
                let sightings: Vec<Sighting> = found.into_iter().map(Sighting::from).collect();
                self.judge(row, &sightings, seen(&sightings, false));
            }
        }
        Ok(())
    }

    fn judge(&mut self, row: &ContactRow, sightings: &[Sighting], seen: AtCalabrio) {
        let (leg, times) = (row.leg(), row.contact.leg.times);
        let line = line_of(&row.contact, row.forgotten_at.is_some(), seen);
        if line == MISSING {
            self.missing.push(leg);
        }
        let ended = times.ended.or(times.media_ended());
        let account = &mut self.account;
        account.count(line, leg.as_str(), ended, row.contact.stage.ccr());
        account.contacts.unreadable += u64::from(seen.unreadable);
        if sightings.len() > 1 {
            account.contacts.duplicates.add(key_line(leg, sightings));
        }
    }

    /// Remembers the leg keys of a survey that the ledger does not know.
    async fn note_strangers(
        &mut self,
        rows: &BTreeMap<LegId, ContactRow>,
        survey: &Survey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<(), ReportError> {
        for (leg, sightings) in &survey.legs {
            let start = sightings.iter().filter_map(|seen| seen.start).min();
            // A survey shows the days around as well; what tells no start is taken where it is first seen.
            let is_of_slice = start.is_none_or(|start| from <= start && start < to);
            if is_of_slice
                && !rows.contains_key(leg)
                && !self.strangers.contains_key(leg)
                && !self.knows(self.ends.acd, *leg).await?
            {
                let contacts = sightings.iter().map(|seen| seen.ccr).collect();
                self.strangers.insert(*leg, Stranger { contacts, start });
            }
        }
        Ok(())
    }

    /// What ends after the range, for the sake of the recordings that have no leg yet.
    async fn tail(&mut self) -> Result<(), ReportError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let to = (self.range.to + TAIL).min(self.now);
        let told = self.told(self.range.to, to, &|_| {}).await?;
        self.settle_recordings(&told).await
    }

    async fn judge_strangers(&mut self) -> Result<(), ReportError> {
        let discovered = self.discovered().await?;
        let acds = self.ledger.acds().await?;
        let others: Vec<&AcdKey> = acds
            .iter()
            .map(|row| &row.key)
            .filter(|key| *key != self.ends.acd)
            .collect();
        for (leg, stranger) in std::mem::take(&mut self.strangers) {
            let line = KeyLine {
                leg,
                contacts: stranger.contacts,
                start: stranger.start,
            };
            if line.contacts.len() > 1 {
                self.account.contacts.duplicates.add(line.clone());
            }
            if self.unknown.contains(&leg) {
                self.account.contacts.of_unknown_legs += 1;
                continue;
            }
            if is_synthetic(leg) {
                self.account.contacts.synthetic += 1;
                continue;
            }
            let mut of_another = false;
            for key in &others {
                of_another = of_another || self.knows(key, leg).await?;
            }
            if of_another {
                self.account.contacts.of_other_acds += 1;
                continue;
            }
            let ccr = line.contacts.first().copied();
            if line.start.is_some_and(|start| start < self.kept_since) {
                self.account
                    .count(Line::BeyondReach, leg.as_str(), None, ccr);
                continue;
            }
            match self.ended(leg, line.start).await? {
                None => self.account.contacts.of_no_leg.add(line),
                Some(Some(ended)) if self.range.from <= ended && ended < self.range.to => {
                    let of = line_of_unknown(ended, discovered);
                    self.account.count(of, leg.as_str(), Some(ended), ccr);
                }
                Some(_) => self.account.contacts.of_other_times += 1,
            }
        }
        Ok(())
    }

    /// When a leg ended, if it did; `None` where Twilio knows no such reservation in this workspace.
    async fn ended(
        &self,
        leg: LegId,
        start: Option<DateTime<Utc>>,
    ) -> Result<Option<Option<DateTime<Utc>>>, ReportError> {
        let since = start.unwrap_or(self.range.from) - BEGAN_BEFORE;
        let query = EventQuery::between(since.max(self.kept_since), self.now)
            .of_reservation(leg.reservation());
        let workspace = self.ends.twilio.taskrouter(self.ends.acd.workspace);
        let events = workspace.events(&query).await?.events;
        let last = |event: &&flex_events::FlexEvent| {
            let status = event.reservation.as_ref().and_then(|facts| facts.status);
            status.is_some_and(ReservationStatus::is_final)
        };
        Ok((!events.is_empty()).then(|| events.iter().find(last).map(|event| event.at)))
    }
}

/// The line of a contact that must be looked for once more before it is said to be missing.
const MISSING: Line = Line::Unexplained(Unexplained::ContactMissing);

fn seen(sightings: &[Sighting], unreadable: bool) -> AtCalabrio {
    let with_media = |seen: &Sighting| {
        seen.has_media != Some(false) && !matches!(seen.state, ContactState::Failed { .. })
    };
    AtCalabrio {
        contacts: sightings.len(),
        with_media: sightings.iter().any(with_media),
        unreadable,
    }
}

fn key_line(leg: LegId, sightings: &[Sighting]) -> KeyLine {
    KeyLine {
        leg,
        contacts: sightings.iter().map(|seen| seen.ccr).collect(),
        start: sightings.iter().filter_map(|seen| seen.start).min(),
    }
}

/// Groups whose contacts began within a day, so that one pass over a few days serves all of a group.
fn neighbours(mut rows: Vec<&ContactRow>) -> Vec<Vec<&ContactRow>> {
    rows.sort_by_key(|row| began(&row.contact.leg));
    let mut groups: Vec<Vec<&ContactRow>> = Vec::new();
    for row in rows {
        let near = |first: &ContactRow| {
            began(&row.contact.leg) - began(&first.contact.leg) < TimeDelta::days(1)
        };
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| near(first)) => group.push(row),
            _ => groups.push(vec![row]),
        }
    }
    groups
}
