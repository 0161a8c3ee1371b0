//! The reports as people read them.

use chrono::{DateTime, SecondsFormat, Utc};
use contact_model::StageName;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{DeletionState, UnreadableContact, WishState};

use crate::runner::RunReport;

use super::{
    AcdStatus, BackfillLine, BackfillOutcome, BackfillPlan, BackfillPlans, ContactLine,
    ContactList, ContactReport, FieldUse, FieldsReport, HeldSources, KeyMatch, KeysReport,
    KeysVerified, RetryReport, RingFault, StatusReport, TenantFields,
};

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn some_time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

fn mood(stage: StageName) -> Option<Mood> {
    match stage {
        StageName::Complete => Some(Mood::Good),
        StageName::Parked => Some(Mood::Careful),
        StageName::Failed => Some(Mood::Bad),
        StageName::Excluded => Some(Mood::Quiet),
        _ => None,
    }
}

impl Report for StatusReport {
    fn page(&self, page: &mut Page) {
        page.line(format!(
            "ledger {} at {}",
            self.ledger.display(),
            time(self.at)
        ));
        match (self.worker.running, self.worker.pid) {
            (true, Some(pid)) => page.mood(Mood::Good, format!("a worker runs, process {pid}")),
            (true, None) => page.mood(Mood::Good, "a worker runs"),
            (false, _) => page.mood(Mood::Careful, "no worker runs: start one with sync-qm run"),
        };
        for acd in &self.acds {
            page.line("");
            acd_page(acd, page);
        }
        if !self.backfills.is_empty() {
            page.line("").line("backfills");
            backfills(&self.backfills, page);
        }
        if !self.wishes.is_empty() {
            page.line("").line("asked of the worker");
            let mut table = Table::new(["no.", "what", "left at", "state", "outcome"]);
            for wish in &self.wishes {
                let mood = (wish.state == WishState::Failed).then_some(Mood::Bad);
                table.row_with_moods([
                    (wish.id.to_string(), None),
                    (wish.wish.clone(), None),
                    (time(wish.created), None),
                    (wish.state.as_str().to_owned(), mood),
                    (wish.outcome.clone().unwrap_or_default(), None),
                ]);
            }
            page.table(table);
        }
    }
}

fn acd_page(acd: &AcdStatus, page: &mut Page) {
    page.line(format!("{} ({})", acd.name, acd.key));
    if !acd.configured {
        page.mood(
            Mood::Careful,
            "the configuration does not name this ACD: what is unfinished rests until it does",
        );
    }
    match acd.discovery {
        None => page.line("nothing was discovered yet"),
        Some(found) => {
            let line = format!(
                "discovered up to {}, {} s behind the present",
                time(found.position),
                found.behind_seconds
            );
            page.mood(
                if found.late {
                    Mood::Careful
                } else {
                    Mood::Good
                },
                line,
            )
        }
    };
    let mut stages = Table::new(acd.stages.keys().map(|stage| stage.as_str()));
    stages.row_with_moods(
        acd.stages
            .iter()
            .map(|(stage, count)| (count.to_string(), mood(*stage).filter(|_| *count > 0))),
    );
    page.table(stages);
    if !acd.reasons.is_empty() {
        let mut table = Table::new(["stage", "reason", "contacts", "since", "advice"]);
        for reason in &acd.reasons {
            table.row_with_moods([
                (reason.stage.as_str().to_owned(), mood(reason.stage)),
                (reason.reason.clone(), None),
                (reason.contacts.to_string(), None),
                (time(reason.oldest), None),
                (reason.advice.unwrap_or_default().to_owned(), None),
            ]);
        }
        page.table(table);
    }
    for wait in &acd.waits {
        page.mood(
            Mood::Careful,
            format!(
                "{} contacts wait since {} for {}",
                wait.contacts,
                time(wait.oldest),
                wait.waits_for
            ),
        );
    }
    if let Some(webhooks) = &acd.webhooks {
        super::webhooks::endpoint_page(webhooks, page);
    }
    if acd.pushed_waiting > 0 {
        page.line(format!(
            "{} pushed events wait to be processed",
            acd.pushed_waiting
        ));
    }
    sources(acd, page);
    for (how, last) in [
        ("for the night", acd.reconciled.night),
        ("by command", acd.reconciled.command),
    ] {
        let Some(last) = last else { continue };
        let line = format!(
            "reconciled {how} at {}, from {} to {}: {} unexplained",
            time(last.at),
            time(last.from),
            time(last.to),
            last.unexplained
        );
        let mood = if last.unexplained == 0 {
            Mood::Good
        } else {
            Mood::Bad
        };
        page.mood(mood, line);
    }
}

