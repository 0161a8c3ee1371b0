//! When the customer of one task was on hold, from what was heard of its conference.

use flex_events::{ParticipantChange, ParticipantEvent};
use twilio_sid::{CallSid, ConferenceSid};

use crate::time::{END, millis};

/// Changes that are kept of one conference. A call with more of them loses the oldest, which are long over.
const MOST_FACTS: usize = 128;

/// One thing that was heard. The order of the fields is the order in which facts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    at: i64,
    sequence: Option<u64>,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Hold(ConferenceSid, CallSid),
    /// Taken off hold, or gone.
    Release(ConferenceSid, CallSid),
    End(ConferenceSid),
    /// Someone asked, and the customer was on hold, perhaps since that time.
    AskedHeld(Option<i64>),
    AskedFree,
}

/// The hold of one task's conference.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    facts: Vec<Fact>,
    /// From and to, in order and apart.
    spans: Vec<(i64, i64)>,
    /// Whether an event of the conference was heard.
    pub(crate) is_told: bool,
    /// When the conference was asked about last.
    pub(crate) asked_at: Option<i64>,
}

impl Hold {
    /// Takes in a change of a conference. Whether it tells anything new.
    pub(crate) fn hear(&mut self, event: &ParticipantEvent, is_customer: bool) -> bool {
        let is_first = !self.is_told;
        self.is_told = true;
        let what = match (event.change, event.call) {
            (ParticipantChange::Hold, Some(call)) if is_customer => {
                What::Hold(event.conference, call)
            }
            (ParticipantChange::Unhold | ParticipantChange::Leave, Some(call)) => {
                What::Release(event.conference, call)
            }
            (ParticipantChange::ConferenceEnd, _) => What::End(event.conference),
            _ => return is_first,
        };
        self.insert(Fact {
            at: millis(event.at),
            sequence: event.sequence,
            what,
        }) || is_first
    }

    /// Takes in what an answer of that moment said.
    pub(crate) fn ask(&mut self, at: i64, on_hold: bool, since: Option<i64>) -> bool {
        self.asked_at = self.asked_at.max(Some(at));
        let what = if on_hold {
            What::AskedHeld(since)
        } else {
            What::AskedFree
        };
        self.insert(Fact {
            at,
            sequence: None,
            what,
        })
    }

    pub(crate) fn is_held(&self, at: i64) -> bool {
        self.spans.iter().any(|(from, to)| *from <= at && at < *to)
    }

    pub(crate) fn spans(&self) -> &[(i64, i64)] {
        &self.spans
    }

    fn insert(&mut self, fact: Fact) -> bool {
        let same = |known: &&mut Fact| {
            known.what == fact.what
                && known.sequence == fact.sequence
                && (known.at == fact.at || fact.sequence.is_some())
        };
        match self.facts.iter_mut().find(same) {
            // The same event in two forms: the later time is the one with milliseconds.
            Some(known) if known.at >= fact.at => return false,
            Some(known) => known.at = fact.at,
            None => self.facts.push(fact),
        }
        self.facts.sort_unstable();
        self.drop_repeated_answers();
        if self.facts.len() > MOST_FACTS {
            self.facts.remove(0);
        }
        self.spans = spans(&self.facts);
        true
    }

    /// Of answers that say the same, one after the other, the first and the last say it all.
    fn drop_repeated_answers(&mut self) {
        let kind = |fact: &Fact| match fact.what {
            What::AskedHeld(_) => Some(true),
            What::AskedFree => Some(false),
            _ => None,
        };
        let middle = self.facts.windows(3).position(|three| {
            matches!(three, [a, b, c] if kind(a).is_some() && kind(a) == kind(b) && kind(b) == kind(c))
        });
        if let Some(before) = middle {
            self.facts.remove(before + 1);
        }
    }
}

/// Goes through the facts in order of time. Within one participant's call the number of the callback decides, as far as there are numbers: a
/// time may be in whole seconds.
fn spans(facts: &[Fact]) -> Vec<(i64, i64)> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    let mut held: Vec<Option<(ConferenceSid, CallSid)>> = Vec::new();
    let (mut since, mut free_at) = (0, i64::MIN);
    let mut newest: Vec<((ConferenceSid, CallSid), u64)> = Vec::new();
    let mut over: Vec<ConferenceSid> = Vec::new();
    for fact in facts {
        let was_held = !held.is_empty();
        let mut begin = fact.at;
        match fact.what {
            What::Hold(conference, call) | What::Release(conference, call) => {
                let who = (conference, call);
                if over.contains(&conference) || is_outdated(&mut newest, who, fact.sequence) {
                    continue;
                }
                let is_hold = matches!(fact.what, What::Hold(..));
                // What was only asked for is one of the calls; whose it was is told now.
                held.retain(|known| known.is_some_and(|known| known != who));
                if is_hold {
                    held.push(Some(who));
                }
            }
            What::End(conference) => {
                over.push(conference);
                held.retain(|known| known.is_some_and(|(known, _)| known != conference));
            }
            What::AskedHeld(said) => {
                if held.is_empty() {
                    held.push(None);
                    begin = said.unwrap_or(fact.at).min(fact.at).max(free_at);
                }
            }
            What::AskedFree => held.clear(),
        }
        match (was_held, held.is_empty()) {
            (false, false) => since = begin,
            (true, true) => spans.push((since, fact.at)),
            _ => {}
        }
        if held.is_empty() {
            free_at = fact.at;
        }
    }
    if !held.is_empty() {
        spans.push((since, END));
    }
    spans.retain(|(from, to)| from < to);
    spans
}

