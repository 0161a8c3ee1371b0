//! Telling screen recording: in time or not at all, and never in the way of a contact.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use calabrio_client::{CalabrioClient, CalabrioError, RecordingMessage, RecordingVerb};
use chrono::{DateTime, Utc};
use contact_model::LegId;
use flex_events::{FlexEvent, ParticipantEvent};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Core, Step, Witness};
use crate::policy::{ScreenMessage, ScreenVerb, Screens};

/// How many messages may wait. Beyond that Calabrio has not answered for minutes, and more would only grow old.
const WAITING: usize = 4_096;

/// How many are sent at one time.
const AT_ONCE: usize = 16;

/// The pause after a message that was not taken: once, and each time after that.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];

/// Where events are turned into messages. Clones share the state.
#[derive(Clone)]
pub(crate) struct Screen {
    screens: Arc<Mutex<Screens>>,
    sender: mpsc::Sender<ScreenMessage>,
    witness: Arc<dyn Witness>,
}

impl Screen {
    /// For an ACD; the receiver is for [`serve`].
    pub(crate) fn new(
        holds: bool,
        witness: Arc<dyn Witness>,
    ) -> (Self, mpsc::Receiver<ScreenMessage>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let screens = Arc::new(Mutex::new(Screens::new(holds)));
        let screen = Self {
            screens,
            sender,
            witness,
        };
        (screen, receiver)
    }

    /// An event of TaskRouter, pushed or polled.
    pub(crate) fn event(&self, event: &FlexEvent) {
        let message = self.screens().event(event);
        if let Some(message) = message {
            self.put(message);
        }
    }

    /// A change in a conference.
    pub(crate) fn participant(&self, event: &ParticipantEvent) {
        let messages = self.screens().participant(event);
        for message in messages {
            self.put(message);
        }
    }

    fn screens(&self) -> std::sync::MutexGuard<'_, Screens> {
        self.screens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never waits: what feeds this has contacts to attend to.
    fn put(&self, message: ScreenMessage) {
        if let Err(error) = self.sender.try_send(message) {
            let message = error.into_inner();
            self.witness
                .after(Step::TellScreen, Some(message.leg), false);
            tracing::warn!(leg = %message.leg, verb = ?message.verb, reason = "too many messages wait", "a message for screen recording is dropped");
        }
    }

    /// Why a message makes no sense any more.
    fn pointless(&self, message: &ScreenMessage, now: DateTime<Utc>) -> Option<&'static str> {
        if now >= message.expires() {
            return Some("it came too late");
        }
        let ended = message.verb != ScreenVerb::Stop && self.screens().is_over(message.leg);
        // What began a recording is sent all the same: without it there is nothing that could be stopped.
        (ended && message.verb != ScreenVerb::Start).then_some("the leg has ended")
    }
}

struct Waiting {
    message: ScreenMessage,
    due: DateTime<Utc>,
    tries: usize,
}

