//! An agent's day as spans without gap and without overlap.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{CalabrioState, ReasonCode, StateChange, StateMappingError};

/// A stretch of one state. Half open: `to` is the first moment after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DaySpan {
    /// Its begin.
    pub from: DateTime<Utc>,
    /// Its end, after its begin.
    pub to: DateTime<Utc>,
    /// The state; `None` before the first that is known.
    pub state: Option<CalabrioState>,
    /// The reason code.
    pub reason_code: Option<ReasonCode>,
}

impl DaySpan {
    /// How long it is.
    pub fn length(&self) -> TimeDelta {
        self.to - self.from
    }
}

/// The day of one agent, from its changes of state in the order in which the machine told them.
///
/// The bounds are two instants, so a day has the 23, 24 or 25 hours that it has in its zone. The spans tile it: the first begins with the day, each
/// begins where the one before ends, the last ends with the day, and no two neighbours are the same. A change that was told later
/// with an earlier `since` replaces what was told of the time from there on.
pub fn day_spans<'a>(
    changes: impl IntoIterator<Item = &'a StateChange>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<DaySpan>, StateMappingError> {
    if from >= to {
        return Err(StateMappingError::EmptyDay { from, to });
    }
    let mut line: Vec<&StateChange> = Vec::new();
    let mut first = None;
    for change in changes {
        let first = *first.get_or_insert(change.agent);
        if first != change.agent {
            return Err(StateMappingError::SeveralAgents {
                first,
                other: change.agent,
            });
        }
        while line.last().is_some_and(|last| last.since >= change.since) {
            line.pop();
        }
        line.push(change);
    }
    let mut spans = vec![DaySpan {
        from,
        to,
        state: None,
        reason_code: None,
    }];
    for change in line.into_iter().take_while(|change| change.since < to) {
        let begin = change.since.max(from);
        let Some(last) = spans.last_mut() else { break };
        if last.state == Some(change.state) && last.reason_code == change.reason_code {
            continue;
        }
        last.to = begin;
        if last.from >= last.to {
            spans.pop();
        }
        spans.push(DaySpan {
            from: begin,
            to,
            state: Some(change.state),
            reason_code: change.reason_code.clone(),
        });
    }
    Ok(spans)
}
