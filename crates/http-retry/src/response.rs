//! What came back.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use crate::error::{Cause, Failure, Scene, plain};
use crate::{CallError, Outcome, SafeUrl, StopReason};

/// Headers in which vendors give the id of a request, in the order in which they are asked.
const REQUEST_ID: [&str; 4] = [
    "twilio-request-id",
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
];

/// An answer whose body is still on its way. It holds its slot under the concurrency limit until the body is read to its end, breaks
/// off, or the answer is dropped; dropping it early closes the connection.
pub struct Response {
    pub(crate) inner: reqwest::Response,
    pub(crate) slot: Option<OwnedSemaphorePermit>,
    pub(crate) idle: Duration,
    pub(crate) scene: Scene,
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.inner.status().as_u16()
    }

    /// A header's value, if it is there and is text; the name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.inner.headers(), name)
    }

    /// All values of a header, in the order in which they came.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        header_all(self.inner.headers(), name)
    }

    /// The length that the server announced, in bytes.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")
            .and_then(|text| text.parse().ok())
    }

    /// Whether the end of the body can be told from a connection that broke: the answer announces a length or comes in pieces, or
    /// HTTP/2 frames it. Where it cannot, an end of the body proves nothing.
    pub fn has_own_end(&self) -> bool {
        self.content_length().is_some()
            || self
                .header("transfer-encoding")
                .is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"))
            || self.inner.version() >= reqwest::Version::HTTP_2
    }

    /// The vendor's id of the request.
    pub fn request_id(&self) -> Option<String> {
        request_id(self.inner.headers())
    }

    /// The URL that answered.
    pub fn url(&self) -> &SafeUrl {
        &self.scene.url
    }

    /// The next piece of the body, `None` at its end. Cancel-safe.
    ///
    /// Fails if no piece comes within the idle deadline, or if the body breaks off before its announced length.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        match self.chunk().await {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => {
                self.slot = None;
                Ok(None)
            }
            Err(failure) => {
                self.slot = None;
                Err(CallError::new(
                    self.scene.clone(),
                    StopReason::NotRetryable,
                    failure,
                ))
            }
        }
    }

    /// The body as a stream of its pieces; it ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, CallError>> + Send + 'static {
        futures_util::stream::unfold(Some(self), |response| async move {
            let mut response = response?;
            match response.next_chunk().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(response))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// The whole body; one of more than `limit` bytes is an error.
    pub async fn collect(self, limit: usize) -> Result<Fetched, CallError> {
        let scene = self.scene.clone();
        self.fetched(limit)
            .await
            .map_err(|failure| CallError::new(scene, StopReason::NotRetryable, failure))
    }

    /// The whole body, read as JSON.
    ///
    /// It is not tried again; [`HttpClient::fetch_json`](crate::HttpClient::fetch_json) does that.
    pub async fn json<T: DeserializeOwned>(self, limit: usize) -> Result<T, CallError> {
        let scene = self.scene.clone();
        let fetched = self.collect(limit).await?;
        fetched
            .json()
            .map_err(|unfit| CallError::new(scene, StopReason::NotRetryable, unfit.into()))
    }

    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout(self.idle, self.inner.chunk()).await {
            Err(_) => Err(Failure::deadline("data", self.idle)),
            Ok(Err(error)) => Err(crate::client::transport_failure(error)),
            Ok(Ok(chunk)) => Ok(chunk),
        }
    }

    pub(crate) async fn fetched(mut self, limit: usize) -> Result<Fetched, Failure> {
        let too_large = || {
            Failure::new(
                Outcome::UnfitAnswer { passing: false },
                Cause::TooLarge { limit },
            )
        };
        if self
            .content_length()
            .is_some_and(|length| length > limit as u64)
        {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            status: self.status(),
            headers: self.inner.headers().clone(),
            body: body.freeze(),
        })
    }

    /// The beginning of an error answer, as far as it comes; its loss is no error of its own.
    pub(crate) async fn beginning(mut self, limit: usize) -> Bytes {
        let mut body = BytesMut::new();
        while body.len() < limit {
            match self.chunk().await {
                Ok(Some(chunk)) => {
                    body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
                }
                Ok(None) | Err(_) => break,
            }
        }
        body.freeze()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} from {})", self.status(), self.scene.url)
    }
}

/// An answer whose body is here.
#[derive(Clone)]
pub struct Fetched {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Bytes,
}

impl Fetched {
    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header's value, if it is there and is text; the name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// All values of a header, in the order in which they came.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        header_all(&self.headers, name)
    }

    /// The vendor's id of the request.
    pub fn request_id(&self) -> Option<String> {
        request_id(&self.headers)
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body, read as JSON. The error tells place and kind of the fault, never the content.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Unfit> {
        let first = self
            .body
            .iter()
            .copied()
            .find(|byte| !byte.is_ascii_whitespace());
        match first {
            None => {
                return Err(Unfit::passing(
                    "the answer is empty where JSON was expected",
                ));
            }
            Some(b'<') => {
                return Err(Unfit::passing(
                    "the answer is HTML or XML where JSON was expected",
                ));
            }
            Some(_) => {}
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            match error.classify() {
                serde_json::error::Category::Data => Unfit::lasting(format!(
                    "the answer's JSON has an unexpected shape at {place}"
                )),
                serde_json::error::Category::Eof => {
                    Unfit::passing(format!("the answer's JSON is cut short at {place}"))
                }
                _ => Unfit::passing(format!("the answer is not JSON at {place}")),
            }
        })
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetched({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why a whole answer does not serve. The reason goes into errors, so it must hold no content of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    reason: String,
    passing: bool,
}

impl Unfit {
    /// Another attempt may bring a better answer: a gateway's page, an answer cut short.
    pub fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            passing: true,
        }
    }

    /// Another attempt would bring the same.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            passing: false,
        }
    }

    /// Whether another attempt may bring a better answer.
    pub fn is_passing(&self) -> bool {
        self.passing
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        Self::new(
            Outcome::UnfitAnswer {
                passing: unfit.passing,
            },
            Cause::Unfit(unfit.reason),
        )
    }
}

fn header<'a>(headers: &'a reqwest::header::HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn header_all<'a>(headers: &'a reqwest::header::HeaderMap, name: &str) -> Vec<&'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect()
}

pub(crate) fn request_id(headers: &reqwest::header::HeaderMap) -> Option<String> {
    REQUEST_ID
        .iter()
        .find_map(|name| plain(header(headers, name)?))
}
