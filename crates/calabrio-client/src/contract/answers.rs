//! What an error looks like, in whatever status it comes, and what of it may be repeated to people.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Assumption, assumption};
use crate::value::{lookup, text};

/// How Calabrio says that something went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswersContract {
    /// The field of an error's sentence.
    pub error_message_field: String,
    /// The field that says whether something worked.
    pub status_field: String,
    /// The values of that field that say it did not; compared without regard to case.
    pub failed_statuses: Vec<String>,
    /// The field of the id under which Calabrio's support finds the request.
    pub request_id_field: String,
}

impl Default for AnswersContract {
    fn default() -> Self {
        Self {
            error_message_field: "errorMessage".into(),
            status_field: "status".into(),
            failed_statuses: vec!["FAILED".into(), "FAILURE".into(), "ERROR".into()],
            request_id_field: "requestId".into(),
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "answers",
        601,
        "error_message_field",
        Client,
        "an error is a JSON object with a sentence in this field, also where the status says 200; anything else is tolerated"
    ),
    assumption!(
        "answers",
        602,
        "status_field",
        Client,
        "an answer may say in this field whether the request worked; seen with file imports only"
    ),
    assumption!(
        "answers",
        603,
        "failed_statuses",
        Inference,
        "these values of it say that the request did not work"
    ),
    assumption!(
        "answers",
        604,
        "request_id_field",
        Client,
        "an error names its request in this field"
    ),
];

/// An error that an answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The sentence, fit to be repeated.
    pub(crate) reason: Option<String>,
    /// The request's id.
    pub(crate) request_id: Option<String>,
}

impl AnswersContract {
    /// The sentence and the request's id of an answer that is known to be an error.
    ///
    /// `private` are texts that were sent; where the sentence repeats one of them, it is left out.
    pub(crate) fn told(&self, body: &[u8], private: &[&str]) -> Told {
        match serde_json::from_slice::<Value>(body) {
            Ok(answer) => self.told_in(&answer, private),
            Err(_) => Told {
                reason: None,
                request_id: None,
            },
        }
    }

    fn told_in(&self, answer: &Value, private: &[&str]) -> Told {
        let subject = match answer {
            Value::Array(items) => items.first().unwrap_or(&Value::Null),
            other => other,
        };
        let reason = lookup(subject, &self.error_message_field)
            .and_then(text)
            .filter(|text| !text.trim().is_empty());
        let request_id = lookup(subject, &self.request_id_field)
            .and_then(text)
            .map(|id| printable(&id, 80));
        Told {
            reason: reason.map(|reason| repeatable(&without(&reason, private))),
            request_id,
        }
    }

    /// The error in an answer whose status says that all is well.
    pub(crate) fn error_in(&self, answer: &Value, private: &[&str]) -> Option<Told> {
        let told = self.told_in(answer, private);
        let status = lookup(answer, &self.status_field).and_then(text);
        let failed = status.is_some_and(|status| {
            self.failed_statuses
                .iter()
                .any(|failed| failed.eq_ignore_ascii_case(status.trim()))
        });
        (failed || told.reason.is_some()).then_some(told)
    }
}

/// Whether a body is a page for people, such as a login form.
pub(crate) fn is_page(content_type: Option<&str>, body: &[u8]) -> bool {
    let says_html = content_type.is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("text/html")
    });
    let start = body
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(body.len());
    says_html || body[start..].first() == Some(&b'<')
}

/// A sentence without the texts that were sent. One or two characters are no secret, and would tear words apart.
fn without(sentence: &str, private: &[&str]) -> String {
    let mut sentence = sentence.to_owned();
    for text in private.iter().filter(|text| text.chars().count() > 2) {
        sentence = sentence.replace(text, "…");
    }
    without_passages(&printable(&sentence, REASON_CHARS), private)
}

/// So many bytes together that also stand in a text that was sent are a passage of it.
const PASSAGE: usize = 12;

/// A sentence without passages of the texts that were sent: a vendor may repeat a piece of a value, or one message of a transcript.
///
/// One pass over the texts, which may be megabytes long.
fn without_passages(sentence: &str, private: &[&str]) -> String {
    let bytes = sentence.as_bytes();
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let mut begins = [false; 256];
    for (at, window) in bytes.windows(PASSAGE).enumerate() {
        places.entry(window).or_default().push(at);
        begins[usize::from(window[0])] = true;
    }
    let mut masked = vec![false; bytes.len()];
    for text in private {
        for window in text.as_bytes().windows(PASSAGE) {
            if begins[usize::from(window[0])]
                && let Some(found) = places.get(window)
            {
                for at in found {
                    masked[*at..at + PASSAGE].fill(true);
                }
            }
        }
    }
    let mut kept = String::with_capacity(sentence.len());
    for (at, c) in sentence.char_indices() {
        if !masked[at..at + c.len_utf8()].contains(&true) {
            kept.push(c);
        } else if !kept.ends_with('…') {
            kept.push('…');
        }
    }
    kept
}