fn sources(acd: &AcdStatus, page: &mut Page) {
    if !acd.deletions.is_empty() {
        let mut table = Table::new(["source recordings", "reason", "how many", "since", "advice"]);
        for line in &acd.deletions {
            let mood = match line.state {
                DeletionState::Failed => Some(Mood::Bad),
                DeletionState::Blocked => Some(Mood::Careful),
                DeletionState::Deleted => Some(Mood::Quiet),
                _ => None,
            };
            table.row_with_moods([
                (line.state.as_str().to_owned(), mood),
                (line.reason.clone().unwrap_or_default(), None),
                (line.recordings.to_string(), None),
                (time(line.oldest), None),
                (line.advice.unwrap_or_default().to_owned(), None),
            ]);
        }
        page.table(table);
    }
    if let Some(held) = acd.held_sources.as_ref().filter(|held| held.total > 0) {
        held_sources(held, page);
    }
}

fn held_sources(held: &HeldSources, page: &mut Page) {
    page.line("source recordings that stay since their contact is parked or failed");
    let mut table = Table::new(["recording", "leg", "contact", "reason", "since", "advice"]);
    for line in &held.recordings {
        table.row_with_moods([
            (line.recording.to_string(), None),
            (line.leg.to_string(), None),
            (line.stage.as_str().to_owned(), mood(line.stage)),
            (line.contact_reason.clone().unwrap_or_default(), None),
            (time(line.since), None),
            (line.advice.to_owned(), None),
        ]);
    }
    page.table(table);
    let shown = held.recordings.len() as u64;
    if held.total > shown {
        page.mood(
            Mood::Quiet,
            format!("{shown} of {} are shown, the oldest first", held.total),
        );
    }
}

fn backfills(lines: &[BackfillLine], page: &mut Page) {
    let mut table = Table::new([
        "no.",
        "acd",
        "from",
        "to",
        "state",
        "done",
        "new legs",
        "known legs",
    ]);
    for line in lines {
        table.row([
            line.id.to_string(),
            line.acd.clone(),
            time(line.from),
            time(line.to),
            line.state.as_str().to_owned(),
            format!("{} %", line.percent),
            line.legs_new.to_string(),
            line.legs_known.to_string(),
        ]);
    }
    page.table(table);
}

fn contact_lines<'a>(lines: impl IntoIterator<Item = &'a ContactLine>, page: &mut Page) {
    let mut table = Table::new([
        "leg", "acd", "stage", "reason", "ended", "agent", "calabrio", "advice",
    ]);
    for line in lines {
        table.row_with_moods([
            (line.leg.to_string(), None),
            (line.acd.clone(), None),
            (line.stage.as_str().to_owned(), mood(line.stage)),
            (line.reason.clone().unwrap_or_default(), None),
            (some_time(line.ended), None),
            (line.worker.to_string(), None),
            (
                line.ccr.map_or_else(String::new, |ccr| ccr.to_string()),
                None,
            ),
            (line.advice.unwrap_or_default().to_owned(), None),
        ]);
    }
    page.table(table);
}

fn unreadable_lines(contacts: &[UnreadableContact], page: &mut Page) {
    for contact in contacts {
        page.mood(
            Mood::Bad,
            format!("{} cannot be read: {}", contact.leg, contact.fault),
        );
    }
}

impl Report for ContactList {
    fn page(&self, page: &mut Page) {
        if self.contacts.is_empty() && self.unreadable.is_empty() {
            page.line("no contacts");
            return;
        }
        contact_lines(&self.contacts, page);
        unreadable_lines(&self.unreadable, page);
        if self.more {
            page.mood(
                Mood::Quiet,
                "there are more: raise --limit, or narrow the question",
            );
        }
    }
}

