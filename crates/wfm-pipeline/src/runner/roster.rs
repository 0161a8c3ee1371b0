//! Agents and queues of one ACD: read from `TaskRouter`, written down, told to Calabrio. One way, by SID.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sync_ledger::{
    IntervalStore, LedgerError, RosterChange, RosterStore, SeenSubject, Subject, SubjectKind,
    SubjectNames, SubjectSid, ToldSubject,
};
use tokio_util::sync::CancellationToken;
use twilio_client::{TaskQueue, TwilioClient, TwilioError, Worker as TwilioWorker};
use twilio_sid::{WorkerSid, WorkspaceSid};
use wfm_delivery::{
    DeliveryError, Fate, Outcome, Refusal, RosterAgent, RosterBatch, RosterQueue, RosterSink,
};

use super::start::{self, Starting};
use super::{Core, Live, blocking, workspace};
use crate::clock::delta;
use crate::error::PipelineError;
use crate::services::{AcdServices, Roster};

/// The pause after a round that failed.
const PAUSE: Duration = Duration::from_mins(1);

/// Of how many workers attributes are asked for singly in a round.
const SINGLY: usize = 500;

/// How many agents or queues are told at a time.
const AT_A_TIME: usize = 500;

/// How often the drop folder is asked what Calabrio made of files.
const LOOK_AT_FILES: Duration = Duration::from_mins(1);

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RosterError {
    /// Twilio's lists cannot be read.
    #[error("agents and queues cannot be listed")]
    Twilio(#[from] TwilioError),
    /// Some of a list could not be read: who is missing in it is not taken for gone.
    #[error(
        "{count} entries of Twilio's list of {kind} could not be read, so nobody is taken for gone"
    )]
    Partly {
        /// Agents or queues.
        kind: &'static str,
        /// How many.
        count: usize,
    },
    /// A mapping names no activity of the workspace.
    #[error("acd.wfm.activity {0}")]
    Mapping(String),
    /// Calabrio refuses who delivers.
    #[error("Calabrio cannot be told of agents and queues")]
    Calabrio(#[from] DeliveryError),
    /// The ledger cannot be used.
    #[error("the ledger cannot be used")]
    Ledger(#[from] LedgerError),
}

impl RosterError {
    /// Whether no time mends it.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Twilio(error) => start::twilio(error),
            Self::Calabrio(error) => start::delivery(error),
            Self::Mapping(_) => true,
            Self::Partly { .. } | Self::Ledger(_) => false,
        }
    }
}

/// What Twilio's lists show.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) agents: Vec<SeenSubject>,
    pub(crate) queues: Vec<SeenSubject>,
}

/// Reads both lists. Where the list of workers shows no attributes, full names are those that are known, and of whoever is new they are asked for singly,
/// so many in a round.
pub(crate) async fn see(
    twilio: &TwilioClient,
    workspace: WorkspaceSid,
    known: &[Subject],
) -> Result<Seen, RosterError> {
    let router = twilio.taskrouter(workspace);
    let workers = router.workers().all().await?;
    if !workers.unreadable.is_empty() {
        return Err(RosterError::Partly {
            kind: "workers",
            count: workers.unreadable.len(),
        });
    }
    let queues = router.queues().all().await?;
    if !queues.unreadable.is_empty() {
        return Err(RosterError::Partly {
            kind: "queues",
            count: queues.unreadable.len(),
        });
    }
    let known: BTreeMap<_, _> = known.iter().map(|one| (one.sid, one)).collect();
    let mut agents = Vec::with_capacity(workers.items.len());
    let mut asked = 0;
    for worker in workers.items {
        if worker.attributes.is_some() {
            agents.push(agent(&worker));
            continue;
        }
        let before = known.get(&SubjectSid::Agent(worker.sid));
        let mut seen = agent(&worker);
        match before.map(|one| one.names.as_ref()) {
            Some(Some(before)) => {
                seen.names.full_name.clone_from(&before.full_name);
                seen.names.email.clone_from(&before.email);
            }
            _ if asked < SINGLY => {
                asked += 1;
                seen = agent(&router.worker_with_attributes(worker).await?);
            }
            // Names that cannot be unsealed: to leave it out would be to take it for gone.
            Some(None) => {}
            // The next round asks.
            None => continue,
        }
        agents.push(seen);
    }
    Ok(Seen {
        agents,
        queues: queues.items.iter().map(queue).collect(),
    })
}

