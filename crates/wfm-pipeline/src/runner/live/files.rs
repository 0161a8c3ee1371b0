//! What Calabrio makes of the files in which it is told states.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use twilio_sid::WorkerSid;
use wfm_delivery::{DeliveryError, Fate, Outcome, Receipt, StateBatch, StateFiles};

use super::Live;
use crate::runner::Core;
use crate::services::{AcdServices, AdherenceServices};

/// How often the drop folder is looked at.
const LOOK: Duration = Duration::from_mins(1);

/// Of how many states the files are remembered; of more, the oldest files are not looked for.
const REMEMBERED: usize = 100_000;

/// Files of whose fate nothing is known yet, the oldest first. They are not in the ledger: after a start all states are told anew.
#[derive(Debug, Default)]
pub(super) struct ToldFiles {
    files: VecDeque<ToldFile>,
    states: usize,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ToldFile {
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
            self.states += rows.len();
            self.files.push_back(ToldFile {
                name: name.as_str().into(),
                at,
                agents: rows.iter().map(|row| row.agent).collect(),
            });
        }
        while self.states > REMEMBERED
            && let Some(oldest) = self.files.pop_front()
        {
            self.states -= oldest.agents.len();
        }
    }

    fn forget(&mut self, files: &[ToldFile]) {
        self.files.retain(|known| !files.contains(known));
        self.states = self.files.iter().map(|file| file.agents.len()).sum();
    }
}

/// Looks for files until it is told to stop.
pub(crate) async fn watch<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: AdherenceServices,
    live: Live,
    stop: CancellationToken,
) {
    let Some(files) = services.files else {
        return stop.cancelled().await;
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.clock.sleep(LOOK) => {}
        }
        match live.look_at_files(&acd.name, &files).await {
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
        let looking = tokio::task::spawn_blocking(move || {
            let asked = asked.iter().map(|file| (&*file.name, file.at));
            let fates = files.fates(asked)?;
            Ok::<_, DeliveryError>(fates.into_iter().map(|(_, fate)| fate).collect::<Vec<_>>())
        });
        let fates = looking.await.unwrap_or(Err(DeliveryError::CutOff))?;
        let (mut known, mut refused) = (Vec::new(), 0);
        let mut state = self.lock();
        for (file, fate) in open.into_iter().zip(fates) {
            match fate {
                Fate::Waiting => continue,
                // Taken, and tidied away later.
                Fate::Archived | Fate::Gone => {}
                Fate::Refused => {
                    tracing::error!(acd, file = %file.name, agents = file.agents.len(), "Calabrio put a file of states into its penalty box; the newest states of its agents go again once it is told of them, or after the workspace was read");
                    refused += file.agents.len() as u64;
                    state.refused.add(&file.agents);
                }
            }
            known.push(file);
        }
        state.told_files.forget(&known);
        Ok(refused)
    }
}
