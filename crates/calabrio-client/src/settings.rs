//! What a client is made from.

use std::fmt;
use std::time::Duration;

use http_retry::BaseUrl;
use secrecy::SecretString;

use crate::contract::Contract;
use crate::error::CalabrioError;

/// Which Calabrio ONE, as whom, and how.
#[derive(Clone)]
pub struct CalabrioSettings {
    /// The tenant's address, such as `https://calabriocloud.com`; the contract's paths are below it.
    pub base: BaseUrl,
    /// The service account's name.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// The number that Calabrio gave the ACD server; it goes with every contact.
    pub acd_server_id: Option<u32>,
    /// The key of the Text metadata field that holds the leg key.
    pub leg_key_field: String,
    /// The assumptions about the wire.
    pub contract: Contract,
    /// How much and how long.
    pub limits: CalabrioLimits,
}

impl CalabrioSettings {
    /// The key of the leg key's field where nothing else is configured: what Calabrio makes of the label "Twilio Leg".
    pub const LEG_KEY_FIELD: &'static str = "Twilio-Leg-key";

    /// Settings with every default.
    pub fn new(base: BaseUrl, user: impl Into<String>, password: SecretString) -> Self {
        Self {
            base,
            user: user.into(),
            password,
            acd_server_id: None,
            leg_key_field: Self::LEG_KEY_FIELD.to_owned(),
            contract: Contract::default(),
            limits: CalabrioLimits::default(),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), CalabrioError> {
        self.contract.validate()?;
        self.limits.validate()?;
        if self.leg_key_field.trim().is_empty() {
            return Err(CalabrioError::Setting {
                setting: "leg_key_field",
                problem: "must not be empty",
            });
        }
        Ok(())
    }
}

impl fmt::Debug for CalabrioSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalabrioSettings")
            .field("base", &self.base)
            .field("acd_server_id", &self.acd_server_id)
            .field("leg_key_field", &self.leg_key_field)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How much and how long. How many calls at once, and how often one is repeated, is the HTTP client's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalabrioLimits {
    /// How many contacts one page of a search holds (1 to 50000; default 1000).
    pub page_size: u32,
    /// After how many pages a search is given up (at least 1; default 10000).
    pub pages: u32,
    /// The largest answer in bytes (at least 1024; default 64 MiB).
    pub answer_bytes: usize,
    /// The longest time for one import, its audio included (default 30 min).
    pub import_time: Duration,
    /// The longest time from the last byte of an import to its answer (default 2 min).
    pub import_answer: Duration,
    /// How long after its last use a session is trusted with an import. An older one is tried with a small search first, so that
    /// a session that expired unseen does not put an import in doubt (default 2 min).
    pub session_trust: Duration,
    /// The longest time for one message for screen recording, a login and every attempt included (default 5 s).
    pub message_time: Duration,
    /// How long refused credentials are not tried again, so that no account is locked out (default 30 s).
    pub credentials_pause: Duration,
}

impl Default for CalabrioLimits {
    fn default() -> Self {
        Self {
            page_size: 1000,
            pages: 10_000,
            answer_bytes: 64 * 1024 * 1024,
            import_time: Duration::from_mins(30),
            import_answer: Duration::from_mins(2),
            session_trust: Duration::from_mins(2),
            message_time: Duration::from_secs(5),
            credentials_pause: Duration::from_secs(30),
        }
    }
}

impl CalabrioLimits {
    fn validate(&self) -> Result<(), CalabrioError> {
        let wrong = |setting, problem| Err(CalabrioError::Setting { setting, problem });
        if !(1..=50_000).contains(&self.page_size) {
            return wrong("limits.page_size", "is a number from 1 to 50000");
        }
        if self.pages == 0 {
            return wrong("limits.pages", "is at least 1");
        }
        if self.answer_bytes < 1024 {
            return wrong("limits.answer_bytes", "is at least 1024");
        }
        if self.import_time.is_zero() || self.import_answer.is_zero() {
            return wrong(
                "limits.import_time and limits.import_answer",
                "are longer than zero",
            );
        }
        if self.message_time.is_zero() {
            return wrong("limits.message_time", "is longer than zero");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> CalabrioSettings {
        CalabrioSettings::new(
            "https://calabriocloud.com".parse().unwrap(),
            "svc@example.com",
            "hunter2".into(),
        )
    }

    #[test]
    fn debug_shows_neither_user_nor_password() {
        let shown = format!("{:?}", settings());
        assert!(
            !shown.contains("hunter2") && !shown.contains("svc@"),
            "{shown}"
        );
        assert!(shown.contains("https://calabriocloud.com"), "{shown}");
    }

    #[test]
    fn the_defaults_are_valid_and_each_fault_is_named() {
        assert!(settings().validate().is_ok());
        let fault = |change: fn(&mut CalabrioSettings)| {
            let mut settings = settings();
            change(&mut settings);
            settings.validate().unwrap_err().to_string()
        };
        assert!(fault(|s| s.leg_key_field = " ".into()).contains("leg_key_field"));
        assert!(fault(|s| s.limits.page_size = 0).contains("page_size"));
        assert!(fault(|s| s.limits.pages = 0).contains("limits.pages"));
        assert!(fault(|s| s.limits.answer_bytes = 1).contains("answer_bytes"));
        assert!(fault(|s| s.limits.import_time = Duration::ZERO).contains("import_time"));
        assert!(fault(|s| s.limits.message_time = Duration::ZERO).contains("message_time"));
        assert!(fault(|s| s.contract.import.path.clear()).contains("import.path"));
    }
}
