#![doc = include_str!("../README.md")]

mod activities;
mod activity_history;
mod agents;
mod change;
mod day;
mod error;
mod facts;
mod forget;
mod hold;
mod judge;
mod leg;
mod reason;
mod report;
mod resync;
mod rules;
mod state;
mod table;
mod time;

pub use activities::{ActivityMap, MappedBy, WorkspaceActivity};
pub use agents::{AgentStates, HoldAnswer, Settings};
pub use change::{Cause, Heard, HoldSource, StateChange};
pub use day::{DaySpan, day_spans};
pub use error::StateMappingError;
pub use reason::ReasonCode;
pub use report::{ActivityLine, ActivityReport, UnmatchedMapping};
pub use resync::{ReservationNow, Resynchronised, TaskNow, Unread, WorkerNow, WorkspaceSnapshot};
pub use rules::{ActivityMapping, ActivityRef, ActivityRule, ActivityRules};
pub use state::CalabrioState;
pub use table::{AgentRow, UntoldCall};
