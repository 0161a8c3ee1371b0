//! What commands tell, and what they do beside the worker. Every function gives one serializable value, so that a table and
//! JSON are two prints of the same.
//!
//! But for [`export`], nothing here holds an attribute, a name or a number of a customer: SIDs, times, stages and reasons only.
//! [`agents`] holds the names of agents.

pub mod agents;
mod backfill;
mod contacts;
pub mod erasure;
mod error;
pub mod export;
mod fields;
mod keys;
pub mod live_contact;
mod names;
mod page;
pub mod reconcile;
mod retry;
mod status;
pub mod webhooks;

#[cfg(test)]
mod fixture;

pub use backfill::{
    BackfillLine, BackfillOutcome, BackfillPlan, BackfillPlans, RangeNote, backfill_line,
    check_range, plan_backfill,
};
pub use contacts::{
    ContactLine, ContactList, ContactQuery, ContactReport, DetailsState, PieceLine, Step, contact,
    contacts,
};
pub use error::ReportError;
pub use fields::{FieldLine, FieldUse, FieldsReport, TenantFields, fields};
pub use keys::{
    KeyLine, KeyMatch, KeyVerdict, KeysReport, KeysVerified, RingFault, TwilioKeys, keys,
    verify_keys,
};
pub use names::AcdNames;
pub use retry::{
    Retried, RetryReport, Selection, Skipped, retry_leg, retry_parked, retry_those, wish_retry,
};
pub use status::{
    AcdStatus, DeletionLine, DiscoveryStatus, HeldSourceLine, HeldSources, ReasonLine,
    StatusReport, WaitLine, WishLine, WorkerStatus, status,
};
