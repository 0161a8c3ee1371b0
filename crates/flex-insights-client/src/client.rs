//! The client, and how a report is asked for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_retry::{Backoff, Call, CallError, HttpClient, Idempotency, Request, Response, SafeUrl};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use crate::error::InsightsError;
use crate::ids::ReportId;
use crate::report::{EmptyReport, Report, ReportStream};
use crate::settings::{InsightsSettings, VENDOR_HOST};
use crate::tokens::{Answered, SmallError, Tokens};
use crate::wire;

/// The largest answer that is no report.
pub(crate) const SMALL: usize = 256 * 1024;

const EXECUTE: &str = "compute a report";
const FETCH: &str = "hand over a report";

/// A client of one Flex Insights project, as one user. Clones share the tokens.
///
/// Every method can be dropped at any point.
#[derive(Clone)]
pub struct FlexInsightsClient {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: InsightsSettings,
    pub(crate) http: HttpClient,
    pub(crate) tokens: Mutex<Tokens>,
}

impl InsightsError {
    /// What a failed call comes to where nothing more is known.
    pub(crate) fn of(doing: &'static str, error: CallError) -> Self {
        if error.is_unfit_answer() {
            Self::UnexpectedAnswer {
                doing,
                problem: error.reason(),
            }
        } else {
            Self::Call {
                doing,
                source: Arc::new(error),
            }
        }
    }
}

impl Shared {
    /// The vendor's sentence, without what is private.
    pub(crate) fn sentence(&self, body: &[u8]) -> Option<String> {
        let private = [
            self.settings.user.as_str(),
            self.settings.password.expose_secret(),
        ];
        self.settings.assumptions.sentence(body, &private)
    }

    /// What a refused request about a report comes to.
    fn report_refused(
        &self,
        doing: &'static str,
        report: &ReportId,
        error: CallError,
    ) -> InsightsError {
        let Some(status) = error.status().filter(|_| error.is_definite_refusal()) else {
            return InsightsError::of(doing, error);
        };
        let reason = self.sentence(error.answer_body());
        let project = self.settings.project.clone();
        if status == self.settings.assumptions.denied_status {
            InsightsError::ProjectDenied {
                project,
                status,
                reason,
            }
        } else {
            InsightsError::ReportRefused {
                report: report.clone(),
                project,
                status,
                reason,
            }
        }
    }

    /// Has a report computed; gives where it will be.
    async fn execute(&self, report: &ReportId) -> Result<SafeUrl, InsightsError> {
        let settings = &self.settings;
        let url = settings.base.join(wire::execute(&settings.project));
        let body = wire::request(&settings.project, report);
        let mut refused = 0;
        loop {
            let ticket = self.ticket().await?;
            // A report that is asked for twice is computed twice, and fetched once.
            let call = Call::new("flex_insights.execute", Idempotency::Idempotent).accept(401);
            let answered = self
                .small::<wire::ExecuteAnswer>(call, EXECUTE, || {
                    Request::post(url.clone())
                        .header("accept", "application/json")
                        .secret_header("cookie", ticket.cookie())
                        .json(&body)
                })
                .await;
            match answered {
                Ok(Answered::Good(answer)) => {
                    return settings
                        .base
                        .resolve(&answer.uri, Some(VENDOR_HOST))
                        .map_err(|source| InsightsError::Link {
                            doing: EXECUTE,
                            source,
                        });
                }
                Ok(Answered::Status(fetched)) => {
                    refused += 1;
                    let challenge = fetched.header("www-authenticate");
                    self.refused(EXECUTE, &ticket, challenge, refused).await?;
                }
                Err(SmallError::Call(doing, error)) => {
                    return Err(self.report_refused(doing, report, error));
                }
                Err(SmallError::Other(error)) => return Err(error),
            }
        }
    }