/// The most characters of a vendor's sentence that are repeated.
const REASON_CHARS: usize = 300;

/// A vendor's sentence without what may be a customer's: runs of five digits or more, and words with an `@`.
///
/// Calabrio's own sentences say which field is wrong; what stood in it is nobody's business in a log.
pub(crate) fn repeatable(sentence: &str) -> String {
    let mut kept = String::new();
    for word in printable(sentence, REASON_CHARS).split(' ') {
        if !kept.is_empty() {
            kept.push(' ');
        }
        if word.contains('@') {
            kept.push('…');
        } else {
            mask_digits(word, &mut kept);
        }
    }
    kept
}

fn mask_digits(word: &str, into: &mut String) {
    let mut run = String::new();
    let flush = |run: &mut String, into: &mut String| {
        if run.len() >= 5 {
            into.push('…');
        } else {
            into.push_str(run);
        }
        run.clear();
    };
    for c in word.chars() {
        if c.is_ascii_digit() {
            run.push(c);
        } else {
            flush(&mut run, into);
            into.push(c);
        }
    }
    flush(&mut run, into);
}

/// At most `most` characters, in one line.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(most)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_json;

    #[test]
    fn an_error_is_found_in_an_answer_that_says_200() {
        let contract = AnswersContract::default();
        let answer = json!({"errorMessage": "field ani is too long", "requestId": "r-1"});
        let told = contract.error_in(&answer, &[]).unwrap();
        assert_eq!(told.reason.as_deref(), Some("field ani is too long"));
        assert_eq!(told.request_id.as_deref(), Some("r-1"));
        assert!(
            contract
                .error_in(&json!({"status": "failed"}), &[])
                .is_some()
        );
        for fine in [
            json!({"status": "SUCCESS", "responseText": "ok"}),
            json!([]),
            json!({"errorMessage": ""}),
        ] {
            assert_eq!(contract.error_in(&fine, &[]), None, "{fine}");
        }
    }

    #[test]
    fn a_sentence_is_repeated_without_numbers_and_addresses() {
        assert_eq!(
            repeatable("ani +15550100999 of jo@example.com is wrong,\nsee line 42"),
            "ani +… of … is wrong, see line 42"
        );
        assert_eq!(repeatable(&"x".repeat(1000)).chars().count(), 300);
    }

    #[test]
    fn a_sentence_does_not_repeat_what_was_sent() {
        let body = br#"{"errorMessage": "value Jo Customer of Name-key is wrong"}"#;
        let told = AnswersContract::default().told(body, &["Jo Customer", "is"]);
        assert_eq!(told.reason.as_deref(), Some("value … of Name-key is wrong"));
    }

    #[test]
    fn a_sentence_does_not_repeat_a_passage_of_a_transcript() {
        let document = r#"{"messages":[{"body":"my daughter's name is Zoë Müller, as I said"}]}"#;
        let told = |sentence: &str| {
            let body = json!({ "errorMessage": sentence }).to_string();
            AnswersContract::default()
                .told(body.as_bytes(), &[document])
                .reason
                .unwrap()
        };
        assert_eq!(
            told("line 1: 'name is Zoë Müller, as' is not allowed"),
            "line 1: '…' is not allowed"
        );
        assert_eq!(
            told("the part TEXT is not known"),
            "the part TEXT is not known"
        );
    }

    #[test]
    fn a_page_for_people_is_told_from_json() {
        assert!(is_page(Some("text/html; charset=utf-8"), b"{}"));
        assert!(is_page(None, b"  \n<!DOCTYPE html>"));
        assert!(!is_page(Some("application/json"), b"[]"));
        assert!(!is_page(None, b""));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let contract = AnswersContract::default();
            let _ = contract.error_in(&answer, &["abc"]);
            let _ = contract.told(&bytes, &[]);
            let _ = is_page(None, &bytes);
        }

        #[test]
        fn no_passage_of_what_was_sent_survives(before in ".{0,30}", secret in "[a-zà-ÿ😀 ]{12,40}", after in ".{0,30}", around in ".{0,20}") {
            let sent = format!("{around}{secret}{around}");
            let kept = without_passages(&format!("{before}{secret}{after}"), &[&sent]);
            prop_assert!(!kept.contains(&secret), "{kept}");
        }

        #[test]
        fn no_long_number_survives(text in ".{0,20}[0-9]{5,20}.{0,20}") {
            let kept = repeatable(&text);
            let longest = kept.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
            prop_assert!(longest < 5, "{kept}");
        }
    }
}
