//! Twilio's error answers: the old JSON, the old XML, and RFC 9457.

use http_retry::{Answer, AnswerFacts};
use serde_json::Value;

/// Reads the code out of an error answer, in whichever form it comes.
pub(crate) fn facts(answer: &Answer<'_>) -> AnswerFacts {
    AnswerFacts {
        code: code(answer.body),
        request_id: None,
    }
}

/// The error code of a body: a number, in JSON under `code` (both JSON forms have it there), in XML in `<Code>`.
pub(crate) fn code(body: &[u8]) -> Option<String> {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return json_code(&value);
    }
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    numeric(code)
}

/// The code of an error in JSON, and nothing for JSON that is no error: an error has a code beside a `message` (old form)
/// or beside a `title` (RFC 9457).
pub(crate) fn json_code(value: &Value) -> Option<String> {
    let is_error = value.get("message").is_some() || value.get("title").is_some();
    match value.get("code").filter(|_| is_error)? {
        Value::Number(number) => number.as_u64().map(|code| code.to_string()),
        Value::String(text) => numeric(text),
        _ => None,
    }
}

fn numeric(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.to_owned())
}

/// What a code means for the operator, where the number alone does not say.
pub(crate) fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "20003" => {
            "twilio refused the credentials; check the account SID with its auth token, or the API key with its secret"
        }
        "20404" => "twilio has no such resource",
        "20429" => "too many requests at once for this account; lower the concurrency limit",
        "20009" => "it cannot be deleted before it is complete",
        "20007" => "twilio gives at most 1000 items per page",
        "16109" => "an encrypted recording can be fetched as .wav alone",
        "16113" => "the recording has one channel only",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGACY: &[u8] = include_bytes!("../../../fixtures/twilio/error_legacy.json");
    const PROBLEM: &[u8] = include_bytes!("../../../fixtures/twilio/error_rfc9457.json");
    const XML: &[u8] = include_bytes!("../../../fixtures/twilio/error_legacy.xml");

    #[test]
    fn every_form_of_an_error_gives_its_code() {
        assert_eq!(code(LEGACY).as_deref(), Some("20404"));
        assert_eq!(code(PROBLEM).as_deref(), Some("20001"));
        assert_eq!(code(XML).as_deref(), Some("20404"));
    }

    #[test]
    fn what_is_no_error_of_twilio_gives_none() {
        for body in [
            &b""[..],
            b"<html><h1>502</h1></html>",
            b"{}",
            b"{\"code\": 20404}",
            b"{\"code\": \"Jane Doe\", \"message\": \"\"}",
            b"<Code>Jane</Code>",
            b"<Code>123",
            b"\xff\xfe",
        ] {
            assert_eq!(code(body), None, "{:?}", String::from_utf8_lossy(body));
        }
    }
}
