//! The account of a range: what Twilio, the ledger and Calabrio ONE have of it, leg by leg.
//!
//! # What is unexplained
//!
//! Every leg that ended in the range stands on one line of [`LegLines`], and the lines add up. A leg is *unexplained* where
//!
//! * Twilio tells that it ended, at a time that discovery has passed, and the ledger does not know it
//!   ([`UnknownLeg`](Unexplained::UnknownLeg));
//! * it is complete here, was not forgotten on request, and Calabrio has no contact with its leg key, near its time or days around it
//!   ([`ContactMissing`](Unexplained::ContactMissing));
//! * it is complete here with media, and Calabrio says that its contact has none or failed
//!   ([`MediaMissing`](Unexplained::MediaMissing));
//! * its row in the ledger cannot be read ([`UnreadableRow`](Unexplained::UnreadableRow)).
//!
//! Nothing else is: what is parked, excluded, failed or on its way has its reason there. Two contacts under one leg key are told on a line
//! of their own, beside the line of the leg. Contacts under leg keys that are no leg of this workspace (another connector's, within the
//! time of which Twilio tells) and recordings that no leg has (calls that were given up, voicemail) are listed.

mod page;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, CcrId, LegId, StageName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_ledger::{Ledger, LedgerError, Reconciliation, ReconciliationStore};
use twilio_sid::{CallSid, ConferenceSid, RecordingSid, TaskSid};

use super::{AcdNames, RangeNote, ReportError};
use crate::connect::AcdServices;
use crate::policy::account::{Line, RecordingFate, Unexplained};
use crate::runner::reconcile::{Ends, compare};

/// How many of each kind are listed; all are counted.
const LISTED: usize = 500;

/// Accounts of one range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReconcileReport {
    /// One for each ACD.
    pub accounts: Vec<Account>,
    /// How many legs are unexplained, in all of them. 0 when all is well.
    pub unexplained: u64,
}

impl From<Vec<Account>> for ReconcileReport {
    fn from(accounts: Vec<Account>) -> Self {
        Self {
            unexplained: accounts.iter().map(|account| account.unexplained).sum(),
            accounts,
        }
    }
}

/// Who asked for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A person.
    Command,
    /// The worker, for the night.
    Night,
}

/// The account of a range at one ACD. No customer data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The ACD's name.
    pub acd: String,
    /// The range's beginning, inclusive.
    pub from: DateTime<Utc>,
    /// The range's end, exclusive.
    pub to: DateTime<Utc>,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Who asked for it.
    pub by: Trigger,
    /// What was filled before it was made.
    pub filled: Option<Filled>,
    /// The part of the range of which Twilio does not tell any more.
    pub beyond_reach: Option<RangeNote>,
    /// The legs.
    pub legs: LegLines,
    /// What else is to be told of Calabrio's contacts.
    pub contacts: ContactLines,
    /// The recordings that were created in the range.
    pub recordings: RecordingLines,
    /// How many legs are unexplained. 0 when all is well.
    pub unexplained: u64,
    /// Which.
    pub unexplained_legs: Listed<UnexplainedLeg>,
}

/// What was done about what was missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// Legs that were unknown and are written down now.
    pub legs_new: u64,
    /// Complete contacts that Calabrio does not show: they are searched for, and sent again only if they are not found in time.
    pub taken_up: u64,
    /// Such contacts that are parked, since their metadata cannot be had any more.
    pub parked: u64,
}

/// The legs of a range. Each stands on one line: their sum is `total`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegLines {
    /// All of them.
    pub total: u64,
    /// Complete.
    pub complete: u64,
    /// Left out, by rule.
    pub excluded: BTreeMap<String, u64>,
    /// Parked, by reason.
    pub parked: BTreeMap<String, u64>,
    /// Given up by Calabrio, by reason.
    pub failed: BTreeMap<String, u64>,
    /// On their way, by stage.
    pub on_the_way: BTreeMap<StageName, u64>,
    /// Ended after the time up to which discovery has come.
    pub undiscovered: u64,
    /// Known to Calabrio alone: they began before the time of which Twilio still tells.
    pub beyond_reach: u64,
    /// Unexplained, by kind.
    pub unexplained: BTreeMap<Unexplained, u64>,
}

