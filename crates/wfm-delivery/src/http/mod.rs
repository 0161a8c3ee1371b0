//! JSON over HTTP.

mod answer;
mod probe;
mod roster;

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_retry::{
    BaseUrl, Call, CallError, HttpClient, Idempotency, Outcome as CallOutcome, Request, SafeUrl,
};
use serde_json::{Map, Value};
use wfm_history::{Redelivery, Report};
use wfm_interval::Zone;

use crate::field::{HistoryField, StateField};
use crate::layout::{Cell, Layout, Layouts};
use crate::{
    AnswersContract, Delivering, DeliveryContract, DeliveryError, HistoryBatch, HistorySink,
    HttpAccess, HttpContract, Outcome, Part, Receipt, Refusal, RowRefusal, SessionCookie,
    StateBatch, StateSink,
};
use answer::Told;

pub use probe::{Probed, probe};
pub use roster::RosterHttp;

/// The most bytes of an answer that are read.
const ANSWER_BYTES: usize = 1024 * 1024;

/// What both kinds of requests share.
#[derive(Debug)]
struct Endpoint {
    http: HttpClient,
    access: HttpAccess,
    contract: HttpContract,
    answers: AnswersContract,
    deadline: Duration,
    what: &'static str,
    call: &'static str,
    idempotency: Idempotency,
}

/// Why a request told nothing about its rows.
struct Later {
    error: DeliveryError,
    in_doubt: bool,
}

/// Makes a body of rows, by their places in the batch; true where the batch ends with them.
type Body<'a> = dyn Fn(&[usize], bool) -> Value + Send + Sync + 'a;

impl Endpoint {
    /// Sends rows in requests of bounded size. A request that is refused for its rows is halved, so that one row does not take others with it.
    async fn deliver(
        &self,
        url: &SafeUrl,
        rows: usize,
        body: &Body<'_>,
        refused: &HashMap<usize, Refusal>,
    ) -> Receipt {
        let part = |rows, outcome| Part {
            rows,
            file: None,
            outcome,
        };
        let mut receipt = Receipt::default();
        let mut splits = self.contract.splits;
        let mut left: Vec<Range<usize>> = (0..rows)
            .step_by(self.contract.rows)
            .map(|start| start..rows.min(start + self.contract.rows))
            .collect();
        left.reverse();
        while let Some(range) = left.pop() {
            let known = |row| Some((row, refused.get(&row)?.clone()));
            let mut refusals: Vec<_> = range.clone().filter_map(known).collect();
            let body = |places: &[usize]| body(places, range.end == rows);
            match self
                .part(url, &range, &body, &mut refusals, &mut splits)
                .await
            {
                Ok(None) if refusals.is_empty() => {
                    receipt.parts.push(part(range, Outcome::Accepted));
                }
                Ok(None) => receipt.parts.push(part(range, rows_refused(refusals))),
                Ok(Some(_)) if range.len() > 1 && splits > 0 => {
                    splits -= 1;
                    let middle = range.start + range.len() / 2;
                    left.push(middle..range.end);
                    left.push(range.start..middle);
                }
                Ok(Some(refusal)) => receipt.parts.push(part(range, Outcome::Refused(refusal))),
                Err(Later { error, in_doubt }) => {
                    // What is wrong is not these rows: the rest waits as well.
                    let later = Outcome::RetryLater { error, in_doubt };
                    receipt.parts.push(part(range, later));
                    receipt.parts.extend(left.into_iter().rev().map(|range| {
                        let waits = Outcome::RetryLater {
                            error: DeliveryError::NotTried { what: self.what },
                            in_doubt: false,
                        };
                        part(range, waits)
                    }));
                    break;
                }
            }
        }
        receipt
    }

    /// Sends the rows of a range that are not refused yet, and again without those that an error status lists, as nothing was stored then.
    /// Gives the refusal of the whole, if it was refused.
    async fn part(
        &self,
        url: &SafeUrl,
        range: &Range<usize>,
        body: &(dyn Fn(&[usize]) -> Value + Send + Sync),
        refusals: &mut Vec<(usize, Refusal)>,
        splits: &mut usize,
    ) -> Result<Option<Refusal>, Later> {
        loop {
            let is_refused = |row: &usize| refusals.iter().any(|(refused, _)| refused == row);
            let rows: Vec<usize> = range.clone().filter(|row| !is_refused(row)).collect();
            if rows.is_empty() {
                return Ok(None);
            }
            match self.send(url, rows.len(), &body(&rows)).await? {
                Told::Accepted => return Ok(None),
                Told::Refused(refusal) => return Ok(Some(refusal)),
                Told::Rows {
                    refused,
                    others_stored,
                } => {
                    if !others_stored && *splits == 0 {
                        return Ok(refused.into_iter().next().map(|(_, refusal)| refusal));
                    }
                    let listed = refused.into_iter();
                    refusals.extend(
                        listed.filter_map(|(place, refusal)| Some((*rows.get(place)?, refusal))),
                    );
                    if others_stored {
                        return Ok(None);
                    }
                    *splits -= 1;
                }
            }
        }
    }