fn agent(worker: &TwilioWorker) -> SeenSubject {
    let attributes = worker
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.parse().ok());
    let text = |field: &str| {
        let value = attributes.as_ref()?.get(field)?.as_str()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    SeenSubject {
        sid: SubjectSid::Agent(worker.sid),
        names: SubjectNames {
            name: worker.friendly_name.clone().unwrap_or_default(),
            full_name: text("full_name"),
            email: text("email"),
        },
    }
}

fn queue(queue: &TaskQueue) -> SeenSubject {
    SeenSubject {
        sid: SubjectSid::Queue(queue.sid),
        names: SubjectNames {
            name: queue.friendly_name.clone(),
            full_name: None,
            email: None,
        },
    }
}

/// Synchronises until it is told to stop. Cancels `listed` after the first round, however it ended, and counts `firsts` up once Calabrio was told of
/// everybody.
pub(crate) async fn keep<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    live: Option<Live>,
    listed: CancellationToken,
    firsts: Arc<AtomicUsize>,
    starting: Starting,
    stop: CancellationToken,
) where
    L: RosterStore + IntervalStore + 'static,
{
    let (mut whole, mut mapped) = (false, false);
    loop {
        let work = async {
            let round = round(&core, &acd, live.as_ref()).await;
            let unmatched = if whole || mapped || round.is_err() {
                None
            } else {
                unmatched(&acd).await
            };
            (round, unmatched)
        };
        let (round, unmatched) = tokio::select! {
            () = stop.cancelled() => return,
            done = work => done,
        };
        if let Some(unmatched) = unmatched {
            mapped = true;
            if let Err(error) = unmatched {
                starting.refused(&acd.name, &error);
            }
        }
        if !whole
            && let Err(error) = &round
            && error.is_refusal()
        {
            starting.refused(&acd.name, error);
        }
        // History and states may begin, with what is known by now.
        listed.cancel();
        if round.is_ok() {
            core.witness.listed(&acd.name);
        }
        if !whole && matches!(round, Ok(Round::Whole)) {
            whole = true;
            firsts.fetch_add(1, Ordering::Release);
        }
        let pause = match round {
            Ok(Round::Whole) => acd.roster.every,
            Ok(Round::Waiting) => PAUSE.min(acd.roster.every),
            Err(error) => {
                tracing::warn!(acd = %acd.name, error = &error as &dyn std::error::Error, "agents and queues cannot be synchronised; it is tried again");
                PAUSE.min(acd.roster.every)
            }
        };
        let due = core.now() + delta(pause);
        loop {
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = look_at_files(&core, &acd) => looked,
            };
            if let Err(error) = looked {
                tracing::warn!(acd = %acd.name, error = &error as &dyn std::error::Error, "it cannot be told what Calabrio made of files of agents and queues");
            }
            let next = match &acd.roster.files {
                Some(_) => due.min(core.now() + delta(LOOK_AT_FILES)),
                None => due,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = core.clock.sleep_until(next) => {}
            }
            if next == due {
                break;
            }
        }
    }
}

/// Whether each mapping names an activity of the workspace; `None` where that cannot be read.
async fn unmatched(acd: &AcdServices) -> Option<Result<(), RosterError>> {
    let map = workspace::activities(&acd.twilio, acd.workspace, &acd.activities).await;
    let unmatched = map
        .ok()?
        .report()
        .unmatched
        .first()
        .map(ToString::to_string);
    Some(unmatched.map_or(Ok(()), |named| Err(RosterError::Mapping(named))))
}

