//! How far Calabrio is with a contact: whether its media arrived, and whether it was processed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::repeatable;
use super::{Assumption, assumption};
use crate::contact::{ContactKind, ContactState};
use crate::value::{lookup, text, truth};

/// How the state of a contact is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateContract {
    /// Where `GET` reads one contact, with `{id}` for its id.
    pub contact_path: String,
    /// The field that says whether the audio arrived.
    pub audio_uploaded_field: String,
    /// The field of the processing state; empty where the tenant has none.
    pub state_field: String,
    /// The states in which Calabrio is still at work.
    pub processing: Vec<String>,
    /// The states in which it is done.
    pub complete: Vec<String>,
    /// The states in which it gave up.
    pub failed: Vec<String>,
    /// The field of the sentence that says why it gave up.
    pub failure_reason_field: String,
    /// The field that says whether the text of a text contact arrived; empty where the tenant has none.
    pub text_uploaded_field: String,
    /// Where `GET` reads the text of a text contact.
    pub text_view_path: String,
    /// The parameter of that request that names the contact.
    pub text_view_id_parameter: String,
}

impl Default for StateContract {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            contact_path: "api/rest/recording/contact/{id}".into(),
            audio_uploaded_field: "audioUploaded".into(),
            state_field: "state".into(),
            processing: names(&["PROCESSING", "QUEUED", "PENDING", "UPLOADING"]),
            complete: names(&["COMPLETE", "COMPLETED"]),
            failed: names(&["FAILED", "ERROR"]),
            failure_reason_field: "failureReason".into(),
            text_uploaded_field: "textUploaded".into(),
            text_view_path: "api/rest/cas/textview".into(),
            text_view_id_parameter: "ccrid".into(),
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "state",
        401,
        "contact_path",
        Inference,
        "GET on this path answers one contact in the form of the search; clients use paths below it"
    ),
    assumption!(
        "state",
        402,
        "audio_uploaded_field",
        Client,
        "this field is true once Calabrio holds the audio; where no state is told, true means complete and false processing"
    ),
    assumption!(
        "state",
        403,
        "state_field",
        Undocumented,
        "a contact may carry its processing state in this field; its absence is no fault"
    ),
    assumption!(
        "state",
        404,
        "processing",
        Undocumented,
        "these states say that Calabrio is still at work"
    ),
    assumption!(
        "state",
        405,
        "complete",
        Inference,
        "these states say that it is done; COMPLETE is the word of the documented webhook"
    ),
    assumption!(
        "state",
        406,
        "failed",
        Inference,
        "these states say that it gave up; FAILED is the word of the documented webhook"
    ),
    assumption!(
        "state",
        407,
        "failure_reason_field",
        Inference,
        "a contact that failed says why in this field, named as in the documented webhook"
    ),
    assumption!(
        "state",
        408,
        "text_uploaded_field",
        Undocumented,
        "this field of a TEXT or EMAIL contact is true once Calabrio holds its text; where no state is told, true means complete and false processing"
    ),
    assumption!(
        "state",
        409,
        "text_view_path",
        Client,
        "GET on this path answers the text of a chat contact; 404, or an answer without a word in it, says that there is none"
    ),
    assumption!(
        "state",
        410,
        "text_view_id_parameter",
        Client,
        "this parameter names the contact whose text is wanted"
    ),
];

impl StateContract {
    /// Whether Calabrio holds the media; `None` where the contact does not say. Where its kind is not known, either media will do.
    pub(crate) fn has_media(&self, contact: &Value, kind: Option<ContactKind>) -> Option<bool> {
        let told = |field: &str| lookup(contact, field).and_then(truth);
        let audio = told(&self.audio_uploaded_field);
        let text = told(&self.text_uploaded_field);
        match kind {
            Some(ContactKind::Call) => audio,
            Some(ContactKind::Text | ContactKind::Email) => text,
            None if audio == Some(true) || text == Some(true) => Some(true),
            None => audio.or(text),
        }
    }

    /// The word for its state, if the contact has one.
    pub(crate) fn named(&self, contact: &Value) -> Option<String> {
        lookup(contact, &self.state_field)
            .and_then(text)
            .filter(|state| !state.trim().is_empty())
    }