    async fn send(&self, url: &SafeUrl, rows: usize, body: &Value) -> Result<Told, Later> {
        match tokio::time::timeout(self.deadline, self.with_session(url, rows, body)).await {
            Ok(answered) => answered,
            Err(_) => Err(Later {
                error: DeliveryError::Deadline {
                    what: self.what,
                    seconds: self.deadline.as_secs(),
                },
                in_doubt: true,
            }),
        }
    }

    /// Sends with the session, where there is one, and once more with another if it has ended.
    async fn with_session(&self, url: &SafeUrl, rows: usize, body: &Value) -> Result<Told, Later> {
        let mut session = self.session(None).await?;
        let mut call = Call::new(self.call, self.idempotency);
        if session.is_some() {
            call = call.unauthorized_at_once();
        }
        let mut renewed = false;
        loop {
            let mut unfit = None;
            let answered = self
                .http
                .fetch(
                    &call,
                    ANSWER_BYTES,
                    |_| {
                        let request = Request::post(url.clone()).json(body);
                        self.access.put(request, session.as_ref())
                    },
                    |fetched| {
                        answer::read(&self.answers, &fetched, rows)
                            .inspect_err(|error| unfit = Some(error.reason().to_owned()))
                    },
                )
                .await;
            let error = match answered {
                Ok(told) => return Ok(told),
                Err(error) => error,
            };
            // Where a session has ended, some hosts answer with a page for people.
            let refused = error.outcome() == CallOutcome::Status(401);
            let may_have_ended =
                refused || matches!(error.outcome(), CallOutcome::UnfitAnswer { .. });
            if session.is_none() || renewed || !may_have_ended {
                return self.failed(error, rows, unfit);
            }
            session = self.session(session.as_ref()).await?;
            renewed = true;
            // A 401 stored nothing. A page may hide that it did.
            if !refused && self.idempotency != Idempotency::Idempotent {
                return self.failed(error, rows, unfit);
            }
        }
    }

    async fn session(&self, ended: Option<&SessionCookie>) -> Result<Option<SessionCookie>, Later> {
        let what = self.what;
        self.access.session(ended).await.map_err(|none| Later {
            error: if none.refused {
                DeliveryError::CredentialsRefused { what }
            } else {
                let source = none.source;
                DeliveryError::NoSession { what, source }
            },
            in_doubt: false,
        })
    }

    fn failed(&self, error: CallError, rows: usize, unfit: Option<String>) -> Result<Told, Later> {
        let what = self.what;
        let later = |error, in_doubt| Err(Later { error, in_doubt });
        match error.outcome() {
            CallOutcome::Status(status) if self.contract.row_statuses.contains(&status) => Ok(
                answer::read_refusal(&self.answers, error.answer_body(), status, rows),
            ),
            CallOutcome::Status(401) => later(DeliveryError::CredentialsRefused { what }, false),
            CallOutcome::UnfitAnswer { .. } => {
                let problem = unfit.unwrap_or_else(|| error.reason());
                later(DeliveryError::UnexpectedAnswer { what, problem }, true)
            }
            CallOutcome::Status(425 | 429) => later(
                DeliveryError::Call {
                    what,
                    source: error,
                },
                false,
            ),
            _ => {
                let in_doubt = error.may_have_been_processed();
                later(
                    DeliveryError::Call {
                        what,
                        source: error,
                    },
                    in_doubt,
                )
            }
        }
    }

    /// The body: the list, with what stands beside it.
    fn body(&self, rows: Vec<Value>, beside: Map<String, Value>) -> Value {
        if self.contract.list_field.is_empty() {
            return Value::Array(rows);
        }
        let mut body = beside;
        body.insert(self.contract.list_field.clone(), rows.into());
        Value::Object(body)
    }
}

fn rows_refused(mut refusals: Vec<(usize, Refusal)>) -> Outcome {
    refusals.sort_by_key(|(row, _)| *row);
    let refused = refusals
        .into_iter()
        .map(|(row, refusal)| RowRefusal { row, refusal });
    Outcome::RowsRefused(refused.collect())
}

fn object<F>(layout: &Layout<F>, cells: impl Iterator<Item = Cell>) -> Value {
    layout
        .columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| (column.name.clone(), cell.into_json()))
        .collect::<Map<_, _>>()
        .into()
}

