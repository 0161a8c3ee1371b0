//! Forgetting a leg, or a customer: what is here is erased, and what others may still have is named.
//!
//! Where no worker runs the command erases by itself. Where one does, each leg is a wish, and what became of it comes back in
//! the wish's outcome: a sentence for people, in which the SIDs tell by themselves what they are.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId};
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{
    AcdStore, ContactStore, Elsewhere, ErasureStore, Forgotten, LedgerError, Outcome, Wish, WishId,
    WishState, WishStore,
};
use twilio_sid::{CallSid, ConferenceSid, ConversationSid, RecordingSid, TaskSid};

use super::contacts::find;
use super::{AcdNames, ReportError};

/// How many contacts are looked through at a time.
const AT_ONCE: u32 = 500;

/// What is to be forgotten. `Debug` does not show the text.
#[derive(Clone, PartialEq, Eq)]
pub enum Whom {
    /// One leg.
    Leg(LegId),
    /// Every leg in whose details this text stands: an address, a name.
    Text(String),
}

impl fmt::Debug for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leg(leg) => write!(f, "Leg({leg})"),
            Self::Text(_) => f.write_str("Text(…)"),
        }
    }
}

/// Which legs are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meant {
    /// The legs.
    pub legs: Vec<(AcdKey, LegId)>,
    /// Whether the leg that was asked for is not known: then it is meant in every ACD of the configuration.
    pub unknown: bool,
    /// Contacts whose details cannot be read: whether they are meant cannot be told.
    pub unreadable: u64,
    /// Other legs of the same interactions. They stay.
    pub siblings: Vec<LegId>,
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ErasureReport {
    /// What was erased.
    pub erased: Vec<ErasedLine>,
    /// What could not be erased.
    pub failed: Vec<FailedLine>,
    /// What the running worker was asked, and has not done yet.
    pub asked: Vec<AskedLine>,
    /// Contacts whose details cannot be read: whether the text stands in them cannot be told.
    pub unreadable: u64,
    /// Other legs of the same interactions. They are as they were.
    pub siblings: Vec<LegId>,
}

/// A leg that was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasedLine {
    /// The leg.
    pub leg: LegId,
    /// Its ACD's name.
    pub acd: String,
    /// What was erased here, in words.
    pub here: String,
    /// What is still to be erased elsewhere; `None` where the leg was not known, and so not what others have of it.
    pub elsewhere: Option<Elsewhere>,
}

/// A leg that could not be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedLine {
    /// The leg.
    pub leg: LegId,
    /// Why.
    pub why: String,
}

/// A leg that the worker is to forget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedLine {
    /// The number of the wish.
    pub wish: WishId,
    /// The leg.
    pub leg: LegId,
}

/// Finds which legs are meant.
pub async fn meant<L: ContactStore + ErasureStore>(
    ledger: &L,
    names: &AcdNames,
    whom: &Whom,
    acd: Option<&str>,
) -> Result<Meant, ReportError> {
    let acd = names.find_some(acd)?;
    let mut meant = Meant::default();
    match whom {
        Whom::Leg(leg) => match find(ledger, names, *leg).await {
            Ok(record) => meant.legs.push((record.row.acd().clone(), *leg)),
            // The ledger was lost or is an older one, or it was not discovered yet: it never will be taken up.
            Err(ReportError::UnknownLeg { .. }) => {
                let configured = names.keys().filter(|acd| names.is_configured(acd));
                meant.legs.extend(configured.map(|acd| (acd.clone(), *leg)));
                meant.unknown = true;
            }
            Err(error) => return Err(error),
        },
        Whom::Text(text) => {
            let mut after = None;
            loop {
                let found = ledger
                    .find_by_text(text, acd.as_ref(), AT_ONCE, after)
                    .await?;
                meant.legs.extend(found.legs);
                meant.unreadable += found.unreadable;
                match found.next {
                    Some(mark) => after = Some(mark),
                    None => break,
                }
            }
        }
    }
    let mut siblings = BTreeSet::new();
    for (acd, leg) in &meant.legs {
        let Some(record) = ledger.get(acd, *leg).await? else {
            continue;
        };
        let session = record.row.contact.leg.session_id();
        for sibling in ledger.find_session_siblings(acd, &session).await?.all()? {
            if sibling.forgotten_at.is_none() {
                siblings.insert(sibling.leg());
            }
        }
    }
    for (_, leg) in &meant.legs {
        siblings.remove(leg);
    }
    meant.siblings = siblings.into_iter().collect();
    Ok(meant)
}