/// Rounds until one is whole; `false` where it is told to stop before.
pub(crate) async fn once<L: RosterStore>(
    core: &Core<L>,
    acd: &AcdServices,
    stop: &CancellationToken,
) -> Result<bool, PipelineError> {
    loop {
        let round = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            round = round(core, acd, None) => round,
        };
        match round {
            Ok(Round::Whole) => return Ok(true),
            Ok(Round::Waiting) => {}
            Err(error) if error.is_refusal() => {
                return Err(PipelineError::Refused {
                    acd: acd.name.clone(),
                    reason: start::said(&error),
                });
            }
            Err(RosterError::Ledger(error)) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(acd = %acd.name, error = &error as &dyn std::error::Error, "agents and queues cannot be synchronised; it is tried again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = core.clock.sleep(PAUSE) => {}
        }
    }
}

/// Asks what Calabrio made of the files that told of agents and queues. Of whom a file in the penalty box told, Calabrio was not told.
pub(crate) async fn look_at_files<L: RosterStore>(
    core: &Core<L>,
    acd: &AcdServices,
) -> Result<(), RosterError> {
    let Some(files) = &acd.roster.files else {
        return Ok(());
    };
    for kind in [SubjectKind::Queue, SubjectKind::Agent] {
        let open = core.ledger.told_files(&acd.key, kind).await?;
        if open.is_empty() {
            continue;
        }
        let (files, asked) = (files.clone(), open.clone());
        let fates = blocking(move || {
            let asked = asked.iter().map(|file| (&*file.name, file.at));
            let fates = files.fates(asked)?;
            Ok(fates.into_iter().map(|(_, fate)| fate).collect::<Vec<_>>())
        });
        let fates = fates.await?;
        for (file, fate) in open.iter().zip(fates) {
            let refused = match fate {
                Fate::Waiting => continue,
                Fate::Refused => {
                    tracing::error!(acd = %acd.name, ?kind, file = %file.name, "Calabrio put a file into its penalty box and does not try it again; `agents` and `queues` list who was in it");
                    Some(Refusal::PenaltyBox.to_string())
                }
                // Taken, and tidied away later.
                Fate::Archived | Fate::Gone => None,
            };
            core.ledger
                .close_told_file(&acd.key, kind, file, refused.as_deref())
                .await?;
        }
    }
    Ok(())
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// Calabrio knows everybody, or refused them.
    Whole,
    /// Some are still to be told.
    Waiting,
}

/// One round: read, write down, tell; `live` hears of which agents Calabrio was told.
pub(crate) async fn round<L: RosterStore>(
    core: &Core<L>,
    acd: &AcdServices,
    live: Option<&Live>,
) -> Result<Round, RosterError> {
    let known = core.ledger.roster(&acd.key, SubjectKind::Agent).await?;
    let seen = see(&acd.twilio, acd.workspace, &known).await?;
    let now = core.now();
    let mut round = Round::Whole;
    for (kind, list) in [
        (SubjectKind::Queue, &seen.queues),
        (SubjectKind::Agent, &seen.agents),
    ] {
        // An empty list of a workspace that had somebody is a fault of the answer, sooner than the end of everybody.
        let known = core.ledger.roster(&acd.key, kind).await?;
        if list.is_empty() && known.iter().any(|one| one.active) {
            tracing::error!(acd = %acd.name, ?kind, "Twilio lists nobody any more; nobody is taken for gone");
            round = Round::Waiting;
        } else {
            let change = core.ledger.see_roster(&acd.key, kind, list, now).await?;
            if change.new + change.renamed + change.gone + change.back > 0 {
                say(&acd.name, kind, change);
            }
        }
        if let Some(sink) = &acd.roster.sink
            && tell(core, acd, kind, sink.as_ref(), live).await? == Round::Waiting
        {
            round = Round::Waiting;
        }
    }
    core.wake.notify_waiters();
    Ok(round)
}

fn say(acd: &str, kind: SubjectKind, change: RosterChange) {
    tracing::info!(
        acd,
        ?kind,
        new = change.new,
        renamed = change.renamed,
        gone = change.gone,
        back = change.back,
        "the list changed"
    );
}

