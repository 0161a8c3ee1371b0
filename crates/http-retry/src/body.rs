//! What a request carries.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;

use crate::Multipart;

/// Why the source of a body gave up: what the source said, carried through HTTP unchanged.
///
/// It comes back as the [`source`](Error::source) of a [`CallError`](crate::CallError), where it can be downcast. A call
/// whose body failed is not tried again.
#[derive(Debug, Clone)]
pub struct BodyError(Arc<dyn Error + Send + Sync>);

impl BodyError {
    /// Wraps what went wrong at the source.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// What went wrong, if it is of this type.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A body as it comes, piece by piece.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// What a request carries. Its length is known in every case, so it always goes with a `Content-Length`.
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes; the caller sets the `Content-Type`.
    Bytes(Bytes),
    /// Pairs as `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// Parts as `multipart/form-data`.
    Multipart(Multipart),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Form(pairs) => {
                f.write_str("Form")?;
                f.debug_list()
                    .entries(pairs.iter().map(|(name, _)| name))
                    .finish()
            }
            Self::Multipart(multipart) => multipart.fmt(f),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Multipart> for Body {
    fn from(multipart: Multipart) -> Self {
        Self::Multipart(multipart)
    }
}

/// A declared length and what the source really gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body was declared with {declared} bytes, but its source gave {given}")]
pub(crate) struct WrongLength {
    pub(crate) declared: u64,
    /// At least so many, where the source gave too many.
    pub(crate) given: u64,
}

/// When a body last moved, in milliseconds since `start`; shared between the sender and its deadline.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    start: Instant,
    last: Arc<AtomicU64>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            last: Arc::new(AtomicU64::new(0)),
        }
    }

    fn mark(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    pub(crate) fn last(&self) -> Instant {
        self.start + std::time::Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

/// Holds a stream to its declared length, and marks when it moves.
pub(crate) struct Measured {
    pub(crate) stream: BodyStream,
    pub(crate) declared: u64,
    pub(crate) given: u64,
    pub(crate) progress: Progress,
}

impl Stream for Measured {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.progress.mark();
        let wrong = |given| {
            Poll::Ready(Some(Err(BodyError::new(WrongLength {
                declared: this.declared,
                given,
            }))))
        };
        match this.stream.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                this.given = this.given.saturating_add(bytes.len() as u64);
                if this.given > this.declared {
                    wrong(this.given)
                } else {
                    Poll::Ready(Some(Ok(bytes)))
                }
            }
            Poll::Ready(None) if this.given < this.declared => {
                let given = this.given;
                // Said once; the transport does not poll again after an error.
                this.given = this.declared;
                wrong(given)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    async fn run(declared: u64, pieces: &[&'static str]) -> Result<Vec<Bytes>, String> {
        let pieces: Vec<Result<Bytes, BodyError>> = pieces
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
            .collect();
        let measured = Measured {
            stream: Box::pin(stream::iter(pieces)),
            declared,
            given: 0,
            progress: Progress::new(),
        };
        measured
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_source_that_keeps_its_word_passes() {
        assert_eq!(
            run(6, &["abc", "", "def"]).await.unwrap().concat(),
            b"abcdef"
        );
    }

    #[tokio::test]
    async fn a_source_that_gives_too_little_or_too_much_is_an_error() {
        assert_eq!(
            run(7, &["abc", "def"]).await.unwrap_err(),
            "the body was declared with 7 bytes, but its source gave 6"
        );
        assert_eq!(
            run(5, &["abc", "def"]).await.unwrap_err(),
            "the body was declared with 5 bytes, but its source gave 6"
        );
    }

    #[test]
    fn printing_a_body_shows_no_content() {
        let form = Body::Form(vec![("password".to_owned(), "hunter2".to_owned())]);
        assert_eq!(format!("{form:?}"), "Form[\"password\"]");
        assert_eq!(
            format!("{:?}", Body::from(Bytes::from_static(b"hunter2"))),
            "Bytes(7 bytes)"
        );
        assert_eq!(format!("{:?}", Body::Empty), "Empty");
    }
}