    /// How far Calabrio is with a contact.
    pub(crate) fn state(&self, contact: &Value, kind: Option<ContactKind>) -> ContactState {
        let named = self.named(contact);
        let Some(named) = named else {
            return match self.has_media(contact, kind) {
                Some(true) => ContactState::Complete,
                Some(false) => ContactState::Processing,
                None => ContactState::Unknown,
            };
        };
        let is_one_of = |names: &[String]| {
            names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(named.trim()))
        };
        if is_one_of(&self.complete) {
            ContactState::Complete
        } else if is_one_of(&self.failed) {
            let reason = lookup(contact, &self.failure_reason_field).and_then(text);
            ContactState::Failed {
                reason: reason
                    .map(|reason| repeatable(&reason))
                    .filter(|reason| !reason.is_empty()),
            }
        } else if is_one_of(&self.processing) {
            ContactState::Processing
        } else {
            ContactState::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_json;

    #[test]
    fn the_named_state_wins_over_the_audio() {
        let contract = StateContract::default();
        let state = |contact: Value| contract.state(&contact, Some(ContactKind::Call));
        assert_eq!(
            state(json!({"state": "complete", "audioUploaded": false})),
            ContactState::Complete
        );
        assert_eq!(
            state(json!({"state": "Processing", "audioUploaded": true})),
            ContactState::Processing
        );
        assert_eq!(
            state(json!({"state": "FAILED", "failureReason": "audio is not 12345678 Hz"})),
            ContactState::Failed {
                reason: Some("audio is not … Hz".into())
            }
        );
        assert_eq!(
            state(json!({"state": "FAILED"})),
            ContactState::Failed { reason: None }
        );
        assert_eq!(
            state(json!({"state": "RESTING", "audioUploaded": true})),
            ContactState::Unknown
        );
    }

    #[test]
    fn without_a_state_the_audio_tells() {
        let contract = StateContract::default();
        let state = |contact: Value| contract.state(&contact, Some(ContactKind::Call));
        assert_eq!(
            state(json!({"audioUploaded": true})),
            ContactState::Complete
        );
        assert_eq!(
            state(json!({"audioUploaded": "false", "state": null})),
            ContactState::Processing
        );
        assert_eq!(state(json!({})), ContactState::Unknown);
        let contract = StateContract {
            state_field: String::new(),
            ..Default::default()
        };
        assert_eq!(
            contract.state(
                &json!({"state": "FAILED", "audioUploaded": 1}),
                Some(ContactKind::Call)
            ),
            ContactState::Complete
        );
    }

    #[test]
    fn of_a_text_contact_the_text_tells_and_not_the_audio() {
        let contract = StateContract::default();
        for kind in [ContactKind::Text, ContactKind::Email] {
            let state = |contact: Value| contract.state(&contact, Some(kind));
            assert_eq!(
                state(json!({"textUploaded": true, "audioUploaded": false})),
                ContactState::Complete
            );
            assert_eq!(
                state(json!({"textUploaded": "no", "audioUploaded": true})),
                ContactState::Processing
            );
            assert_eq!(
                state(json!({"audioUploaded": true})),
                ContactState::Unknown,
                "nothing is said of the text"
            );
        }
    }

    #[test]
    fn where_the_kind_is_not_known_either_media_will_do() {
        let contract = StateContract::default();
        let media = |contact: Value| contract.has_media(&contact, None);
        assert_eq!(
            media(json!({"textUploaded": true, "audioUploaded": false})),
            Some(true)
        );
        assert_eq!(media(json!({"audioUploaded": true})), Some(true));
        assert_eq!(media(json!({"textUploaded": false})), Some(false));
        assert_eq!(media(json!({})), None);
    }

    proptest! {
        #[test]
        fn no_contact_makes_it_panic(contact in any_json(), kind in prop::sample::select(vec![None, Some(ContactKind::Call), Some(ContactKind::Text)])) {
            let contract = StateContract::default();
            let _ = (contract.state(&contact, kind), contract.has_media(&contact, kind));
        }
    }
}