impl Report for ContactReport {
    fn page(&self, page: &mut Page) {
        let line = &self.line;
        let mut table = Table::new(["leg", line.leg.as_str()]);
        let mut fact = |name: &str, value: String| {
            if !value.is_empty() {
                table.row([name.to_owned(), value]);
            }
        };
        fact("acd", line.acd.clone());
        fact("stage", line.stage.to_string());
        fact(
            "reason",
            line.explanation
                .clone()
                .or_else(|| line.reason.clone())
                .unwrap_or_default(),
        );
        fact("advice", line.advice.unwrap_or_default().to_owned());
        fact("since", time(line.since));
        fact("next attention", line.due.map_or_else(String::new, time));
        fact(
            "failures in a row",
            if line.failures == 0 {
                String::new()
            } else {
                line.failures.to_string()
            },
        );
        fact("interaction", line.session.to_string());
        fact("task", self.task.to_string());
        fact("agent", line.worker.to_string());
        fact(
            "queue",
            self.queue
                .map_or_else(String::new, |queue| queue.to_string()),
        );
        fact("channel", self.channel.to_string());
        fact(
            "direction",
            self.direction
                .map_or_else(String::new, |direction| direction.to_string()),
        );
        fact("accepted", line.accepted.map_or_else(String::new, time));
        fact("media ended", line.ended.map_or_else(String::new, time));
        fact("discovered", time(self.discovered));
        fact(
            "contact in Calabrio",
            line.ccr.map_or_else(String::new, |ccr| ccr.to_string()),
        );
        fact("customer's data", self.details.as_str().to_owned());
        fact("marks", self.marks.join(", "));
        page.table(table);
        if !self.media.is_empty() {
            let mut table = Table::new([
                "recording",
                "from ms",
                "to ms",
                "channels",
                "swapped",
                "key",
            ]);
            for piece in &self.media {
                table.row([
                    piece.recording.to_string(),
                    piece.from_ms.to_string(),
                    piece
                        .to_ms
                        .map_or_else(|| "end".to_owned(), |to| to.to_string()),
                    piece.channels.to_string(),
                    if piece.swapped { "yes" } else { "no" }.to_owned(),
                    piece
                        .key
                        .map_or_else(|| "not encrypted".to_owned(), |key| key.to_string()),
                ]);
            }
            page.table(table);
        }
        for recording in &self.superseded {
            page.mood(
                Mood::Quiet,
                format!("{recording} covers the same time and was not taken"),
            );
        }
        let mut table = Table::new(["at", "stage", "reason", "note"]);
        for step in &self.history {
            table.row_with_moods([
                (time(step.at), None),
                (step.stage.to_string(), mood(step.stage)),
                (step.reason.clone().unwrap_or_default(), None),
                (step.note.clone().unwrap_or_default(), None),
            ]);
        }
        page.table(table);
        if !self.siblings.is_empty() || !self.unreadable_siblings.is_empty() {
            page.line("other legs of the interaction");
        }
        if !self.siblings.is_empty() {
            contact_lines(&self.siblings, page);
        }
        unreadable_lines(&self.unreadable_siblings, page);
    }
}

impl Report for RetryReport {
    fn page(&self, page: &mut Page) {
        if let Some(wish) = self.wish {
            let number = match self.first_wish.filter(|first| *first != wish) {
                Some(first) => format!("numbers {first} to {wish}"),
                None => format!("number {wish}"),
            };
            page.line(format!(
                "the worker was asked, as {number}, to take up {} contacts; status tells what became of it",
                self.wished_for
            ));
            return;
        }
        let mut table = Table::new(["leg", "acd", "was parked for", "goes on from"]);
        for retried in &self.taken_up {
            table.row([
                retried.leg.to_string(),
                retried.acd.clone(),
                retried
                    .was_parked_for
                    .map_or_else(|| "-".to_owned(), |kind| kind.to_string()),
                retried.resumes_at.to_string(),
            ]);
        }
        page.table(table);
        for skipped in &self.skipped {
            page.mood(
                Mood::Careful,
                format!("{} was left: {}", skipped.leg, skipped.why),
            );
        }
        if self.taken_up.is_empty() {
            page.line("nothing was taken up: nothing is parked that fits");
        } else {
            page.line("no worker runs: they go on with the next sync-qm run");
        }
    }
}

fn ring_faults(faults: &[RingFault], page: &mut Page) {
    for ring in faults {
        page.mood(
            Mood::Bad,
            format!("{}: the key ring cannot be made", ring.acd),
        );
        for fault in &ring.faults {
            page.mood(Mood::Bad, format!("  {fault}"));
        }
    }
}

impl Report for KeysReport {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new(["acd", "name", "public key", "bits", "fingerprint"]);
        for key in &self.keys {
            table.row([
                key.acd.clone(),
                key.name.clone(),
                key.public_key_sid.to_string(),
                key.bits.to_string(),
                key.fingerprint.clone(),
            ]);
        }
        page.table(table);
        ring_faults(&self.faults, page);
    }
}

