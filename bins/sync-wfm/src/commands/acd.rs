//! `acd`: list and remove ACDs of the ledger.

use anyhow::Result;
use command_line::{KnownAcd, KnownAcds, Told};
use connector_config::Config;
use contact_model::AcdKey;
use serde::Serialize;
use service_runtime::{Exit, Mood, Page, Report};
use sync_ledger::{
    AcdStore as _, IntervalStore as _, RosterStore as _, RowState, SqliteLedger, SubjectKind,
};

use crate::cli::{Acds, Global, RemoveAcd};
use crate::open;

/// Every ACD that the configuration or the ledger knows.
#[derive(Debug, Serialize)]
struct AcdList {
    acds: Vec<AcdLine>,
    #[serde(skip)]
    known: KnownAcds,
}

/// An ACD, and what the ledger has of it.
#[derive(Debug, Clone, Serialize)]
struct AcdLine {
    name: String,
    key: AcdKey,
    configured: bool,
    in_ledger: bool,
    agents: usize,
    queues: usize,
    waiting_intervals: u64,
}

impl AcdList {
    async fn read(ledger: &SqliteLedger, config: &Config) -> Result<Self> {
        let known = KnownAcds::read(ledger, open::acds(config, None)?).await?;
        let mut acds = Vec::new();
        for acd in &known.acds {
            acds.push(AcdLine::read(ledger, acd).await?);
        }
        Ok(Self { acds, known })
    }

    fn line(&self, key: &AcdKey) -> Option<&AcdLine> {
        self.acds.iter().find(|line| line.key == *key)
    }
}

impl AcdLine {
    async fn read(ledger: &SqliteLedger, acd: &KnownAcd) -> Result<Self> {
        let rows = ledger.row_counts(&acd.key).await?;
        let waiting = rows.iter().filter(|row| row.state == RowState::Waiting);
        Ok(Self {
            name: acd.name.clone(),
            key: acd.key.clone(),
            configured: acd.configured,
            in_ledger: acd.in_ledger,
            agents: ledger.roster(&acd.key, SubjectKind::Agent).await?.len(),
            queues: ledger.roster(&acd.key, SubjectKind::Queue).await?.len(),
            waiting_intervals: waiting.map(|row| row.rows).sum(),
        })
    }
}

impl Report for AcdList {
    fn page(&self, page: &mut Page) {
        let columns = ["agents", "queues", "intervals that wait"];
        let table = self.known.table(columns, |acd| match self.line(&acd.key) {
            Some(line) => [
                line.agents.to_string(),
                line.queues.to_string(),
                line.waiting_intervals.to_string(),
            ],
            None => Default::default(),
        });
        page.table(table);
    }
}

/// What was removed.
#[derive(Debug, Serialize)]
struct RemovalReport {
    acd: AcdLine,
}

impl Report for RemovalReport {
    fn page(&self, page: &mut Page) {
        let acd = &self.acd;
        page.line(format!(
            "removed {} ({}): {} agents and {} queues with their names, what was delivered of its intervals, and {} intervals that waited",
            acd.name, acd.key, acd.agents, acd.queues, acd.waiting_intervals
        ));
        page.mood(
            Mood::Quiet,
            "what is at Twilio and in Calabrio ONE stays there",
        );
        if acd.configured {
            page.mood(
                Mood::Careful,
                "the configuration still names this ACD: the next run tells Calabrio ONE of all agents, queues and intervals anew",
            );
        }
    }
}

pub(super) async fn acd(global: &Global, asked: Acds) -> Result<Exit> {
    match asked {
        Acds::List => {
            let config = global.configuration()?;
            let (ledger, _) = open::ledger(&config)?.beside().await?;
            global.print(&AcdList::read(&ledger, &config).await?)?;
            Ok(Exit::Ok)
        }
        Acds::Remove(asked) => remove(global, &asked).await,
    }
}

async fn remove(global: &Global, asked: &RemoveAcd) -> Result<Exit> {
    let config = global.configuration()?;
    // A worker would go on writing for the ACD.
    let ledger = open::ledger(&config)?.alone().await?;
    let known = KnownAcds::read(&ledger, open::acds(&config, None)?).await?;
    let acd = AcdLine::read(&ledger, known.find(&asked.acd)?).await?;
    if acd.waiting_intervals > 0 && !asked.with_unfinished {
        return Err(Told::failure(
            format!(
                "{} intervals of {} wait to be delivered: nothing was removed",
                acd.waiting_intervals, acd.name
            ),
            "let sync-wfm run deliver them, or add --with-unfinished",
        )
        .into());
    }
    let question = format!(
        "Everything that the ledger has of {} ({}) is to be removed: {} agents and {} queues with their names, what was delivered of its intervals, and {} intervals that wait.",
        acd.name, acd.key, acd.agents, acd.queues, acd.waiting_intervals
    );
    command_line::demand(asked.consent, &question)?;
    // There are no contacts in this ledger.
    ledger.remove(&acd.key, false).await?;
    ledger.close().await;
    global.print(&RemovalReport { acd })?;
    Ok(Exit::Ok)
}
