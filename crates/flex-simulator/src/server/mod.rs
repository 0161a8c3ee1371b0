//! The listener: which simulated host a request is for, what that host answers, and what a fault makes of the answer.

mod route;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, BodyStream, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::{Account, Evidence, HoldFields};
use crate::calabrio::upload::Importing;
use crate::calabrio::{self, Calabrio};
use crate::control;
use crate::faults::{Fault, Faults, Met, RetryAfter, fnv};
use crate::floor::{FloorRun, WfmReceiver};
use crate::hold::{Caught, HoldAt, Holds};
use crate::http::{Ctx, Inbound, OutBody, Outbound};
use crate::mishap::{self, Reaction};
use crate::options::Timings;
use crate::push::Outlet;
use crate::strict::Violations;
use crate::twilio::{self, TwilioHost};
use crate::webhooks::Receiver;
use crate::wire::{AnswerBody, Socket, Wire};
use crate::world::World;
pub(crate) use route::host_names;
use route::{Host, Routed, class, route};

/// Largest body of a request other than an import.
const BODY_LIMIT: usize = 1024 * 1024;
/// How long the whole of such a body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Buffer of one connection: many uploads at once must fit into little memory.
const BUFFER: usize = 64 * 1024;
/// How long a TLS handshake may take.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a connection may take to end once the server stops.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// All that a request can reach.
pub(crate) struct State {
    pub(crate) world: Arc<World>,
    pub(crate) calabrio: Arc<Calabrio>,
    pub(crate) webhooks: Receiver,
    /// The receiving ends of classic WFM.
    pub(crate) wfm: WfmReceiver,
    /// Where events are pushed to, where any are.
    pub(crate) outlet: Option<Outlet>,
    pub(crate) faults: Faults,
    pub(crate) violations: Arc<Violations>,
    pub(crate) timings: Timings,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Scheme and authority of the listener.
    pub(crate) root: String,
    /// Requests by host.
    pub(crate) requests: Mutex<BTreeMap<&'static str, u64>>,
    /// Requests that are to be held up.
    pub(crate) holds: Holds,
    /// The floor that is lived through, where one is.
    pub(crate) floor: Option<Arc<FloorRun>>,
}

impl State {
    /// What time it is on the floor, where there is one.
    pub(crate) fn clock(&self) -> DateTime<Utc> {
        self.floor
            .as_ref()
            .map_or_else(Utc::now, |floor| floor.pace().now())
    }

    /// What time it is where what Twilio tells of happens: on the floor, or in the scenario.
    pub(crate) fn world_clock(&self) -> DateTime<Utc> {
        match self.world.live {
            Some(_) => self.clock(),
            None => Utc::now(),
        }
    }

    /// What came against what was expected.
    pub(crate) fn account(&self) -> Account {
        let webhooks = self.world.scenario().webhooks.then(|| self.webhooks.all());
        let hold = self.world.hold_fields().map(|fields| HoldFields {
            fields,
            // Pushed events tell of calls that are going on, and of no other.
            observable: match (self.world.scenario().conference_insights, &self.outlet) {
                (true, _) => Some(true),
                (false, Some(_)) => None,
                (false, None) => Some(false),
            },
        });
        Evidence {
            received: &self.calabrio.store.all(),
            expected: self.world.expected(),
            webhooks: webhooks.as_deref(),
            deleted: &self.world.deleted(),
            hold: hold.as_ref(),
        }
        .account()
    }
}

/// A connection that ends without an answer.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection ends without an answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Accepts connections until the server stops.
pub(crate) async fn run(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    loop {
        let accepted = tokio::select! {
            () = state.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files, say: others may close theirs.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Without it small answers wait for acknowledgements; nothing else depends on it.
        let _ = stream.set_nodelay(true);
        let wire = Wire::default();
        let socket = Socket::new(stream, wire.clone());
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        state.tasks.clone().spawn(async move {
            match tls {
                None => connection(socket, wire, state).await,
                Some(acceptor) => {
                    let handshake =
                        tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(socket));
                    let stop = state.stop.clone();
                    let accepted = tokio::select! {
                        () = stop.cancelled() => return,
                        accepted = handshake => accepted,
                    };
                    if let Ok(Ok(stream)) = accepted {
                        connection(stream, wire, state).await;
                    }
                }
            }
        });
    }
}

