//! The ids of legs, interactions, contacts and ACDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use twilio_sid::{AccountSid, ReservationSid, SidError, WorkspaceSid};

/// Why a text is not the id that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A session id is empty.
    #[error("a session id is empty: expected the conversation id or a task SID")]
    SessionEmpty,
    /// A session id is longer than [`SessionId::MAX_LEN`].
    #[error("a session id has {0} bytes: at most {max} are allowed", max = SessionId::MAX_LEN)]
    SessionTooLong(usize),
    /// A session id holds a space, a control character or something outside ASCII.
    #[error(
        "a session id may hold printable ASCII without spaces only, but byte {0} is something else"
    )]
    SessionNotPrintable(usize),
    /// A Calabrio contact id is not a positive number.
    #[error("a Calabrio contact id is a number above 0, but this one is {0}")]
    CcrNotPositive(i64),
    /// A tenant key is empty or holds a character that has no place in one.
    #[error(
        "a tenant key holds letters, digits, dots, dashes and underscores, at least one and at most 255"
    )]
    Tenant,
    /// A leg id is not a reservation SID.
    #[error("a leg id is a reservation SID: {0}")]
    Leg(#[from] SidError),
}

/// The id of a leg: the SID of its accepted reservation. Calabrio's `callId` and the webhook's `legId`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LegId(ReservationSid);

impl LegId {
    /// The reservation that this leg is.
    pub fn reservation(self) -> ReservationSid {
        self.0
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<ReservationSid> for LegId {
    fn from(sid: ReservationSid) -> Self {
        Self(sid)
    }
}

impl FromStr for LegId {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        Ok(Self(text.parse()?))
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The id of an interaction, shared by all its legs: the task's `conversations.conversation_id`, or else the SID of its
/// first task. Calabrio's `assocCallId` holds it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

impl SessionId {
    /// The most bytes that a session id may have.
    pub const MAX_LEN: usize = 128;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        if text.is_empty() {
            return Err(ModelError::SessionEmpty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(ModelError::SessionTooLong(text.len()));
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(at) => Err(ModelError::SessionNotPrintable(at)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for SessionId {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

impl From<twilio_sid::TaskSid> for SessionId {
    fn from(sid: twilio_sid::TaskSid) -> Self {
        Self(sid.to_string())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Calabrio's id of a contact. Never 0: 0 in a webhook means that Calabrio gave none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct CcrId(i64);

impl CcrId {
    /// The id as a number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for CcrId {
    type Error = ModelError;

    fn try_from(id: i64) -> Result<Self, ModelError> {
        if id > 0 {
            Ok(Self(id))
        } else {
            Err(ModelError::CcrNotPositive(id))
        }
    }
}

impl From<CcrId> for i64 {
    fn from(id: CcrId) -> Self {
        id.0
    }
}

impl fmt::Display for CcrId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What tells one Calabrio tenant from another in the ledger: its tenant id, or the host of its base URL where no id is set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantKey(String);

impl TenantKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantKey {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let fits = !text.is_empty()
            && text.len() <= 255
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ModelError::Tenant)
        }
    }
}

impl TryFrom<String> for TenantKey {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        text.parse()
    }
}

impl From<TenantKey> for String {
    fn from(key: TenantKey) -> Self {
        key.0
    }
}

impl fmt::Display for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The identity of an ACD in the ledger. Its name can change; this cannot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AcdKey {
    /// The Twilio account.
    pub account: AccountSid,
    /// The one workspace of its Flex instance.
    pub workspace: WorkspaceSid,
    /// The Calabrio tenant that it feeds.
    pub tenant: TenantKey,
}

impl fmt::Display for AcdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.workspace, self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_a_reservation_and_nothing_else() {
        let error = "WT0123456789abcdef0123456789abcdef"
            .parse::<LegId>()
            .unwrap_err();
        assert!(matches!(error, ModelError::Leg(_)));
        assert!(
            error
                .to_string()
                .starts_with("a leg id is a reservation SID: "),
            "{error}"
        );
    }

    #[test]
    fn a_session_id_is_bounded_and_printable() {
        assert_eq!("".parse::<SessionId>(), Err(ModelError::SessionEmpty));
        assert_eq!(
            "x".repeat(129).parse::<SessionId>(),
            Err(ModelError::SessionTooLong(129))
        );
        assert_eq!(
            "a b".parse::<SessionId>(),
            Err(ModelError::SessionNotPrintable(1))
        );
        assert_eq!(
            "a\u{e9}".parse::<SessionId>(),
            Err(ModelError::SessionNotPrintable(1))
        );
        assert_eq!(
            "x".repeat(128).parse::<SessionId>().unwrap().as_str().len(),
            128
        );
        assert!(serde_json::from_str::<SessionId>("\"a\\nb\"").is_err());
    }

    #[test]
    fn a_contact_id_is_above_zero() {
        assert_eq!(CcrId::try_from(0), Err(ModelError::CcrNotPositive(0)));
        assert_eq!(CcrId::try_from(-3), Err(ModelError::CcrNotPositive(-3)));
        assert_eq!(CcrId::try_from(7).unwrap().get(), 7);
        assert!(serde_json::from_str::<CcrId>("0").is_err());
    }

    #[test]
    fn a_tenant_key_holds_no_separator() {
        for wrong in ["", "a/b", "a b", "é"] {
            assert_eq!(
                wrong.parse::<TenantKey>(),
                Err(ModelError::Tenant),
                "{wrong:?}"
            );
        }
        assert_eq!(
            "eu.calabriocloud.com"
                .parse::<TenantKey>()
                .unwrap()
                .as_str(),
            "eu.calabriocloud.com"
        );
    }
}
