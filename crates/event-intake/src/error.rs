//! Why the listener does not listen.

use std::net::SocketAddr;

use flex_events::SignatureError;

use crate::AcdKey;

/// Why the listener could not start, or ended without being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// The public URL is none that Twilio could be given.
    #[error("the public URL for pushed events {problem}")]
    PublicUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is nobody to listen for.
    #[error("no ACD is to receive pushed events; leave the listener out, or name one")]
    NoFeed,
    /// A feed's path cannot be part of a URL as it is.
    #[error("the path for pushed events of {acd} {problem}")]
    Path {
        /// The ACD.
        acd: AcdKey,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two feeds could be meant by one path.
    #[error(
        "{first} and {second} would receive pushed events under one path; give one of them another"
    )]
    SamePath {
        /// One of the ACDs.
        first: AcdKey,
        /// The other.
        second: AcdKey,
    },
    /// Nothing would tell a feed's events from anybody else's.
    #[error(
        "pushed events of {acd} could not be told from forged ones; give its auth token, a username and password, or a secret path"
    )]
    Unauthenticated {
        /// The ACD.
        acd: AcdKey,
    },
    /// A feed's signatures cannot be checked.
    #[error("signatures of pushed events of {acd} cannot be checked: {source}")]
    Signature {
        /// The ACD.
        acd: AcdKey,
        /// Why.
        source: SignatureError,
    },
    /// The address can be reached from elsewhere, and nobody said that it may.
    #[error(
        "the listener for pushed events would be open to the network at {0} and speaks plain HTTP; listen on 127.0.0.1 behind a TLS proxy, or allow it"
    )]
    OpenListener(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen for pushed events on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// What commits events has ended; nothing more can be accepted.
    #[error("committing pushed events ended unexpectedly; start again, and report it")]
    CommitterEnded,
}
