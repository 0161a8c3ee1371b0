//! What can go wrong in the machinery around a service.

use std::net::SocketAddr;

/// Why a part of the runtime did not start or could not print.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The log directives cannot be read.
    #[error(
        "the log level {directives:?} is neither a level nor a list of directives: write one such as \"info,qm_pipeline=debug\""
    )]
    LogDirectives {
        /// What was given.
        directives: String,
    },
    /// Logging was set up before in this process.
    #[error("logging is set up already: set it up once, at the start of the process")]
    LogTwice,
    /// The process cannot be told of signals.
    #[error("stop signals cannot be received: {0}")]
    Signals(std::io::Error),
    /// The address of the listener is open to others and has no token.
    #[error(
        "{0} is not a loopback address, and there is no bearer token: set one, or listen at 127.0.0.1"
    )]
    OpenListener(SocketAddr),
    /// The address of the listener cannot be had.
    #[error(
        "{address} cannot be listened at: {source}; choose another address, or end what holds it"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A report could not be written.
    #[error("the report cannot be written: {0}")]
    Print(#[from] std::io::Error),
    /// A report could not be told as JSON.
    #[error("the report cannot be told as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
