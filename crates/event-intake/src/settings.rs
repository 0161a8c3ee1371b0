//! What the listener is told: plain values.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use twilio_sid::{AccountSid, WorkspaceSid};

use crate::AcdKey;

/// Where to listen, and for whom.
#[derive(Debug, Clone)]
pub struct IntakeSettings {
    /// What Twilio was given, without the ACD's path: `https://connector.example.com/twilio`. Signatures are checked over it. http is taken
    /// for a loopback host alone.
    pub public_url: String,
    /// The address. One that is not loopback needs `beyond_loopback`.
    pub listen: SocketAddr,
    /// Whether the address may be one that others can reach. The listener speaks plain HTTP.
    pub beyond_loopback: bool,
    /// The feeds, one for each ACD.
    pub feeds: Vec<FeedSettings>,
    /// Bounds.
    pub limits: Limits,
}

/// The feed of one ACD.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// How the inbox knows the ACD.
    pub acd: AcdKey,
    /// The path below the public URL, of letters, digits, `-`, `.`, `_`, `~` and `/`.
    pub path: String,
    /// The account that events must be of.
    pub account: AccountSid,
    /// The workspace that events must be of.
    pub workspace: WorkspaceSid,
    /// The account's auth tokens: one, or two while one is replaced. With them every request must be signed, but those of the
    /// `WFMWorkerChange` feed, which Twilio does not sign.
    pub auth_tokens: Vec<SecretString>,
    /// What a request that needs no signature must carry.
    pub credentials: Option<BasicCredentials>,
    /// A last part of the path that Twilio alone is told: 32 to 200 letters, digits, `-`, `.`, `_` and `~`. Nothing is taken on the path
    /// without it. Knowing it is proof enough where neither signature nor credentials are asked for.
    pub secret_path: Option<SecretString>,
}

/// A username and a password, as HTTP Basic carries them.
#[derive(Debug, Clone)]
pub struct BasicCredentials {
    /// The username, without a colon.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Bounds on what the listener takes upon itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest body, in bytes; more is answered 413. Default 1 MiB.
    pub max_body: usize,
    /// Bytes of bodies that are held at one time, over all connections. Default 64 MiB.
    pub held_bytes: usize,
    /// Connections at one time; more wait in the system's queue. Default 512.
    pub connections: usize,
    /// Requests that wait to be committed. Default 1024.
    pub queue: usize,
    /// Events that are committed together, about; a request's are never parted. Default 512.
    pub commit_events: usize,
    /// How long a commit waits for other requests that are being read. It never waits where there are none. Default 2 ms.
    pub gather: Duration,
    /// From the head of a request to its answer. Twilio waits for five seconds. Default 4 s.
    pub answer_within: Duration,
    /// How long the head of a request may take, and how long a connection may be idle. Default 10 s.
    pub head_within: Duration,
    /// How long one connection is used. Default 10 min.
    pub connection_life: Duration,
    /// What `Retry-After` says where nothing can be taken. Default 10 s.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 1 << 20,
            held_bytes: 64 << 20,
            connections: 512,
            queue: 1024,
            commit_events: 512,
            gather: Duration::from_millis(2),
            answer_within: Duration::from_secs(4),
            head_within: Duration::from_secs(10),
            connection_life: Duration::from_mins(10),
            retry_after: Duration::from_secs(10),
        }
    }
}
