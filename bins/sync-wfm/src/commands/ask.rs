//! Commands that ask and change nothing.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use command_line::exit_if;
use service_runtime::{Exit, Output, Signals, Stop, Terminal, print_report};
use sync_ledger::SubjectKind;
use wfm_pipeline::Clock;
use wfm_pipeline::report::{
    self, ActivitiesReport, AdherenceReport, Follower, PreviewReport, RosterReport,
};

use crate::cli::{Adherence, Global, OfAcd};
use crate::open;

pub(super) async fn activities(global: &Global, of: &OfAcd) -> Result<Exit> {
    let mut acds = Vec::new();
    for acd in open::asking(global, of.acd.as_deref()).await? {
        acds.push(report::activities(&acd).await?);
    }
    let found = ActivitiesReport { acds };
    global.print(&found)?;
    Ok(exit_if(found.is_sound(), Exit::CheckFailed))
}

pub(super) async fn preview(global: &Global, of: &OfAcd) -> Result<Exit> {
    let mut reports = Vec::new();
    for acd in open::asking(global, of.acd.as_deref()).await? {
        reports.extend(report::preview(&acd).await?);
        if let Some(history) = &acd.history {
            // A login that is not ended ends by itself.
            let _ = tokio::time::timeout(Duration::from_secs(5), history.insights.logout()).await;
        }
    }
    let found = PreviewReport { reports };
    global.print(&found)?;
    Ok(exit_if(found.is_sound(), Exit::CheckFailed))
}

pub(super) async fn roster(global: &Global, of: &OfAcd, kind: SubjectKind) -> Result<Exit> {
    let config = global.configuration()?;
    let chosen = super::named(&config, of.acd.as_deref())?;
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    let mut acds = Vec::new();
    for (key, name) in &chosen {
        acds.push(report::roster(&ledger, (key, name), kind).await?);
    }
    global.print(&RosterReport { kind, acds })?;
    Ok(Exit::Ok)
}

pub(super) async fn status(global: &Global) -> Result<Exit> {
    let config = global.configuration()?;
    let acds = super::named(&config, None)?;
    let (ledger, holder) = open::ledger(&config)?.beside().await?;
    let worker = holder.and_then(|holder| holder.pid);
    global.print(&report::status(&ledger, &acds, worker).await?)?;
    Ok(Exit::Ok)
}

pub(super) async fn adherence(global: &Global, asked: &Adherence) -> Result<Exit> {
    let mut followers = Vec::new();
    for acd in open::asking(global, asked.of.acd.as_deref()).await? {
        if acd.adherence.is_some() || asked.of.acd.is_some() {
            followers.push(Follower::begin(acd, Clock::real()).await?);
        }
    }
    let seen = |followers: &[Follower]| AdherenceReport {
        at: Utc::now(),
        acds: followers.iter().map(Follower::table).collect(),
    };
    if !asked.watch {
        global.print(&seen(&followers))?;
        return Ok(Exit::Ok);
    }
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let mut first = true;
    loop {
        show(global, &seen(&followers), first)?;
        first = false;
        tokio::select! {
            () = stop.requested() => return Ok(Exit::Ok),
            () = tokio::time::sleep(Duration::from_secs(asked.every)) => {}
        }
        for follower in &mut followers {
            tokio::select! {
                () = stop.requested() => return Ok(Exit::Ok),
                followed = follower.follow() => if let Err(error) = followed {
                    tracing::warn!(%error, "what happened cannot be read; it is tried again");
                },
            }
        }
    }
}

/// One value a line, or a table in the place of the one before.
fn show(global: &Global, report: &AdherenceReport, first: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if global.json {
        // As text first: whoever has read enough is an error of the output then, and of nothing else.
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        out.write_all(&line)?;
        return Ok(out.flush()?);
    }
    let terminal = Terminal::stdout();
    if terminal.is_terminal && !first {
        // Home, and what was there before is cleared.
        out.write_all(b"\x1b[H\x1b[J")?;
    } else if terminal.is_terminal {
        out.write_all(b"\x1b[2J\x1b[H")?;
    }
    Ok(print_report(report, Output::Table, terminal, &mut out)?)
}
