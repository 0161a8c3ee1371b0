//! What came of the demo: the ledger, the simulated Calabrio ONE and what was expected, leg by leg.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contact_model::StageName;
use flex_simulator::world::{ExpectedLeg, Outcome};
use flex_simulator::{LegAccount, Simulator};
use qm_pipeline::report::ContactLine;
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};

use super::scan::Finding;

/// Why the demo came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Everything had happened.
    Everything,
    /// The time was over.
    TooLate,
    /// Whoever watched had enough.
    Stopped,
}

/// How the demo ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// Why.
    pub(super) seen: Seen,
    /// What its reconciliation could not explain.
    pub(super) unexplained: u64,
}

/// What came of the demo. Its JSON is the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DemoReport {
    /// Contacts in the ledger.
    pub(super) discovered: u64,
    /// Legs that ended in the simulated Flex.
    pub(super) expected: u64,
    /// Contacts that are complete.
    pub(super) complete: u64,
    /// Contacts that are parked.
    pub(super) parked: u64,
    /// Contacts that a rule excluded.
    pub(super) excluded: u64,
    /// Legs that are not in the ledger, or should be in Calabrio ONE and are not.
    pub(super) lost: u64,
    /// Contacts in Calabrio ONE beyond the first of their leg, or of no leg that should be there.
    pub(super) duplicates: u64,
    /// Contacts whose audio is not the leg's.
    pub(super) audio_mismatches: u64,
    /// Text contacts whose transcript is not the leg's, or whose conversation is not partitioned by its legs.
    pub(super) transcript_mismatches: u64,
    /// Contacts whose metadata tells of another hold than there was.
    pub(super) hold_mismatches: u64,
    /// Pieces of audio and attributes that lay on disk in the clear.
    pub(super) plaintext_found_on_disk: u64,
    /// Requests outside the vendors' documented surface.
    pub(super) violations: u64,
    /// Events that were pushed and taken in.
    pub(super) events_pushed: u64,
    /// Pushed events with a wrong signature that were taken in.
    pub(super) forged_accepted: u64,
    /// Messages for screen recording that the simulated Calabrio ONE took.
    pub(super) screen_messages: u64,
    /// Contact status events that the receiver took.
    pub(super) webhooks_delivered: u64,
    /// Legs of which the receiver does not know how they ended.
    pub(super) webhooks_lost: u64,
    /// Changes of a leg's status that were told under two ids.
    pub(super) webhooks_double_issued: u64,
    /// Events that told what was not so.
    pub(super) webhooks_wrong: u64,
    /// Source recordings that were deleted.
    pub(super) sources_deleted: u64,
    /// Source recordings that were deleted while a leg still needed them.
    pub(super) sources_deleted_too_early: u64,
    /// Legs that the reconciliation at the end could not explain.
    pub(super) unexplained: u64,
    /// Each leg.
    pub(super) outcomes: Vec<LegOutcome>,
    /// How long all of it took.
    pub(super) elapsed_seconds: f64,
    #[serde(skip)]
    findings: Vec<Finding>,
    #[serde(skip)]
    violated: Vec<String>,
    #[serde(skip)]
    seen: Seen,
}

/// What came of one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct LegOutcome {
    /// The leg.
    pub(super) leg: String,
    /// What is particular about it.
    pub(super) kind: String,
    /// The same as a sentence.
    pub(super) sentence: String,
    /// How it should end.
    pub(super) expected: String,
    /// How it ended.
    pub(super) outcome: String,
    /// Whether that is so in every respect.
    pub(super) right: bool,
    /// The reason, for people.
    pub(super) explanation: Option<String>,
    /// What a person could do about it.
    pub(super) advice: Option<&'static str>,
    /// Its contacts in Calabrio ONE.
    pub(super) contacts: Vec<u64>,
    /// What is not as it should be.
    pub(super) faults: Vec<String>,
    #[serde(skip)]
    stage: Option<StageName>,
}

