//! What became of contact status events, sending them again, and trying the receiver.

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId};
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{
    Ledger, MessageFilter, MessageState, OutboxCount, Replayed, RowMark, StoredBytes,
};
use webhook_delivery::{
    AttemptResult, DeliverySettings, Endpoint, Message, MessageId, Sender, WebhookError,
};

use super::page::{some_time, time};
use super::{AcdNames, ReportError};

/// Which messages are listed.
#[derive(Debug, Clone, Default)]
pub struct MessageQuery {
    /// Of the ACD of this name.
    pub acd: Option<String>,
    /// In one of these states.
    pub states: Vec<MessageState>,
    /// Of this leg.
    pub leg: Option<LegId>,
    /// Written down at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Written down before this time.
    pub to: Option<DateTime<Utc>>,
    /// At most so many.
    pub limit: u32,
}

/// Webhook messages, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageList {
    /// The webhook of each ACD.
    pub endpoints: Vec<EndpointLine>,
    /// The messages.
    pub messages: Vec<MessageLine>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// How the webhook of an ACD fares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndpointLine {
    /// The ACD's name.
    pub acd: String,
    /// Messages that wait.
    pub pending: u64,
    /// When the oldest of these was written down.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// Messages that were taken.
    pub delivered: u64,
    /// Messages that were not taken in all attempts.
    pub exhausted: u64,
    /// Since when it fails without a success in between.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when nothing is sent any more, and why.
    pub disabled: Option<DisabledLine>,
}

/// Why nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisabledLine {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, in a word.
    pub reason: String,
}

impl EndpointLine {
    pub(super) fn of(count: &OutboxCount, names: &AcdNames) -> Self {
        Self {
            acd: names.name(&count.acd),
            pending: count.pending,
            oldest_pending: count.oldest_pending,
            delivered: count.delivered,
            exhausted: count.exhausted,
            failing_since: count.endpoint.failing_since,
            disabled: count
                .endpoint
                .disabled
                .as_ref()
                .map(|disabled| DisabledLine {
                    since: disabled.at,
                    reason: disabled.reason.clone(),
                }),
        }
    }

    /// What a person should know, if anything.
    pub(super) fn trouble(&self) -> Option<String> {
        if let Some(disabled) = &self.disabled {
            return Some(format!(
                "the webhook is disabled since {} ({}): repair the receiver, then sync-qm webhooks enable",
                time(disabled.since),
                disabled.reason
            ));
        }
        (self.exhausted > 0).then(|| {
            format!(
                "{} webhooks were not taken in all attempts: sync-qm webhooks list --state exhausted, then replay",
                self.exhausted
            )
        })
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageLine {
    /// Its id: the receiver's `webhook-id`.
    pub id: String,
    /// The ACD's name.
    pub acd: String,
    /// The leg that it tells of.
    pub leg: LegId,
    /// `COMPLETE` or `FAILED`.
    pub status: &'static str,
    /// How it stands.
    pub state: MessageState,
    /// When it was written down.
    pub created: DateTime<Utc>,
    /// Attempts since it was written down, or last replayed.
    pub attempts: u32,
    /// How many of these were in vain.
    pub failed_attempts: u32,
    /// When it is sent next.
    pub due: Option<DateTime<Utc>>,
    /// What the last attempt met.
    pub last: Option<LastLine>,
}

/// What an attempt met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastLine {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub failure: Option<String>,
}

impl LastLine {
    fn text(&self) -> String {
        match (self.status, &self.failure) {
            (Some(status), _) => format!("status {status}"),
            (None, Some(failure)) => failure.clone(),
            (None, None) => String::new(),
        }
    }
}

impl MessageLine {
    fn of(row: sync_ledger::MessageRow, names: &AcdNames) -> Self {
        Self {
            acd: names.name(&row.acd),
            leg: row.leg,
            status: row.status.as_str(),
            state: row.state,
            created: row.created_at,
            attempts: row.attempts + u32::from(row.state == MessageState::Delivered),
            failed_attempts: row.attempts,
            due: row.due_at,
            last: row.last.map(|last| LastLine {
                at: last.at,
                took_ms: last.took_ms,
                status: last.status,
                failure: last.reason.or(last.failure),
            }),
            id: row.id,
        }
    }
}

/// Lists messages.
pub async fn messages<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    query: &MessageQuery,
) -> Result<MessageList, ReportError> {
    let acd = names.find_some(query.acd.as_deref())?;
    let counts = ledger.outbox_counts(acd.as_ref()).await?;
    let filter = MessageFilter {
        acd,
        states: query.states.clone(),
        leg: query.leg,
        from: query.from,
        to: query.to,
    };
    let (mut lines, mut after): (Vec<MessageLine>, Option<RowMark>) = (Vec::new(), None);
    let wanted = query.limit.max(1) as usize;
    let more = loop {
        let page = ledger.messages(&filter, query.limit, after).await?;
        let rows = page.messages.into_iter();
        lines.extend(rows.map(|row| MessageLine::of(row, names)));
        if lines.len() >= wanted || page.next.is_none() {
            break page.next.is_some() || lines.len() > wanted;
        }
        after = page.next;
    };
    lines.truncate(wanted);
    Ok(MessageList {
        endpoints: counts
            .iter()
            .map(|count| EndpointLine::of(count, names))
            .collect(),
        messages: lines,
        more,
    })
}

