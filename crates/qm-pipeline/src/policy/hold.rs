//! How often and how long the customer was on hold during a leg.

use chrono::{DateTime, Duration, Utc};
use contact_model::{Hold, Leg};
use twilio_sid::{CallSid, ConferenceSid};

use super::attributes::LegAttributes;
use super::facts::{Answer, ConferenceSeen, Evidence, HoldSighting, Question, SeenBy};

/// How long after its leg was accepted a conference may be seen for the first time and still be seen from its beginning: the agent's
/// phone rings, and polling lists conferences only now and then. Hardly anybody is put on hold and taken off it so early.
const BEGINNING: Duration = Duration::seconds(30);

/// How long before its end a leg's last change may have been: the agent wraps up a moment after the customer has left.
const ENDING: Duration = Duration::seconds(10);

/// How long nobody may have looked: a hold that is shorter may go unseen.
const GAP: Duration = Duration::seconds(60);

/// Determines the hold of a leg, or says what must be asked first.
///
/// What was seen while the call went on, pushed or polled, counts before what past participants tell: it is there at once, and not
/// every account has the other. But who began to look in the middle of the leg, or looked away for a while, saw too little, and too little looks like
/// the truth: then past participants tell, or nobody does. Somebody else's hold is not the customer's: where it is known which call is the agent's, that
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
    if let Answer::HoldSeen(Some(seen)) = evidence.get(Question::HoldSeen(conference))?
        && (is_told(seen, from, to) || is_looked_at(&seen.sightings, from, to))
    {
        return Ok(total(&spans(&seen.sightings, agent, to), from, to));
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

/// Whether all that changed from the leg's beginning to its end was told. Anybody's change will do, the agent's too: who joins is seen, so
/// whoever is seen later was not there before, and who leaves ends the leg.
///
/// What was not taken in at once comes again minutes later, and what comes then is too late: between beginning and end no number may be
/// missing. Without numbers, that both were told must do.
fn is_told(seen: &ConferenceSeen, accepted: DateTime<Utc>, ended: DateTime<Utc>) -> bool {
    // Of a short leg neither may reach into the other.
    let quarter = (ended - accepted) / 4;
    let begun = accepted + BEGINNING.min(quarter * 2);
    let ending = ended - ENDING.min(quarter);
    if seen.changes.is_empty() {
        let told = |when: &dyn Fn(DateTime<Utc>) -> bool| {
            let mut sightings = seen.sightings.iter();
            sightings.any(|sighting| sighting.by == SeenBy::Telling && when(sighting.at))
        };
        return told(&|at| at <= begun) && told(&|at| at >= ending);
    }
    let first = seen.changes.iter().rposition(|(_, at)| *at <= begun);
    let last = seen.changes.iter().position(|(_, at)| *at >= ending);
    let (Some(first), Some(last)) = (first, last) else {
        return false;
    };
    let between = seen.changes.get(first..=last).unwrap_or_default();
    !between.is_empty()
        && between
            .windows(2)
            .all(|pair| matches!(pair, [(one, _), (next, _)] if *next == one + 1))
}

/// Whether somebody looked at the conference from the leg's beginning to its end, at whomever, and never looked away for long.
fn is_looked_at(sightings: &[HoldSighting], accepted: DateTime<Utc>, ended: DateTime<Utc>) -> bool {
    let mut looks: Vec<_> = sightings
        .iter()
        .filter(|sighting| sighting.by != SeenBy::Telling)
        .collect();
    looks.sort_by_key(|look| (look.call, look.at));
    // From one look to the next of the same call: what lies between was looked at as well.
    let mut spans: Vec<_> = looks.iter().map(|look| (look.at, look.at)).collect();
    for pair in looks.windows(2) {
        if let [one, next] = pair
            && next.by == SeenBy::LookingSince
            && one.call == next.call
        {
            spans.push((one.at, next.at));
        }
    }
    spans.sort_unstable();
    // Whatever came before a gap, the next look is early enough if the leg has just begun.
    let mut until = accepted + BEGINNING - GAP;
    let mut looked = false;
    for (from, to) in spans {
        if from > until + GAP {
            return false;
        }
        looked = true;
        until = until.max(to);
        if until + GAP >= ended {
            return true;
        }
    }
    looked && until + GAP >= ended
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
    use contact_model::{AcdKey, Channel, LegTimes};
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::facts::ParticipantFacts;
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
            by: SeenBy::Telling,
        }
    }

    /// Somebody looked at this second and, where there is another, again and again until then.
    fn looked(seconds: &[i64], on: bool) -> Vec<HoldSighting> {
        let by = [SeenBy::Looking, SeenBy::LookingSince];
        let looks = seconds.iter().zip(by).map(|(second, by)| HoldSighting {
            by,
            ..seen(CUSTOMER, *second, on)
        });
        looks.collect()
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

    const CONFERENCE: &str = "CF00000000000000000000000000000001";

    /// The hold of a leg from 0 to 100, as these sightings and past participants tell it.
    fn of_a_leg(
        sightings: Option<Vec<HoldSighting>>,
        past: Option<Answer>,
    ) -> Result<Hold, Question> {
        let seen = sightings.map(|sightings| ConferenceSeen {
            sightings,
            changes: vec![],
        });
        of_a_leg_in(seen, past)
    }

    fn of_a_leg_in(seen: Option<ConferenceSeen>, past: Option<Answer>) -> Result<Hold, Question> {
        let leg = Leg {
            acd: AcdKey {
                account: "AC00000000000000000000000000000001".parse().unwrap(),
                workspace: "WS00000000000000000000000000000001".parse().unwrap(),
                tenant: "tenant".parse().unwrap(),
            },
            id: "WR00000000000000000000000000000001".parse().unwrap(),
            task: "WT00000000000000000000000000000001".parse().unwrap(),
            worker: "WK00000000000000000000000000000001".parse().unwrap(),
            queue: None,
            workflow: None,
            channel: Channel::Voice,
            direction: None,
            session: None,
            times: LegTimes {
                accepted: Some(at(0)),
                wrapup: Some(at(100)),
                ..LegTimes::default()
            },
            hold: None,
        };
        let told = json!({"conference": {"sid": CONFERENCE, "participants": {"worker": AGENT}}});
        let attributes = LegAttributes::of_leg(Some(&told), leg.id.reservation());
        let conference = CONFERENCE.parse().unwrap();
        let mut evidence = Evidence::default();
        evidence.insert(Question::HoldSeen(conference), Answer::HoldSeen(seen));
        if let Some(past) = past {
            evidence.insert(Question::Participants(conference), past);
        }
        of_leg(&leg, &attributes, &evidence)
    }

    fn past(holds: Option<Vec<(i64, i64)>>) -> Answer {
        Answer::Participants(Some(vec![ParticipantFacts {
            call: CUSTOMER.parse().ok(),
            joined: Some(at(0)),
            left: Some(at(100)),
            client: None,
            holds: holds.map(|holds| {
                let spans = holds.into_iter();
                spans.map(|(from, to)| (at(from), at(to))).collect()
            }),
        }]))
    }

    #[test]
    fn sightings_since_the_legs_beginning_tell_its_hold_alone() {
        for early in [seen(CUSTOMER, -500, false), seen(AGENT, 3, false)] {
            let hold = [seen(CUSTOMER, 60, true), seen(CUSTOMER, 70, false)];
            let sightings = vec![early, hold[0], hold[1], seen(CUSTOMER, 99, false)];
            assert_eq!(of_a_leg(Some(sightings), None), Ok(observed(1, 10)));
            // That nobody left may mean that what was told last has not come yet.
            let cut = vec![early, hold[0], hold[1]];
            let question = Question::Participants(CONFERENCE.parse().unwrap());
            assert_eq!(of_a_leg(Some(cut), None), Err(question));
        }
    }

    #[test]
    fn of_a_short_leg_too_both_ends_must_have_been_told_and_all_between() {
        let told = |numbers: &[u64]| {
            let changes = numbers.iter().map(|number| {
                let second = i64::try_from(*number).unwrap();
                (*number, at(second))
            });
            let seen = ConferenceSeen {
                sightings: vec![],
                changes: changes.collect(),
            };
            is_told(&seen, at(0), at(8))
        };
        assert!(told(&[0, 1, 2, 3, 4, 5, 6, 7, 8]));
        assert!(told(&[4, 5, 6]));
        for holes in [
            &[0, 1, 2, 3, 4][..],
            &[5, 6, 7, 8],
            &[0, 1, 2, 3, 4, 6, 7, 8],
            &[],
        ] {
            assert!(!told(holes), "{holes:?}");
        }
    }

    #[test]
    fn a_change_that_was_not_told_gives_way_to_past_participants() {
        let told = |numbers: &[u64]| {
            let when = |number: &u64| i64::try_from(*number).unwrap() * 10;
            Some(ConferenceSeen {
                sightings: vec![seen(CUSTOMER, 0, false), seen(CUSTOMER, 95, false)],
                changes: numbers
                    .iter()
                    .map(|number| (*number, at(when(number))))
                    .collect(),
            })
        };
        // Between a change of the beginning and one of the end, none is missing; earlier and later ones may be.
        for whole in [
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..],
            &[2, 3, 4, 5, 6, 7, 8, 9, 11],
        ] {
            assert_eq!(of_a_leg_in(told(whole), None), Ok(observed(0, 0)));
        }
        let question = Question::Participants(CONFERENCE.parse().unwrap());
        for holes in [
            &[0, 1, 2, 3, 4, 6, 7, 8, 9][..],
            &[0, 1, 2, 3, 4],
            &[5, 6, 7, 8, 9],
        ] {
            assert_eq!(of_a_leg_in(told(holes), None), Err(question));
            let all = past(Some(vec![(50, 56)]));
            assert_eq!(of_a_leg_in(told(holes), Some(all)), Ok(observed(1, 6)));
        }
    }

    #[test]
    fn sightings_from_the_middle_of_a_leg_give_way_to_past_participants() {
        let late = || Some(vec![seen(CUSTOMER, 60, true), seen(CUSTOMER, 70, false)]);
        let question = Question::Participants(CONFERENCE.parse().unwrap());
        assert_eq!(of_a_leg(late(), None), Err(question));
        let all = past(Some(vec![(10, 30), (60, 70)]));
        assert_eq!(of_a_leg(late(), Some(all)), Ok(observed(2, 30)));
        for silent in [past(None), Answer::Participants(None)] {
            assert_eq!(of_a_leg(late(), Some(silent)), Ok(Hold::NotObservable));
        }
    }

    #[test]
    fn looks_tell_a_legs_hold_where_nobody_looked_away_for_long() {
        let whole = [
            looked(&[3, 20], false),
            looked(&[24, 30], true),
            looked(&[35, 98], false),
        ];
        assert_eq!(of_a_leg(Some(whole.concat()), None), Ok(observed(1, 11)));
        // Looking went on since before the leg, and the last look is a moment old.
        let before = [looked(&[-700, 45], false)];
        assert_eq!(of_a_leg(Some(before.concat()), None), Ok(observed(0, 0)));
        let question = Question::Participants(CONFERENCE.parse().unwrap());
        let gaps = [
            // In the midst, at the end, at the beginning, and before the leg had begun.
            vec![looked(&[3, 20], false), looked(&[81, 99], false)],
            vec![looked(&[3, 39], false)],
            vec![looked(&[31, 99], false)],
            vec![looked(&[-700, -31], false), looked(&[31, 99], false)],
        ];
        for gap in gaps {
            assert_eq!(of_a_leg(Some(gap.concat()), None), Err(question), "{gap:?}");
            let all = past(Some(vec![(10, 30)]));
            assert_eq!(of_a_leg(Some(gap.concat()), Some(all)), Ok(observed(1, 20)));
        }
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