/// Forgets, as the ledger's worker.
pub async fn forget<L: ErasureStore + AcdStore>(
    ledger: &L,
    names: &AcdNames,
    meant: &Meant,
    now: DateTime<Utc>,
) -> Result<ErasureReport, ReportError> {
    let mut report = ErasureReport {
        unreadable: meant.unreadable,
        siblings: meant.siblings.clone(),
        ..ErasureReport::default()
    };
    for (acd, leg) in &meant.legs {
        if meant.unknown {
            // In a ledger that no worker has seen yet.
            ledger.register(acd, &names.name(acd)).await?;
        }
        match ledger.forget(acd, *leg, now).await {
            Ok(forgotten) => report.erased.push(ErasedLine {
                leg: *leg,
                acd: names.name(acd),
                here: here(&forgotten),
                elsewhere: forgotten.elsewhere,
            }),
            // Removed since it was found.
            Err(error @ LedgerError::UnknownAcd { .. }) => {
                report.failed.push(FailedLine {
                    leg: *leg,
                    why: error.to_string(),
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(report)
}

/// Leaves the wishes for the running worker.
pub async fn wish<L: WishStore>(
    ledger: &L,
    meant: &Meant,
    now: DateTime<Utc>,
) -> Result<Vec<WishId>, ReportError> {
    let mut wishes = Vec::with_capacity(meant.legs.len());
    for (acd, leg) in &meant.legs {
        let wish = Wish::ForgetContact {
            acd: acd.clone(),
            leg: *leg,
        };
        wishes.push(ledger.put(&wish, now).await?);
    }
    Ok(wishes)
}

/// What has become of these wishes by now.
pub async fn told<L: WishStore>(
    ledger: &L,
    names: &AcdNames,
    meant: &Meant,
    wishes: &[WishId],
) -> Result<ErasureReport, ReportError> {
    let mut report = ErasureReport {
        unreadable: meant.unreadable,
        siblings: meant.siblings.clone(),
        ..ErasureReport::default()
    };
    for ((acd, leg), wish) in meant.legs.iter().zip(wishes) {
        let row = ledger.wish(*wish).await?;
        let outcome = |row: &sync_ledger::WishRow| row.outcome.clone().unwrap_or_default();
        match row.as_ref().map(|row| (row.state, outcome(row))) {
            Some((WishState::Waiting | WishState::Claimed, _)) => {
                report.asked.push(AskedLine {
                    wish: *wish,
                    leg: *leg,
                });
            }
            Some((WishState::Done, outcome)) => match read(&outcome) {
                Some((here, elsewhere)) => report.erased.push(ErasedLine {
                    leg: *leg,
                    acd: names.name(acd),
                    here,
                    elsewhere,
                }),
                None => report.failed.push(FailedLine {
                    leg: *leg,
                    why: format!("the worker is of another release, and says: {outcome}"),
                }),
            },
            Some((WishState::Failed, why)) => report.failed.push(FailedLine { leg: *leg, why }),
            None => report.failed.push(FailedLine {
                leg: *leg,
                why: format!("wish {wish} is gone from the ledger: forget the leg again"),
            }),
        }
    }
    Ok(report)
}

/// Carries the wish out, in the worker.
pub(crate) async fn carry_out<L: ErasureStore>(
    ledger: &L,
    acd: &AcdKey,
    leg: LegId,
    now: DateTime<Utc>,
) -> Outcome {
    match ledger.forget(acd, leg, now).await {
        Ok(forgotten) => Outcome::Done(sentence(&forgotten)),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// What was erased here, in words.
fn here(forgotten: &Forgotten) -> String {
    let mut parts = Vec::new();
    if forgotten.details {
        parts.push("details".to_owned());
    }
    let mut count = |number: u64, one: &str, many: &str| match number {
        0 => {}
        1 => parts.push(format!("1 {one}")),
        more => parts.push(format!("{more} {many}")),
    };
    count(forgotten.messages, "webhook message", "webhook messages");
    count(forgotten.events, "pushed event", "pushed events");
    count(
        forgotten.holds,
        "observation of hold",
        "observations of hold",
    );
    if forgotten.elsewhere.is_none() {
        parts.push(NOT_KNOWN.to_owned());
    }
    let mut text = if parts.is_empty() {
        "nothing was left to erase".to_owned()
    } else {
        parts.join(", ")
    };
    if forgotten.messages_undelivered > 0 {
        text.push_str(" (not delivered, and never will be: ");
        text.push_str(&forgotten.messages_undelivered.to_string());
        text.push(')');
    }
    text
}

const NOT_KNOWN: &str = "the leg is not known and never will be taken up";
const SEARCH: &str = "not known: search Twilio and Calabrio ONE for the leg";
const ERASED: &str = "erased: ";
const ELSEWHERE: &str = "; elsewhere still: ";
const CONTACT: &str = "Calabrio contact ";
const PERHAPS: &str = "perhaps a Calabrio contact under the leg key";

/// What becomes the wish's outcome.
fn sentence(forgotten: &Forgotten) -> String {
    format!(
        "{ERASED}{}{ELSEWHERE}{}",
        here(forgotten),
        places(forgotten.elsewhere.as_ref()).join(", ")
    )
}

/// Where something may still be, each with its id.
fn places(elsewhere: Option<&Elsewhere>) -> Vec<String> {
    let Some(elsewhere) = elsewhere else {
        return vec![SEARCH.to_owned()];
    };
    let mut places = vec![format!("task {}", elsewhere.task)];
    let Elsewhere {
        recordings,
        conversations,
        calls,
        conferences,
        ..
    } = elsewhere;
    places.extend(recordings.iter().map(|sid| format!("recording {sid}")));
    places.extend(
        conversations
            .iter()
            .map(|sid| format!("conversation {sid}")),
    );
    places.extend(calls.iter().map(|sid| format!("call {sid}")));
    places.extend(conferences.iter().map(|sid| format!("conference {sid}")));
    match elsewhere.ccr {
        Some(ccr) => places.push(format!("{CONTACT}{ccr}")),
        None if elsewhere.perhaps_sent => places.push(PERHAPS.to_owned()),
        None => {}
    }
    places
}

/// What a sentence says. A SID tells by itself what it is of.
fn read(sentence: &str) -> Option<(String, Option<Elsewhere>)> {
    let (here, places) = sentence.strip_prefix(ERASED)?.split_once(ELSEWHERE)?;
    if places == SEARCH {
        return Some((here.to_owned(), None));
    }
    let mut words = places.split(|c: char| c == ',' || c.is_whitespace());
    let task: TaskSid = words.find_map(|word| word.parse().ok())?;
    let mut elsewhere = Elsewhere {
        task,
        recordings: Vec::new(),
        conversations: Vec::new(),
        calls: Vec::new(),
        conferences: Vec::new(),
        ccr: None,
        perhaps_sent: places.ends_with(PERHAPS),
    };
    for word in words {
        elsewhere.recordings.extend(word.parse::<RecordingSid>());
        elsewhere
            .conversations
            .extend(word.parse::<ConversationSid>());
        elsewhere.calls.extend(word.parse::<CallSid>());
        elsewhere.conferences.extend(word.parse::<ConferenceSid>());
        if let Ok(number) = word.parse::<i64>() {
            elsewhere.ccr = number.try_into().ok();
        }
    }
    Some((here.to_owned(), Some(elsewhere)))
}

impl Report for ErasureReport {
    fn page(&self, page: &mut Page) {
        if !self.erased.is_empty() {
            let mut table = Table::new(["leg", "acd", "erased here"]);
            for line in &self.erased {
                table.row([line.leg.to_string(), line.acd.clone(), line.here.clone()]);
            }
            page.table(table);
            page.line("");
            page.line("still to be erased elsewhere");
            let mut table = Table::new(["leg", "what is there"]);
            for line in &self.erased {
                for place in places(line.elsewhere.as_ref()) {
                    table.row([line.leg.to_string(), place]);
                }
            }
            page.table(table);
        }
        for line in &self.failed {
            page.mood(
                Mood::Bad,
                format!("{} was not forgotten: {}", line.leg, line.why),
            );
        }
        for line in &self.asked {
            page.line(format!(
                "the worker was asked, as number {}, to forget {}; status tells what became of it",
                line.wish, line.leg
            ));
        }
        if self.unreadable > 0 {
            page.mood(
                Mood::Careful,
                format!(
                    "the details of {} contacts cannot be read: whether they are meant cannot be told",
                    self.unreadable
                ),
            );
        }
        for leg in &self.siblings {
            page.mood(
                Mood::Quiet,
                format!("{leg} is another leg of the interaction, and is as it was"),
            );
        }
        if self.erased.is_empty() && self.failed.is_empty() && self.asked.is_empty() {
            page.line("nothing was found that is meant");
        }
    }
}

#[cfg(test)]
mod tests {
    use contact_model::{CcrId, Details, ParkReason};
    use proptest::prelude::*;
    use serde_json::json;
    use sync_ledger::{FORGOTTEN, Schedule};

    use super::super::fixture::{Fixture, at, discovered, leg, parked};
    use super::*;

    async fn write_details(fixture: &Fixture, number: u32, attributes: serde_json::Value) {
        let acd = fixture.config.acds[0].key();
        let record = fixture.ledger.get(&acd, leg(number)).await.unwrap();
        let row = record.unwrap().row;
        let details = Details {
            attributes: Some(attributes),
            ..Details::default()
        };
        let change = row.change(row.contact.clone(), Schedule::at(at(60)), at(33));
        fixture.ledger.save(change.details(details)).await.unwrap();
    }

    async fn customer(fixture: &Fixture) {
        let call = format!("CA{:032}", 1);
        write_details(
            fixture,
            1,
            json!({"from": "+1 (555) 010-0100", "call_sid": call}),
        )
        .await;
        write_details(fixture, 2, json!({"from": "+15550100200"})).await;
    }

    #[tokio::test]
    async fn a_customer_is_found_by_number_and_what_is_elsewhere_is_named() {
        let fixture = Fixture::new(vec![discovered(), parked(ParkReason::NoMedia)]).await;
        customer(&fixture).await;
        let (ledger, names) = (&fixture.ledger, &fixture.names);
        let whom = Whom::Text("+15550100100".to_owned());
        let meant = meant(ledger, names, &whom, None).await.unwrap();
        assert_eq!(meant.legs, [(fixture.config.acds[0].key(), leg(1))]);
        assert_eq!(meant.siblings, [leg(2)], "it is of the same interaction");
        let report = forget(ledger, names, &meant, at(40)).await.unwrap();
        let [line] = report.erased.as_slice() else {
            panic!("one is erased")
        };
        assert_eq!((line.leg, line.here.as_str()), (leg(1), "details"));
        assert_eq!(line.elsewhere.as_ref().unwrap().calls.len(), 1);
        let row = find(ledger, names, leg(1)).await.unwrap().row;
        assert_eq!(row.forgotten_at, Some(at(40)));
        assert!(
            serde_json::to_string(&row).unwrap().contains(FORGOTTEN),
            "it goes no further"
        );
        let again = super::meant(ledger, names, &whom, None).await.unwrap();
        assert!(again.legs.is_empty());
    }

    #[tokio::test]
    async fn beside_a_worker_each_leg_is_a_wish_whose_outcome_tells_the_same() {
        let fixture = Fixture::new(vec![discovered()]).await;
        write_details(&fixture, 1, json!({"call_sid": format!("CA{:032}", 1)})).await;
        let (ledger, names) = (&fixture.ledger, &fixture.names);
        let meant = meant(ledger, names, &Whom::Leg(leg(1)), None)
            .await
            .unwrap();
        let wishes = wish(ledger, &meant, at(40)).await.unwrap();
        let before = told(ledger, names, &meant, &wishes).await.unwrap();
        assert_eq!((before.asked.len(), before.erased.len()), (1, 0));
        let claimed = ledger
            .claim_wish(&[], at(41), at(50))
            .await
            .unwrap()
            .unwrap();
        let Wish::ForgetContact { acd, leg } = claimed.wish.clone() else {
            panic!("another wish")
        };
        let outcome = carry_out(ledger, &acd, leg, at(41)).await;
        ledger.settle_wish(&claimed, outcome, at(42)).await.unwrap();
        let after = told(ledger, names, &meant, &wishes).await.unwrap();
        let [line] = after.erased.as_slice() else {
            panic!("one is erased: {after:?}")
        };
        assert_eq!(line.here, "details");
        assert_eq!(line.elsewhere.as_ref().unwrap().calls.len(), 1);
    }

    #[tokio::test]
    async fn a_leg_that_is_not_known_is_forgotten_for_good_in_every_acd() {
        let fixture = Fixture::new(Vec::new()).await;
        let (ledger, names) = (&fixture.ledger, &fixture.names);
        let acd = fixture.config.acds[0].key();
        let meant = meant(ledger, names, &Whom::Leg(leg(9)), None)
            .await
            .unwrap();
        assert!(meant.unknown);
        assert_eq!(meant.legs, [(acd.clone(), leg(9))]);
        // With a worker and without one the same is told.
        let wishes = wish(ledger, &meant, at(40)).await.unwrap();
        let claimed = ledger
            .claim_wish(&[], at(41), at(50))
            .await
            .unwrap()
            .unwrap();
        let outcome = carry_out(ledger, &acd, leg(9), at(41)).await;
        ledger.settle_wish(&claimed, outcome, at(42)).await.unwrap();
        let report = told(ledger, names, &meant, &wishes).await.unwrap();
        let alone = forget(ledger, names, &meant, at(43)).await.unwrap();
        assert_eq!(report, alone);
        let [line] = alone.erased.as_slice() else {
            panic!("one is erased: {alone:?}")
        };
        assert_eq!((line.here.as_str(), &line.elsewhere), (NOT_KNOWN, &None));
    }

    #[test]
    fn debug_does_not_show_whom() {
        assert_eq!(format!("{:?}", Whom::Text("+1555".into())), "Text(…)");
    }

    fn sids<T>(prefix: &'static str) -> impl Strategy<Value = Vec<T>>
    where
        T: fmt::Debug + std::str::FromStr<Err: fmt::Debug>,
    {
        let sid = any::<u128>().prop_map(move |n| format!("{prefix}{n:032x}").parse().unwrap());
        prop::collection::vec(sid, 0..4)
    }

    proptest! {
        #[test]
        fn what_a_sentence_says_is_read_back(
            task in any::<u128>(),
            recordings in sids("RE"),
            conversations in sids("CH"),
            calls in sids("CA"),
            conferences in sids("CF"),
            ccr in prop::option::of(1_i64..),
            perhaps in any::<bool>(),
            counts in (any::<bool>(), 0_u64..3, 0_u64..3, 0_u64..3, 0_u64..3),
        ) {
            let ccr = ccr.map(|id| CcrId::try_from(id).unwrap());
            let forgotten = Forgotten {
                details: counts.0,
                messages: counts.1,
                messages_undelivered: counts.2,
                events: counts.3,
                holds: counts.4,
                elsewhere: Some(Elsewhere {
                    task: format!("WT{task:032x}").parse().unwrap(),
                    recordings,
                    conversations,
                    calls,
                    conferences,
                    ccr,
                    perhaps_sent: ccr.is_none() && perhaps,
                }),
            };
            let (told, elsewhere) = read(&sentence(&forgotten)).unwrap();
            prop_assert_eq!(told, here(&forgotten));
            prop_assert_eq!(elsewhere, forgotten.elsewhere);
        }
    }
}
