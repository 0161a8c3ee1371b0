//! How often and how long the customer was on hold during a leg.

use chrono::{DateTime, Utc};
use contact_model::{Hold, Leg};
use twilio_sid::{CallSid, ConferenceSid};

use super::attributes::LegAttributes;
use super::facts::{Answer, Evidence, HoldSighting, Question};

/// Determines the hold of a leg, or says what must be asked first.
///
/// What was seen while the call went on, pushed or polled, counts before what past participants tell: it is there at once, and not
/// every account has the other. Somebody else's hold is not the customer's: where it is known which call is the agent's, that
/// one is left out.
pub(super) fn of_leg(
    leg: &Leg,
    attributes: &LegAttributes,
    evidence: &Evidence,
) -> Result<Hold, Question> {
    let Some(conference) = conference(leg, attributes, evidence)? else {
        return Ok(Hold::NotObservable);
    };
    let (Some(from), Some(to)) = (leg.times.accepted, leg.times.media_ended()) else {
        return Ok(Hold::NotObservable);
    };
    let agent = attributes.worker_call();
    if let Answer::HoldSeen(Some(sightings)) = evidence.get(Question::HoldSeen(conference))? {
        return Ok(total(&spans(sightings, agent, to), from, to));
    }
    let Some(participants) = evidence.participants(conference)? else {
        return Ok(Hold::NotObservable);
    };
    let mut observed = Vec::new();
    let mut is_told = false;
    for participant in participants {
        let Some(holds) = &participant.holds else {
            continue;
        };
        is_told = true;
        let is_agent = participant.client.is_some()
            || (participant.call.is_some() && participant.call == agent);
        if !is_agent {
            observed.extend(holds);
        }
    }
    Ok(if is_told {
        total(&observed, from, to)
    } else {
        Hold::NotObservable
    })
}

/// The conference that the task names, or the one that bears its SID.
fn conference(
    leg: &Leg,
    attributes: &LegAttributes,
    evidence: &Evidence,
) -> Result<Option<ConferenceSid>, Question> {
    if let Some(named) = attributes.conference() {
        return Ok(Some(named));
    }
    let found = evidence.conferences_named(leg.task)?;
    Ok(found.first().map(|conference| conference.sid))
}

/// From sightings, in any order and perhaps repeated, to spans of hold. A hold whose end was not seen lasts to `end`.
fn spans(
    sightings: &[HoldSighting],
    agent: Option<CallSid>,
    end: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut sightings: Vec<_> = sightings
        .iter()
        .filter(|sighting| agent.is_none() || sighting.call != agent)
        .collect();
    sightings.sort_by_key(|sighting| (sighting.call, sighting.at, sighting.on));
    let mut spans = Vec::new();
    for of_one_call in sightings.chunk_by(|one, other| one.call == other.call) {
        let mut since = None;
        for sighting in of_one_call {
            match (since, sighting.on) {
                (None, true) => since = Some(sighting.at),
                (Some(from), false) => {
                    spans.push((from, sighting.at));
                    since = None;
                }
                _ => {}
            }
        }
        if let Some(from) = since {
            spans.push((from, end.max(from)));
        }
    }
    spans
}

/// Counts what of the spans lies within the leg; spans that overlap or touch are one hold.
fn total(spans: &[(DateTime<Utc>, DateTime<Utc>)], from: DateTime<Utc>, to: DateTime<Utc>) -> Hold {
    let mut clipped: Vec<_> = spans
        .iter()
        .map(|(begin, end)| (*begin.max(&from), *end.min(&to)))
        .filter(|(begin, end)| begin < end)
        .collect();
    clipped.sort_unstable();
    let mut merged: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (begin, end) in clipped {
        match merged.last_mut() {
            Some(last) if begin <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((begin, end)),
        }
    }
    let milliseconds: i64 = merged
        .iter()
        .map(|(begin, end)| (*end - *begin).num_milliseconds())
        .sum();
    Hold::Observed {
        count: u32::try_from(merged.len()).unwrap_or(u32::MAX),
        seconds: u64::try_from((milliseconds + 500) / 1_000).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CUSTOMER: &str = "CA00000000000000000000000000000001";
    const AGENT: &str = "CA00000000000000000000000000000002";

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
    }

    fn seen(call: &str, second: i64, on: bool) -> HoldSighting {
        HoldSighting {
            call: call.parse().ok(),
            at: at(second),
            on,
        }
    }

    fn observed(count: u32, seconds: u64) -> Hold {
        Hold::Observed { count, seconds }
    }

    fn of(sightings: &[HoldSighting]) -> Hold {
        let spans = spans(sightings, AGENT.parse().ok(), at(100));
        total(&spans, at(0), at(100))
    }

    #[test]
    fn holds_are_counted_within_the_leg_and_repetitions_are_one() {
        let sightings = [
            seen(CUSTOMER, 30, false),
            seen(CUSTOMER, 20, true),
            seen(CUSTOMER, 20, true),
            seen(CUSTOMER, -5, true),
            seen(CUSTOMER, 5, false),
            seen(CUSTOMER, 90, true),
        ];
        assert_eq!(of(&sightings), observed(3, 5 + 10 + 10));
        assert_eq!(of(&[]), observed(0, 0));
    }

    #[test]
    fn the_agents_own_hold_is_not_the_customers() {
        assert_eq!(
            of(&[seen(AGENT, 10, true), seen(AGENT, 20, false)]),
            observed(0, 0)
        );
    }

    #[test]
    fn an_end_without_a_beginning_tells_nothing() {
        assert_eq!(of(&[seen(CUSTOMER, 10, false)]), observed(0, 0));
    }

    proptest! {
        #[test]
        fn hold_never_lasts_longer_than_its_leg(sightings in prop::collection::vec((0_i64..300, any::<bool>(), any::<bool>()), 0..40)) {
            let sightings: Vec<_> = sightings
                .into_iter()
                .map(|(second, on, agent)| seen(if agent { AGENT } else { CUSTOMER }, second - 100, on))
                .collect();
            let Hold::Observed { count, seconds } = of(&sightings) else {
                panic!("it was observed")
            };
            prop_assert!(seconds <= 100);
            prop_assert!(u64::from(count) <= seconds + 1 && usize::try_from(count).unwrap() <= sightings.len());
        }
    }
}
