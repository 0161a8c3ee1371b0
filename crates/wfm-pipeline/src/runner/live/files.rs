//! What Calabrio makes of the files in which it is told states.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use twilio_sid::WorkerSid;
use wfm_delivery::{DeliveryError, Fate, Outcome, Receipt, StateBatch, StateFiles};

use super::Live;
use crate::runner::{Core, blocking};
use crate::services::AcdServices;

/// How often the drop folder is asked what Calabrio made of files.
const LOOK_AT_FILES: Duration = Duration::from_mins(1);

/// Of how many states the files are remembered; of more, the oldest files are not looked for.
const MOST_STATES: usize = 100_000;

/// Files of whose fate nothing is known yet, the oldest first. They are not in the ledger: after a start all states are told anew.
#[derive(Debug, Default)]
pub(super) struct ToldFiles {
    files: VecDeque<ToldFile>,
    states: usize,
    next: u64,
    /// In which file each agent was told last.
    newest: HashMap<WorkerSid, u64>,
}

/// One file.
#[derive(Debug, Clone)]
struct ToldFile {
    number: u64,
    name: Arc<str>,
    at: DateTime<Utc>,
    agents: Arc<[WorkerSid]>,
}

impl ToldFiles {
    pub(super) fn note(&mut self, batch: &StateBatch, receipt: &Receipt, at: DateTime<Utc>) {
        for part in &receipt.parts {
            let (Some(name), Outcome::Accepted) = (&part.file, &part.outcome) else {
                continue;
            };
            let rows = batch.rows().get(part.rows.clone()).unwrap_or_default();
            let file = ToldFile {
                number: self.next,
                name: name.as_str().into(),
                at,
                agents: rows.iter().map(|row| row.agent).collect(),
            };
            self.next += 1;
            // Of a name that is always the same, the last file alone can be told from those before.
            if let Some(before) = self.files.pop_back_if(|before| before.name == file.name) {
                self.forget(&before);
            }
            self.states += rows.len();
            let told = file.agents.iter().map(|agent| (*agent, file.number));
            self.newest.extend(told);
            self.files.push_back(file);
        }
        while self.states > MOST_STATES
            && let Some(oldest) = self.files.pop_front()
        {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, file: &ToldFile) {
        self.states -= file.agents.len();
        for agent in &*file.agents {
            if self.newest.get(agent) == Some(&file.number) {
                self.newest.remove(agent);
            }
        }
    }

    /// Of these files it is known what became of them.
    fn settle(&mut self, known: &HashSet<u64>) {
        for file in std::mem::take(&mut self.files) {
            if known.contains(&file.number) {
                self.forget(&file);
            } else {
                self.files.push_back(file);
            }
        }
    }

    /// Agents of a file of whom no newer one tells.
    fn told_last(&self, file: &ToldFile) -> Vec<WorkerSid> {
        let agents = file.agents.iter().copied();
        agents
            .filter(|agent| self.newest.get(agent) == Some(&file.number))
            .collect()
    }
}

/// Looks for files until it is told to stop.
pub(crate) async fn watch<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    files: StateFiles,
    live: Live,
    stop: CancellationToken,
) {
    loop {
        let look = async {
            core.clock.sleep(LOOK_AT_FILES).await;
            live.look_at_files(&acd.name, &files).await
        };
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = look => looked,
        };
        match looked {
            Ok(0) => {}
            Ok(states) => core.witness.states(&acd.name, "refused", states),
            Err(error) => {
                tracing::warn!(acd = %acd.name, %error, "it cannot be told what Calabrio made of files of states");
            }
        }
        core.witness.refused_agents(&acd.name, live.refused());
    }
}

impl Live {
    /// How many states lay in files that Calabrio put into its penalty box.
    pub(super) async fn look_at_files(
        &self,
        acd: &str,
        files: &StateFiles,
    ) -> Result<u64, DeliveryError> {
        let open: Vec<_> = self.lock().told_files.files.iter().cloned().collect();
        if open.is_empty() {
            return Ok(0);
        }
        let (files, asked) = (files.clone(), open.clone());
        let fates = blocking(move || {
            let asked = asked.iter().map(|file| (&*file.name, file.at));
            let fates = files.fates(asked)?;
            Ok(fates.into_iter().map(|(_, fate)| fate).collect::<Vec<_>>())
        });
        let (mut known, mut refused) = (HashSet::new(), Vec::new());
        for (file, fate) in open.into_iter().zip(fates.await?) {
            if fate == Fate::Waiting {
                continue;
            }
            known.insert(file.number);
            if fate == Fate::Refused {
                tracing::error!(acd, file = %file.name, agents = file.agents.len(), "Calabrio put a file of states into its penalty box; the newest states of its agents go again once it is told of them, or after the workspace was read");
                refused.push(file);
            }
        }
        let mut state = self.lock();
        for file in &refused {
            let agents = state.told_files.told_last(file);
            state.refused.add(agents);
        }
        state.told_files.settle(&known);
        Ok(refused.iter().map(|file| file.agents.len() as u64).sum())
    }
}
