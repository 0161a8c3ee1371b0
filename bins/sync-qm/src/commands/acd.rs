//! `acd`: list and remove ACDs of the ledger.

use anyhow::Result;
use command_line::{KnownAcd, KnownAcds};
use serde::Serialize;
use service_runtime::{Exit, Mood, Page, Report};
use sync_ledger::{AcdStore as _, RemovedAcd};

use crate::cli::{Acds, Global, RemoveAcd};
use crate::open;

/// Every ACD, with its contacts.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct AcdList(KnownAcds);

impl Report for AcdList {
    fn page(&self, page: &mut Page) {
        let unfinished = |acd: &KnownAcd| [acd.unfinished.to_string()];
        page.table(self.0.table(["unfinished contacts"], unfinished));
    }
}

/// What was removed.
#[derive(Debug, Serialize)]
struct RemovalReport {
    acd: KnownAcd,
    removed: RemovedAcd,
}

impl Report for RemovalReport {
    fn page(&self, page: &mut Page) {
        let RemovedAcd {
            contacts,
            unfinished,
            messages,
            events,
        } = self.removed;
        page.line(format!(
            "removed {} ({}): {contacts} contacts, of which {unfinished} were not finished; {messages} webhook messages; {events} pushed events",
            self.acd.name, self.acd.key
        ));
        page.mood(
            Mood::Quiet,
            "what is at Twilio and in Calabrio ONE stays there",
        );
        if self.acd.configured {
            page.mood(
                Mood::Careful,
                "the configuration still names this ACD: the next run begins it anew, at discover_from",
            );
        }
    }
}

pub(super) async fn acd(global: &Global, asked: Acds) -> Result<Exit> {
    match asked {
        Acds::List => {
            let config = global.configuration()?;
            let (ledger, _) = open::ledger(&config)?.beside().await?;
            let acds = KnownAcds::read(&ledger, &config.acds).await?;
            global.print(&AcdList(acds))?;
            Ok(Exit::Ok)
        }
        Acds::Remove(asked) => remove(global, &asked).await,
    }
}

async fn remove(global: &Global, asked: &RemoveAcd) -> Result<Exit> {
    let config = global.configuration()?;
    // A worker would go on writing for the ACD.
    let ledger = open::ledger(&config)?.alone().await?;
    let acds = KnownAcds::read(&ledger, &config.acds).await?;
    let acd = acds.find(&asked.acd)?;
    let unfinished = match acd.unfinished {
        0 => String::new(),
        number if asked.with_unfinished => format!(", {number} of them not finished"),
        // Refused below, and without a question.
        _ => String::new(),
    };
    if acd.unfinished == 0 || asked.with_unfinished {
        command_line::demand(
            asked.consent,
            &format!(
                "Everything that the ledger has of {} ({}) is to be removed: its contacts{unfinished}, webhooks, cursors.",
                acd.name, acd.key
            ),
        )?;
    }
    let removed = ledger.remove(&acd.key, asked.with_unfinished).await?;
    ledger.close().await;
    global.print(&RemovalReport {
        acd: acd.clone(),
        removed,
    })?;
    Ok(Exit::Ok)
}