async fn connection<I>(io: I, wire: Wire, state: Arc<State>)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let stop = state.stop.clone();
    let service = service_fn(move |request| {
        let (state, wire) = (Arc::clone(&state), wire.clone());
        async move { answer(&state, &wire, request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    // How a connection ends is the client's business, or a fault's.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(STOP_GRACE, connection).await;
        }
    }
}

async fn answer(
    state: &Arc<State>,
    wire: &Wire,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, NoAnswer> {
    let (head, body) = request.into_parts();
    if let Some(answer) = control::handle(state, &head.method, &head.uri) {
        return Ok(respond(answer, None));
    }
    let Some(routed) = route(&head.headers, &head.uri) else {
        let ctx = Ctx::new(
            Utc::now(),
            Arc::clone(&state.violations),
            format!("{} {}", head.method, head.uri.path()),
        );
        ctx.violation("no host that is simulated is named, neither by the Host header nor by the first path segment");
        return Ok(respond(
            Outbound::text(404, "text/plain", Bytes::from_static(b"no such host\n")),
            None,
        ));
    };
    let host = routed.host;
    *state
        .requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(host.name())
        .or_default() += 1;
    let caught = state.holds.catch(&format!(
        "{} {}{}?{}",
        head.method,
        host.name(),
        routed.path,
        head.uri.query().unwrap_or_default()
    ));
    if caught.is_empty() {
        return carry_out(state, wire, routed, head, body, &caught).await;
    }
    // What is held up outlives its connection, as the work of a service does whose client is gone.
    let (state, wire) = (Arc::clone(state), wire.clone());
    let tasks = state.tasks.clone();
    let outliving =
        tasks.spawn(async move { carry_out(&state, &wire, routed, head, body, &caught).await });
    outliving.await.unwrap_or(Err(NoAnswer))
}

async fn carry_out(
    state: &Arc<State>,
    wire: &Wire,
    routed: Routed,
    head: Parts,
    body: Incoming,
    caught: &Caught,
) -> Result<Response<AnswerBody>, NoAnswer> {
    let host = routed.host;
    let ctx = Ctx::new(
        Utc::now(),
        Arc::clone(&state.violations),
        format!("{} {}{}", head.method, host.name(), routed.path),
    )
    .by(match host {
        Host::Twilio(_) => state.world_clock(),
        _ => state.clock(),
    });
    let query = head.uri.query().unwrap_or_default();
    caught.pass(HoldAt::Arrival, &state.stop).await;
    let mut inbound = Inbound {
        path: percent_decode_str(&routed.path)
            .decode_utf8_lossy()
            .into_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        method: head.method,
        headers: head.headers,
        body: Bytes::new(),
        link_base: String::new(),
        root: state.root.clone(),
        by_segment: routed.by_segment,
    };
    inbound.link_base = inbound.link_to(host.name());

    let reaction = if host == Host::Calabrio && calabrio::is_import(&inbound) {
        let importing = Importing {
            calabrio: &state.calabrio,
            faults: &state.faults,
            ctx: &ctx,
            tasks: &state.tasks,
            stop: &state.stop,
            late: state.timings.late,
        };
        let pieces = futures_util::StreamExt::filter_map(BodyStream::new(body), |frame| {
            std::future::ready(frame.map(|frame| frame.into_data().ok()).transpose())
        });
        importing.import(&inbound, pieces).await
    } else {
        let body = Limited::new(body, BODY_LIMIT).collect();
        let Ok(Ok(body)) = tokio::time::timeout(BODY_DEADLINE, body).await else {
            ctx.violation("a body that is too long, or breaks off");
            return Ok(respond(Outbound::empty(400), None));
        };
        inbound.body = body.to_bytes();
        small(state, host, &inbound, query, &ctx)
    };
    caught.pass(HoldAt::Answer, &state.stop).await;
    deliver(state, wire, reaction).await
}

/// A request whose body was read whole.
fn small(state: &State, host: Host, inbound: &Inbound, query: &str, ctx: &Ctx) -> Reaction {
    let is_wfm = host == Host::Calabrio && state.wfm.answers(&inbound.path);
    let handle: &dyn Fn() -> Outbound = match host {
        Host::Twilio(twilio) => &move || twilio::handle(&state.world, twilio, inbound, ctx),
        Host::Calabrio if is_wfm => &|| state.wfm.handle(&state.calabrio, inbound, ctx),
        Host::Calabrio => &|| state.calabrio.handle(inbound, ctx),
        Host::FlexInsights => &|| match &state.floor {
            Some(floor) => floor.insights_host(inbound, ctx),
            None => no_floor(ctx),
        },
        // What goes wrong here depends on the message.
        Host::Webhooks => return state.webhooks.handle(&state.faults, inbound, ctx),
    };
    let mut key = format!("{} {}{}?{query}", inbound.method, host.name(), inbound.path);
    if is_wfm {
        // All go to few paths: each of them meets faults of its own.
        key = format!(
            "{key} {:016x}",
            fnv(&String::from_utf8_lossy(&inbound.body))
        );
    }
    let met = match state.faults.next(class(host, inbound), &key) {
        // A signed address asks for no credentials.
        Some(met)
            if met.fault == Fault::Unauthorized && host == Host::Twilio(TwilioHost::Media) =>
        {
            Some(Met {
                fault: Fault::Server(503, RetryAfter::Missing),
                ..met
            })
        }
        // Whoever may not log in for a year never comes back. On a floor whose day passes in minutes, the most that a client waits for is hours of it.
        Some(met) if host == Host::FlexInsights || is_quick(state) => Some(Met {
            fault: met.fault.soon(),
            ..met
        }),
        met => met,
    };
    if let Some(reaction) = met.clone().and_then(|Met { fault, mut dice }| {
        mishap::instead(fault, host.vendor(), ctx.now, &mut dice)
    }) {
        return reaction;
    }
    let answer = handle();
    if answer.status == 401 {
        state.faults.refused(&key);
    }
    match met {
        Some(Met { fault, mut dice }) => mishap::after(fault, host.vendor(), answer, &mut dice),
        None => Reaction::Answer(answer),
    }
}

/// What a host answers that only a floor has.
fn no_floor(ctx: &Ctx) -> Outbound {
    ctx.violation("no floor is run, and only a floor has this host");
    Outbound::empty(404)
}

async fn deliver(
    state: &State,
    wire: &Wire,
    reaction: Reaction,
) -> Result<Response<AnswerBody>, NoAnswer> {
    match reaction {
        Reaction::Answer(answer) => Ok(respond(answer, None)),
        Reaction::Late(answer) => {
            tokio::select! {
                () = state.stop.cancelled() => Err(NoAnswer),
                () = tokio::time::sleep(state.timings.late) => Ok(respond(answer, None)),
            }
        }
        Reaction::Half(answer, cut) => Ok(respond(answer, Some(cut))),
        Reaction::Drip(answer) => {
            let slow = match &answer.body {
                OutBody::Bytes(bytes) => Some(AnswerBody::dripping(bytes.clone())),
                OutBody::Stream { .. } => None,
            };
            let mut response = respond(answer, None);
            if let Some(slow) = slow {
                *response.body_mut() = slow;
            }
            Ok(response)
        }
        Reaction::Close => Err(NoAnswer),
        Reaction::Reset => {
            wire.reset();
            Err(NoAnswer)
        }
    }
}

fn respond(answer: Outbound, cut: Option<u64>) -> Response<AnswerBody> {
    let Outbound {
        status,
        headers,
        body,
    } = answer;
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response
        .body(AnswerBody::new(body, cut))
        .unwrap_or_else(|_| {
            let mut broken = Response::new(AnswerBody::new(OutBody::Bytes(Bytes::new()), None));
            *broken.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            broken
        })
}

/// Whether there is a floor on which more than a second passes in a second.
fn is_quick(state: &State) -> bool {
    let mut floors = state.floor.iter();
    floors.any(|floor| floor.pace().whole() > 1)
}
