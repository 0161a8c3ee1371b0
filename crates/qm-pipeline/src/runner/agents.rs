//! Agents and people kept in step: one way, from TaskRouter to Calabrio.
//!
//! What is to be done is planned purely, see [`plan`]; here it is carried out, and this is what keeps it from harm:
//!
//! * Making somebody is sent once. After an attempt in doubt, and after a start (a former process may have left one), nobody is
//!   made before `search_settle` has passed and people were listed anew.
//! * The first person that is made must show up in the list before others are made. A service account that does not see whom
//!   it makes would make them again and again; that it does not is remembered in the ledger, and making rests for a day.
//! * Before somebody is deactivated, Twilio is asked for that worker alone, and must answer that there is none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calabrio_client::{CalabrioClient, CalabrioError, NewPerson, People, PersonId, PersonOutcome};
use chrono::{DateTime, TimeDelta, Utc};
use connector_config::Acd;
use contact_model::{ParkKind, StageName};
use sync_ledger::{ContactFilter, Ledger, LedgerError, PageRequest};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use twilio_client::{TwilioClient, TwilioError, Worker};
use twilio_sid::{WorkerSid, WorkspaceSid};

use super::acd::AcdRuntime;
use super::people::Directory;
use super::{Core, retry_one};
use crate::policy::agents::{
    AgentFacts, AgentList, AgentPlan, Creation, PeopleRules, PersonFacts, Restraint, plan, split,
};

/// How often both are compared.
const PERIOD: Duration = Duration::from_hours(1);

/// How soon again after a failure, and at the earliest because a contact met an agent whom nobody stands for.
const SOON: Duration = Duration::from_mins(10);

/// How soon again while it is to be seen whether somebody who was made shows up.
const LOOK: Duration = Duration::from_mins(1);

/// The assumption that a POST of a person makes one.
const MAKES: u32 = 703;

/// How long nobody is made after somebody who was made did not show up.
const REST: TimeDelta = TimeDelta::days(1);

/// So many refusals in one round say that the next person will be refused as well.
const REFUSALS: u32 = 3;

