//! A ledger with contacts in it, and a configuration, for the tests of reports.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use connector_config::Config;
use contact_model::{
    Channel, Contact, Direction, Discovered, Leg, LegId, LegTimes, ParkReason, Stage,
};
use sync_ledger::{
    AcdStore as _, Advance, CursorId, CursorStore as _, NewLeg, Schedule, SqliteLedger,
    SqliteOptions, WorkerLock, keep,
};

use super::AcdNames;
use crate::runner::EVENTS_STREAM;

/// A ledger in a directory of its own.
pub(super) struct Fixture {
    pub(super) ledger: SqliteLedger,
    pub(super) config: Config,
    pub(super) names: AcdNames,
    _directory: tempfile::TempDir,
}

/// When everything happened.
pub(super) fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_020, 0).unwrap() + TimeDelta::minutes(minute)
}

/// A leg by number.
pub(super) fn leg(number: u32) -> LegId {
    format!("WR{number:032}").parse().unwrap()
}

/// A configuration of one ACD, `main`.
pub(super) fn config() -> Config {
    let text = connector_config::COMMENTED_FILE
        .replace(
            "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            &format!("AC{:032}", 1),
        )
        .replace(
            "WSxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            &format!("WS{:032}", 1),
        );
    Config::parse(&text, Path::new("connector.toml")).unwrap()
}

impl Fixture {
    /// A ledger with contacts in these stages; leg numbers count from 1 and each ended a minute after the one before.
    pub(super) async fn new(stages: Vec<Stage>) -> Self {
        let (directory, config) = (tempfile::tempdir().unwrap(), config());
        let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
        let ledger = SqliteLedger::open(lock, SqliteOptions::default())
            .await
            .unwrap();
        let acd = config.acds[0].key();
        ledger.register(&acd, "main").await.unwrap();
        let legs = (1..).zip(stages).map(|(number, stage)| NewLeg {
            contact: Contact {
                leg: Leg {
                    acd: acd.clone(),
                    id: leg(number),
                    task: format!("WT{number:032}").parse().unwrap(),
                    worker: format!("WK{:032}", number % 2).parse().unwrap(),
                    queue: None,
                    workflow: None,
                    channel: Channel::Voice,
                    direction: Some(Direction::Inbound),
                    session: Some("one-interaction".parse().unwrap()),
                    times: LegTimes {
                        accepted: Some(at(i64::from(number) - 1)),
                        wrapup: Some(at(i64::from(number))),
                        ended: Some(at(i64::from(number))),
                        task_ended: None,
                    },
                    hold: None,
                },
                stage,
            },
            details: None,
            schedule: Schedule::at(at(60)),
        });
        let step = Advance {
            cursor: CursorId::Live {
                acd: acd.clone(),
                stream: EVENTS_STREAM.to_owned(),
            },
            from: None,
            to: at(30),
            legs: legs.collect(),
            at: at(31),
        };
        ledger.advance(step, &keep).await.unwrap();
        let names = AcdNames::read(&ledger, &config).await.unwrap();
        Self {
            ledger,
            config,
            names,
            _directory: directory,
        }
    }
}

/// A contact that was just discovered.
pub(super) fn discovered() -> Stage {
    Stage::Discovered(Discovered { at: at(31) })
}

/// One that was set aside.
pub(super) fn parked(reason: ParkReason) -> Stage {
    Stage::Parked(discovered().park(reason, at(32)).unwrap())
}

/// One that a rule left out.
pub(super) fn excluded() -> Stage {
    Stage::Excluded(Discovered { at: at(31) }.exclude("test calls", at(32)))
}
