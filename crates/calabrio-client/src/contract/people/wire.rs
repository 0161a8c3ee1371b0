//! The JSON of people: read leniently, and written as the settings name its fields.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::PeopleContract;
use crate::person::{NewPerson, Person, PersonId};
use crate::value::{integer, lookup, put, text, time};

/// What of a person is to become otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    Names {
        first: &'a str,
        last: &'a str,
    },
    /// From that time on; `None`: active again.
    Deactivated(Option<DateTime<Utc>>),
}

impl PeopleContract {
    /// The people of an answer; `None` where it is not the list that it should be.
    pub(crate) fn people(&self, answer: &Value) -> Option<Result<Vec<Person>, String>> {
        let items = if self.list_field.is_empty() {
            answer
        } else {
            lookup(answer, &self.list_field)?
        };
        let people = items
            .as_array()?
            .iter()
            .filter_map(|item| self.listed(item));
        Some(people.collect())
    }

    /// One of a list. What has neither number nor ACD id is of no use to anyone; what has an ACD id and no number must not be
    /// taken for absent.
    fn listed(&self, item: &Value) -> Option<Result<Person, String>> {
        match self.person(item) {
            Some(person) => Some(Ok(person)),
            None => self.acd_id(item).map(|_| {
                Err(format!(
                    "a person with an ACD id has no number in {:?}",
                    self.id_field
                ))
            }),
        }
    }

    /// Reads one person; it needs nothing but its number.
    pub(crate) fn person(&self, item: &Value) -> Option<Person> {
        let words = |field: &str| {
            lookup(item, field)
                .and_then(text)
                .filter(|text| !text.trim().is_empty())
        };
        let number = |field: &str| lookup(item, field).and_then(integer);
        Some(Person {
            id: self.id(item)?,
            acd_id: self.acd_id(item),
            acd_server: number(&self.acd_server_field),
            first: words(&self.first_name_field),
            last: words(&self.last_name_field),
            team: number(&self.team_field),
            activated: instant(item, &self.activated_field),
            deactivated: instant(item, &self.deactivated_field),
        })
    }

    fn acd_id(&self, item: &Value) -> Option<String> {
        let id = lookup(item, &self.acd_id_field).and_then(text)?;
        let id = id.trim();
        (!id.is_empty()).then(|| id.to_owned())
    }

    fn id(&self, item: &Value) -> Option<PersonId> {
        PersonId::try_from(lookup(item, &self.id_field).and_then(integer)?).ok()
    }

    /// The number in the answer to the making of a person: in the person, or alone.
    pub(crate) fn made(&self, answer: &Value) -> Option<PersonId> {
        self.id(answer)
            .or_else(|| PersonId::try_from(integer(answer)?).ok())
    }

    /// The body that makes a person.
    pub(crate) fn create(&self, person: &NewPerson, acd_server_id: Option<u32>) -> Value {
        let mut fields = Map::new();
        put(&mut fields, &self.first_name_field, person.first.as_str());
        put(&mut fields, &self.last_name_field, person.last.as_str());
        put(
            &mut fields,
            &self.display_name_field,
            shown(&person.first, &person.last),
        );
        if let Some(email) = &person.email {
            put(&mut fields, &self.email_field, email.as_str());
        }
        put(&mut fields, &self.acd_id_field, person.acd_id.as_str());
        if let Some(server) = acd_server_id {
            put(&mut fields, &self.acd_server_field, server);
        }
        put(&mut fields, &self.team_field, person.team);
        let roles: Vec<Value> = person.roles.iter().map(|role| self.role(*role)).collect();
        put(&mut fields, &self.roles_field, roles);
        put(
            &mut fields,
            &self.scope_field,
            json!({"groups": [], "teams": []}),
        );
        for name in &self.empty_list_fields {
            put(&mut fields, name, json!([]));
        }
        if let Some(zone) = &person.time_zone {
            put(&mut fields, &self.time_zone_field, zone.as_str());
        }
        put(&mut fields, &self.locale_field, self.locale.as_str());
        put(&mut fields, &self.schedule_field, person.scheduled);
        for name in &self.false_fields {
            put(&mut fields, name, false);
        }
        put(
            &mut fields,
            &self.activated_field,
            person.activated.timestamp_millis(),
        );
        Value::Object(fields)
    }

