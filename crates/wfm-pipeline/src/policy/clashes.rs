//! Names that several agents or several queues have.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sync_ledger::{Subject, SubjectSid};
use wfm_history::Name;

use super::directory::{folded, written};

/// Names that the same several agents or queues have, so that a row of a report which names them alone can be any of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NameClash {
    /// The names, as they are written.
    pub names: Vec<Name>,
    /// Who has them.
    pub namesakes: Vec<Namesake>,
    /// The only one who is still there: rows that begin at [`since`](Self::since) or later are that one's.
    pub leads_to: Option<SubjectSid>,
    /// When the last of the others was gone.
    pub since: Option<DateTime<Utc>>,
}

/// One of several who have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Namesake {
    /// Who it is.
    pub sid: SubjectSid,
    /// When a list first did not show it any more; `None` while it is there.
    pub gone: Option<DateTime<Utc>>,
}

/// Names of agents, or of queues, that lead to several of them: those that somebody has, and former names that nobody has today.
pub fn clashes(subjects: &[Subject]) -> Vec<NameClash> {
    let now = by_name(subjects, |one| one.names.as_slice());
    let mut former = by_name(subjects, |one| &one.former);
    former.retain(|name, _| !now.contains_key(name));
    let mut clashes: BTreeMap<BTreeSet<Namesake>, Vec<Name>> = BTreeMap::new();
    for (spelling, namesakes) in now.into_values().chain(former.into_values()) {
        if namesakes.len() > 1 {
            clashes.entry(namesakes).or_default().push(spelling);
        }
    }
    clashes
        .into_iter()
        .map(|(namesakes, names)| {
            let mut there = namesakes.iter().filter(|one| one.gone.is_none());
            let only = there.next().filter(|_| there.next().is_none());
            NameClash {
                leads_to: only.map(|one| one.sid),
                since: only.and_then(|_| namesakes.iter().filter_map(|one| one.gone).max()),
                namesakes: namesakes.into_iter().collect(),
                names,
            }
        })
        .collect()
}

/// Who has which name, with one of its spellings.
fn by_name<'a>(
    subjects: &'a [Subject],
    names: impl Fn(&'a Subject) -> &'a [sync_ledger::SubjectNames],
) -> BTreeMap<String, (Name, BTreeSet<Namesake>)> {
    let mut found = BTreeMap::new();
    for one in subjects {
        for name in names(one).iter().flat_map(written) {
            let (_, namesakes) = found
                .entry(folded(name))
                .or_insert_with(|| (Name::from(name), BTreeSet::new()));
            namesakes.insert(Namesake {
                sid: one.sid,
                gone: one.gone,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_ledger::SubjectNames;

    fn named(name: &str, full_name: Option<&str>) -> SubjectNames {
        SubjectNames {
            name: name.to_owned(),
            full_name: full_name.map(str::to_owned),
            email: None,
        }
    }

    fn agent(number: u8, names: SubjectNames, gone: Option<i64>) -> Subject {
        let epoch = DateTime::UNIX_EPOCH;
        Subject {
            sid: sid(number),
            names: Some(names),
            former: Vec::new(),
            active: gone.is_none(),
            version: 1,
            first_seen: epoch,
            last_seen: epoch,
            gone: gone.map(|hour| epoch + chrono::TimeDelta::hours(hour)),
            told: Some(1),
            refused: None,
        }
    }

    fn sid(number: u8) -> SubjectSid {
        SubjectSid::Agent(format!("WK{number:032x}").parse().unwrap())
    }

    fn told(clashes: &[NameClash]) -> Vec<(Vec<&str>, Vec<SubjectSid>)> {
        clashes
            .iter()
            .map(|clash| {
                let names = clash.names.iter().map(Name::as_str).collect();
                let sids = clash.namesakes.iter().map(|one| one.sid).collect();
                (names, sids)
            })
            .collect()
    }

    #[test]
    fn the_names_of_the_same_several_are_one_clash() {
        let agents = [
            agent(1, named("ada", Some("Ada Byron")), None),
            agent(2, named("ADA ", Some("ada byron")), None),
            agent(3, named("grace", Some("Grace Hopper")), None),
        ];
        let clashes = clashes(&agents);
        assert_eq!(
            told(&clashes),
            [(vec!["ada", "Ada Byron"], vec![sid(1), sid(2)])]
        );
        assert_eq!((clashes[0].leads_to, clashes[0].since), (None, None));
        let shown = format!("{clashes:?}").to_lowercase();
        assert!(!shown.contains("ada"), "{shown}");
    }

    #[test]
    fn a_name_leads_to_the_only_one_who_is_still_there() {
        let agents = [
            agent(1, named("ada", None), Some(5)),
            agent(2, named("ada", None), None),
            agent(3, named("ada", None), Some(7)),
        ];
        let clash = &clashes(&agents)[0];
        assert_eq!(clash.leads_to, Some(sid(2)));
        assert_eq!(clash.since, agents[2].gone);
        // Two who left are never told apart by that.
        assert_eq!(
            clashes(&[agents[0].clone(), agents[2].clone()])[0].leads_to,
            None
        );
    }

    #[test]
    fn a_former_name_counts_where_nobody_has_it_today() {
        let with_former = |number, name: &str, former: &str| {
            let mut one = agent(number, named(name, None), None);
            one.former = vec![named(former, None)];
            one
        };
        let mut agents = vec![with_former(1, "one", "ada"), with_former(2, "two", "Ada")];
        assert_eq!(
            told(&clashes(&agents)),
            [(vec!["ada"], vec![sid(1), sid(2)])]
        );
        agents.push(agent(3, named("ada", None), None));
        assert_eq!(clashes(&agents), []);
    }
}
