//! What a simulated vendor sees of a request and gives back: no sockets, no hyper types, so that both vendors' handlers
//! are plain functions.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method};
use serde::Serialize;

use crate::strict::Violations;

/// A request as a vendor's handler sees it, its (small) body read whole.
#[derive(Debug, Clone)]
pub(crate) struct Inbound {
    /// The request's method.
    pub method: Method,
    /// Path below the vendor's host, with a leading slash, percent-decoded, without the segment that named the host.
    pub path: String,
    /// Query parameters in order, percent-decoded; a parameter may stand several times.
    pub query: Vec<(String, String)>,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The body; bounded. The Calabrio upload never comes this way, it is streamed.
    pub body: Bytes,
    /// What a link in an answer starts with so that it leads back the way the request came, for this request's own host: scheme,
    /// authority and, where the host was named by the first path segment, that segment; no slash at the end.
    pub link_base: String,
    /// What links to other hosts start with: scheme and authority of the listener, no slash at the end.
    pub root: String,
    /// Whether the vendor's host was named by the first path segment (and not by the `Host` header).
    pub by_segment: bool,
}

impl Inbound {
    /// The first value of the query parameter `name`.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A header's value, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The path's segments, without the empty one before the leading slash.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.trim_start_matches('/').split('/').collect()
    }

    /// What a link to another simulated host starts with, leading back the way this request came: by first segment where this
    /// request named its host so, else `https://host` as the vendor itself would write it.
    pub(crate) fn link_to(&self, host: &str) -> String {
        if self.by_segment {
            format!("{}/{host}", self.root)
        } else {
            let scheme = self.root.split("://").next().unwrap_or("https");
            format!("{scheme}://{host}")
        }
    }
}

/// A body that is produced while it is sent.
pub(crate) type Chunks = Box<dyn Iterator<Item = Bytes> + Send>;

/// The body of an answer.
pub(crate) enum OutBody {
    /// A body at hand.
    Bytes(Bytes),
    /// A body made piece by piece; the pieces together are exactly `length` bytes.
    Stream {
        /// Length in bytes, told in `Content-Length`.
        length: u64,
        /// The pieces.
        chunks: Chunks,
    },
}

/// An answer.
pub(crate) struct Outbound {
    /// HTTP status.
    pub status: u16,
    /// Headers beside `Content-Length`, which the server writes.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: OutBody,
}

impl Outbound {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: OutBody::Bytes(Bytes::new()),
        }
    }

    /// A JSON answer. A value that cannot be serialized is answered as a 500, which a test then sees.
    pub(crate) fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status,
                headers: vec![(
                    "content-type".to_owned(),
                    "application/json; charset=utf-8".to_owned(),
                )],
                body: OutBody::Bytes(body.into()),
            },
            Err(_) => Self::empty(500),
        }
    }

    /// A text answer of the content type given.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: OutBody::Bytes(body.into()),
        }
    }

    /// A streamed answer of the content type and length given.
    pub(crate) fn stream(status: u16, content_type: &str, length: u64, chunks: Chunks) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: OutBody::Stream { length, chunks },
        }
    }

    /// The same answer with one more header.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What a handler is given beside the request.
#[derive(Debug, Clone)]
pub(crate) struct Ctx {
    /// The time of the request.
    pub now: DateTime<Utc>,
    clock: DateTime<Utc>,
    violations: Arc<Violations>,
    subject: String,
}

impl Ctx {
    /// A context for one request; `subject` names it in violations, without its query's values.
    pub(crate) fn new(now: DateTime<Utc>, violations: Arc<Violations>, subject: String) -> Self {
        Self {
            now,
            clock: now,
            violations,
            subject,
        }
    }

    /// The time of the request by the clock of what is simulated, which may run faster.
    pub(crate) fn clock(&self) -> DateTime<Utc> {
        self.clock
    }

    /// The same by another clock.
    pub(crate) fn by(self, clock: DateTime<Utc>) -> Self {
        Self { clock, ..self }
    }

    /// Remembers that the request lies outside the documented surface, and says whether it is therefore to be refused.
    pub(crate) fn violation(&self, text: impl Into<String>) -> bool {
        self.violations
            .remember(self.now, self.subject.clone(), text.into());
        self.violations.strict()
    }
}
