//! What happens from the start on, as it comes due.

use std::iter::Peekable;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use super::forms::{self, Pushed};
use crate::server::State;

/// What is to be told next.
pub(super) enum Coming {
    /// All of it is made already.
    Made(Peekable<IntoIter<Pushed>>),
    /// It is made when it happens: the place of the next one on the floor.
    Live(usize),
}

impl Coming {
    pub(super) fn new(state: &State) -> Self {
        if let Some(live) = &state.world.live {
            // What happened before the floor's clock began to run was for whoever listened then.
            let shown = state.floor.as_ref().and_then(|floor| floor.options().shows);
            Self::Live(shown.map_or(0, |shown| live.after(shown)))
        } else {
            Self::Made(forms::all(&state.world).into_iter().peekable())
        }
    }

    /// What has happened by now.
    pub(super) fn until_now(&mut self, state: &State) -> Vec<Pushed> {
        let now = state.world_clock();
        match (self, &state.world.live) {
            (Self::Made(coming), _) => {
                std::iter::from_fn(|| coming.next_if(|event| event.at <= now)).collect()
            }
            (Self::Live(next), Some(live)) => {
                let snapshots = state.world.scenario().push.as_ref();
                let snapshots = snapshots.is_some_and(|push| push.worker_change);
                let mut happened = Vec::new();
                while live.at(*next).is_some_and(|at| at <= now) {
                    happened.extend(live.pushed(&state.world, *next, snapshots));
                    *next += 1;
                }
                happened
            }
            (Self::Live(_), None) => Vec::new(),
        }
    }

    /// How long it is until the next one happens on a floor.
    pub(super) fn due_in(&self, state: &State) -> Option<Duration> {
        let Self::Live(next) = self else {
            return None;
        };
        let at = state.world.live.as_ref()?.at(*next)?;
        Some(state.floor.as_ref()?.pace().until(at, Instant::now()))
    }
}