/// Sends messages, those of one leg in order, until it is told to stop.
pub(crate) async fn serve<L: Send + Sync + 'static>(
    core: Arc<Core<L>>,
    calabrio: CalabrioClient,
    screen: Screen,
    mut messages: mpsc::Receiver<ScreenMessage>,
    stop: CancellationToken,
) {
    let mut waiting: VecDeque<Waiting> = VecDeque::new();
    let mut sending: JoinSet<(Waiting, Result<(), CalabrioError>)> = JoinSet::new();
    let mut busy: BTreeSet<LegId> = BTreeSet::new();
    loop {
        let now = core.now();
        begin(
            &core,
            &calabrio,
            &screen,
            &mut waiting,
            &mut busy,
            &mut sending,
            now,
        );
        let pause = waiting
            .iter()
            .filter(|one| !busy.contains(&one.message.leg))
            .map(|one| (one.due - now).to_std().unwrap_or_default())
            .min()
            .unwrap_or(PAUSES[1])
            .max(Duration::from_millis(10));
        tokio::select! {
            () = stop.cancelled() => break,
            Some(message) = messages.recv(), if waiting.len() < WAITING => {
                waiting.push_back(Waiting { message, due: now, tries: 0 });
            }
            Some(sent) = sending.join_next() => {
                if let Ok((tried, result)) = sent {
                    busy.remove(&tried.message.leg);
                    if let Some(again) = judge(&core, tried, result) {
                        // Before the later ones of its leg.
                        waiting.push_front(again);
                    }
                }
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
    // Who takes over knows nothing of them: what begins or ended meanwhile is told by discovery, where it still makes sense.
    sending.shutdown().await;
    let queued = std::iter::from_fn(|| messages.try_recv().ok()).map(|message| message.leg);
    let waiting = waiting.iter().map(|one| one.message.leg);
    let unsent: Vec<LegId> = busy.into_iter().chain(waiting).chain(queued).collect();
    for leg in &unsent {
        core.witness.after(Step::TellScreen, Some(*leg), false);
    }
    if !unsent.is_empty() {
        tracing::warn!(
            messages = unsent.len(),
            reason = "the worker stops",
            "messages for screen recording are dropped"
        );
    }
}

/// Begins to send what is due, of each leg the first alone.
fn begin<L>(
    core: &Arc<Core<L>>,
    calabrio: &CalabrioClient,
    screen: &Screen,
    waiting: &mut VecDeque<Waiting>,
    busy: &mut BTreeSet<LegId>,
    sending: &mut JoinSet<(Waiting, Result<(), CalabrioError>)>,
    now: DateTime<Utc>,
) {
    let mut held: BTreeSet<LegId> = busy.clone();
    let mut index = 0;
    while index < waiting.len() && sending.len() < AT_ONCE {
        let Some(one) = waiting.get(index) else { break };
        let leg = one.message.leg;
        if let Some(reason) = screen.pointless(&one.message, now) {
            core.witness.after(Step::TellScreen, Some(leg), false);
            tracing::warn!(%leg, verb = ?one.message.verb, reason, "a message for screen recording is dropped");
            waiting.remove(index);
            continue;
        }
        if one.due > now || !held.insert(leg) {
            held.insert(leg);
            index += 1;
            continue;
        }
        if let Some(one) = waiting.remove(index) {
            busy.insert(leg);
            core.witness.before(Step::TellScreen, Some(leg));
            let calabrio = calabrio.clone();
            sending.spawn(async move {
                let sent = calabrio.send_recording_message(&wire(&one.message)).await;
                (one, sent)
            });
        }
    }
}

/// What becomes of a message after an attempt: `Some` where it is tried again.
fn judge<L>(
    core: &Core<L>,
    mut tried: Waiting,
    result: Result<(), CalabrioError>,
) -> Option<Waiting> {
    let leg = tried.message.leg;
    let Err(error) = result else {
        core.witness.after(Step::TellScreen, Some(leg), true);
        return None;
    };
    if error.is_passing() {
        let pause = PAUSES.get(tried.tries).copied().unwrap_or(PAUSES[1]);
        tried.tries += 1;
        tried.due = crate::policy::after(core.now(), pause);
        return Some(tried);
    }
    core.witness.after(Step::TellScreen, Some(leg), false);
    tracing::warn!(%leg, verb = ?tried.message.verb, %error, "a message for screen recording is dropped");
    None
}

fn wire(message: &ScreenMessage) -> RecordingMessage {
    RecordingMessage {
        leg: message.leg,
        session: message.session.clone(),
        agent_acd_id: message.worker.to_string(),
        verb: match message.verb {
            ScreenVerb::Start => RecordingVerb::Start,
            ScreenVerb::Stop => RecordingVerb::Stop,
            ScreenVerb::Pause => RecordingVerb::Pause,
            ScreenVerb::Resume => RecordingVerb::Resume,
        },
        at: message.at,
    }
}