impl Report for KeysVerified {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new(["acd", "name", "public key", "bits", "opens", "at Twilio"]);
        for verdict in &self.keys {
            let key = &verdict.key;
            let (opens, opens_mood) = if verdict.round_trip {
                ("yes", Mood::Good)
            } else {
                ("no", Mood::Bad)
            };
            let listed = match verdict.at_twilio {
                KeyMatch::Listed => Mood::Good,
                KeyMatch::NotListed => Mood::Careful,
                KeyMatch::NotCompared => Mood::Quiet,
            };
            table.row_with_moods([
                (key.acd.clone(), None),
                (key.name.clone(), None),
                (key.public_key_sid.to_string(), None),
                (key.bits.to_string(), None),
                (opens.to_owned(), Some(opens_mood)),
                (verdict.at_twilio.as_str().to_owned(), Some(listed)),
            ]);
        }
        page.table(table);
        ring_faults(&self.faults, page);
        for key in &self.without_private_key {
            page.mood(
                Mood::Careful,
                format!("{key} is at Twilio and in no key ring: what is encrypted under it will be parked"),
            );
        }
        for acd in &self.not_compared {
            page.mood(
                Mood::Quiet,
                format!("{}: not compared with Twilio's list: {}", acd.acd, acd.why),
            );
        }
    }
}

impl Report for TenantFields {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new(["acd", "key", "label", "type", "filled from", "problem"]);
        for FieldsReport { acd, fields, .. } in &self.acds {
            for field in fields {
                let used = if field.used == FieldUse::NotMapped {
                    Some(Mood::Quiet)
                } else {
                    None
                };
                table.row_with_moods([
                    (acd.clone(), None),
                    (field.key.clone(), used),
                    (field.label.clone().unwrap_or_default(), used),
                    (field.kind.clone().unwrap_or_default(), used),
                    (field.used.in_words(), None),
                    (field.problem.clone().unwrap_or_default(), Some(Mood::Bad)),
                ]);
            }
        }
        page.table(table);
    }
}

impl Report for BackfillPlans {
    fn page(&self, page: &mut Page) {
        for plan in &self.plans {
            plan_page(plan, page);
        }
        page.mood(
            Mood::Quiet,
            "nothing was written: leave out --dry-run to do it",
        );
    }
}

fn plan_page(plan: &BackfillPlan, page: &mut Page) {
    page.line(format!(
        "{}: {} to {}: {} legs that the ledger does not know, {} that it knows",
        plan.acd,
        time(plan.from),
        time(plan.to),
        plan.legs_new,
        plan.legs_known
    ));
    match plan.within_reach {
        None => {
            page.mood(
                Mood::Careful,
                "  Twilio keeps events for 30 days: it tells of nothing in this range any more",
            );
        }
        Some(reach) if reach.from > plan.from && plan.goes_on.is_none() => {
            page.mood(
                Mood::Careful,
                format!(
                    "  Twilio keeps events for 30 days: it tells of this range from {} on",
                    time(reach.from)
                ),
            );
        }
        Some(_) => {}
    }
    if let Some(open) = &plan.goes_on {
        page.line(format!(
            "  a backfill of this range is open at {} and would go on there",
            time(open.position)
        ));
    }
    for leg in &plan.new {
        page.line(format!("  {leg}"));
    }
}

impl Report for BackfillOutcome {
    fn page(&self, page: &mut Page) {
        for wish in &self.asked {
            page.line(format!(
                "the worker was asked, as number {wish}; status tells how far it is"
            ));
        }
        if !self.backfills.is_empty() {
            backfills(&self.backfills, page);
        }
    }
}

impl Report for RunReport {
    fn page(&self, page: &mut Page) {
        let how = if self.idle {
            "nothing was left to be done"
        } else {
            "stopped"
        };
        page.line(format!("{how} after {} turns", self.turns));
        let mut table = Table::new(["came to", "times"]);
        for (stage, times) in &self.reached {
            table.row([stage.clone(), times.to_string()]);
        }
        page.table(table);
        if self.cut_off > 0 {
            page.mood(
                Mood::Careful,
                format!(
                    "{} turns were cut off; they are taken up after the next start",
                    self.cut_off
                ),
            );
        }
    }
}