    fn role(&self, number: u32) -> Value {
        if self.role_id_field.is_empty() {
            number.into()
        } else {
            json!({ &self.role_id_field: number })
        }
    }

    /// Changes a person as it was read; `false` where it is so already.
    pub(crate) fn apply(&self, person: &mut Value, change: Change<'_>) -> bool {
        let ended = instant(person, &self.deactivated_field);
        let Value::Object(person) = person else {
            return false;
        };
        let before = person.clone();
        match change {
            Change::Names { first, last } => {
                // The name that is shown follows, unless somebody chose another.
                let told = |field: &str| person.get(field).and_then(text).unwrap_or_default();
                let old = shown(&told(&self.first_name_field), &told(&self.last_name_field));
                if !self.display_name_field.is_empty() && told(&self.display_name_field) == old {
                    put(person, &self.display_name_field, shown(first, last));
                }
                put(person, &self.first_name_field, first);
                put(person, &self.last_name_field, last);
            }
            Change::Deactivated(at)
                if ended == at || at.zip(ended).is_some_and(|(at, ended)| ended < at) => {}
            Change::Deactivated(at) => {
                let value = at.map_or(Value::Null, |at| at.timestamp_millis().into());
                put(person, &self.deactivated_field, value);
            }
        }
        *person != before
    }

    /// The body for [`status_path`](Self::status_path).
    pub(crate) fn status(&self, deactivated: Option<DateTime<Utc>>) -> Value {
        let value = deactivated.map_or(Value::Null, |at| at.timestamp_millis().into());
        json!({ &self.deactivated_field: value })
    }
}

/// A time; 0 is how some say that there is none.
fn instant(item: &Value, field: &str) -> Option<DateTime<Utc>> {
    lookup(item, field)
        .filter(|value| integer(value) != Some(0))
        .and_then(time)
}

