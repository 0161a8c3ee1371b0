//! One request, as one attempt sends it.

use std::fmt;

use base64::Engine;
use secrecy::{ExposeSecret, SecretString};

use crate::body::{Measured, Progress};
use crate::{Body, SafeUrl, multipart};

/// The HTTP methods that the vendors' interfaces use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The method as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

enum HeaderText {
    Plain(String),
    Secret(SecretString),
}

/// One request. It is built anew for each attempt, by the closure that [`HttpClient::send`](crate::HttpClient::send) is given.
///
/// `Debug` shows method, URL (safe) and the names of the headers.
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: SafeUrl,
    headers: Vec<(String, HeaderText)>,
    body: Body,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: SafeUrl) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    /// A GET.
    pub fn get(url: SafeUrl) -> Self {
        Self::new(Method::Get, url)
    }

    /// A POST.
    pub fn post(url: SafeUrl) -> Self {
        Self::new(Method::Post, url)
    }

    /// Adds a header. One that is not allowed on the wire ends the call before anything is sent.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers
            .push((name.into(), HeaderText::Plain(value.into())));
        self
    }

    /// Adds a header whose value is a secret: it is marked so that no layer below prints or indexes it.
    pub fn secret_header(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.headers.push((name.into(), HeaderText::Secret(value)));
        self
    }

    /// Adds `Authorization: Basic` (RFC 7617).
    pub fn basic_auth(self, user: &str, password: &SecretString) -> Self {
        let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
        let value = format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(pair.expose_secret())
        );
        self.secret_header("authorization", SecretString::from(value))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body of pairs, `application/x-www-form-urlencoded`.
    pub fn form(
        self,
        pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        self.body(Body::Form(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        ))
    }

    /// Sets a body of JSON and its `Content-Type`.
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.header("content-type", "application/json")
            .body(Body::Bytes(value.to_string().into()))
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The URL.
    pub fn url(&self) -> &SafeUrl {
        &self.url
    }

    /// The transport's form, or what of it cannot be sent.
    pub(crate) fn into_wire(self, progress: &Progress) -> Result<reqwest::Request, Unsendable> {
        let method = match self.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut wire = reqwest::Request::new(method, self.url.inner().clone());
        for (name, text) in self.headers {
            let header =
                reqwest::header::HeaderName::try_from(&name).map_err(|_| Unsendable::HeaderName)?;
            let value = match &text {
                HeaderText::Plain(text) => text.parse::<reqwest::header::HeaderValue>(),
                HeaderText::Secret(text) => text.expose_secret().parse(),
            };
            let mut value =
                value.map_err(|_| Unsendable::HeaderValue(header.as_str().to_owned()))?;
            value.set_sensitive(matches!(text, HeaderText::Secret(_)));
            wire.headers_mut().append(header, value);
        }
        match self.body {
            Body::Empty => {
                // A POST without a body says so; some servers answer 411 otherwise.
                if !matches!(self.method, Method::Get | Method::Head | Method::Delete) {
                    wire.headers_mut()
                        .insert(reqwest::header::CONTENT_LENGTH, 0_u64.into());
                }
            }
            Body::Bytes(bytes) => *wire.body_mut() = Some(bytes.into()),
            Body::Form(pairs) => {
                let mut text = url::form_urlencoded::Serializer::new(String::new());
                text.extend_pairs(pairs);
                wire.headers_mut().insert(
                    reqwest::header::CONTENT_TYPE,
                    reqwest::header::HeaderValue::from_static("application/x-www-form-urlencoded"),
                );
                *wire.body_mut() = Some(text.finish().into());
            }
            Body::Multipart(multipart) => {
                let boundary = multipart::boundary();
                let (stream, declared) = multipart.into_stream(&boundary);
                let content_type = format!("multipart/form-data; boundary={boundary}");
                let content_type = content_type
                    .parse()
                    .map_err(|_| Unsendable::HeaderValue("content-type".to_owned()))?;
                wire.headers_mut()
                    .insert(reqwest::header::CONTENT_TYPE, content_type);
                wire.headers_mut()
                    .insert(reqwest::header::CONTENT_LENGTH, declared.into());
                let measured = Measured {
                    stream,
                    declared,
                    given: 0,
                    progress: progress.clone(),
                };
                *wire.body_mut() = Some(reqwest::Body::wrap_stream(measured));
            }
        }
        Ok(wire)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field(
                "headers",
                &self
                    .headers
                    .iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>(),
            )
            .field("body", &self.body)
            .finish()
    }
}

/// What of a request cannot be put on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsendable {
    #[error("a header's name has characters that HTTP does not allow")]
    HeaderName,
    #[error("the value of the header {0} has characters that HTTP does not allow")]
    HeaderValue(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> SafeUrl {
        "https://example.com/a?q=hunter2".parse().unwrap()
    }

    #[test]
    fn basic_auth_is_encoded_and_marked_as_sensitive() {
        let request = Request::get(url()).basic_auth("Aladdin", &SecretString::from("open sesame"));
        assert!(!format!("{request:?}").contains("open sesame"));
        let wire = request.into_wire(&Progress::new()).unwrap();
        let value = &wire.headers()["authorization"];
        // The example of RFC 7617, section 2.
        assert_eq!(
            value.to_str().unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert!(value.is_sensitive());
    }

    #[test]
    fn printing_a_request_shows_neither_values_nor_content() {
        let request = Request::post(url())
            .header("x-key", "hunter2")
            .secret_header("cookie", SecretString::from("hunter2"))
            .form([("password", "hunter2")]);
        assert_eq!(
            format!("{request:?}"),
            "Request { method: Post, url: https://example.com/a?q=***, headers: [\"x-key\", \"cookie\"], body: Form[\"password\"] }"
        );
    }

    #[test]
    fn a_header_that_is_none_is_named_without_its_value() {
        let error = Request::get(url())
            .header("x-key", "hunter2\n")
            .into_wire(&Progress::new())
            .unwrap_err();
        assert_eq!(error, Unsendable::HeaderValue("x-key".to_owned()));
        assert!(!error.to_string().contains("hunter2"));
        let error = Request::get(url())
            .header("x key", "1")
            .into_wire(&Progress::new())
            .unwrap_err();
        assert_eq!(error, Unsendable::HeaderName);
    }

    #[test]
    fn a_form_is_encoded() {
        let wire = Request::post(url())
            .form([("a b", "c&d=é")])
            .into_wire(&Progress::new())
            .unwrap();
        assert_eq!(
            wire.body().unwrap().as_bytes().unwrap(),
            b"a+b=c%26d%3D%C3%A9"
        );
        assert_eq!(
            wire.headers()["content-type"],
            "application/x-www-form-urlencoded"
        );
    }
}