impl DemoReport {
    pub(super) fn new(
        simulator: &Simulator,
        contacts: &[ContactLine],
        findings: Vec<Finding>,
        elapsed: Duration,
        ended: Ended,
    ) -> Self {
        let Ended { seen, unexplained } = ended;
        let account = simulator.account();
        let accounts: BTreeMap<&str, &LegAccount> = account
            .legs
            .iter()
            .map(|leg| (leg.leg.as_str(), leg))
            .collect();
        let lines: BTreeMap<String, &ContactLine> = contacts
            .iter()
            .map(|line| (line.leg.to_string(), line))
            .collect();
        let expected: BTreeSet<&str> = simulator
            .expected()
            .iter()
            .map(|leg| leg.leg.as_str())
            .collect();

        let mut outcomes: Vec<_> = simulator
            .expected()
            .iter()
            .map(|leg| {
                outcome(
                    leg,
                    lines.get(&leg.leg).copied(),
                    accounts.get(leg.leg.as_str()).copied(),
                )
            })
            .collect();
        // Legs of the ledger that never were, and contacts of Calabrio's that belong to none.
        for (leg, line) in &lines {
            if !expected.contains(leg.as_str()) {
                outcomes.push(unexpected(
                    leg,
                    &in_words(line),
                    "the ledger has a leg that never was",
                    Vec::new(),
                ));
            }
        }
        for leg in account.legs.iter().filter(|leg| leg.outcome.is_none()) {
            outcomes.push(unexpected(
                &leg.leg,
                "delivered",
                "it was delivered, and there is no such leg",
                leg.contacts.clone(),
            ));
        }

        let count = |stage| contacts.iter().filter(|line| line.stage == stage).count() as u64;
        let missing = |leg: &&&str| {
            // Those that should be delivered and are not, the account counts.
            let withheld = accounts
                .get(**leg)
                .is_some_and(|leg| leg.outcome != Some(Outcome::Complete));
            withheld && !lines.contains_key(**leg)
        };
        let violations = simulator.violations();
        let pushed = simulator.pushed();
        Self {
            discovered: contacts.len() as u64,
            expected: expected.len() as u64,
            complete: count(StageName::Complete),
            parked: count(StageName::Parked),
            excluded: count(StageName::Excluded),
            lost: account.lost + expected.iter().filter(missing).count() as u64,
            duplicates: account.duplicates + account.unexpected,
            audio_mismatches: account.audio_mismatches,
            transcript_mismatches: account.transcript_mismatches,
            hold_mismatches: account.hold_mismatches,
            plaintext_found_on_disk: findings.len() as u64,
            violations: simulator.violation_count(),
            events_pushed: pushed.accepted,
            forged_accepted: pushed.forged_accepted,
            screen_messages: simulator.screen_messages().len() as u64,
            webhooks_delivered: account.webhooks_delivered,
            webhooks_lost: account.webhooks_lost,
            webhooks_double_issued: account.webhooks_double_issued,
            webhooks_wrong: account.webhooks_wrong,
            sources_deleted: account.sources_deleted,
            sources_deleted_too_early: account.sources_deleted_too_early,
            unexplained,
            outcomes,
            elapsed_seconds: (elapsed.as_secs_f64() * 10.0).round() / 10.0,
            findings,
            violated: violations
                .into_iter()
                .map(|violation| format!("{}: {}", violation.request, violation.what))
                .collect(),
            seen,
        }
    }

    /// Whether every leg is explained, as it should be, and nothing is lost, doubled, mistaken, readable on disk or against the rules.
    pub(super) fn is_right(&self) -> bool {
        self.seen == Seen::Everything
            && self.discovered == self.expected
            && self.complete + self.parked + self.excluded == self.discovered
            && self.outcomes.iter().all(|leg| leg.right)
            && self.zeros().iter().all(|(_, count)| *count == 0)
    }