/// What keeps a round from its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    #[error(transparent)]
    Calabrio(#[from] CalabrioError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Every worker of a workspace. Beside the facts, the workers themselves.
pub(crate) async fn workers(
    twilio: &TwilioClient,
    workspace: WorkspaceSid,
) -> Result<(AgentList, BTreeMap<WorkerSid, Worker>), TwilioError> {
    let listed = twilio.taskrouter(workspace).workers().all().await?;
    let list = AgentList {
        agents: listed.items.iter().map(facts).collect(),
        complete: listed.unreadable.is_empty(),
    };
    let workers = listed.items.into_iter().map(|worker| (worker.sid, worker));
    Ok((list, workers.collect()))
}

fn facts(worker: &Worker) -> AgentFacts {
    let attributes = worker.attributes.as_ref();
    let full_name = attributes
        .and_then(|attributes| attributes.parse().ok())
        .and_then(|attributes| attributes.get("full_name")?.as_str().map(str::to_owned))
        .filter(|name| !name.trim().is_empty());
    AgentFacts {
        worker: worker.sid,
        name: full_name.or_else(|| worker.friendly_name.clone()),
        certain: attributes.is_some(),
        since: worker.created_at,
    }
}

/// People in the plan's words.
pub(crate) fn people(people: &People, now: DateTime<Utc>) -> Vec<PersonFacts> {
    let of = |person: &calabrio_client::Person| PersonFacts {
        id: person.id.get(),
        acd_id: person.acd_id.clone(),
        acd_server: person.acd_server,
        first: person.first.clone(),
        last: person.last.clone(),
        active: person.is_active(now),
    };
    people.all().iter().map(of).collect()
}

/// Whoever was tried to be made in this process.
#[derive(Debug, Clone, Copy)]
struct Tried {
    at: Instant,
    /// Calabrio said that it made the person.
    made: bool,
    /// The person was seen in the list since.
    seen: bool,
}

/// What is remembered from round to round.
#[derive(Default)]
struct Memory {
    tried: BTreeMap<WorkerSid, Tried>,
    /// That whoever is made shows up.
    proven: bool,
    /// Nobody is made before this time.
    rest_until: Option<DateTime<Utc>>,
    /// Whether what a former process left parked was looked at.
    looked_back: bool,
    /// What was said of what is held back.
    told: Vec<(&'static str, Restraint)>,
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    InAnHour,
    Soon,
}

/// Begins it for each ACD that wants it.
pub(crate) fn spawn<L: Ledger>(
    tasks: &mut JoinSet<()>,
    core: &Arc<Core<L>>,
    acds: &[Arc<AcdRuntime>],
    stop: &CancellationToken,
) {
    for acd in acds {
        let all = acds.iter().map(|acd| &acd.config);
        let rules = PeopleRules::new(&acd.config, all);
        if rules.create || rules.deactivate {
            tasks.spawn(keep_in_step(
                Arc::clone(core),
                Arc::clone(acd),
                rules,
                stop.clone(),
            ));
        }
    }
}

/// Keeps the people of an ACD in step with its workers, until it is told to stop.
async fn keep_in_step<L: Ledger>(
    core: Arc<Core<L>>,
    acd: Arc<AcdRuntime>,
    rules: PeopleRules,
    stop: CancellationToken,
) {
    let mut memory = Memory::default();
    let settle = acd.rules.timing.search_settle;
    // A former process may have left an attempt in doubt.
    let mut pause = settle;
    let mut first = true;
    loop {
        let met = async {
            // A contact that waits for its agent need not wait for an hour; one that nobody can be made for must not make
            // this go round and round.
            let least = if first { pause } else { pause.min(SOON) };
            tokio::time::sleep(least).await;
            acd.directory.missed().await;
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = met, if rules.create => {}
        }
        first = false;
        let round = Round {
            ledger: &core.ledger,
            acd: &acd.config,
            twilio: &acd.twilio,
            calabrio: &acd.calabrio,
            directory: &acd.directory,
            rules: &rules,
            settle,
            clock: core.clock,
            wake: &core.wake,
        };
        // Dropped at a stop, an attempt is in doubt; whoever starts next waits for it to settle.
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            ended = round.go(&mut memory) => ended,
        };
        pause = match ended {
            Ok(Next::InAnHour) => PERIOD,
            Ok(Next::Soon) => LOOK.min(settle),
            Err(error) => {
                tracing::warn!(acd = %acd.config.name, %error, pause_seconds = SOON.as_secs(), "agents and people could not be compared; it is tried again");
                SOON
            }
        };
    }
}

/// One comparison, and what follows from it.
struct Round<'a, L> {
    ledger: &'a L,
    acd: &'a Acd,
    twilio: &'a TwilioClient,
    calabrio: &'a CalabrioClient,
    directory: &'a Directory,
    rules: &'a PeopleRules,
    settle: Duration,
    clock: fn() -> DateTime<Utc>,
    wake: &'a Notify,
}

