//! Whose the recordings of a range are.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contact_model::{LegId, SessionId};
use sync_ledger::Ledger;
use twilio_client::{Recording, RecordingStatus, TwilioError};
use twilio_sid::{ConferenceSid, TaskSid};

use super::super::siblings::{readable, tell_unreadable};
use super::compare::Comparison;
use super::events::Told;
use crate::policy::account::{RecordingFate, fate_of};
use crate::policy::deletion::Name;
use crate::report::ReportError;
use crate::report::reconcile::RecordingLine;

/// A recording whose leg may end later than its day.
pub(super) struct Waiting(RecordingLine);

impl<L: Ledger> Comparison<'_, L> {
    /// Writes the recordings of a stretch of time on their lines, page by page, and those of the stretch before that had no leg by then.
    pub(super) async fn recordings(
        &mut self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        told: Told,
    ) -> Result<(), ReportError> {
        self.settle_recordings(&told).await?;
        let mut listing = self
            .ends
            .twilio
            .recordings()
            .created_between(from, to, true);
        while let Some(item) = listing.next().await {
            match item {
                Ok(recording) => self.recording(&recording, &told).await?,
                Err(TwilioError::Unreadable(error)) => {
                    tracing::warn!(acd = %self.ends.acd, %error, "a recording cannot be read");
                    self.account.recordings.unreadable += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.before = told;
        Ok(())
    }

    async fn recording(&mut self, recording: &Recording, told: &Told) -> Result<(), ReportError> {
        let lines = &mut self.account.recordings;
        lines.total += 1;
        lines.deleted += u64::from(recording.status == RecordingStatus::Deleted);
        let mut line = RecordingLine {
            recording: recording.sid,
            fate: RecordingFate::NoLeg,
            start: recording.started_at.or(recording.created_at),
            seconds: recording.duration.map(|duration| duration.as_secs()),
            source: recording
                .source
                .as_ref()
                .map(|source| source.as_str().to_owned()),
            status: recording.status.as_str().to_owned(),
            call: recording.call,
            conference: recording.conference,
            task: None,
            leg: None,
        };
        let known = self.ledger.legs_of_recording(recording.sid).await?;
        let ours: BTreeSet<LegId> = known
            .iter()
            .filter(|(acd, _)| acd == self.ends.acd)
            .map(|(_, leg)| *leg)
            .collect();
        let legs = if ours.is_empty() {
            told.named(&names(&line))
        } else {
            ours
        };
        if !legs.is_empty() {
            return self.of_legs(line, legs).await;
        }
        if known.is_empty() {
            self.waiting.push(Waiting(line));
        } else {
            line.fate = RecordingFate::OtherAcd;
            self.write(line);
        }
        Ok(())
    }

    /// Writes recordings that waited on their lines, with the legs of the stretch after theirs.
    pub(super) async fn settle_recordings(&mut self, told: &Told) -> Result<(), ReportError> {
        for Waiting(mut line) in std::mem::take(&mut self.waiting) {
            let mut legs = told.named(&names(&line));
            if legs.is_empty()
                && let Some(conference) = line.conference
            {
                line.task = self.named_after(conference).await?;
                if let Some(task) = line.task {
                    legs.extend(self.before.of_task(task).chain(told.of_task(task)));
                    if legs.is_empty() {
                        legs = self.kept_of(task).await?;
                    }
                }
            }
            if legs.is_empty() {
                self.write(line);
            } else {
                self.of_legs(line, legs).await?;
            }
        }
        Ok(())
    }

    /// The task that a conference is named after.
    async fn named_after(&self, conference: ConferenceSid) -> Result<Option<TaskSid>, ReportError> {
        match self.ends.twilio.conferences().get(conference).await {
            Ok(found) => Ok(found.friendly_name.and_then(|name| name.parse().ok())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The legs that the ledger has of a task whose interaction has no other name.
    async fn kept_of(&self, task: TaskSid) -> Result<BTreeSet<LegId>, ReportError> {
        let session = SessionId::from(task);
        let found = self
            .ledger
            .find_session_siblings(self.ends.acd, &session)
            .await?;
        tell_unreadable(&found.unreadable);
        let of_task = found
            .contacts
            .iter()
            .filter(|row| row.contact.leg.task == task);
        Ok(of_task.map(sync_ledger::ContactRow::leg).collect())
    }

    async fn of_legs(
        &mut self,
        mut line: RecordingLine,
        legs: BTreeSet<LegId>,
    ) -> Result<(), ReportError> {
        let mut fates = Vec::with_capacity(legs.len());
        for leg in legs {
            let record = readable(self.ledger.get(self.ends.acd, leg).await)?;
            let contact = record.as_ref().map(|record| &record.row.contact);
            fates.push((fate_of(line.recording, contact), leg));
        }
        if let Some((fate, leg)) = fates.into_iter().min() {
            line.leg = Some(leg);
            line.fate = match fate {
                RecordingFate::WithoutAudio if line.status == RecordingStatus::Absent.as_str() => {
                    RecordingFate::NothingStored
                }
                fate => fate,
            };
        }
        self.write(line);
        Ok(())
    }

    fn write(&mut self, line: RecordingLine) {
        let lines = &mut self.account.recordings;
        *lines.fates.entry(line.fate).or_default() += 1;
        if line.fate.is_listed() {
            lines.listed.add(line);
        }
    }
}

fn names(line: &RecordingLine) -> Vec<Name> {
    let recording = Some(Name::Recording(line.recording));
    let conference = line.conference.map(Name::Conference);
    let call = line.call.map(Name::Call);
    recording
        .into_iter()
        .chain(conference)
        .chain(call)
        .collect()
}
