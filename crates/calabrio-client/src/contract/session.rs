//! Logging in and out: paths, field names and the cookie.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Assumption, assumption};
use crate::value::{lookup, text};

/// How a session is opened and closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionContract {
    /// Where `POST` opens a session.
    pub path: String,
    /// Where `DELETE` closes it.
    pub logout_path: String,
    /// The field of the user's name.
    pub user_field: String,
    /// The field of the password.
    pub password_field: String,
    /// The field of the language; empty sends none.
    pub language_field: String,
    /// The language.
    pub language: String,
    /// The field of the answer that holds the session's id.
    pub session_id_field: String,
    /// The cookie that carries it.
    pub cookie: String,
}

impl Default for SessionContract {
    fn default() -> Self {
        Self {
            path: "api/rest/authorize".into(),
            logout_path: "api/rest/authorize".into(),
            user_field: "userId".into(),
            password_field: "password".into(),
            language_field: "language".into(),
            language: "en".into(),
            session_id_field: "sessionId".into(),
            cookie: "hazelcast.sessionId".into(),
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "session",
        101,
        "path",
        Client,
        "a session is opened by POST of a JSON object to this path"
    ),
    assumption!(
        "session",
        102,
        "logout_path",
        Client,
        "DELETE on this path closes the session whose cookie comes with it and answers 200"
    ),
    assumption!(
        "session",
        103,
        "user_field",
        Client,
        "the name of the API user stands in this field"
    ),
    assumption!(
        "session",
        104,
        "password_field",
        Client,
        "the password stands in this field"
    ),
    assumption!(
        "session",
        105,
        "language_field",
        Client,
        "the language stands in this field; some clients send locale instead, and an empty name sends neither"
    ),
    assumption!(
        "session",
        106,
        "language",
        Client,
        "messages come in this language"
    ),
    assumption!(
        "session",
        107,
        "session_id_field",
        Client,
        "the JSON answer holds the session's id in this field; where it does not, the cookie of the same answer is taken"
    ),
    assumption!(
        "session",
        108,
        "cookie",
        Client,
        "later calls carry the session's id in this cookie, beside any other cookie that the server set"
    ),
];

impl SessionContract {
    /// The body that opens a session.
    pub(crate) fn credentials(&self, user: &str, password: &SecretString) -> Value {
        let mut body = Map::new();
        body.insert(self.user_field.clone(), user.into());
        body.insert(self.password_field.clone(), password.expose_secret().into());
        if !self.language_field.is_empty() {
            body.insert(self.language_field.clone(), self.language.clone().into());
        }
        Value::Object(body)
    }

    /// The session's id in the answer, if it is one that a cookie can carry.
    pub(crate) fn session_id(&self, answer: &Value) -> Option<SecretString> {
        let id = text(lookup(answer, &self.session_id_field)?)?;
        let fits = !id.is_empty()
            && id
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b';' | b',' | b'"'));
        fits.then(|| id.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_json;

    #[test]
    fn the_credentials_stand_under_the_configured_names() {
        let password = SecretString::from("pw");
        let body = SessionContract::default().credentials("svc@example.com", &password);
        assert_eq!(
            body,
            json!({"userId": "svc@example.com", "password": "pw", "language": "en"})
        );
        let contract = SessionContract {
            language_field: String::new(),
            user_field: "user".into(),
            ..Default::default()
        };
        assert_eq!(
            contract.credentials("u", &password),
            json!({"user": "u", "password": "pw"})
        );
    }

    #[test]
    fn an_id_that_no_cookie_can_carry_is_none() {
        let contract = SessionContract::default();
        let read = |id: Value| {
            contract
                .session_id(&json!({"sessionId": id}))
                .map(|id| id.expose_secret().to_owned())
        };
        assert_eq!(read(json!("HZ1")), Some("HZ1".to_owned()));
        assert_eq!(read(json!(7)), Some("7".to_owned()));
        for wrong in [
            json!(""),
            json!("a;b"),
            json!("a\r\nx: y"),
            json!(null),
            json!({"a": 1}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json()) {
            let _ = SessionContract::default().session_id(&answer);
        }
    }
}
