#![doc = include_str!("../README.md")]

mod calabrio;
mod clients;
mod insights;
mod offline;
mod report;
mod run;
mod twilio;
mod webhook;
mod wfm;
mod wfm_clients;

pub use calabrio::check_fields;
pub use clients::{Clients, ClientsError, Connector};
pub use offline::webhook_secrets;
pub use report::{CheckReport, CheckRow, Question, Status};
pub use run::{CheckSettings, check, check_configuration, check_offline};
pub use wfm::check_wfm;
pub use wfm_clients::{DropFolder, WfmClients, WfmEndpoint};
