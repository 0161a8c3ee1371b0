//! The account as people read it.

use contact_model::CcrId;
use service_runtime::{Mood, Page, Report, Table};

use super::{Account, KeyLine, Listed, ReconcileReport};
use crate::report::page::{some_time, time};

impl Report for ReconcileReport {
    fn page(&self, page: &mut Page) {
        for (place, account) in self.accounts.iter().enumerate() {
            if place > 0 {
                page.line("");
            }
            account.page(page);
        }
    }
}

impl Account {
    fn page(&self, page: &mut Page) {
        let (from, to) = (time(self.from), time(self.to));
        page.line(format!("{}: what ended from {from} to {to}", self.acd));
        if let Some(beyond) = self.beyond_reach {
            let (from, to) = (time(beyond.from), time(beyond.to));
            page.mood(
                Mood::Careful,
                format!(
                    "Twilio keeps events for 30 days: from {from} to {to} only the ledger and Calabrio ONE tell"
                ),
            );
        }
        if let Some(filled) = self.filled {
            page.line(format!(
                "filled: {} legs are new, {} contacts are taken up again, {} are parked",
                filled.legs_new, filled.taken_up, filled.parked
            ));
        }
        self.legs_page(page);
        self.unexplained_page(page);
        self.contacts_page(page);
        self.recordings_page(page);
    }

    fn legs_page(&self, page: &mut Page) {
        let legs = &self.legs;
        let mut table = Table::new(["legs", "", "count"]);
        let mut row = |line: &str, what: &str, count: u64, mood: Option<Mood>| {
            let mood = mood.filter(|_| count > 0);
            table.row_with_moods([
                (line.to_owned(), mood),
                (what.to_owned(), None),
                (count.to_string(), mood),
            ]);
        };
        row("complete", "", legs.complete, Some(Mood::Good));
        for (rule, count) in &legs.excluded {
            row("excluded", rule, *count, Some(Mood::Quiet));
        }
        for (reason, count) in &legs.parked {
            row("parked", reason, *count, Some(Mood::Careful));
        }
        for (reason, count) in &legs.failed {
            row("failed", reason, *count, Some(Mood::Bad));
        }
        for (stage, count) in &legs.on_the_way {
            row("on the way", stage.as_str(), *count, None);
        }
        if legs.undiscovered > 0 {
            row("on the way", "not discovered yet", legs.undiscovered, None);
        }
        if legs.beyond_reach > 0 {
            row("beyond reach", "", legs.beyond_reach, Some(Mood::Careful));
        }
        let mood = if self.unexplained > 0 {
            Mood::Bad
        } else {
            Mood::Good
        };
        table.row_with_moods([
            ("unexplained".to_owned(), Some(mood)),
            (String::new(), None),
            (self.unexplained.to_string(), Some(mood)),
        ]);
        table.row(["all", "", &legs.total.to_string()]);
        page.table(table);
    }

    fn unexplained_page(&self, page: &mut Page) {
        let legs = &self.unexplained_legs;
        if legs.count == 0 {
            return;
        }
        page.line("").mood(Mood::Bad, "unexplained");
        let mut table = Table::new(["leg", "why", "ended", "calabrio", "advice"]);
        for leg in &legs.first {
            table.row([
                leg.leg.clone(),
                leg.why.as_str().to_owned(),
                some_time(leg.ended),
                leg.ccr.map_or_else(String::new, |ccr| ccr.to_string()),
                leg.why.advice().to_owned(),
            ]);
        }
        page.table(table);
        more(legs.more(), page);
    }

    fn contacts_page(&self, page: &mut Page) {
        let contacts = &self.contacts;
        if contacts.duplicates.count > 0 {
            page.line("").mood(
                Mood::Bad,
                "two contacts for one leg key: keep one of each, and delete the others in Calabrio ONE",
            );
            keys(&contacts.duplicates, page);
        }
        if contacts.of_no_leg.count > 0 {
            page.line("").mood(
                Mood::Careful,
                "contacts under leg keys that are no leg of this workspace: another connector's",
            );
            keys(&contacts.of_no_leg, page);
        }
        let mut note = |count: u64, what: &str| {
            if count > 0 {
                page.mood(Mood::Quiet, format!("{count} {what}"));
            }
        };
        note(
            contacts.of_unknown_legs,
            "of the unknown legs have their contact in Calabrio ONE already",
        );
        note(
            contacts.of_other_times,
            "contacts are of legs that go on, or ended outside the range",
        );
        note(contacts.of_other_acds, "contacts are of another ACD");
        note(
            contacts.synthetic,
            "contacts were made by check --live-contact",
        );
        note(contacts.unreadable, "contacts are there and cannot be read");
    }

    fn recordings_page(&self, page: &mut Page) {
        let recordings = &self.recordings;
        page.line("");
        let mut table = Table::new(["recordings", "count"]);
        for (fate, count) in &recordings.fates {
            table.row([fate.as_str().to_owned(), count.to_string()]);
        }
        table.row(["all".to_owned(), recordings.total.to_string()]);
        page.table(table);
        if recordings.deleted > 0 {
            page.line(format!(
                "{} of them are deleted at Twilio",
                recordings.deleted
            ));
        }
        if recordings.unreadable > 0 {
            page.mood(
                Mood::Careful,
                format!("{} recordings cannot be read", recordings.unreadable),
            );
        }
        if recordings.listed.count == 0 {
            return;
        }
        let mut table = Table::new([
            "recording",
            "fate",
            "began",
            "seconds",
            "source",
            "status",
            "of",
            "task",
            "leg",
        ]);
        let some = |text: Option<String>| text.unwrap_or_default();
        for line in &recordings.listed.first {
            let of = line.conference.map(|sid| sid.to_string());
            table.row([
                line.recording.to_string(),
                line.fate.as_str().to_owned(),
                some_time(line.start),
                some(line.seconds.map(|seconds| seconds.to_string())),
                some(line.source.clone()),
                line.status.clone(),
                some(of.or(line.call.map(|sid| sid.to_string()))),
                some(line.task.map(|sid| sid.to_string())),
                some(line.leg.map(|leg| leg.to_string())),
            ]);
        }
        page.table(table);
        more(recordings.listed.more(), page);
    }
}

fn keys(listed: &Listed<KeyLine>, page: &mut Page) {
    let mut table = Table::new(["leg", "began", "contacts"]);
    for line in &listed.first {
        let ids: Vec<_> = line.contacts.iter().map(CcrId::to_string).collect();
        table.row([line.leg.to_string(), some_time(line.start), ids.join(" ")]);
    }
    page.table(table);
    more(listed.more(), page);
}

fn more(count: u64, page: &mut Page) {
    if count > 0 {
        page.mood(Mood::Quiet, format!("and {count} more"));
    }
}
