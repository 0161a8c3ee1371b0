//! What a client is made from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_retry::{BaseUrl, Deadlines};
use secrecy::{ExposeSecret, SecretString};

use crate::assumed::Assumptions;
use crate::error::InsightsError;
use crate::ids::ProjectId;

/// The name under which Flex Insights knows itself.
pub(crate) const VENDOR_HOST: &str = "analytics.ytica.com";

/// How a report that is being computed is asked for. The pauses double from `first` to `longest`, each between its half and its whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The first pause (default 1 s).
    pub first: Duration,
    /// The longest pause (default 20 s).
    pub longest: Duration,
    /// From the request for the report to the beginning of its content (default 30 min).
    pub within: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(20),
            within: Duration::from_mins(30),
        }
    }
}

/// What a [`FlexInsightsClient`](crate::FlexInsightsClient) is made from.
#[derive(Clone)]
pub struct InsightsSettings {
    /// Where Flex Insights is reached (default `https://analytics.ytica.com`).
    pub base: BaseUrl,
    /// The user, an e-mail address.
    pub user: String,
    /// That user's password, which Flex Insights' support gives.
    pub password: SecretString,
    /// The project.
    pub project: ProjectId,
    /// How a report that is being computed is asked for.
    pub polling: Polling,
    /// How long each stage of a request may take; `idle` is the longest pause within a report's content (default 30 s).
    pub deadlines: Deadlines,
    /// The largest report in bytes (default 1 GiB; Flex Insights documents 1 GB).
    pub max_report_bytes: u64,
    /// From the beginning of a report's content to its end, the reader's own time included (default 1 h).
    pub download_within: Duration,
    /// How long a login lives (default 13 days; documented are two weeks).
    pub login_life: Duration,
    /// How long a temporary token lives (default 9 min; documented are ten).
    pub temporary_life: Duration,
    /// The longest wait in all that a login takes upon itself when it is answered with 429 (default 2 min).
    pub login_wait: Duration,
    /// After a refused login, for how long no other is tried: many bad ones lock the user out (default 10 min).
    pub credentials_pause: Duration,
    /// What Twilio does not document.
    pub assumptions: Assumptions,
    /// The present.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Numbers in `0.0..1.0`, for the pauses.
    pub random: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl InsightsSettings {
    /// The settings with their defaults.
    pub fn new(
        user: impl Into<String>,
        password: SecretString,
        project: ProjectId,
        clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
        random: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        let base = match format!("https://{VENDOR_HOST}").parse() {
            Ok(base) => base,
            Err(error) => unreachable!("{VENDOR_HOST} makes an address: {error}"),
        };
        Self {
            base,
            user: user.into(),
            password,
            project,
            polling: Polling::default(),
            deadlines: Deadlines::default(),
            max_report_bytes: 1 << 30,
            download_within: Duration::from_hours(1),
            login_life: Duration::from_hours(13 * 24),
            temporary_life: Duration::from_mins(9),
            login_wait: Duration::from_mins(2),
            credentials_pause: Duration::from_mins(10),
            assumptions: Assumptions::default(),
            clock: Arc::new(clock),
            random: Arc::new(random),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), InsightsError> {
        let rules = [
            (self.user.trim().is_empty(), "user name", "is empty"),
            (
                self.password.expose_secret().is_empty(),
                "password",
                "is empty",
            ),
            (
                self.polling.first.is_zero(),
                "first pause",
                "must be longer than zero",
            ),
            (
                self.polling.first > self.polling.longest,
                "first pause",
                "must not be longer than the longest",
            ),
            (
                self.polling.within.is_zero(),
                "deadline of a report",
                "must be longer than zero",
            ),
            (
                self.max_report_bytes == 0,
                "largest report",
                "must be more than no bytes",
            ),
            (
                self.assumptions.empty_status == 200 || self.assumptions.empty_status == 202,
                "status of an empty report",
                "must be neither 200 nor 202, which have a meaning of their own",
            ),
        ];
        match rules.into_iter().find(|(broken, ..)| *broken) {
            Some((_, setting, problem)) => Err(InsightsError::Setting { setting, problem }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for InsightsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsightsSettings")
            .field("base", &self.base.to_string())
            .field("project", &self.project)
            .field("polling", &self.polling)
            .finish_non_exhaustive()
    }
}
