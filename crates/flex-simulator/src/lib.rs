#![doc = include_str!("../README.md")]
mod account;
mod calabrio;
mod config_writer;
mod control;
mod faults;
pub mod floor;
mod hold;
mod http;
mod mishap;
mod options;
mod push;
pub mod scenario;
mod server;
mod simulator;
mod strict;
mod tls;
mod twilio;
mod webhooks;
mod wire;
pub mod world;

pub use account::{Account, LegAccount, SYNTHETIC_LEG, account};
pub use calabrio::{
    ReceivedAudio, ReceivedContact, ReceivedMessage, ReceivedTranscript, ScreenMessage,
};
pub use config_writer::{KeyFile, WrittenConfig};
pub use faults::{FaultLevel, FaultLevelError};
pub use hold::{Held, HoldAt};
pub use options::{SimulatorOptions, Timings};
pub use push::{PushCounts, SentEvent};
pub use simulator::{Ready, Simulator, SimulatorError};
pub use strict::Violation;
pub use webhooks::{ReceivedWebhook, WebhookAttempt};
