//! People of the tenant.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::error::CalabrioError;

/// Calabrio's number of a person, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PersonId(i64);

impl PersonId {
    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for PersonId {
    type Error = CalabrioError;

    fn try_from(number: i64) -> Result<Self, CalabrioError> {
        if number > 0 {
            Ok(Self(number))
        } else {
            Err(CalabrioError::PersonNumber(number))
        }
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A person that Calabrio knows.
///
/// `Debug` shows no name.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Person {
    /// Its number.
    pub id: PersonId,
    /// The agent's id at the ACD: the worker's SID, in whatever case it was typed. `None` for people who are no agents.
    pub acd_id: Option<String>,
    /// The number of the ACD server that this id is of.
    pub acd_server: Option<i64>,
    /// The first name.
    pub first: Option<String>,
    /// The last name.
    pub last: Option<String>,
    /// The number of the team.
    pub team: Option<i64>,
    /// From when on the person is active; `None` where nothing is said of it.
    pub activated: Option<DateTime<Utc>>,
    /// From when on the person is not active any more; `None` where nothing is said of it.
    pub deactivated: Option<DateTime<Utc>>,
}

impl Person {
    /// Whether this is its ACD id, in whatever case.
    pub fn has_acd_id(&self, acd_id: &str) -> bool {
        self.acd_id
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(acd_id.trim()))
    }

    /// Whether the person is active at that time.
    pub fn is_active(&self, at: DateTime<Utc>) -> bool {
        self.activated.is_none_or(|from| from <= at)
            && self.deactivated.is_none_or(|until| at < until)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("id", &self.id.get())
            .field("acd_id", &self.acd_id)
            .field("activated", &self.activated)
            .field("deactivated", &self.deactivated)
            .finish_non_exhaustive()
    }
}

/// Everyone whom Calabrio listed, found by ACD id. It can only be had by listing.
#[derive(Debug, Clone, Default)]
pub struct People {
    all: Vec<Person>,
    by_acd_id: HashMap<String, Vec<usize>>,
}

impl People {
    pub(crate) fn new(all: Vec<Person>) -> Self {
        let mut by_acd_id: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, person) in all.iter().enumerate() {
            if let Some(id) = &person.acd_id {
                by_acd_id
                    .entry(id.to_ascii_lowercase())
                    .or_default()
                    .push(place);
            }
        }
        Self { all, by_acd_id }
    }

    /// Everyone, in the order of the list.
    pub fn all(&self) -> &[Person] {
        &self.all
    }

    /// Everyone with this ACD id, in whatever case: none, one, or more where somebody was made twice.
    pub fn with_acd_id(&self, acd_id: &str) -> impl Iterator<Item = &Person> {
        self.by_acd_id
            .get(&acd_id.trim().to_ascii_lowercase())
            .into_iter()
            .flatten()
            .filter_map(|place| self.all.get(*place))
    }
}

/// A person as it is made. Team and roles are numbers that the caller was given by whoever configures Calabrio.
///
/// `Debug` shows no name.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// The agent's id at the ACD: the worker's SID.
    pub acd_id: String,
    /// The first name; empty for somebody of one name.
    pub first: String,
    /// The last name.
    pub last: String,
    /// The e-mail address, where there is one.
    pub email: Option<String>,
    /// The number of the team.
    pub team: u32,
    /// The numbers of the roles.
    pub roles: Vec<u32>,
    /// The IANA name of the time zone, where it is known.
    pub time_zone: Option<String>,
    /// Whether workforce management schedules the person.
    pub scheduled: bool,
    /// From when on the person is active.
    pub activated: DateTime<Utc>,
}

impl NewPerson {
    /// What of it must not come back in a message.
    pub(crate) fn private(&self) -> Vec<&str> {
        [self.first.as_str(), self.last.as_str()]
            .into_iter()
            .chain(self.email.as_deref())
            .collect()
    }
}

impl fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPerson")
            .field("acd_id", &self.acd_id)
            .field("team", &self.team)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: i64, acd_id: &str) -> Person {
        Person {
            id: number.try_into().unwrap(),
            acd_id: Some(acd_id.into()),
            acd_server: None,
            first: Some("Ada".into()),
            last: Some("Lovelace".into()),
            team: None,
            activated: None,
            deactivated: None,
        }
    }

    #[test]
    fn people_are_found_by_acd_id_in_any_case_all_of_them() {
        let people = People::new(vec![
            person(1, "wk01"),
            person(2, "WK02"),
            person(3, "WK01"),
        ]);
        let found = |id: &str| {
            people
                .with_acd_id(id)
                .map(|person| person.id.get())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("WK01"), [1, 3]);
        assert_eq!(found("wk02 "), [2]);
        assert!(found("WK03").is_empty() && found("").is_empty());
        assert_eq!(people.all().len(), 3);
    }

    #[test]
    fn a_person_is_active_from_activation_until_deactivation() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let mut ada = person(1, "WK01");
        assert!(ada.is_active(at(0)), "nothing is said of either");
        ada.activated = Some(at(10));
        ada.deactivated = Some(at(20));
        assert!(!ada.is_active(at(9)) && ada.is_active(at(10)));
        assert!(ada.is_active(at(19)) && !ada.is_active(at(20)));
    }

    #[test]
    fn debug_shows_no_name() {
        let shown = format!("{:?}", person(1, "WK01"));
        assert!(shown.contains("WK01") && !shown.contains("Ada"), "{shown}");
        let new = NewPerson {
            acd_id: "WK01".into(),
            first: "Ada".into(),
            last: "Lovelace".into(),
            email: Some("ada@example.com".into()),
            team: 1,
            roles: vec![],
            time_zone: None,
            scheduled: false,
            activated: DateTime::UNIX_EPOCH,
        };
        let shown = format!("{new:?}");
        assert!(!shown.contains("Ada") && !shown.contains("ada@"), "{shown}");
    }

    #[test]
    fn a_persons_number_is_above_zero() {
        let error = PersonId::try_from(0).unwrap_err();
        assert!(matches!(error, CalabrioError::PersonNumber(0)), "{error:?}");
        assert_eq!(PersonId::try_from(7).unwrap().to_string(), "7");
    }
}
