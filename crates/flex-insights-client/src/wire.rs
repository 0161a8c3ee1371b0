//! What Flex Insights sends and takes, as it stands in its documentation.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ids::{ProjectId, ReportId};

/// The header that carries the token of two weeks.
pub(crate) const LOGIN_HEADER: &str = "X-GDC-AuthSST";
/// The cookie that carries the token of ten minutes.
pub(crate) const TEMPORARY_COOKIE: &str = "GDCAuthTT";

pub(crate) const LOGIN: [&str; 3] = ["gdc", "account", "login"];
pub(crate) const TOKEN: [&str; 3] = ["gdc", "account", "token"];

/// The body of a login. Level 2 asks for tokens in the answer's body, not in cookies.
pub(crate) fn login(user: &str, password: &str) -> Value {
    json!({"postUserLogin": {"login": user, "password": password, "remember": 0, "verify_level": 2}})
}

/// The path of an export.
pub(crate) fn execute(project: &ProjectId) -> [&str; 6] {
    ["gdc", "app", "projects", project.as_str(), "execute", "raw"]
}

/// The body of an export.
pub(crate) fn request(project: &ProjectId, report: &ReportId) -> Value {
    json!({"report_req": {"report": format!("/gdc/md/{project}/obj/{report}")}})
}

#[derive(Deserialize)]
pub(crate) struct LoginAnswer {
    #[serde(rename = "userLogin")]
    pub(crate) login: UserLogin,
}

#[derive(Deserialize)]
pub(crate) struct UserLogin {
    pub(crate) profile: String,
    pub(crate) token: String,
}

#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    #[serde(rename = "userToken")]
    pub(crate) token: UserToken,
}

#[derive(Deserialize)]
pub(crate) struct UserToken {
    pub(crate) token: String,
}

#[derive(Deserialize)]
pub(crate) struct ExecuteAnswer {
    pub(crate) uri: String,
}
