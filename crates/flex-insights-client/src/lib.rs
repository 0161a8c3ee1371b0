#![doc = include_str!("../README.md")]

mod assumed;
mod client;
mod error;
mod ids;
mod report;
mod settings;
mod tokens;
mod wire;

pub use assumed::Assumptions;
pub use client::FlexInsightsClient;
pub use error::{Concern, InsightsError};
pub use ids::{ProjectId, ReportId};
pub use report::{EmptyReport, Report, ReportStream};
pub use settings::{InsightsSettings, Polling};
pub use tokens::LoginToken;