    /// What must be 0, by name.
    fn zeros(&self) -> [(&'static str, u64); 13] {
        [
            ("lost", self.lost),
            ("duplicates", self.duplicates),
            ("audio mismatches", self.audio_mismatches),
            ("transcript mismatches", self.transcript_mismatches),
            ("hold mismatches", self.hold_mismatches),
            ("plaintext found on disk", self.plaintext_found_on_disk),
            ("violations", self.violations),
            ("forged events taken in", self.forged_accepted),
            ("webhooks lost", self.webhooks_lost),
            ("webhooks double issued", self.webhooks_double_issued),
            ("webhooks wrong", self.webhooks_wrong),
            ("sources deleted too early", self.sources_deleted_too_early),
            ("unexplained", self.unexplained),
        ]
    }
}

/// How a leg should end, in the words of [`in_words`].
fn expectation(outcome: &Outcome) -> String {
    let value = serde_json::to_value(outcome).unwrap_or_default();
    let part = |name: &str| {
        value
            .get(name)
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    words(
        &part("state").unwrap_or_default(),
        part("reason").as_deref(),
    )
}

fn in_words(line: &ContactLine) -> String {
    words(line.stage.as_str(), line.reason.as_deref())
}

fn words(state: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"))
}

fn outcome(
    leg: &ExpectedLeg,
    line: Option<&ContactLine>,
    account: Option<&LegAccount>,
) -> LegOutcome {
    let expected = expectation(&leg.outcome);
    let outcome = line.map_or_else(|| "not discovered".to_owned(), in_words);
    let mut faults = account
        .map(|account| account.faults.clone())
        .unwrap_or_default();
    if outcome != expected {
        faults.insert(0, format!("it should be {expected}"));
    }
    LegOutcome {
        leg: leg.leg.clone(),
        kind: serde_json::to_value(leg.kind)
            .ok()
            .and_then(|kind| kind.as_str().map(str::to_owned))
            .unwrap_or_default(),
        sentence: leg.sentence.clone(),
        right: faults.is_empty(),
        expected,
        outcome,
        explanation: line.and_then(|line| line.explanation.clone()),
        advice: line.and_then(|line| line.advice),
        contacts: account
            .map(|account| account.contacts.clone())
            .unwrap_or_default(),
        faults,
        stage: line.map(|line| line.stage),
    }
}

fn unexpected(leg: &str, outcome: &str, fault: &str, contacts: Vec<u64>) -> LegOutcome {
    LegOutcome {
        leg: leg.to_owned(),
        kind: "none".to_owned(),
        sentence: "no leg of the simulated Flex".to_owned(),
        expected: "nothing".to_owned(),
        outcome: outcome.to_owned(),
        right: false,
        explanation: None,
        advice: None,
        contacts,
        faults: vec![fault.to_owned()],
        stage: None,
    }
}

impl Report for DemoReport {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new([
            "leg",
            "the contact",
            "came to",
            "in Calabrio",
            "why, and what to do",
        ]);
        for leg in &self.outcomes {
            let mood = match (leg.right, leg.stage) {
                (false, _) => Mood::Bad,
                (true, Some(StageName::Complete)) => Mood::Good,
                (true, Some(StageName::Parked)) => Mood::Careful,
                (true, _) => Mood::Quiet,
            };
            let contacts: Vec<_> = leg.contacts.iter().map(u64::to_string).collect();
            table.row_with_moods([
                (leg.leg.clone(), None),
                (leg.sentence.clone(), None),
                (leg.outcome.clone(), Some(mood)),
                (contacts.join(", "), None),
                (why(leg), (!leg.right).then_some(Mood::Bad)),
            ]);
        }
        page.table(table);
        let mut sums = Table::new([
            "discovered",
            "expected",
            "complete",
            "parked",
            "excluded",
            "events pushed",
            "screen messages",
            "webhooks delivered",
            "sources deleted",
        ]);
        sums.row([
            self.discovered,
            self.expected,
            self.complete,
            self.parked,
            self.excluded,
            self.events_pushed,
            self.screen_messages,
            self.webhooks_delivered,
            self.sources_deleted,
        ]);
        page.table(sums);
        let mut zeros = Table::new(["must be 0", ""]);
        for (name, count) in self.zeros() {
            let mood = if count == 0 { Mood::Good } else { Mood::Bad };
            zeros.row_with_moods([(name.to_owned(), None), (count.to_string(), Some(mood))]);
        }
        page.table(zeros);
        for finding in &self.findings {
            page.mood(
                Mood::Bad,
                format!(
                    "{} lay in the clear in {}",
                    finding.what,
                    finding.file.display()
                ),
            );
        }
        for violation in &self.violated {
            page.mood(
                Mood::Bad,
                format!("outside the documented surface: {violation}"),
            );
        }
        let seconds = self.elapsed_seconds;
        match (self.is_right(), self.seen) {
            (true, _) => page.mood(Mood::Good, format!("every leg is explained, and everything arrived once and right, in {seconds} s")),
            (false, Seen::TooLate) => page.mood(Mood::Bad, format!("the time was over after {seconds} s before every leg had come to its end: raise --time-limit, or look at what stands above")),
            (false, Seen::Stopped) => page.mood(Mood::Careful, format!("stopped after {seconds} s")),
            (false, Seen::Everything) => page.mood(Mood::Bad, "not everything is as it should be: see above"),
        };
    }
}

fn why(leg: &LegOutcome) -> String {
    if !leg.faults.is_empty() {
        return leg.faults.join("; ");
    }
    let parts = [leg.explanation.as_deref(), leg.advice];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right() -> DemoReport {
        DemoReport {
            discovered: 3,
            expected: 3,
            complete: 1,
            parked: 1,
            excluded: 1,
            lost: 0,
            duplicates: 0,
            audio_mismatches: 0,
            transcript_mismatches: 0,
            hold_mismatches: 0,
            plaintext_found_on_disk: 0,
            violations: 0,
            events_pushed: 4,
            forged_accepted: 0,
            screen_messages: 2,
            webhooks_delivered: 2,
            webhooks_lost: 0,
            webhooks_double_issued: 0,
            webhooks_wrong: 0,
            sources_deleted: 1,
            sources_deleted_too_early: 0,
            unexplained: 0,
            outcomes: Vec::new(),
            elapsed_seconds: 1.0,
            findings: Vec::new(),
            violated: Vec::new(),
            seen: Seen::Everything,
        }
    }

    #[test]
    fn it_is_right_only_if_all_is_accounted_for_and_every_zero_is_zero() {
        assert!(right().is_right());
        let wrong: [fn(&mut DemoReport); 17] = [
            |report| report.discovered = 2,
            |report| report.complete = 0,
            |report| report.lost = 1,
            |report| report.duplicates = 1,
            |report| report.audio_mismatches = 1,
            |report| report.plaintext_found_on_disk = 1,
            |report| report.violations = 1,
            |report| report.transcript_mismatches = 1,
            |report| report.hold_mismatches = 1,
            |report| report.forged_accepted = 1,
            |report| report.webhooks_lost = 1,
            |report| report.webhooks_double_issued = 1,
            |report| report.webhooks_wrong = 1,
            |report| report.sources_deleted_too_early = 1,
            |report| report.unexplained = 1,
            |report| report.seen = Seen::TooLate,
            |report| {
                let leg = unexpected("WR1", "delivered", "there is no such leg", vec![7]);
                report.outcomes.push(leg);
            },
        ];
        for (number, spoil) in wrong.into_iter().enumerate() {
            let mut report = right();
            spoil(&mut report);
            assert!(!report.is_right(), "{number}");
        }
    }

    #[test]
    fn the_report_has_the_documented_fields_and_no_others() {
        let value = serde_json::to_value(right()).unwrap();
        let mut names: Vec<_> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        let mut documented = [
            "discovered",
            "expected",
            "complete",
            "parked",
            "excluded",
            "lost",
            "duplicates",
            "audio_mismatches",
            "transcript_mismatches",
            "hold_mismatches",
            "plaintext_found_on_disk",
            "violations",
            "events_pushed",
            "forged_accepted",
            "screen_messages",
            "webhooks_delivered",
            "webhooks_lost",
            "webhooks_double_issued",
            "webhooks_wrong",
            "sources_deleted",
            "sources_deleted_too_early",
            "unexplained",
            "outcomes",
            "elapsed_seconds",
        ];
        documented.sort_unstable();
        assert_eq!(names, documented);
    }

    #[test]
    fn expectations_and_outcomes_use_the_same_words() {
        use flex_simulator::world::ParkedFor;
        assert_eq!(expectation(&Outcome::Complete), "complete");
        for (parked, kind) in [
            (ParkedFor::MissingKey, contact_model::ParkKind::MissingKey),
            (
                ParkedFor::RecordingNotStored,
                contact_model::ParkKind::RecordingNotStored,
            ),
            (ParkedFor::NoMedia, contact_model::ParkKind::NoMedia),
            (
                ParkedFor::NotAuthentic,
                contact_model::ParkKind::NotAuthentic,
            ),
            (
                ParkedFor::StoredElsewhere,
                contact_model::ParkKind::StoredElsewhere,
            ),
        ] {
            assert_eq!(
                expectation(&Outcome::Parked(parked)),
                words("parked", Some(kind.as_str()))
            );
        }
        assert_eq!(
            expectation(&Outcome::Excluded("internal".into())),
            "excluded: internal"
        );
    }
}