/// Whether a change with a higher number was seen of this call. Notes the number where it is the highest.
fn is_outdated(
    newest: &mut Vec<((ConferenceSid, CallSid), u64)>,
    who: (ConferenceSid, CallSid),
    sequence: Option<u64>,
) -> bool {
    let Some(sequence) = sequence else {
        return false;
    };
    match newest.iter_mut().find(|(known, _)| *known == who) {
        Some((_, highest)) if *highest > sequence => true,
        Some((_, highest)) => {
            *highest = sequence;
            false
        }
        None => {
            newest.push((who, sequence));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(facts: &[(i64, Option<u64>, What)]) -> Vec<(i64, i64)> {
        let mut hold = Hold::default();
        for (at, sequence, what) in facts {
            hold.insert(Fact {
                at: *at,
                sequence: *sequence,
                what: *what,
            });
        }
        let mut backwards = Hold::default();
        for (at, sequence, what) in facts.iter().rev() {
            backwards.insert(Fact {
                at: *at,
                sequence: *sequence,
                what: *what,
            });
        }
        assert_eq!(hold.spans, backwards.spans, "the order does not matter");
        hold.spans
    }

    fn conference() -> ConferenceSid {
        "CF00000000000000000000000000000001".parse().unwrap()
    }

    fn call(number: u8) -> CallSid {
        format!("CA{number:032}").parse().unwrap()
    }

    fn on(number: u8) -> What {
        What::Hold(conference(), call(number))
    }

    fn off(number: u8) -> What {
        What::Release(conference(), call(number))
    }

    #[test]
    fn holds_are_paired_call_by_call() {
        assert_eq!(
            hold(&[
                (10, None, on(1)),
                (20, None, off(1)),
                (30, None, on(1)),
                (35, None, on(2)),
                (40, None, off(1)),
                (50, None, off(2)),
                (60, None, on(1)),
            ]),
            [(10, 20), (30, 50), (60, END)]
        );
    }

    #[test]
    fn the_number_decides_where_the_time_is_in_whole_seconds() {
        let spans = hold(&[
            (30_417, Some(5), on(1)),
            (30_000, Some(6), off(1)),
            (31_000, Some(4), on(2)),
        ]);
        assert_eq!(
            spans,
            [(31_000, END)],
            "the numbers of another call do not count"
        );
        let told_twice = hold(&[(30_000, Some(5), on(1)), (30_417, Some(5), on(1))]);
        assert_eq!(told_twice, [(30_417, END)]);
    }

    #[test]
    fn the_end_of_the_conference_ends_every_hold_in_it() {
        let facts = [
            (10, Some(3), on(1)),
            (20, Some(9), What::End(conference())),
            (20, Some(8), on(2)),
        ];
        assert_eq!(hold(&facts), [(10, 20)]);
    }

    #[test]
    fn answers_tell_the_same_as_events_and_the_newer_of_both_counts() {
        let held = |at| (at, None, What::AskedHeld(Some(12)));
        let free = |at| (at, None, What::AskedFree);
        assert_eq!(
            hold(&[free(10), held(15), held(16), held(17), free(20)]),
            [(12, 20)]
        );
        assert_eq!(hold(&[free(14), held(15)]), [(14, END)], "it was free then");
        assert_eq!(
            hold(&[(11, None, on(1)), (13, None, off(1)), held(15)]),
            [(11, 13), (13, END)],
            "it began after the last one ended"
        );
        assert_eq!(
            hold(&[(10, None, on(1)), held(15), (20, None, off(1))]),
            [(10, 20)]
        );
        assert_eq!(hold(&[(10, None, on(1)), free(15)]), [(10, 15)]);
        assert_eq!(hold(&[free(15), (20, None, on(1))]), [(20, END)]);
        assert_eq!(
            hold(&[held(15), (20, None, off(1))]),
            [(12, 20)],
            "the end is told of a hold that was only asked about"
        );
    }

    #[test]
    fn what_is_kept_of_one_call_is_bounded() {
        let mut hold = Hold::default();
        for at in 0..1_000 {
            hold.ask(at, true, None);
        }
        assert_eq!(hold.facts.len(), 2);
        for at in 0..1_000_i64 {
            let what = if at % 2 == 0 { on(1) } else { off(1) };
            hold.insert(Fact {
                at: 2_000 + at,
                sequence: None,
                what,
            });
        }
        assert_eq!(hold.facts.len(), MOST_FACTS);
        assert!(!hold.is_held(END - 1));
    }
}