impl<L: Ledger> Round<'_, L> {
    async fn go(&self, memory: &mut Memory) -> Result<Next, SyncError> {
        let (list, workers) = workers(self.twilio, self.acd.twilio.workspace_sid).await?;
        let listed = self.calabrio.people().await?;
        let plan = plan(&list, &people(&listed, (self.clock)()), self.rules);
        self.tell_what_is_held(&plan, memory);
        self.note_who_shows_up(&listed, memory).await?;
        if self.rules.create && !memory.looked_back {
            // A former process may have made somebody and ended before it saw them in the list.
            self.directory.forget().await;
            let is_known = |worker: WorkerSid| listed.with_acd_id(worker.as_str()).next().is_some();
            self.take_up(None, &is_known).await?;
            memory.looked_back = true;
        }
        self.rename(&plan).await?;
        self.deactivate(&plan).await?;
        self.create(&plan, (&listed, &workers), memory).await?;
        let waits = memory.tried.values().any(|tried| !tried.seen);
        Ok(if waits { Next::Soon } else { Next::InAnHour })
    }

    /// Once for each reason, for as long as it holds: the next round has the same to say.
    fn tell_what_is_held(&self, plan: &AgentPlan, memory: &mut Memory) {
        let held = [
            ("made", plan.creations.held, plan.creations.all.len()),
            ("renamed", plan.renamings.held, plan.renamings.all.len()),
            (
                "deactivated",
                plan.deactivations.held,
                plan.deactivations.all.len(),
            ),
        ];
        let mut told = Vec::new();
        for (what, why, people) in held {
            let Some(why) = why.filter(|why| *why != Restraint::SwitchedOff) else {
                continue;
            };
            if !memory.told.contains(&(what, why)) {
                tracing::warn!(acd = %self.acd.name, people, "nobody is {what}: {}", why.in_words());
            }
            told.push((what, why));
        }
        memory.told = told;
    }

    /// Whether those who were made are in the list by now. Their contacts are taken up again.
    async fn note_who_shows_up(
        &self,
        listed: &People,
        memory: &mut Memory,
    ) -> Result<(), SyncError> {
        let (ledger, key, now) = (self.ledger, self.acd.key(), (self.clock)());
        let makes = ledger.confirmed(&key).await?;
        if let Some(fact) = makes.iter().find(|fact| fact.assumption == MAKES) {
            memory.proven |= fact.held;
            memory.rest_until = (!fact.held).then(|| fact.at + REST);
        }
        let known = |worker: WorkerSid| listed.with_acd_id(worker.as_str()).next().is_some();
        let mut gone = Vec::new();
        for (worker, tried) in &mut memory.tried {
            if tried.seen {
                continue;
            }
            if known(*worker) {
                tried.seen = true;
                self.directory.forget().await;
                self.take_up(Some(*worker), &|_| true).await?;
                if tried.made && !memory.proven {
                    memory.proven = true;
                    ledger.confirm(&key, MAKES, true, now).await?;
                }
            } else if tried.at.elapsed() >= self.settle {
                gone.push(*worker);
                if tried.made {
                    memory.proven = false;
                    memory.rest_until = Some(now + REST);
                    ledger.confirm(&key, MAKES, false, now).await?;
                    tracing::error!(%worker, "a person was made in Calabrio ONE and is not in its list of people: nobody else is made for a day; give the service account a scope over the team of team_id");
                }
            }
        }
        for worker in gone {
            memory.tried.remove(&worker);
        }
        Ok(())
    }

    async fn rename(&self, plan: &AgentPlan) -> Result<(), SyncError> {
        for renamed in plan.renamings.now() {
            let Some(id) = number(renamed.person) else {
                continue;
            };
            let renaming = self
                .calabrio
                .rename_person(id, &renamed.first, &renamed.last);
            match renaming.await {
                Ok(_) => {
                    tracing::info!(worker = %renamed.worker, person = renamed.person, "a person was renamed");
                }
                Err(error) if stops_the_round(&error) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(worker = %renamed.worker, person = renamed.person, %error, "a person could not be renamed");
                }
            }
        }
        Ok(())
    }

    async fn deactivate(&self, plan: &AgentPlan) -> Result<(), SyncError> {
        let workspace = self.acd.twilio.workspace_sid;
        for gone in plan.deactivations.now() {
            let Some(id) = number(gone.person) else {
                continue;
            };
            // What slid from page to page while the list was read is not gone.
            match self.twilio.taskrouter(workspace).worker(gone.worker).await {
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    tracing::info!(worker = %gone.worker, "a worker was missing from Twilio's list and is there");
                    continue;
                }
            }
            match self.calabrio.deactivate_person(id, (self.clock)()).await {
                Ok(_) => {
                    tracing::info!(worker = %gone.worker, person = gone.person, "a person whose worker is gone was deactivated");
                }
                Err(error) if stops_the_round(&error) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(worker = %gone.worker, person = gone.person, %error, "a person could not be deactivated");
                }
            }
        }
        Ok(())
    }

    async fn create(
        &self,
        plan: &AgentPlan,
        (listed, workers): (&People, &BTreeMap<WorkerSid, Worker>),
        memory: &mut Memory,
    ) -> Result<(), SyncError> {
        if memory
            .rest_until
            .is_some_and(|until| (self.clock)() < until)
        {
            return Ok(());
        }
        let mut refusals = 0;
        for creation in plan.creations.now() {
            let worker = creation.worker;
            // Whoever was tried is looked for until it has settled; whoever was made is not made again.
            if memory.tried.contains_key(&worker) {
                continue;
            }
            // What is in doubt must settle, and the first one must show up, before there are others.
            let waits = |tried: &Tried| !tried.seen && (!tried.made || !memory.proven);
            if memory.tried.values().any(waits) {
                return Ok(());
            }
            let Some(person) = self.new_person(creation, workers).await? else {
                tracing::warn!(%worker, "nobody is made for a worker without a name");
                continue;
            };
            let outcome = self.calabrio.create_person(listed, &person).await;
            let mut tried = Tried {
                at: Instant::now(),
                made: false,
                seen: false,
            };
            match outcome {
                PersonOutcome::AlreadyThere(_) => {}
                PersonOutcome::Created { id } => {
                    tracing::info!(%worker, person = id.map(PersonId::get), "a person was made for a worker");
                    tried.made = true;
                    memory.tried.insert(worker, tried);
                }
                PersonOutcome::Refused {
                    status,
                    reason,
                    request_id,
                } => {
                    tracing::warn!(%worker, status, reason, request_id, "Calabrio ONE refuses to make a person");
                    refusals += 1;
                    if refusals == REFUSALS {
                        return Ok(());
                    }
                }
                PersonOutcome::NotSent { cause } => return Err(cause.into()),
                PersonOutcome::InDoubt { cause } => {
                    tracing::warn!(%worker, error = %cause, "whether a person was made is in doubt; it is looked for before anybody else is made");
                    memory.tried.insert(worker, tried);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The person for a worker; `None` where it has no name.
    async fn new_person(
        &self,
        creation: &Creation,
        workers: &BTreeMap<WorkerSid, Worker>,
    ) -> Result<Option<NewPerson>, SyncError> {
        let config = self.acd;
        let mut names = creation.names.clone();
        if names.is_none()
            && let Some(worker) = workers.get(&creation.worker)
        {
            let taskrouter = self.twilio.taskrouter(config.twilio.workspace_sid);
            let worker = taskrouter.worker_with_attributes(worker.clone()).await?;
            names = split(&facts(&worker), self.rules.names);
        }
        let (Some((first, last)), Some(team)) = (names, config.people.team_id) else {
            return Ok(None);
        };
        Ok(Some(NewPerson {
            acd_id: creation.worker.to_string(),
            first,
            last,
            // Nothing is sent to an agent because of this; who gives them a login gives them an address, too.
            email: None,
            team,
            roles: config.people.role_ids.clone(),
            time_zone: Some(config.time_zone.name().to_owned()),
            scheduled: config.products.workforce_management,
            // Contacts that wait for their agent began before.
            activated: creation.since.unwrap_or_else(self.clock),
        }))
    }

    /// Takes up again what was parked because nobody stood for its agent: this one or any, and only where it is known now.
    async fn take_up(
        &self,
        worker: Option<WorkerSid>,
        is_known: &(dyn Fn(WorkerSid) -> bool + Sync),
    ) -> Result<(), LedgerError> {
        let acd = &self.acd.key();
        let filter = ContactFilter {
            acd: Some(acd.clone()),
            stages: vec![StageName::Parked],
            park_kinds: vec![ParkKind::UnknownAgent],
            worker,
            ..ContactFilter::default()
        };
        let mut request = PageRequest::first(PageRequest::MAX);
        loop {
            let page = self.ledger.list(&filter, &request).await?;
            for row in &page.contacts {
                let worker = row.contact.leg.worker;
                if is_known(worker)
                    && retry_one(self.ledger, acd, row.leg(), (self.clock)()).await?
                {
                    tracing::info!(leg = %row.leg(), %worker, "the agent is known now: a contact is taken up again");
                    self.wake.notify_one();
                }
            }
            match page.next {
                Some(mark) => request.after = Some(mark),
                None => return Ok(()),
            }
        }
    }
}

fn number(person: i64) -> Option<PersonId> {
    person.try_into().ok()
}

/// Whether the next person would fail in the same way.
fn stops_the_round(error: &CalabrioError) -> bool {
    error.is_passing() || error.is_authentication() || error.is_permission()
}

#[cfg(test)]
mod tests;
