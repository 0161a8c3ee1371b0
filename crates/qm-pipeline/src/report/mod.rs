//! What commands tell, and what they do beside the worker. Every function gives one serializable value, so that a table and
//! JSON are two prints of the same.
//!
//! Nothing here holds an attribute, a name or a number of a customer: SIDs, times, stages and reasons only.

mod backfill;
mod contacts;
mod error;
pub mod events;
mod fields;
mod keys;
mod names;
mod page;
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
pub use retry::{Retried, RetryReport, Selection, Skipped, retry_leg, retry_parked, wish_retry};
pub use status::{
    AcdStatus, DeletionLine, DiscoveryStatus, ReasonLine, ReconciledLine, StatusReport, WishLine,
    WorkerStatus, status,
};
