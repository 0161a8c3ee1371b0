#![doc = include_str!("../README.md")]

mod access;
mod client;
mod contact;
mod content;
mod contract;
mod cookies;
mod error;
mod exchange;
mod import;
mod metadata;
mod observe;
mod once;
mod people;
mod person;
mod read;
mod screen_recording;
mod search;
mod session;
mod settings;
mod survey;
mod synthetic;
#[cfg(test)]
mod testing;
mod text;
mod value;

pub use access::{Access, Permission};
pub use client::CalabrioClient;
pub use contact::{CalabrioContact, ContactKind, ContactState};
pub use content::{Audio, Content, TextContent};
pub use contract::{
    AnswersContract, Assumption, Contract, ContractFault, DurationUnit, ErrorInSuccess, Grade,
    ImportContract, MetadataContract, Observation, PageEnd, PeopleContract,
    ScreenRecordingContract, SearchContract, SessionContract, StateContract, TimeFormat,
    assumptions,
};
pub use error::CalabrioError;
pub use import::{ContactImport, ImportOutcome};
pub use metadata::{MetadataField, MetadataFieldKind};
pub use observe::Observed;
pub use people::PersonOutcome;
pub use person::{NewPerson, People, Person, PersonId};
pub use screen_recording::{RecordingMessage, RecordingVerb};
pub use search::SearchWindow;
pub use session::OpenSession;
pub use settings::{CalabrioLimits, CalabrioSettings};
pub use survey::{Sighting, Survey};
pub use text::StoredText;