fn url(base: &BaseUrl, path: &str) -> SafeUrl {
    base.join(path.split('/'))
}

/// Intervals as JSON over HTTP. Redirects are not followed.
#[derive(Debug)]
pub struct HistoryHttp {
    endpoint: Endpoint,
    agent: (SafeUrl, Layout<HistoryField>),
    queue: (SafeUrl, Layout<HistoryField>),
}

impl HistoryHttp {
    /// Requests below `base`, each with all its attempts within `deadline`. `http` brings retries and the limit of requests at once.
    ///
    /// `redelivery` says whether an interval may come twice. Where it may not, a request is sent again only when Calabrio certainly did not process
    /// it, and what stays open is told as in doubt.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Contract`] with every fault of the settings.
    #[expect(clippy::too_many_arguments, reason = "each is a decision of its own")]
    pub fn new(
        http: HttpClient,
        base: &BaseUrl,
        access: HttpAccess,
        contract: &DeliveryContract,
        acd_server: u32,
        zone: Zone,
        redelivery: Redelivery,
        deadline: Duration,
    ) -> Result<Self, DeliveryError> {
        let layouts = Layouts::new(contract, acd_server, zone)?;
        Ok(Self {
            endpoint: Endpoint {
                http,
                access,
                contract: contract.http.clone(),
                answers: contract.answers.clone(),
                deadline,
                what: "history",
                call: "wfm.history",
                idempotency: match redelivery {
                    Redelivery::Replace => Idempotency::Idempotent,
                    Redelivery::Never => Idempotency::SafeIfUnsent,
                },
            },
            agent: (url(base, &contract.agent_http.path), layouts.agent_http),
            queue: (url(base, &contract.queue_http.path), layouts.queue_http),
        })
    }
}

impl HistorySink for HistoryHttp {
    fn deliver<'a>(&'a self, batch: &'a HistoryBatch, now: DateTime<Utc>) -> Delivering<'a> {
        Box::pin(async move {
            let (url, layout) = match batch.report() {
                Report::AgentProductivity => &self.agent,
                Report::QueueHistory => &self.queue,
            };
            let all = batch.rows();
            let refused = (0..)
                .zip(all)
                .filter(|(_, row)| layout.refuses(row))
                .map(|(row, _)| (row, Refusal::RepeatedHour))
                .collect();
            let body = |rows: &[usize], _| {
                let rows = rows
                    .iter()
                    .map(|row| object(layout, layout.cells(&all[*row], now)));
                self.endpoint.body(rows.collect(), Map::new())
            };
            self.endpoint.deliver(url, all.len(), &body, &refused).await
        })
    }
}

/// States as JSON over HTTP. Redirects are not followed.
#[derive(Debug)]
pub struct StateHttp {
    endpoint: Endpoint,
    url: SafeUrl,
    layout: Layout<StateField>,
}

impl StateHttp {
    /// As [`HistoryHttp::new`]. States may always come twice.
    ///
    /// Give it a client that tries once: what an agent was in when a request was first tried may be over by the next attempt, and
    /// [`NewestStates`](crate::NewestStates) has the newest state for it.
    pub fn new(
        http: HttpClient,
        base: &BaseUrl,
        access: HttpAccess,
        contract: &DeliveryContract,
        acd_server: u32,
        zone: Zone,
        deadline: Duration,
    ) -> Result<Self, DeliveryError> {
        let layouts = Layouts::new(contract, acd_server, zone)?;
        Ok(Self {
            endpoint: Endpoint {
                http,
                access,
                contract: contract.http.clone(),
                answers: contract.answers.clone(),
                deadline,
                what: "states",
                call: "wfm.states",
                idempotency: Idempotency::Idempotent,
            },
            url: url(base, &contract.state_http.path),
            layout: layouts.state_http,
        })
    }
}

impl StateSink for StateHttp {
    fn deliver<'a>(&'a self, batch: &'a StateBatch, now: DateTime<Utc>) -> Delivering<'a> {
        Box::pin(async move {
            let all = batch.rows();
            let contract = &self.endpoint.contract;
            let body = |rows: &[usize], ends: bool| {
                let mut beside = Map::new();
                for (field, value) in [
                    (&contract.snapshot_field, batch.is_snapshot()),
                    (&contract.last_field, batch.is_last() && ends),
                ] {
                    if !field.is_empty() {
                        beside.insert(field.clone(), value.into());
                    }
                }
                let rows = rows.iter().map(|row| {
                    let cells = self.layout.cells(&all[*row], batch.is_snapshot(), now);
                    object(&self.layout, cells)
                });
                self.endpoint.body(rows.collect(), beside)
            };
            self.endpoint
                .deliver(&self.url, all.len(), &body, &HashMap::new())
                .await
        })
    }
}
