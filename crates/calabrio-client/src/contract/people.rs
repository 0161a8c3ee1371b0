//! People: how they are listed, made and changed, and the fields of one.

use serde::{Deserialize, Serialize};

use super::{Assumption, assumption};

mod wire;

pub(crate) use wire::Change;

/// How people are listed, made and changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleContract {
    /// Where `GET` lists people.
    pub list_path: String,
    /// The field of the answer that holds them; empty where the answer is the list itself.
    pub list_field: String,
    /// Where `POST` makes a person.
    pub create_path: String,
    /// Where `GET` reads and `PUT` changes one person, with `{id}` for its id.
    pub person_path: String,
    /// Where `PUT` changes whether a person is active, with `{id}` for its id; empty where a PUT of the person does that too.
    pub status_path: String,
    /// The field of a person's number, in a list and in the answer to the making of one.
    pub id_field: String,
    /// The field of the agent's id at the ACD.
    pub acd_id_field: String,
    /// The field of the number of the ACD server; empty sends none.
    pub acd_server_field: String,
    /// The field of the first name.
    pub first_name_field: String,
    /// The field of the last name.
    pub last_name_field: String,
    /// The field of the name that is shown; empty sends none.
    pub display_name_field: String,
    /// The field of the e-mail address; empty sends none.
    pub email_field: String,
    /// The field of the number of the team; empty sends none.
    pub team_field: String,
    /// The field of the list of roles; empty sends none.
    pub roles_field: String,
    /// The field of a role's number in an entry of that list; empty makes the entry the number itself.
    pub role_id_field: String,
    /// The field of the groups and teams that a person may see; empty sends none.
    pub scope_field: String,
    /// Fields that are sent as empty lists.
    pub empty_list_fields: Vec<String>,
    /// The field of the time zone; empty sends none.
    pub time_zone_field: String,
    /// The field of the language; empty sends none.
    pub locale_field: String,
    /// The language.
    pub locale: String,
    /// The field that says whether the person is scheduled; empty sends none.
    pub schedule_field: String,
    /// Fields that are sent as false.
    pub false_fields: Vec<String>,
    /// The field of the time from which the person is active: milliseconds since 1970 UTC.
    pub activated_field: String,
    /// The field of the time from which the person is not active any more: milliseconds since 1970 UTC, or null.
    pub deactivated_field: String,
}

impl Default for PeopleContract {
    fn default() -> Self {
        Self {
            list_path: "api/rest/org/common/person/permission/ViewOrg".into(),
            list_field: String::new(),
            create_path: "api/rest/org/common/person".into(),
            person_path: "api/rest/org/common/person/{id}".into(),
            status_path: String::new(),
            id_field: "id".into(),
            acd_id_field: "acdId".into(),
            acd_server_field: "acdServerId".into(),
            first_name_field: "firstName".into(),
            last_name_field: "lastName".into(),
            display_name_field: "displayName".into(),
            email_field: "email".into(),
            team_field: "groupId".into(),
            roles_field: "roles".into(),
            role_id_field: "id".into(),
            scope_field: "scope".into(),
            empty_list_fields: vec!["views".into(), "qmViews".into()],
            time_zone_field: "timeZone".into(),
            locale_field: "locale".into(),
            locale: "en".into(),
            schedule_field: "enabledForSchedule".into(),
            false_fields: vec!["isSynchronized".into(), "isReconcileOnly".into()],
            activated_field: "activated".into(),
            deactivated_field: "deactivated".into(),
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "people",
        701,
        "list_path",
        Client,
        "GET on this path lists people"
    ),
    assumption!(
        "people",
        702,
        "list_field",
        Inference,
        "the answer is a JSON array, not an object around one, of all people that the service account may see, those that are not active among them"
    ),
    assumption!(
        "people",
        703,
        "create_path",
        Client,
        "POST of a person on this path makes one; nothing says what a second one does, so it is never sent twice"
    ),
    assumption!(
        "people",
        704,
        "person_path",
        Client,
        "GET on this path reads one person and PUT changes it; the object that was read is sent back whole, with what is to change"
    ),
    assumption!(
        "people",
        705,
        "status_path",
        Undocumented,
        "a person is deactivated and activated by a PUT of the person; where this path is set, by a PUT of an object with the field deactivated alone to it (clients use person/{id}/status, its body is not known)"
    ),
    assumption!(
        "people",
        706,
        "id_field",
        Client,
        "a person's number stands here, also in the answer to the making of one; nothing depends on the latter, since the person is found again by its ACD id"
    ),
    assumption!(
        "people",
        707,
        "acd_id_field",
        Client,
        "the ACD id of a person is the worker's SID; it is compared without regard to case"
    ),
    assumption!(
        "people",
        708,
        "acd_server_field",
        Client,
        "the number of the ACD server stands beside it"
    ),
    assumption!(
        "people",
        709,
        "first_name_field",
        Client,
        "the first name stands here"
    ),
    assumption!(
        "people",
        710,
        "last_name_field",
        Client,
        "the last name stands here"
    ),
    assumption!(
        "people",
        711,
        "display_name_field",
        Client,
        "the name that is shown stands here: first and last name where nobody chose another"
    ),
    assumption!(
        "people",
        712,
        "email_field",
        Inference,
        "the e-mail address stands here; a person can be made without one"
    ),
    assumption!(
        "people",
        713,
        "team_field",
        Client,
        "the number of the person's one team stands here"
    ),
    assumption!(
        "people",
        714,
        "roles_field",
        Client,
        "the person's roles are a list of objects in this field"
    ),
    assumption!(
        "people",
        715,
        "role_id_field",
        Inference,
        "an entry of that list is told by its number in this field; an empty name makes the entry the number itself"
    ),
    assumption!(
        "people",
        716,
        "scope_field",
        Inference,
        "the groups and teams that a person may look into stand here as two lists; an agent's are empty"
    ),
    assumption!(
        "people",
        717,
        "empty_list_fields",
        Inference,
        "clients send these fields too; a new person has none of what they list"
    ),
    assumption!(
        "people",
        718,
        "time_zone_field",
        Client,
        "the person's time zone stands here by its IANA name"
    ),
    assumption!(
        "people",
        719,
        "locale_field",
        Client,
        "the person's language stands here"
    ),
    assumption!("people", 720, "locale", Inference, "it is this one"),
    assumption!(
        "people",
        721,
        "schedule_field",
        Client,
        "this field says whether workforce management schedules the person"
    ),
    assumption!(
        "people",
        722,
        "false_fields",
        Inference,
        "clients send these fields too; of a person that is made here both are false"
    ),
    assumption!(
        "people",
        723,
        "activated_field",
        Client,
        "from this time on the person is active, in milliseconds since 1970 UTC"
    ),
    assumption!(
        "people",
        724,
        "deactivated_field",
        Client,
        "from this time on the person is not active, in milliseconds since 1970 UTC; null, 0 or a time to come say that it still is"
    ),
];
