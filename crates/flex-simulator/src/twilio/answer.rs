//! How Twilio words its refusals, and the headers of its answers.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::http::Outbound;

pub(super) use crate::world::iso;

/// The forms of error in circulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `code`, `message`, `more_info`, `status` as JSON.
    Legacy,
    /// The same in XML.
    Xml,
    /// RFC 9457.
    Problem,
    /// What an object store answers.
    Storage,
}

/// A request that is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// 404 as Twilio words it.
    pub(super) fn not_found(path: &str) -> Self {
        Self::new(
            404,
            20_404,
            format!("The requested resource {path} was not found"),
        )
    }

    /// 400 for a parameter.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, 20_001, message)
    }

    /// The answer in a host's own form.
    pub(super) fn answer(&self, style: Style) -> Outbound {
        let more_info = format!("https://www.twilio.com/docs/errors/{}", self.code);
        let answer = match style {
            Style::Legacy => Outbound::json(
                self.status,
                &json!({
                    "code": self.code,
                    "message": self.message,
                    "more_info": more_info,
                    "status": self.status,
                }),
            ),
            Style::Xml => Outbound::text(
                self.status,
                "application/xml",
                format!(
                    "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse><RestException><Code>{}</Code><Message>{}</Message>\
                     <MoreInfo>{more_info}</MoreInfo><Status>{}</Status></RestException></TwilioResponse>",
                    self.code,
                    escape(&self.message),
                    self.status
                ),
            ),
            Style::Problem => {
                let body = json!({
                    "type": more_info,
                    "title": self.message,
                    "status": self.status,
                    "code": self.code,
                });
                Outbound::text(self.status, "application/problem+json", body.to_string())
            }
            Style::Storage => Outbound::text(
                self.status,
                "application/xml",
                format!(
                    "<Error><Code>AccessDenied</Code><Message>{}</Message></Error>",
                    escape(&self.message)
                ),
            ),
        };
        if self.status == 401 {
            answer.with_header("www-authenticate", "Basic realm=\"Twilio API\"")
        } else {
            answer
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What every answer of Twilio bears: an id to ask support about.
pub(super) fn with_request_headers(answer: Outbound) -> Outbound {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    answer
        .with_header("twilio-request-id", format!("RQ{number:032x}"))
        .with_header("twilio-concurrent-requests", "1")
        .with_header("twilio-request-duration", "0.012")
}

/// An instant as the 2010 API writes it.
pub(super) fn rfc2822(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
