//! What Flex Insights takes and answers: bodies, cookies, errors.

use serde::Deserialize;
use serde_json::json;

use crate::http::{Inbound, Outbound};

pub(super) const LOGIN_COOKIE: &str = "GDCAuthSST";
pub(super) const TEMPORARY_COOKIE: &str = "GDCAuthTT";

#[derive(Deserialize)]
pub(super) struct LoginBody {
    #[serde(rename = "postUserLogin")]
    pub(super) login: PostUserLogin,
}

#[derive(Deserialize)]
pub(super) struct PostUserLogin {
    pub(super) login: String,
    pub(super) password: String,
    #[serde(default)]
    pub(super) verify_level: u8,
}

#[derive(Deserialize)]
pub(super) struct ExecuteBody {
    pub(super) report_req: ReportRequest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportRequest {
    pub(super) report: String,
}

/// An error in the vendor's form: the sentence has a `%s` for each parameter.
pub(super) fn error(status: u16, message: &str, parameters: &[&str]) -> Outbound {
    Outbound::json(
        status,
        &json!({"error": {
            "errorClass": "FloorException",
            "component": "FloorSimulator",
            "errorCode": "floor.error",
            "message": message,
            "parameters": parameters,
            "requestId": "floor",
        }}),
    )
}

pub(super) fn unauthorized(cookie: &str) -> Outbound {
    let challenge = format!("GoodData realm=\"GoodData API\" cookie={cookie}");
    error(401, "The token is not valid", &[]).with_header("www-authenticate", challenge)
}

/// The cookie of that name.
pub(super) fn cookie<'a>(request: &'a Inbound, name: &str) -> Option<&'a str> {
    let all = request.headers.get_all("cookie").into_iter();
    let each = all.filter_map(|value| value.to_str().ok());
    each.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}