/// One message with what is sent and what was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageReport {
    /// The message.
    #[serde(flatten)]
    pub line: MessageLine,
    /// What is sent, exactly as it is: a text that holds JSON. `None` where it was erased or cannot be unsealed.
    pub body: Option<String>,
    /// The beginning of what the receiver answered last.
    pub answer: Option<String>,
}

/// Shows one message.
pub async fn message<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    id: &str,
) -> Result<MessageReport, ReportError> {
    let record = ledger
        .message(id)
        .await?
        .ok_or_else(|| ReportError::UnknownMessage { id: id.to_owned() })?;
    let text = |bytes: &StoredBytes| match bytes {
        StoredBytes::Present(bytes) if !bytes.is_empty() => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    };
    Ok(MessageReport {
        body: text(&record.body),
        answer: text(&record.answer),
        line: MessageLine::of(record.row, names),
    })
}

/// Which webhook messages are sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// One.
    Message {
        /// Its id.
        id: String,
    },
    /// Those that were put into the outbox within a range.
    Range {
        /// The range's beginning, inclusive.
        from: DateTime<Utc>,
        /// The range's end, exclusive.
        to: DateTime<Utc>,
        /// Whether also those that were delivered.
        delivered: bool,
    },
}

/// What a replay or an enabling did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// How many messages are due now.
    pub due: u64,
    /// What was done, in a sentence.
    pub done: String,
}

/// Has messages of these ACDs sent again: the same ids, the same bytes. Beside a worker as well as without one: the deliverer finds
/// them, at once where one is `running`.
pub async fn replay<L: Ledger>(
    ledger: &L,
    acds: &[AcdKey],
    which: &Replay,
    running: bool,
    now: DateTime<Utc>,
) -> Result<ReplayReport, ReportError> {
    let due = match which {
        Replay::Message { id } => match ledger.replay_message(id, now).await? {
            Replayed::Due => 1,
            Replayed::UnderWay => 0,
            Replayed::Erased => return Err(ReportError::MessageErased { id: id.clone() }),
            Replayed::Unknown => return Err(ReportError::UnknownMessage { id: id.clone() }),
        },
        Replay::Range {
            from,
            to,
            delivered,
        } => {
            let mut due = 0;
            for row in ledger.acds().await? {
                if acds.contains(&row.key) {
                    due += ledger
                        .replay_messages(&row.key, *from, *to, *delivered, now)
                        .await?;
                }
            }
            due
        }
    };
    let when = if running {
        "are sent again"
    } else {
        "are due, and sent again once the worker runs (sync-qm run)"
    };
    Ok(ReplayReport {
        due,
        done: format!("{due} webhooks {when}, with the same ids"),
    })
}

