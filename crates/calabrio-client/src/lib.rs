#![doc = include_str!("../README.md")]

mod access;
mod client;
mod contact;
mod contract;
mod cookies;
mod error;
mod exchange;
mod import;
mod metadata;
mod search;
mod session;
mod settings;
#[cfg(test)]
mod testing;
mod value;

pub use access::{Access, Permission};
pub use client::CalabrioClient;
pub use contact::{CalabrioContact, ContactState};
pub use contract::{
    AnswersContract, Assumption, Contract, ContractFault, DurationUnit, ErrorInSuccess, Grade,
    ImportContract, MetadataContract, PageEnd, SearchContract, SessionContract, StateContract,
    TimeFormat, assumptions,
};
pub use error::CalabrioError;
pub use import::{Audio, ContactImport, ImportOutcome};
pub use metadata::{MetadataField, MetadataFieldKind};
pub use search::SearchWindow;
pub use settings::{CalabrioLimits, CalabrioSettings};