/// What else is to be told of Calabrio's contacts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ContactLines {
    /// Leg keys under which there is more than one contact.
    pub duplicates: Listed<KeyLine>,
    /// Contacts under the keys of unknown legs: those need not be sent again.
    pub of_unknown_legs: u64,
    /// Contacts of legs that go on, or ended outside the range.
    pub of_other_times: u64,
    /// Contacts of another ACD of this ledger.
    pub of_other_acds: u64,
    /// Contacts that `check --live-contact` made.
    pub synthetic: u64,
    /// Contacts under leg keys that are no leg of this workspace: those of another connector.
    pub of_no_leg: Listed<KeyLine>,
    /// Contacts that are there and cannot be read.
    pub unreadable: u64,
}

/// The recordings of a range.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordingLines {
    /// All of them.
    pub total: u64,
    /// What became of them.
    pub fates: BTreeMap<RecordingFate, u64>,
    /// How many are deleted at Twilio.
    pub deleted: u64,
    /// How many Twilio told in a form that cannot be read.
    pub unreadable: u64,
    /// Those that no leg has, whose leg is unknown, or whose leg went without audio.
    pub listed: Listed<RecordingLine>,
}

/// Things of which all are counted, and the first listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            count: 0,
            first: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    pub(crate) fn add(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(item);
        }
    }

    /// How many are not listed.
    fn more(&self) -> u64 {
        self.count - self.first.len() as u64
    }
}

/// A leg that is unexplained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnexplainedLeg {
    /// The leg, as it is named where it was found.
    pub leg: String,
    /// What cannot be explained.
    pub why: Unexplained,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// The contact that it had.
    pub ccr: Option<CcrId>,
}

/// A leg key in Calabrio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLine {
    /// The key.
    pub leg: LegId,
    /// The contacts under it.
    pub contacts: Vec<CcrId>,
    /// When the first of them began.
    pub start: Option<DateTime<Utc>>,
}

/// A recording, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingLine {
    /// The recording.
    pub recording: RecordingSid,
    /// What became of it.
    pub fate: RecordingFate,
    /// When it began.
    pub start: Option<DateTime<Utc>>,
    /// How long it is, in whole seconds.
    pub seconds: Option<u64>,
    /// What started it, in Twilio's words.
    pub source: Option<String>,
    /// How far it is, in Twilio's words.
    pub status: String,
    /// Its call.
    pub call: Option<CallSid>,
    /// Its conference.
    pub conference: Option<ConferenceSid>,
    /// The task that its conference is named after.
    pub task: Option<TaskSid>,
    /// Its leg, where it has one.
    pub leg: Option<LegId>,
}

impl Account {
    pub(crate) fn new(acd: String, range: RangeNote, at: DateTime<Utc>, by: Trigger) -> Self {
        Self {
            acd,
            from: range.from,
            to: range.to,
            at,
            by,
            filled: None,
            beyond_reach: None,
            legs: LegLines::default(),
            contacts: ContactLines::default(),
            recordings: RecordingLines::default(),
            unexplained: 0,
            unexplained_legs: Listed::default(),
        }
    }

    /// Writes a leg on its line.
    pub(crate) fn count(
        &mut self,
        line: Line,
        leg: &str,
        ended: Option<DateTime<Utc>>,
        ccr: Option<CcrId>,
    ) {
        let legs = &mut self.legs;
        legs.total += 1;
        let slot = match line {
            Line::Complete => &mut legs.complete,
            Line::Excluded(rule) => legs.excluded.entry(rule).or_default(),
            Line::Parked(reason) => legs.parked.entry(reason).or_default(),
            Line::Failed(reason) => legs.failed.entry(reason).or_default(),
            Line::OnTheWay(stage) => legs.on_the_way.entry(stage).or_default(),
            Line::Undiscovered => &mut legs.undiscovered,
            Line::BeyondReach => &mut legs.beyond_reach,
            Line::Unexplained(why) => {
                self.unexplained += 1;
                self.unexplained_legs.add(UnexplainedLeg {
                    leg: leg.to_owned(),
                    why,
                    ended,
                    ccr,
                });
                legs.unexplained.entry(why).or_default()
            }
        };
        *slot += 1;
    }

    /// As the ledger keeps it.
    pub(crate) fn row(&self, acd: &AcdKey) -> Reconciliation {
        Reconciliation {
            acd: acd.clone(),
            from: self.from,
            to: self.to,
            at: self.at,
            totals: serde_json::to_value(self).unwrap_or_default(),
            unexplained: self.unexplained,
        }
    }