/// Lets webhooks go to an endpoint again that was disabled.
pub async fn enable<L: Ledger>(
    ledger: &L,
    acd: &AcdKey,
    now: DateTime<Utc>,
) -> Result<ReplayReport, ReportError> {
    let enabled = ledger.enable_endpoint(acd, now).await?;
    let before = match enabled.before.disabled {
        Some(disabled) => format!("was disabled since {}", time(disabled.at)),
        None => "was not disabled".to_owned(),
    };
    Ok(ReplayReport {
        due: enabled.pending,
        done: format!(
            "the webhook {before}; {} webhooks that waited are sent now",
            enabled.pending
        ),
    })
}

/// What a receiver said to a message that was sent to try it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestReport {
    /// The ACD's name.
    pub acd: String,
    /// Where it was sent, without path and query.
    pub host: String,
    /// The message's id.
    pub id: String,
    /// Whether it was taken.
    pub taken: bool,
    /// The status that was answered; `None` where nothing was.
    pub status: Option<u16>,
    /// What came of it, in words.
    pub result: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The beginning of the answer's body.
    pub answer: Option<String>,
}

/// The leg of an event that tells of nobody.
const NOBODY: &str = "WR00000000000000000000000000000000";

/// Sends one event of a leg that does not exist, past the outbox: its reservation SID is all zeros, its `ccrId` 0.
pub async fn test(
    name: &str,
    tenant: u32,
    endpoint: Endpoint,
    extra_ca: Option<Vec<u8>>,
    random: [u8; 20],
    now: DateTime<Utc>,
) -> Result<TestReport, WebhookError> {
    let host = endpoint.url().host().to_owned();
    let id = MessageId::from_random(random);
    let event = serde_json::json!({
        "ccrId": 0, "sessionId": "webhook-test", "legId": NOBODY, "tenantId": tenant, "status": "COMPLETE",
    });
    let message = Message::new(
        id.clone(),
        endpoint.id().clone(),
        NOBODY.parse()?,
        &event,
        now,
    )?;
    let mut builder = Sender::builder().settings(DeliverySettings::default());
    if let Some(pem) = extra_ca {
        builder = builder.root_certificates_pem(pem);
    }
    let sent = builder.build(endpoint)?.send(&message, now).await?;
    let attempt = sent.attempt;
    let answer = String::from_utf8_lossy(&attempt.response).into_owned();
    Ok(TestReport {
        acd: name.to_owned(),
        host,
        id: id.to_string(),
        taken: attempt.result.is_success(),
        status: match attempt.result {
            AttemptResult::Answered(status) => Some(status),
            AttemptResult::Failed { .. } => None,
        },
        result: match &attempt.result {
            AttemptResult::Answered(410) => {
                "status 410 (in operation the webhook would be disabled)".to_owned()
            }
            result => result.to_string(),
        },
        took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
        answer: (!answer.is_empty()).then_some(answer),
    })
}

impl Report for MessageList {
    fn page(&self, page: &mut Page) {
        for endpoint in &self.endpoints {
            endpoint_page(endpoint, page);
        }
        if self.messages.is_empty() {
            page.line("no webhooks");
            return;
        }
        let mut table = Table::new([
            "id", "acd", "leg", "status", "state", "written", "attempts", "in vain", "next", "last",
        ]);
        for message in &self.messages {
            let mood = match message.state {
                MessageState::Delivered => Some(Mood::Good),
                MessageState::Exhausted => Some(Mood::Bad),
                _ => None,
            };
            table.row_with_moods([
                (message.id.clone(), None),
                (message.acd.clone(), None),
                (message.leg.to_string(), None),
                (message.status.to_owned(), None),
                (message.state.as_str().to_owned(), mood),
                (time(message.created), None),
                (message.attempts.to_string(), None),
                (message.failed_attempts.to_string(), None),
                (some_time(message.due), None),
                (
                    message
                        .last
                        .as_ref()
                        .map(LastLine::text)
                        .unwrap_or_default(),
                    None,
                ),
            ]);
        }
        page.table(table);
        if self.more {
            page.mood(
                Mood::Quiet,
                "there are more: narrow the list, or raise --limit",
            );
        }
    }
}

