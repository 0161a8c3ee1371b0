//! A receiver of webhooks: it verifies what comes, writes all of it down, and takes, loses, delays, repeats and refuses as faults demand.

pub(crate) mod verify;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Method;
use serde::{Deserialize, Serialize};

use crate::calabrio::{TENANT, shape_fault};
use crate::faults::{Class, Dice, Fault, Faults, Met, fnv};
use crate::http::{Ctx, Inbound, OutBody, Outbound};
use crate::mishap::{self, Reaction, Vendor};
use verify::{Secrets, Verified};

/// The name of the receiver's simulated host.
pub(crate) const HOST: &str = "hooks.example";
/// Where it takes contact status events.
pub(crate) const PATH: &str = "/contact-status";
/// Where a redirect leads to, which nobody may follow.
const MOVED: &str = "/moved";
/// Largest body of a webhook.
const BODY_LIMIT: usize = 20_000;
/// How many messages are kept.
const KEPT: usize = 100_000;

/// An attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebhookAttempt {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The signature schemes that it was rightly signed by: `v1`, `v1a`.
    pub signatures: Vec<String>,
    /// Whether the receiver took it in, told or not.
    pub taken: bool,
    /// Whether it was answered with a 2xx.
    pub acknowledged: bool,
    /// What went wrong with it.
    pub fault: Option<String>,
}

/// A contact status event that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceivedWebhook {
    /// `webhook-id`, the same in every attempt.
    pub id: String,
    /// `ccrId`.
    pub ccr_id: i64,
    /// `sessionId`.
    pub session: String,
    /// `legId`.
    pub leg: String,
    /// `tenantId`.
    pub tenant: u32,
    /// `status`.
    pub status: String,
    /// `failureReason`.
    pub failure_reason: Option<String>,
    /// The body, byte for byte.
    pub body: String,
    /// Every attempt, in the order they came.
    pub attempts: Vec<WebhookAttempt>,
}

impl ReceivedWebhook {
    /// Whether any attempt was answered with a 2xx.
    pub fn is_acknowledged(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.acknowledged)
    }
}

/// The body that the vendor documents.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatusEvent {
    ccr_id: i64,
    session_id: String,
    leg_id: String,
    tenant_id: u32,
    status: String,
    #[serde(default)]
    failure_reason: Option<String>,
}

/// The receiver.
pub(crate) struct Receiver {
    /// Nothing where the system's cryptography makes no keys: then nothing verifies.
    pub(crate) secrets: Option<Secrets>,
    received: Mutex<Vec<ReceivedWebhook>>,
}

impl Receiver {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            secrets: Secrets::new(&mut Dice::new(seed, fnv("webhooks"), 0)),
            received: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ReceivedWebhook>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every message, in the order of their first attempts.
    pub(crate) fn all(&self) -> Vec<ReceivedWebhook> {
        self.lock().clone()
    }

    /// What becomes of a request.
    pub(crate) fn handle(&self, faults: &Faults, req: &Inbound, ctx: &Ctx) -> Reaction {
        let (verified, event) = match self.read(req, ctx) {
            Ok(read) => read,
            Err(status) => return Reaction::Answer(Outbound::empty(status)),
        };
        let met = faults.next(
            Class::Webhook,
            &format!("webhook {} {}", event.leg_id, event.status),
        );
        let fault = met.as_ref().map(|met| met.fault);
        // A message that is dropped or refused is not taken in; of one whose answer is lost nobody is told.
        let taken = fault.is_none_or(does_its_work);
        let acknowledged = taken && !matches!(fault, Some(Fault::DoneReset | Fault::DoneServer));
        let attempt = WebhookAttempt {
            at: ctx.now,
            signatures: verified.schemes,
            taken,
            acknowledged,
            fault: fault.map(|fault| fault.name().to_owned()),
        };
        self.note(&verified.id, event, req, ctx, attempt);
        answer(met, req, ctx)
    }