    /// From what the ledger keeps; `None` where another release wrote it.
    pub(crate) fn read(row: Reconciliation) -> Option<Self> {
        serde_json::from_value(row.totals).ok()
    }

    /// The numbers in a sentence, for logs and wishes.
    pub(crate) fn sentence(&self) -> String {
        let sum = |lines: &BTreeMap<String, u64>| lines.values().sum::<u64>();
        let (legs, filled) = (&self.legs, self.filled.unwrap_or_default());
        let mut sentence = format!(
            "{} legs: {} complete, {} excluded, {} parked, {} failed, {} on their way, {} beyond reach, {} unexplained",
            legs.total,
            legs.complete,
            sum(&legs.excluded),
            sum(&legs.parked),
            sum(&legs.failed),
            legs.on_the_way.values().sum::<u64>() + legs.undiscovered,
            legs.beyond_reach,
            self.unexplained,
        );
        if filled != Filled::default() {
            // Writing to a string cannot fail.
            let _ = write!(
                sentence,
                "; filled: {} new, {} taken up again, {} parked",
                filled.legs_new, filled.taken_up, filled.parked
            );
        }
        sentence
    }
}

/// Makes the account of a range at one ACD: asks Twilio, the ledger and Calabrio, and writes down nothing but the account itself.
///
/// `progress` is told how much of the range is compared.
pub async fn reconcile<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    services: &AcdServices,
    window: std::time::Duration,
    range: RangeNote,
    now: DateTime<Utc>,
    progress: &(dyn Fn(chrono::TimeDelta) + Send + Sync),
) -> Result<Account, ReportError> {
    super::check_range(range.from, range.to, now)?;
    let key = services.acd.key();
    let ends = Ends {
        acd: &key,
        name: names.name(&key),
        twilio: &services.twilio,
        calabrio: &services.calabrio,
        window,
    };
    let compared = compare(ledger, &ends, range, Trigger::Command, now, progress).await?;
    ledger.register(&key, &services.acd.name).await?;
    ledger
        .record_reconciliation(&compared.account.row(&key))
        .await?;
    Ok(compared.account)
}

/// The newest account of a range that was made at `since` or later.
pub async fn reconciled<L: Ledger>(
    ledger: &L,
    acd: &AcdKey,
    range: RangeNote,
    since: DateTime<Utc>,
) -> Result<Option<Account>, ReportError> {
    // Others may have been made meanwhile.
    const LOOKED_AT: u32 = 20;
    let rows = ledger.reconciliations(acd, LOOKED_AT).await?;
    let same =
        |row: &Reconciliation| row.from == range.from && row.to == range.to && row.at >= since;
    Ok(rows.into_iter().find(same).and_then(Account::read))
}

/// What the last account of each kind came to. A person's account says nothing of the night's: it may be of any range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LastAccounts {
    /// The last that the worker made by itself, for the night.
    pub night: Option<ReconciledLine>,
    /// The last that a command asked for.
    pub command: Option<ReconciledLine>,
}

/// What an account came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReconciledLine {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The range's beginning.
    pub from: DateTime<Utc>,
    /// The range's end.
    pub to: DateTime<Utc>,
    /// How many legs nobody can explain.
    pub unexplained: u64,
}

/// The last account of each kind, as far as it is among the 50 newest that the ledger has.
pub async fn last_accounts<L: ReconciliationStore>(
    ledger: &L,
    acd: &AcdKey,
) -> Result<LastAccounts, LedgerError> {
    const LOOKED_AT: u32 = 50;
    let mut last = LastAccounts::default();
    for row in ledger.reconciliations(acd, LOOKED_AT).await? {
        // Of one that another release wrote in another form, who asked for it is all that matters.
        let Ok(by) = Trigger::deserialize(row.totals.get("by").unwrap_or(&Value::Null)) else {
            continue;
        };
        let slot = match by {
            Trigger::Night => &mut last.night,
            Trigger::Command => &mut last.command,
        };
        slot.get_or_insert(ReconciledLine {
            at: row.at,
            from: row.from,
            to: row.to,
            unexplained: row.unexplained,
        });
    }
    Ok(last)
}

#[cfg(test)]
mod tests;