fn shown(first: &str, last: &str) -> String {
    format!("{first} {last}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_json;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    fn new_person() -> NewPerson {
        NewPerson {
            acd_id: "WK0123456789abcdef0123456789abcdef".into(),
            first: "Ada".into(),
            last: "Lovelace".into(),
            email: None,
            team: 12,
            roles: vec![3, 4],
            time_zone: Some("America/Chicago".into()),
            scheduled: false,
            activated: at(1_772_366_400_000),
        }
    }

    #[test]
    fn people_are_read_in_odd_spellings_too() {
        let contract = PeopleContract::default();
        let person = contract
            .person(&json!({"id": "7", "acdId": " wk01 ", "acdServerId": "3", "firstName": "Ada", "lastName": null,
                "groupId": 12, "activated": 0, "deactivated": "1772366400000"}))
            .unwrap();
        assert_eq!(person.id.get(), 7);
        assert!(person.has_acd_id("WK01") && !person.has_acd_id("WK02"));
        assert_eq!((person.acd_server, person.team), (Some(3), Some(12)));
        assert_eq!(
            (person.first.as_deref(), person.last.as_deref()),
            (Some("Ada"), None)
        );
        assert_eq!(person.activated, None);
        assert_eq!(person.deactivated, Some(at(1_772_366_400_000)));
    }

    #[test]
    fn a_person_with_an_acd_id_that_cannot_be_read_is_not_left_out() {
        let contract = PeopleContract::default();
        let fine = json!([{"id": 1}, {"name": "no number, no ACD id"}, null]);
        assert_eq!(contract.people(&fine).unwrap().unwrap().len(), 1);
        let broken = json!([{"id": 1}, {"acdId": "WK01"}]);
        assert!(
            contract
                .people(&broken)
                .unwrap()
                .unwrap_err()
                .contains("\"id\"")
        );
        assert!(contract.people(&json!({"people": []})).is_none());
        let wrapped = PeopleContract {
            list_field: "people".into(),
            ..Default::default()
        };
        assert_eq!(wrapped.people(&json!({"people": []})), Some(Ok(vec![])));
    }

    #[test]
    fn a_new_person_has_the_assumed_shape() {
        assert_eq!(
            PeopleContract::default().create(&new_person(), Some(3)),
            json!({
                "firstName": "Ada", "lastName": "Lovelace", "displayName": "Ada Lovelace",
                "acdId": "WK0123456789abcdef0123456789abcdef", "acdServerId": 3, "groupId": 12, "roles": [{"id": 3}, {"id": 4}],
                "scope": {"groups": [], "teams": []}, "views": [], "qmViews": [], "timeZone": "America/Chicago", "locale": "en",
                "enabledForSchedule": false, "isSynchronized": false, "isReconcileOnly": false, "activated": 1_772_366_400_000_i64
            })
        );
    }

    #[test]
    fn fields_without_a_name_are_left_out() {
        let contract = PeopleContract {
            role_id_field: String::new(),
            scope_field: String::new(),
            empty_list_fields: vec![],
            false_fields: vec![],
            locale_field: String::new(),
            schedule_field: String::new(),
            display_name_field: String::new(),
            acd_server_field: String::new(),
            ..Default::default()
        };
        let person = NewPerson {
            email: Some("ada@example.com".into()),
            time_zone: None,
            ..new_person()
        };
        assert_eq!(
            contract.create(&person, Some(3)),
            json!({
                "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com",
                "acdId": "WK0123456789abcdef0123456789abcdef", "groupId": 12, "roles": [3, 4], "activated": 1_772_366_400_000_i64
            })
        );
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let contract = PeopleContract::default();
        let mut person = json!({"id": 7, "firstName": "Ada", "lastName": "Byron", "displayName": "Ada Byron", "adLogin": "X\\ada"});
        let names = Change::Names {
            first: "Ada",
            last: "Lovelace",
        };
        assert!(contract.apply(&mut person, names));
        assert_eq!(
            person,
            json!({"id": 7, "firstName": "Ada", "lastName": "Lovelace", "displayName": "Ada Lovelace", "adLogin": "X\\ada"})
        );
        assert!(!contract.apply(&mut person, names), "it is so already");

        let mut chosen = json!({"firstName": "Ada", "displayName": "The Countess"});
        assert!(contract.apply(&mut chosen, names));
        assert_eq!(chosen["displayName"], "The Countess");
        assert!(!contract.apply(&mut json!([]), names));
    }

    #[test]
    fn a_deactivation_is_written_unless_an_earlier_one_stands() {
        let contract = PeopleContract::default();
        let mut person = json!({"id": 7, "deactivated": 0});
        let from = |ms| Change::Deactivated(Some(at(ms)));
        assert!(!contract.apply(&mut person, Change::Deactivated(None)));
        assert!(contract.apply(&mut person, from(50)));
        assert_eq!(person["deactivated"], 50);
        assert!(!contract.apply(&mut person, from(60)));
        assert!(contract.apply(&mut person, from(40)));
        assert!(contract.apply(&mut person, Change::Deactivated(None)));
        assert_eq!(person["deactivated"], Value::Null);
        assert_eq!(contract.status(Some(at(5))), json!({"deactivated": 5}));
        assert_eq!(contract.status(None), json!({"deactivated": null}));
    }

    #[test]
    fn the_number_of_a_new_person_is_read_where_it_is_told() {
        let contract = PeopleContract::default();
        let made = |answer: Value| contract.made(&answer).map(PersonId::get);
        assert_eq!(made(json!({"id": 7, "firstName": "Ada"})), Some(7));
        assert_eq!(made(json!(7)), Some(7));
        for none in [json!({}), json!(null), json!({"id": 0}), json!("x")] {
            assert_eq!(made(none.clone()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json()) {
            let contract = PeopleContract::default();
            let _ = (contract.people(&answer), contract.person(&answer), contract.made(&answer));
        }

        #[test]
        fn a_person_that_was_made_is_read_as_it_was_meant(first in "\\PC{0,12}", last in "\\PC{1,12}", team in any::<u32>(), ms in 1_i64..4_000_000_000_000) {
            let contract = PeopleContract::default();
            let new = NewPerson { first: first.clone(), last: last.clone(), team, activated: at(ms), ..new_person() };
            let mut body = contract.create(&new, None);
            body["id"] = json!(7);
            let read = contract.person(&body).unwrap();
            prop_assert!(read.has_acd_id(&new.acd_id.to_ascii_uppercase()));
            prop_assert_eq!(read.team, Some(i64::from(team)));
            prop_assert_eq!(read.activated, Some(at(ms)));
            prop_assert!(read.is_active(at(ms)) && !read.is_active(at(ms - 1)));
            let read = read.first.unwrap_or_default();
            prop_assert_eq!(read.trim(), first.trim());
        }
    }
}