    fn read(&self, req: &Inbound, ctx: &Ctx) -> Result<(Verified, StatusEvent), u16> {
        let refuse = |status: u16, what: &str| {
            ctx.violation(what);
            status
        };
        if req.path == MOVED {
            return Err(refuse(404, "a redirect was followed"));
        }
        if req.path != PATH || !req.query.is_empty() {
            return Err(refuse(404, "no webhook is taken on this path"));
        }
        if req.method != Method::POST {
            return Err(refuse(405, "a webhook is sent by POST"));
        }
        let kind = req.header("content-type").unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(refuse(415, "a webhook that is not application/json"));
        }
        if req.body.len() > BODY_LIMIT {
            return Err(refuse(413, "a webhook of more than 20 kB"));
        }
        let verified = match &self.secrets {
            Some(secrets) => verify::verify(secrets, req, ctx.now),
            None => Err("there are no keys to verify a webhook with"),
        };
        let verified = verified.map_err(|what| refuse(401, what))?;
        let event: StatusEvent = serde_json::from_slice(&req.body).map_err(|fault| {
            let shape = shape_fault(&fault);
            refuse(400, &format!("a body of no contact status event: {shape}"))
        })?;
        let failed = match event.status.as_str() {
            "COMPLETE" => false,
            "FAILED" => true,
            _ => return Err(refuse(400, "a status that is neither COMPLETE nor FAILED")),
        };
        if failed != event.failure_reason.is_some() {
            let what = "failureReason stands with FAILED, and with nothing else";
            return Err(refuse(400, what));
        }
        if event.tenant_id != TENANT {
            return Err(refuse(400, "a webhook of another tenant"));
        }
        Ok((verified, event))
    }

    fn note(
        &self,
        id: &str,
        event: StatusEvent,
        req: &Inbound,
        ctx: &Ctx,
        attempt: WebhookAttempt,
    ) {
        let body = String::from_utf8_lossy(&req.body).into_owned();
        let mut received = self.lock();
        if let Some(known) = received.iter_mut().find(|known| known.id == id) {
            if known.body != body {
                ctx.violation("a webhook-id that was used before, with another body");
            }
            known.attempts.push(attempt);
        } else if received.len() < KEPT {
            received.push(ReceivedWebhook {
                id: id.to_owned(),
                ccr_id: event.ccr_id,
                session: event.session_id,
                leg: event.leg_id,
                tenant: event.tenant_id,
                status: event.status,
                failure_reason: event.failure_reason,
                body,
                attempts: vec![attempt],
            });
        }
    }
}

/// Whether a message is taken in although something goes wrong.
const fn does_its_work(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Late | Fault::Half | Fault::Drip | Fault::DoneReset | Fault::DoneServer
    )
}