/// Tells Calabrio of those whom it does not know yet as they are.
async fn tell<L: RosterStore>(
    core: &Core<L>,
    acd: &AcdServices,
    kind: SubjectKind,
    sink: &dyn RosterSink,
    live: Option<&Live>,
) -> Result<Round, RosterError> {
    let known = core.ledger.roster(&acd.key, kind).await?;
    let waiting: Vec<&Subject> = known.iter().filter(|one| one.waits()).collect();
    let mut round = Round::Whole;
    for part in waiting.chunks(AT_A_TIME) {
        let (told, later) = tell_part(acd, part, sink, core.now()).await;
        if told.len() < part.len() {
            round = Round::Waiting;
        }
        let refused = told.iter().filter(|one| one.refused.is_some()).count();
        if refused > 0 {
            tracing::warn!(acd = %acd.name, ?kind, refused, "Calabrio did not take some; `agents` and `queues` list them");
        }
        core.witness
            .roster(&acd.name, "told", (told.len() - refused) as u64);
        core.witness.roster(&acd.name, "refused", refused as u64);
        core.ledger
            .told_roster(&acd.key, kind, &told, core.now())
            .await?;
        if let Some(live) = live {
            live.told(told.iter().filter_map(known_agent));
        }
        match later {
            // The others would be refused as well.
            Some(error) if start::delivery(&error) => return Err(error.into()),
            Some(error) => {
                tracing::warn!(acd = %acd.name, %error, "Calabrio could not be told of agents or queues; it is tried again");
            }
            None => {}
        }
    }
    Ok(round)
}

fn known_agent(told: &ToldSubject) -> Option<WorkerSid> {
    match told.sid {
        SubjectSid::Agent(agent) if told.refused.is_none() => Some(agent),
        _ => None,
    }
}

/// Who was told, and why others were not.
async fn tell_part(
    acd: &AcdServices,
    part: &[&Subject],
    sink: &dyn RosterSink,
    now: DateTime<Utc>,
) -> (Vec<ToldSubject>, Option<DeliveryError>) {
    let batch = batch(part, &acd.roster);
    let receipt = sink.deliver(&batch, now).await;
    let mut told = Vec::with_capacity(part.len());
    for outcome in &receipt.parts {
        let reason = |row: usize| match &outcome.outcome {
            Outcome::Accepted => Some(None),
            Outcome::Refused(refusal) => Some(Some(refusal.to_string())),
            Outcome::RowsRefused(rows) => {
                let found = rows.iter().find(|refused| refused.row == row);
                Some(found.map(|refused| refused.refusal.to_string()))
            }
            _ => None,
        };
        for row in outcome.rows.clone() {
            if let (Some(subject), Some(refused)) = (part.get(row), reason(row)) {
                told.push(ToldSubject {
                    sid: subject.sid,
                    version: subject.version,
                    refused,
                    file: outcome.file.clone(),
                });
            }
        }
    }
    let mut parts = receipt.parts.into_iter();
    let later = parts.find_map(|part| match part.outcome {
        Outcome::RetryLater { error, .. } => Some(error),
        _ => None,
    });
    (told, later)
}

fn batch(part: &[&Subject], roster: &Roster) -> RosterBatch {
    let mut agents = Vec::new();
    let mut queues = Vec::new();
    for subject in part {
        let names = subject.names.clone().unwrap_or(SubjectNames {
            name: subject.sid.to_string(),
            full_name: None,
            email: None,
        });
        match subject.sid {
            SubjectSid::Agent(sid) => {
                let full_name = names.full_name.clone().unwrap_or(names.name.clone());
                let (first_name, last_name) = roster.names.split(&full_name);
                agents.push(RosterAgent {
                    sid,
                    first_name,
                    last_name,
                    full_name,
                    login: Some(names.name).filter(|name| !name.is_empty()),
                    email: names.email,
                    active: subject.active,
                });
            }
            SubjectSid::Queue(sid) => queues.push(RosterQueue {
                sid,
                name: names.name,
                active: subject.active,
            }),
        }
    }
    if queues.is_empty() {
        RosterBatch::agents(agents)
    } else {
        RosterBatch::queues(queues)
    }
}
