#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(all(feature = "file", feature = "http")),
    allow(
        dead_code,
        reason = "settings are checked whole, whichever transport is left out"
    )
)]

mod assumptions;
mod contract;
mod error;
mod field;
mod layout;
mod merge;
mod newest;
mod outcome;
mod pattern;
mod roster;
mod roster_layout;
mod sink;
mod when;

#[cfg(feature = "http")]
mod access;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "http")]
mod http;

pub use assumptions::{Assumption, Grade, assumptions};
pub use contract::{
    AccessKind, AnswersContract, DeliveryContract, DurationUnit, ErrorInSuccess, FileContract,
    FilesContract, HttpContract, LineEnd, PathContract, Quote, RepeatedHour, ValuesContract,
};
pub use error::{ContractFault, DeliveryError};
pub use newest::NewestStates;
pub use outcome::{Outcome, Part, Receipt, Refusal, RowRefusal, VendorText};
pub use roster::{RosterAgent, RosterBatch, RosterKind, RosterQueue, RosterRow, RosterSink};
pub use sink::{
    Delivering, FirstOrAgain, HistoryBatch, HistoryRow, HistorySink, StateBatch, StateSink,
};

#[cfg(feature = "http")]
pub use access::{HttpAccess, NoSession, Opening, SessionCookie, Sessions};
#[cfg(feature = "file")]
pub use file::{Fate, HistoryFiles, RosterFiles, StateFiles, probe_folder};
#[cfg(feature = "http")]
pub use http::{HistoryHttp, Probed, RosterHttp, StateHttp, probe};
