//! What the tests share: people by name and SID, and a way from text to items.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests are tests, and each of them uses some"
)]

use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{
    History, HistoryError, IntervalRow, Item, Report, ReportConfig, ReportRules, Resolution,
    Resolver, Summary, Tally,
};

pub(crate) const ADA: &str = "WK000000000000000000000000000000a1";
pub(crate) const BILLING: &str = "WQ00000000000000000000000000000011";

/// Those of the fixtures, and two people called Sam.
#[derive(Clone, Copy)]
pub(crate) struct People;

impl Resolver for People {
    fn agent(&self, name: &str) -> Resolution<WorkerSid> {
        let sid = |n: u8| format!("WK{n:032x}").parse().unwrap();
        match name {
            "Ada Lovelace" | "Ada King" => Resolution::Known(sid(0xa1)),
            "Grace, Hopper" => Resolution::Known(sid(0xb2)),
            "Joan \"JC\" Clarke" => Resolution::Known(sid(0xc3)),
            "Sam" => Resolution::Ambiguous(vec![sid(0xd4), sid(0xd5)]),
            _ => Resolution::Unknown,
        }
    }

    fn queue(&self, name: &str) -> Resolution<TaskQueueSid> {
        let sid = |n: u8| format!("WQ{n:032x}").parse().unwrap();
        match name {
            "Billing" => Resolution::Known(sid(0x11)),
            "Sales & Süd" => Resolution::Known(sid(0x22)),
            _ => Resolution::Unknown,
        }
    }

    fn has_agent(&self, sid: &WorkerSid) -> bool {
        !sid.as_str().ends_with("ff")
    }

    fn has_queue(&self, sid: &TaskQueueSid) -> bool {
        !sid.as_str().ends_with("ff")
    }
}

pub(crate) fn config() -> ReportConfig {
    ReportConfig {
        service_queue: true,
        ..ReportConfig::default()
    }
}

pub(crate) fn rules(report: Report, config: &ReportConfig, zone: &str) -> ReportRules {
    ReportRules::new(report, config, zone.parse().unwrap(), std::env::temp_dir()).unwrap()
}

pub(crate) struct Found {
    pub(crate) summary: Summary,
    pub(crate) items: Vec<Item>,
    pub(crate) tally: Tally,
}

impl Found {
    pub(crate) fn intervals(&self) -> Vec<IntervalRow> {
        let interval = |item: &Item| match item {
            Item::Interval(row) => Some(*row),
            _ => None,
        };
        self.items.iter().filter_map(interval).collect()
    }

    /// Interval and sum of one measure of each item that can be delivered.
    pub(crate) fn shown(&self, measure: wfm_history::Measure) -> Vec<(String, u64)> {
        let show = |row: IntervalRow| (row.key.interval.to_string(), row.values.get(measure));
        self.intervals().into_iter().map(show).collect()
    }
}

pub(crate) fn try_read(rules: ReportRules, text: impl AsRef<[u8]>) -> Result<Found, HistoryError> {
    let mut history = History::new(rules, People);
    history.push(text.as_ref())?;
    let (summary, mut intervals) = history.finish()?;
    let items = intervals.by_ref().collect::<Result<_, _>>()?;
    Ok(Found {
        summary,
        items,
        tally: *intervals.tally(),
    })
}

pub(crate) fn read(
    report: Report,
    config: &ReportConfig,
    zone: &str,
    text: impl AsRef<[u8]>,
) -> Found {
    try_read(rules(report, config, zone), text).unwrap()
}

/// An agent report in Berlin, of rows after the usual header.
pub(crate) fn berlin(rows: &str) -> Found {
    read(
        Report::AgentProductivity,
        &config(),
        "Europe/Berlin",
        agent_report(rows),
    )
}

pub(crate) fn agent_report(rows: &str) -> String {
    format!("Date,Time,Agent SID,Queue SID,Kind,Activity,Activity Time,Talk Time\n{rows}")
}
