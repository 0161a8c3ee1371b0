//! What a request is told.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::Outcome;

/// An answer that is not yet one of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What a sink wants to hear.
    Ok,
    /// What a callback wants to hear.
    NoContent,
    Forged,
    Unauthenticated {
        credentials_help: bool,
    },
    Foreign,
    Broken,
    TooLarge,
    Unavailable {
        retry_after: Duration,
    },
    UnknownPath,
    Method,
}

impl Answer {
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Ok | Self::NoContent => Outcome::Accepted,
            Self::Forged => Outcome::Forged,
            Self::Unauthenticated { .. } => Outcome::Unauthenticated,
            Self::Foreign => Outcome::Foreign,
            Self::Broken => Outcome::Broken,
            Self::TooLarge => Outcome::TooLarge,
            Self::Unavailable { .. } => Outcome::Unavailable,
            Self::UnknownPath => Outcome::UnknownPath,
            Self::Method => Outcome::Method,
        }
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let (status, text) = match self {
            Self::Ok => (StatusCode::OK, "{}\n"),
            Self::NoContent => (StatusCode::NO_CONTENT, ""),
            Self::Forged => (
                StatusCode::FORBIDDEN,
                "the signature does not match this URL, body and account\n",
            ),
            Self::Unauthenticated {
                credentials_help: true,
            } => (
                StatusCode::UNAUTHORIZED,
                "a username and password are needed\n",
            ),
            Self::Unauthenticated { .. } => (StatusCode::FORBIDDEN, "a signature is needed\n"),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "this is of another account or workspace\n",
            ),
            Self::Broken => (StatusCode::BAD_REQUEST, "there is no event in this\n"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n"),
            Self::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "deliver it again\n"),
            Self::UnknownPath => (StatusCode::NOT_FOUND, "nobody listens here\n"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "POST is what there is\n"),
        };
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        // TaskRouter wants its callbacks answered as JSON, even where there is none.
        let kind = if status.is_success() {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        match self {
            Self::Unauthenticated {
                credentials_help: true,
            } => {
                let realm = HeaderValue::from_static("Basic realm=\"pushed events\"");
                headers.insert(WWW_AUTHENTICATE, realm);
            }
            Self::Unavailable { retry_after } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            }
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        response
    }
}
