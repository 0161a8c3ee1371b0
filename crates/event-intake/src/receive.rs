//! One request, from its head to its answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flex_events::{
    EventError, FormBody, Member, SignatureError, Topic, WireForm, form_member, json_members,
};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::body::{self, Held, Unread};
use crate::commit::{Commits, NotCommitted, UnderWay};
use crate::feed::{Feed, Proof};
use crate::quiet::Quiet;
use crate::{AcdKey, Fate, InboundEvent, Limits, Observation, Observer, Outcome};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Receiver<O> {
    pub(crate) feeds: Vec<Feed>,
    pub(crate) limits: Limits,
    pub(crate) observer: O,
    pub(crate) under_way: UnderWay,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) refused: Quiet,
    pub(crate) left_out: Quiet,
}

/// What the members of one body came to.
#[derive(Debug, Default)]
struct Sorted {
    events: Vec<InboundEvent>,
    foreign: u64,
    broken: u64,
    unread: u64,
    tests: u64,
}

impl<O: Observer> Receiver<O> {
    /// Answers one request, in time.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        commits: &Commits,
    ) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let _under_way = self.under_way.enter();
        let feed = self.feed(request.uri().path());
        let answer = match feed {
            None => Answer::UnknownPath,
            Some(_) if request.method() != Method::POST => Answer::Method,
            // A slow body gets the same answer as a slow ledger: a 4xx would tell Twilio never to try again.
            Some(feed) => timeout(
                self.limits.answer_within,
                self.receive(feed, request, commits),
            )
            .await
            .unwrap_or(self.unavailable()),
        };
        let outcome = answer.outcome();
        let acd = feed.map(|feed| &feed.acd);
        self.observer.observe(Observation::Answered {
            acd,
            outcome,
            took: started.elapsed(),
        });
        if let (Some(acd), false) = (acd, outcome == Outcome::Accepted) {
            self.tell_refused(acd, outcome);
        }
        answer.into_response()
    }

    /// The feed of a path. All are compared, so that the time tells nothing.
    fn feed(&self, path: &str) -> Option<&Feed> {
        self.feeds.iter().fold(None, |found, feed| {
            if feed.answers_on(path) {
                Some(feed)
            } else {
                found
            }
        })
    }

    /// Safe to drop at any time: what was handed to the committer may be committed all the same.
    async fn receive(&self, feed: &Feed, request: Request<Incoming>, commits: &Commits) -> Answer {
        let (parts, body) = request.into_parts();
        let proof = feed.proof(&parts.headers);
        if let Proof::Nothing { credentials_help } = proof {
            return Answer::Unauthenticated { credentials_help };
        }
        let Held { bytes, room } = match body::read(body, self.limits.max_body, &self.room).await {
            Ok(held) => held,
            Err(Unread::TooLarge) => return Answer::TooLarge,
            Err(Unread::NoRoom | Unread::Broken) => return self.unavailable(),
        };
        let told = match told(feed, proof, parts.uri.query(), &bytes) {
            Ok(told) => told,
            Err(refused) => return refused,
        };
        let came = self.sort(feed, told.members, &bytes, Utc::now());
        self.tell_left_out(&feed.acd, &came);
        if !came.events.is_empty() {
            return match commits.commit(came.events, room).await {
                Ok(()) => told.accepted,
                Err(NotCommitted) => self.unavailable(),
            };
        }
        // A sink gets the events of every workspace of its account, and nobody can help it. A callback was pointed here on purpose.
        if came.foreign > 0 && told.accepted == Answer::NoContent {
            Answer::Foreign
        } else if came.broken > 0 && came.foreign + came.unread + came.tests == 0 {
            Answer::Broken
        } else {
            told.accepted
        }
    }

    fn sort(
        &self,
        feed: &Feed,
        members: Vec<Result<Member<'_>, EventError>>,
        body: &Bytes,
        received_at: DateTime<Utc>,
    ) -> Sorted {
        let mut sorted = Sorted::default();
        for member in members {
            let Ok(member) = member else {
                sorted.broken += 1;
                continue;
            };
            let must_name_workspace = match member.topic {
                Topic::TaskRouter | Topic::Worker => true,
                Topic::Conference => false,
                Topic::SinkTest { test_id } => {
                    sorted.tests += 1;
                    self.tell_test(&feed.acd, test_id.as_deref());
                    continue;
                }
                _ => {
                    sorted.unread += 1;
                    continue;
                }
            };
            if !feed.owns(member.account, member.workspace, must_name_workspace) {
                sorted.foreign += 1;
                continue;
            }
            sorted.events.push(InboundEvent {
                acd: feed.acd.clone(),
                id: member.id,
                kind: member.kind,
                form: member.form,
                at: member.at,
                received_at,
                payload: match member.json {
                    Cow::Borrowed(json) => body.slice_ref(json),
                    Cow::Owned(json) => json.into(),
                },
            });
        }
        sorted
    }

    fn unavailable(&self) -> Answer {
        Answer::Unavailable {
            retry_after: self.limits.retry_after,
        }
    }

    fn tell_refused(&self, acd: &AcdKey, outcome: Outcome) {
        if let Some(unsaid) = self.refused.speak(Instant::now()) {
            tracing::warn!(
                acd = acd.as_str(),
                outcome = outcome.as_str(),
                unsaid,
                "a request with pushed events was refused"
            );
        }
    }

    fn tell_left_out(&self, acd: &AcdKey, sorted: &Sorted) {
        let fates = [
            (Fate::Foreign, sorted.foreign),
            (Fate::Broken, sorted.broken),
            (Fate::Unread, sorted.unread),
        ];
        for (fate, members) in fates {
            if members > 0 {
                self.observer
                    .observe(Observation::LeftOut { acd, fate, members });
            }
        }
        if sorted.broken > 0
            && let Some(unsaid) = self.left_out.speak(Instant::now())
        {
            tracing::warn!(
                acd = acd.as_str(),
                broken = sorted.broken,
                kept = sorted.events.len(),
                unsaid,
                "pushed events could not be told apart and were left out; the Events API is asked for them in any case"
            );
        }
    }

    fn tell_test(&self, acd: &AcdKey, test_id: Option<&str>) {
        self.observer
            .observe(Observation::SinkTest { acd, test_id });
        // An id of Twilio's making; it goes into a log only if it looks like one.
        let shown = test_id.filter(|id| {
            id.len() <= 64
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
        tracing::info!(
            acd = acd.as_str(),
            test_id = shown,
            "Event Streams tried its sink"
        );
    }
}

/// What an authentic body told.
struct Told<'a> {
    members: Vec<Result<Member<'a>, EventError>>,
    /// How its kind of body is answered when all is well.
    accepted: Answer,
}