fn answer(met: Option<Met>, req: &Inbound, ctx: &Ctx) -> Reaction {
    let taken = Outbound {
        body: OutBody::Bytes(Bytes::from_static(b"{\"received\": true}\n")),
        ..Outbound::json(200, &())
    };
    let Some(Met { fault, mut dice }) = met else {
        return Reaction::Answer(Outbound::empty(204));
    };
    match fault {
        Fault::Drip => Reaction::Drip(taken),
        Fault::Redirect => {
            let status = [301, 302, 303, 307, 308][dice.below(5)];
            let location = format!("{}{MOVED}", req.link_base);
            Reaction::Answer(Outbound::empty(status).with_header("location", location))
        }
        fault => mishap::instead(fault, Vendor::Receiver, ctx.now, &mut dice)
            .unwrap_or_else(|| mishap::after(fault, Vendor::Receiver, taken, &mut dice)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::verify::tests::{message, secrets, sign};
    use super::*;
    use crate::faults::FaultLevel;
    use crate::strict::Violations;

    struct Sender {
        receiver: Receiver,
        faults: Faults,
        violations: Arc<Violations>,
    }

    impl Sender {
        fn new(level: FaultLevel) -> Self {
            let mut receiver = Receiver::new(1);
            receiver.secrets = Some(secrets());
            Self {
                receiver,
                faults: Faults::new(level, 3),
                violations: Arc::new(Violations::new(true)),
            }
        }

        fn ctx(&self) -> Ctx {
            Ctx::new(Utc::now(), Arc::clone(&self.violations), "test".to_owned())
        }

        fn signed(&self, id: &str, body: &str) -> Inbound {
            let at = Utc::now().timestamp();
            let secrets = self.receiver.secrets.as_ref().unwrap();
            let signature = sign(secrets, id, at, body.as_bytes());
            message(id, &at.to_string(), &signature, body.as_bytes())
        }

        fn send(&self, req: &Inbound) -> Option<u16> {
            let reaction = self.receiver.handle(&self.faults, req, &self.ctx());
            match reaction {
                Reaction::Answer(answer)
                | Reaction::Late(answer)
                | Reaction::Drip(answer)
                | Reaction::Half(answer, _) => Some(answer.status),
                Reaction::Close | Reaction::Reset => None,
            }
        }
    }

    fn event(leg: &str) -> String {
        format!(
            "{{\"ccrId\":40001,\"sessionId\":\"WT1\",\"legId\":\"{leg}\",\"tenantId\":{TENANT},\"status\":\"COMPLETE\"}}"
        )
    }

    #[test]
    fn a_message_is_taken_and_its_repetition_is_one_more_attempt() {
        let sender = Sender::new(FaultLevel::None);
        let req = sender.signed("msg_1", &event("WR1"));
        assert_eq!(sender.send(&req), Some(204));
        assert_eq!(sender.send(&req), Some(204));
        let received = sender.receiver.all();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].attempts.len(), 2);
        assert_eq!(received[0].attempts[0].signatures, ["v1", "v1a"]);
        assert!(received[0].is_acknowledged());
        assert_eq!(sender.violations.count(), 0);
    }

    #[test]
    fn what_is_not_as_documented_is_refused_and_remembered() {
        let sender = Sender::new(FaultLevel::None);
        let with = |change: &dyn Fn(&mut Inbound)| {
            let mut req = sender.signed("msg_1", &event("WR1"));
            change(&mut req);
            sender.send(&req)
        };
        let body = |text: &str| sender.send(&sender.signed("msg_2", text));
        let failed = event("WR1").replace("COMPLETE", "FAILED");
        let cases = [
            (with(&|req| req.path = "/elsewhere".to_owned()), 404),
            (with(&|req| req.path = MOVED.to_owned()), 404),
            (with(&|req| req.method = Method::PUT), 405),
            (with(&|req| drop(req.headers.remove("content-type"))), 415),
            (with(&|req| req.body = Bytes::from_static(b"{}")), 401),
            (body("{}"), 400),
            (body(&event("WR1").replace('}', ",\"more\":1}")), 400),
            (body(&event("WR1").replace("COMPLETE", "DONE")), 400),
            (body(&failed), 400),
            (body(&event("WR1").replace("4711", "4712")), 400),
            (
                body(&format!("{}{}", event("WR1"), " ".repeat(20_000))),
                413,
            ),
        ];
        for (number, (status, wanted)) in cases.iter().enumerate() {
            assert_eq!(*status, Some(*wanted), "{number}");
        }
        assert_eq!(sender.violations.count(), cases.len() as u64);
        assert!(sender.receiver.all().is_empty());
    }

    #[test]
    fn an_id_with_another_body_is_remembered() {
        let sender = Sender::new(FaultLevel::None);
        sender.send(&sender.signed("msg_1", &event("WR1")));
        sender.send(&sender.signed("msg_1", &event("WR2")));
        assert_eq!(sender.violations.count(), 1);
    }

    #[test]
    fn under_faults_messages_are_dropped_refused_redirected_and_taken_without_an_answer() {
        let sender = Sender::new(FaultLevel::Hostile);
        for leg in 0..2_000 {
            let req = sender.signed(&format!("msg_{leg}"), &event(&format!("WR{leg}")));
            for _ in 0..3 {
                assert_ne!(sender.send(&req), Some(410));
            }
        }
        let received = sender.receiver.all();
        for message in &received {
            let faults = message.attempts.iter().filter(|it| it.fault.is_some());
            assert!(faults.count() <= 1, "one fault for each message");
        }
        let of = |name: &str| {
            let attempts = received.iter().flat_map(|it| &it.attempts);
            attempts
                .filter(|attempt| attempt.fault.as_deref() == Some(name))
                .map(|attempt| (attempt.taken, attempt.acknowledged))
                .collect::<Vec<_>>()
        };
        for (name, as_it_is) in [
            ("too-many-requests", (false, false)),
            ("server-error", (false, false)),
            ("closed", (false, false)),
            ("reset", (false, false)),
            ("redirect", (false, false)),
            ("done-then-reset", (true, false)),
            ("done-then-server-error", (true, false)),
            ("late", (true, true)),
            ("half", (true, true)),
            ("drip", (true, true)),
        ] {
            let seen = of(name);
            assert!(!seen.is_empty(), "{name}");
            assert!(seen.iter().all(|it| *it == as_it_is), "{name}");
        }
        assert_eq!(sender.violations.count(), 0);
    }
}