    /// Asks until the report is there; `None` where it has no content.
    async fn poll(
        &self,
        report: &ReportId,
        url: SafeUrl,
    ) -> Result<Option<Response>, InsightsError> {
        let settings = &self.settings;
        let pauses = Backoff::new(settings.polling.first, settings.polling.longest);
        let (mut asked, mut refused) = (0_u32, 0);
        loop {
            let ticket = self.ticket().await?;
            let call = Call::new("flex_insights.fetch", Idempotency::Idempotent)
                .deadlines(settings.deadlines)
                .accept(401);
            let response = self
                .http
                .send(&call, |_| {
                    Request::get(url.clone()).secret_header("cookie", ticket.cookie())
                })
                .await
                .map_err(|error| self.report_refused(FETCH, report, error))?;
            match response.status() {
                200 => return Ok(Some(response)),
                status if status == settings.assumptions.empty_status => return Ok(None),
                202 => {
                    refused = 0;
                    asked = asked.saturating_add(1);
                    // Read, so that the connection can be used again; what it says is of no account.
                    drop(response.collect(SMALL).await);
                    tokio::time::sleep(self.pause(pauses, asked)).await;
                }
                401 => {
                    refused += 1;
                    let challenge = response.header("www-authenticate").map(str::to_owned);
                    drop(response);
                    self.refused(FETCH, &ticket, challenge.as_deref(), refused)
                        .await?;
                }
                status @ 300..=399 => {
                    return Err(InsightsError::Redirected {
                        doing: FETCH,
                        status,
                    });
                }
                status => {
                    return Err(InsightsError::UnexpectedAnswer {
                        doing: FETCH,
                        problem: format!("status {status}"),
                    });
                }
            }
        }
    }

    /// Between the half and the whole of a ceiling that doubles.
    fn pause(&self, pauses: Backoff, asked: u32) -> Duration {
        (pauses.ceiling(asked) + pauses.delay(asked, (self.settings.random)())) / 2
    }
}

impl FlexInsightsClient {
    /// A client that has not logged in yet. `http` brings the retry policy and the limit of calls at once, which Flex Insights counts
    /// by user (50); a report holds one of them until it is read to its end or dropped.
    pub fn new(settings: InsightsSettings, http: HttpClient) -> Result<Self, InsightsError> {
        settings.validate()?;
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                http,
                tokens: Mutex::default(),
            }),
        })
    }

    /// Has a report computed, waits for it, and gives its content as it comes. Logs in where needed and renews tokens on the way.
    ///
    /// [`Polling::within`](crate::Polling::within) bounds the time to the first row. What fails after that is an error of the stream; the whole
    /// report is then to be asked for again.
    pub async fn report(&self, report: &ReportId) -> Result<Report, InsightsError> {
        let shared = &*self.shared;
        let within = shared.settings.polling.within;
        let asking = async {
            let url = shared.execute(report).await?;
            match shared.poll(report, url).await? {
                Some(response) => {
                    ReportStream::open(report.clone(), response, &shared.settings).await
                }
                None => Ok(Report::Empty(EmptyReport::NoContent)),
            }
        };
        match tokio::time::timeout(within, asking).await {
            Ok(report) => report,
            Err(_) => Err(InsightsError::NotReady {
                report: report.clone(),
                within,
            }),
        }
    }

    /// What the client was made from.
    pub fn settings(&self) -> &InsightsSettings {
        &self.shared.settings
    }
}

impl fmt::Debug for FlexInsightsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FlexInsightsClient({}, project {})",
            self.shared.settings.base, self.shared.settings.project
        )
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn the_pauses_grow_to_the_longest_and_lie_between_half_and_whole() {
        for (random, expected) in [
            (0.0, [500, 1000, 2000, 10_000]),
            (1.0, [1000, 2000, 4000, 20_000]),
        ] {
            let project = "p1".parse().unwrap();
            let settings = InsightsSettings::new(
                "me",
                SecretString::from("x"),
                project,
                Utc::now,
                move || random,
            );
            let http = HttpClient::builder().build().unwrap();
            let client = FlexInsightsClient::new(settings, http).unwrap();
            let polling = client.settings().polling;
            let pauses = Backoff::new(polling.first, polling.longest);
            let waits = [1, 2, 3, 60].map(|asked| client.shared.pause(pauses, asked).as_millis());
            assert_eq!(waits, expected);
        }
    }
}
