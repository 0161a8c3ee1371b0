//! How far Calabrio is with a contact: whether its media arrived, and whether it was processed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::repeatable;
use super::{Assumption, assumption};
use crate::contact::ContactState;
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
];

impl StateContract {
    /// Whether Calabrio holds the media; `None` where the contact does not say.
    pub(crate) fn has_media(&self, contact: &Value) -> Option<bool> {
        lookup(contact, &self.audio_uploaded_field).and_then(truth)
    }

    /// How far Calabrio is with a contact.
    pub(crate) fn state(&self, contact: &Value) -> ContactState {
        let named = lookup(contact, &self.state_field)
            .and_then(text)
            .filter(|state| !state.trim().is_empty());
        let Some(named) = named else {
            return match self.has_media(contact) {
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
        let state = |contact: Value| contract.state(&contact);
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
        let state = |contact: Value| contract.state(&contact);
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
            contract.state(&json!({"state": "FAILED", "audioUploaded": 1})),
            ContactState::Complete
        );
    }

    proptest! {
        #[test]
        fn no_contact_makes_it_panic(contact in any_json()) {
            let contract = StateContract::default();
            let _ = (contract.state(&contact), contract.has_media(&contact));
        }
    }
}