pub(super) fn endpoint_page(endpoint: &EndpointLine, page: &mut Page) {
    page.line(format!(
        "{}: {} webhooks wait{}, {} delivered, {} exhausted",
        endpoint.acd,
        endpoint.pending,
        endpoint
            .oldest_pending
            .map(|oldest| format!(" since {}", time(oldest)))
            .unwrap_or_default(),
        endpoint.delivered,
        endpoint.exhausted
    ));
    match (endpoint.trouble(), endpoint.failing_since) {
        (Some(trouble), _) => {
            page.mood(Mood::Bad, trouble);
        }
        (None, Some(since)) => {
            page.mood(
                Mood::Careful,
                format!("the receiver has failed since {}", time(since)),
            );
        }
        (None, None) => {}
    }
}

impl Report for MessageReport {
    fn page(&self, page: &mut Page) {
        let line = &self.line;
        page.line(format!("{} to {}", line.id, line.acd))
            .line(format!("leg {}, status {}", line.leg, line.status))
            .line(format!(
                "{}, written {}, {} attempts, {} of them in vain, next {}",
                line.state.as_str(),
                time(line.created),
                line.attempts,
                line.failed_attempts,
                some_time(line.due)
            ));
        if let Some(last) = &line.last {
            page.line(format!(
                "last attempt {}, {} ms: {}",
                time(last.at),
                last.took_ms,
                last.text()
            ));
        }
        match &self.body {
            Some(body) => page.line(format!("body: {body}")),
            None => page.mood(Mood::Quiet, "the body was erased, or cannot be unsealed"),
        };
        if let Some(answer) = &self.answer {
            // What others answered must not steer a terminal.
            let shown: String = answer
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(2_000)
                .collect();
            page.line(format!("answer: {shown}"));
        }
    }
}

impl Report for ReplayReport {
    fn page(&self, page: &mut Page) {
        page.mood(Mood::Good, self.done.clone());
    }
}

impl Report for TestReport {
    fn page(&self, page: &mut Page) {
        let mood = if self.taken { Mood::Good } else { Mood::Bad };
        let Self { acd, host, .. } = self;
        let said = match self.status {
            Some(_) => format!("{acd}: {host} answered {} in", self.result),
            None => format!("{acd}: {host} gave no answer: {};", self.result),
        };
        page.mood(
            mood,
            format!("{said} {} ms (message {})", self.took_ms, self.id),
        );
        if self.status.is_none() {
            page.line("look at event_webhook_url, at DNS, at certificates, and at what stands between this machine and the receiver");
        }
    }
}

#[cfg(test)]
mod tests {
    use contact_model::{ContactStatus, FailureReason, ParkReason};
    use sync_ledger::{
        ContactStore as _, MessageAttempt, MessageOutcome, MessageSettlement, OutboxStore as _,
        Schedule, Tell,
    };

    use super::super::fixture::{Fixture, at, parked};
    use super::*;

    /// Its keys are not in the order of the alphabet, and it has spaces that a parser would drop.
    const BODY: &str = r#"{"sessionId":"KD",  "ccrId":0}"#;

    /// A ledger in which the first leg was told once.
    async fn told() -> (Fixture, MessageList) {
        let fixture = Fixture::new(vec![parked(ParkReason::NoMedia)]).await;
        let page = fixture
            .ledger
            .list(
                &sync_ledger::ContactFilter::default(),
                &sync_ledger::PageRequest::first(1),
            )
            .await
            .unwrap();
        let row = &page.contacts[0];
        let tell = Tell {
            status: ContactStatus::Failed {
                reason: FailureReason::NotRecorded,
            },
            ccr: None,
            message_id: "msg_1".to_owned(),
            body: bytes::Bytes::from_static(BODY.as_bytes()),
        };
        let change = row
            .change(row.contact.clone(), Schedule::rest(), at(40))
            .tell(tell);
        fixture.ledger.save(change).await.unwrap();
        let query = MessageQuery {
            limit: 10,
            ..MessageQuery::default()
        };
        let list = messages(&fixture.ledger, &fixture.names, &query)
            .await
            .unwrap();
        (fixture, list)
    }

