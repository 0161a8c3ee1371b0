//! What Twilio documents nowhere: how it is read, with the settings that change it.

use serde_json::Value;

/// Where Flex Insights' answers are read by an assumption. The README says where each comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumptions {
    /// The status that means "this report has no rows" (default 204).
    pub empty_status: u16,
    /// The status that means "this user may not use this project" (default 403).
    pub denied_status: u16,
    /// What `WWW-Authenticate` holds when the token of two weeks has ended (default `GDCAuthSST`); otherwise the one of ten
    /// minutes is fetched anew.
    pub login_ended_mark: String,
    /// The JSON pointer to the vendor's sentence in an error answer (default `/error/message`).
    pub message_pointer: String,
    /// The JSON pointer to the list of what replaces each `%s` in that sentence (default `/error/parameters`).
    pub parameters_pointer: String,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            empty_status: 204,
            denied_status: 403,
            login_ended_mark: "GDCAuthSST".to_owned(),
            message_pointer: "/error/message".to_owned(),
            parameters_pointer: "/error/parameters".to_owned(),
        }
    }
}

/// The longest sentence that is repeated, in characters.
const SENTENCE: usize = 300;

impl Assumptions {
    /// The vendor's sentence in an error answer: one line, cut, without `private`.
    pub(crate) fn sentence(&self, body: &[u8], private: &[&str]) -> Option<String> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let mut sentence = answer.pointer(&self.message_pointer)?.as_str()?.to_owned();
        let parameters = answer
            .pointer(&self.parameters_pointer)
            .and_then(Value::as_array);
        for parameter in parameters.into_iter().flatten() {
            let text = parameter
                .as_str()
                .map_or_else(|| parameter.to_string(), str::to_owned);
            sentence = sentence.replacen("%s", &text, 1);
        }
        for secret in private.iter().filter(|secret| !secret.is_empty()) {
            sentence = sentence.replace(secret, "***");
        }
        let line: String = sentence
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(SENTENCE)
            .collect();
        let line = line.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// Whether this `WWW-Authenticate` says that the login itself has ended.
    pub(crate) fn login_ended(&self, challenge: Option<&str>) -> bool {
        challenge.is_some_and(|text| text.contains(&self.login_ended_mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_sentence_is_one_line_with_its_parameters_and_without_what_is_private() {
        let body = br#"{"error":{"message":"Object %s of\n%s is gone: %s","parameters":["7","me@example.com",3]}}"#;
        assert_eq!(
            Assumptions::default()
                .sentence(body, &["me@example.com", ""])
                .as_deref(),
            Some("Object 7 of *** is gone: 3")
        );
        let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(400));
        let sentence = Assumptions::default()
            .sentence(long.as_bytes(), &[])
            .unwrap();
        assert_eq!(sentence.chars().count(), 300);
    }

    #[test]
    fn an_answer_without_a_sentence_has_none() {
        for body in [
            &b""[..],
            b"<html>",
            b"{}",
            br#"{"error":{"message":" "}}"#,
            b"[1]",
        ] {
            assert_eq!(Assumptions::default().sentence(body, &[]), None);
        }
    }
}
