//! A live table of agents: read from Twilio, beside the worker or without one.

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_runtime::{Page, Report, Table};
use wfm_state_mapping::AgentRow;

use super::shown;
use crate::clock::Clock;
use crate::error::PipelineError;
use crate::runner::Live;
use crate::runner::live::poll::Polling;
use crate::runner::live::{GoingOn, ask_next};
use crate::services::{AcdServices, AdherenceServices};

/// The agents of every ACD, as they are now.
#[derive(Debug, Clone, Serialize)]
pub struct AdherenceReport {
    /// When.
    pub at: DateTime<Utc>,
    /// Each ACD.
    pub acds: Vec<AcdAdherence>,
}

/// The agents of one ACD.
#[derive(Debug, Clone, Serialize)]
pub struct AcdAdherence {
    /// Its name.
    pub acd: String,
    /// Each agent, by name.
    pub agents: Vec<AgentRow>,
}

/// Follows the agents of one ACD by reading: the workspace once, then the Events API, and conferences within the budget for hold. It delivers nothing.
pub struct Follower {
    acd: AcdServices,
    services: AdherenceServices,
    live: Live,
    clock: Clock,
    going_on: GoingOn,
    polling: Polling,
}

impl Follower {
    /// Begins with the workspace as it is now.
    ///
    /// # Errors
    ///
    /// [`PipelineError::NoAdherence`], [`PipelineError::Twilio`].
    pub async fn begin(acd: AcdServices, clock: Clock) -> Result<Self, PipelineError> {
        let services = acd
            .adherence
            .clone()
            .ok_or_else(|| PipelineError::NoAdherence {
                acd: acd.name.clone(),
            })?;
        let live = Live::new(&services);
        let polling = Polling::new(clock.now());
        live.resynchronise(&acd, &services, &clock).await?;
        let mut follower = Self {
            acd,
            services,
            live,
            clock,
            going_on: GoingOn::default(),
            polling,
        };
        follower.ask().await?;
        Ok(follower)
    }

    /// Reads what happened since.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Twilio`].
    pub async fn follow(&mut self) -> Result<(), PipelineError> {
        let (acd, live, now) = (&self.acd, &self.live, self.clock.now());
        self.polling.poll(acd, live, now, false).await?;
        if self.polling.tally().passed_over {
            live.resynchronise(acd, &self.services, &self.clock).await?;
        }
        self.ask().await
    }

    /// Asks about calls, as many as one second's budget allows.
    async fn ask(&mut self) -> Result<(), PipelineError> {
        for _ in 0..self.services.hold_budget {
            let (services, live) = (&self.services, &self.live);
            if !ask_next(&self.clock, &self.acd, services, live, &mut self.going_on).await? {
                break;
            }
        }
        Ok(())
    }

    /// Every agent as it is known now.
    pub fn table(&self) -> AcdAdherence {
        AcdAdherence {
            acd: self.acd.name.clone(),
            agents: self.live.table(),
        }
    }
}

impl Report for AdherenceReport {
    fn page(&self, page: &mut Page) {
        page.line(shown(self.at));
        for acd in &self.acds {
            page.line(&acd.acd);
            let mut table = Table::new([
                "agent",
                "state",
                "reason code",
                "since",
                "for",
                "activity",
                "hold seen by",
            ]);
            for row in &acd.agents {
                let lasts = row.since.map_or_else(String::new, |since| {
                    let seconds = (self.at - since).num_seconds().max(0);
                    format!(
                        "{}:{:02}:{:02}",
                        seconds / 3600,
                        seconds / 60 % 60,
                        seconds % 60
                    )
                });
                table.row([
                    row.name.clone().unwrap_or_else(|| row.agent.to_string()),
                    row.state
                        .map_or_else(|| "undecided".to_owned(), |state| state.as_str().to_owned()),
                    row.reason_code
                        .as_ref()
                        .map_or_else(String::new, |code| code.as_str().to_owned()),
                    row.since.map_or_else(String::new, shown),
                    lasts,
                    row.activity.clone().unwrap_or_default(),
                    row.hold_source.to_string(),
                ]);
            }
            page.table(table);
        }
    }
}