    #[tokio::test]
    async fn a_message_that_waits_is_listed_and_shown_with_its_body() {
        let (fixture, list) = told().await;
        assert_eq!(
            (list.endpoints[0].pending, list.messages.len(), list.more),
            (1, 1, false)
        );
        assert_eq!(list.messages[0].status, "FAILED");
        let shown = message(&fixture.ledger, &fixture.names, "msg_1")
            .await
            .unwrap();
        assert_eq!(shown.body.as_deref(), Some(BODY));
        let mut out = Vec::new();
        service_runtime::print_report(
            &shown,
            service_runtime::Output::Table,
            service_runtime::Terminal::NONE,
            &mut out,
        )
        .unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(page.contains(BODY), "{page}");
    }

    #[tokio::test]
    async fn all_attempts_are_counted_and_those_in_vain_apart() {
        let (fixture, list) = told().await;
        let count = |line: &MessageLine| (line.attempts, line.failed_attempts);
        assert_eq!(count(&list.messages[0]), (0, 0));
        let acd = fixture.names.keys().next().unwrap().clone();
        for (minute, status, counts) in [(50, 503, (1, 1)), (60, 200, (2, 1))] {
            let outcome = if status == 200 {
                MessageOutcome::Delivered
            } else {
                MessageOutcome::RetryAt(at(minute + 1))
            };
            let ledger = &fixture.ledger;
            let claimed = ledger
                .claim_messages(&acd, at(minute), 10, at(minute + 1))
                .await
                .unwrap();
            let settlement = MessageSettlement {
                id: claimed.messages[0].id.clone(),
                claim: claimed.messages[0].claim,
                attempt: MessageAttempt {
                    at: at(minute),
                    took: std::time::Duration::from_millis(5),
                    status: Some(status),
                    failure: None,
                    reason: None,
                    answer: bytes::Bytes::new(),
                },
                outcome,
            };
            ledger
                .settle_messages(&[settlement], &|_, endpoint| endpoint.clone(), at(minute))
                .await
                .unwrap();
            let shown = message(&fixture.ledger, &fixture.names, "msg_1");
            assert_eq!(count(&shown.await.unwrap().line), counts);
        }
    }

    #[tokio::test]
    async fn a_message_that_nobody_knows_is_named() {
        let (fixture, _) = told().await;
        let error = message(&fixture.ledger, &fixture.names, "msg_2")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("msg_2"), "{error}");
        let which = Replay::Message {
            id: "msg_2".to_owned(),
        };
        let acds = [fixture.config.acds[0].key()];
        let error = replay(&fixture.ledger, &acds, &which, true, at(50))
            .await
            .unwrap_err();
        assert!(matches!(error, ReportError::UnknownMessage { .. }));
    }

    #[tokio::test]
    async fn a_replay_and_an_enabling_say_how_many_are_sent() {
        let (fixture, _) = told().await;
        let which = Replay::Message {
            id: "msg_1".to_owned(),
        };
        let acds = [fixture.config.acds[0].key()];
        let report = replay(&fixture.ledger, &acds, &which, true, at(50))
            .await
            .unwrap();
        assert_eq!(report.due, 1);
        assert!(report.done.contains("are sent again"), "{}", report.done);
        let all = Replay::Range {
            from: at(0),
            to: at(60),
            delivered: true,
        };
        let of_nobody = replay(&fixture.ledger, &[], &all, false, at(50))
            .await
            .unwrap();
        assert_eq!(of_nobody.due, 0, "what has no receiver is not sent");
        assert!(
            of_nobody.done.contains("once the worker runs"),
            "{}",
            of_nobody.done
        );
        let acd = fixture.names.keys().next().unwrap().clone();
        let report = enable(&fixture.ledger, &acd, at(51)).await.unwrap();
        assert!(report.done.contains("was not disabled"), "{}", report.done);
    }
}