/// Reads a body if it is what its request proves. Nothing of a body is read before its signature is checked.
fn told<'a>(
    feed: &Feed,
    proof: Proof<'_>,
    query: Option<&str>,
    body: &'a [u8],
) -> Result<Told<'a>, Answer> {
    let forged = |error: SignatureError| {
        tracing::debug!(acd = feed.acd.as_str(), %error, "a signature was refused");
        Answer::Forged
    };
    let told = if matches!(first_byte(body), Some(b'[' | b'{')) {
        if let Proof::Signature(signature) = proof {
            feed.verify_body(query, body, signature).map_err(forged)?;
        }
        Told {
            members: json_members(body).unwrap_or_else(|error| vec![Err(error)]),
            accepted: Answer::Ok,
        }
    } else {
        let form = FormBody::parse(body);
        if let Proof::Signature(signature) = proof {
            feed.verify_form(query, &form, signature).map_err(forged)?;
        }
        Told {
            members: vec![form_member(&form)],
            accepted: Answer::NoContent,
        }
    };
    if proof == Proof::KnownForUnsigned && !told.members.iter().all(is_never_signed) {
        return Err(Answer::Unauthenticated {
            credentials_help: false,
        });
    }
    Ok(told)
}

/// Whether a member is of the one feed that Twilio does not sign.
fn is_never_signed(member: &Result<Member<'_>, EventError>) -> bool {
    member
        .as_ref()
        .is_ok_and(|member| member.form == WireForm::WorkerChange)
}

/// The first byte that is neither space nor byte order mark. No form that Twilio sends begins with a bracket, so it tells JSON from forms, whatever the
/// content type says.
fn first_byte(body: &[u8]) -> Option<u8> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start().first().copied()
}
