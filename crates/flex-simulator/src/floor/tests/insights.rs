//! Flex Insights' sessions and reports, request by request.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::super::insights::{Asked, Insights};
use super::super::options::{EmptyReport, FloorOptions, InsightsOptions, Loads};
use super::*;
use crate::http::{Ctx, Inbound, OutBody, Outbound};
use crate::strict::Violations;

struct Client {
    floor: Floor,
    options: FloorOptions,
    pace: Pace,
    insights: Insights,
    violations: Arc<Violations>,
    now: Instant,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Client {
    fn new(change: impl FnOnce(&mut InsightsOptions)) -> Self {
        let mut options = FloorOptions::default();
        options.insights.computing_max_ms = 20;
        change(&mut options.insights);
        options.check().unwrap();
        let floor = floor(1);
        let pace = Pace::new(floor.from(), 1.0);
        Self {
            insights: Insights::new(&options, 1),
            violations: Arc::new(Violations::new(true)),
            now: pace.started,
            floor,
            options,
            pace,
        }
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &Value,
    ) -> Answer {
        let mut known = HeaderMap::new();
        for (name, value) in headers {
            known.append(*name, value.parse().unwrap());
        }
        let request = Inbound {
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: known,
            body: body.to_string().into(),
            link_base: String::new(),
            root: String::new(),
            by_segment: false,
        };
        let ctx = Ctx::new(Utc::now(), Arc::clone(&self.violations), path.to_owned());
        let Outbound {
            status,
            headers,
            body,
        } = self.insights.handle(&Asked {
            floor: &self.floor,
            options: &self.options,
            pace: &self.pace,
            request: &request,
            ctx: &ctx,
            now: self.now,
        });
        let OutBody::Bytes(body) = body else {
            panic!("streamed");
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    fn login(&self, password: &str) -> Answer {
        let access = self.insights.access();
        let login = json!({"login": access.username, "password": password, "remember": 0, "verify_level": 2});
        self.ask(
            Method::POST,
            "/gdc/account/login",
            &[],
            &json!({"postUserLogin": login}),
        )
    }

    fn logged_in(&self) -> String {
        let answer = self.login(&self.insights.access().password);
        assert_eq!(answer.status, 200);
        answer.json()["userLogin"]["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn token(&self, login: &str) -> Answer {
        self.ask(
            Method::GET,
            "/gdc/account/token",
            &[("x-gdc-authsst", login)],
            &Value::Null,
        )
    }

    /// A cookie that lives.
    fn cookie(&self) -> String {
        let token = self.token(&self.logged_in()).json();
        format!(
            "GDCAuthTT={}",
            token["userToken"]["token"].as_str().unwrap()
        )
    }

    fn execute(&self, cookie: &str, project: &str, report: &str) -> Answer {
        let path = format!(
            "/gdc/app/projects/{}/execute/raw",
            self.insights.access().project_id
        );
        let report = format!("/gdc/md/{project}/obj/{report}");
        let body = json!({"report_req": {"report": report}});
        self.ask(Method::POST, &path, &[("cookie", cookie)], &body)
    }

    fn computed(&self, cookie: &str) -> String {
        let access = self.insights.access().clone();
        let answer = self.execute(
            cookie,
            &access.project_id,
            &access.agent_productivity_report_id,
        );
        assert_eq!(answer.status, 200);
        answer.json()["uri"].as_str().unwrap().to_owned()
    }

    fn fetch(&self, cookie: &str, uri: &str) -> Answer {
        self.ask(Method::GET, uri, &[("cookie", cookie)], &Value::Null)
    }

    fn pass(&mut self, passed: Duration) {
        self.now += passed;
    }
}

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn a_report_is_computed_for_a_while_and_then_there() {
    let mut client = Client::new(|_| {});
    client.pass(MINUTE * 60);
    let cookie = client.cookie();
    let uri = client.computed(&cookie);
    assert_eq!(client.fetch(&cookie, &uri).status, 202);
    client.pass(Duration::from_millis(20));
    let answer = client.fetch(&cookie, &uri);
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        text.starts_with("Date,Time,Agent SID,Agent,Queue SID,Queue,Kind,Activity,Activity Time,")
    );
    // The load of 01:00 is not there yet.
    assert!(
        text.lines()
            .last()
            .unwrap()
            .starts_with("2026-10-25,00:30,"),
        "{text}"
    );
    assert_eq!(
        client.fetch(&cookie, &uri).body,
        answer.body,
        "fetched again it is the same"
    );
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn before_the_first_load_a_report_is_empty() {
    for (empty, status, lines) in [
        (EmptyReport::NoContent, 204, 0),
        (EmptyReport::HeaderOnly, 200, 1),
    ] {
        let mut client = Client::new(|it| (it.empty, it.loads) = (empty, Loads::Hourly));
        client.pass(MINUTE * 61);
        let cookie = client.cookie();
        let uri = client.computed(&cookie);
        client.pass(Duration::from_millis(20));
        let answer = client.fetch(&cookie, &uri);
        assert_eq!(answer.status, status);
        assert_eq!(String::from_utf8_lossy(&answer.body).lines().count(), lines);
    }
}

#[test]
fn temporary_tokens_live_for_ten_minutes_and_logins_for_two_weeks() {
    let mut client = Client::new(|_| {});
    let login = client.logged_in();
    let token = client.token(&login).json();
    let cookie = format!(
        "other=1; GDCAuthTT={}",
        token["userToken"]["token"].as_str().unwrap()
    );
    let uri = client.computed(&cookie);
    client.pass(MINUTE * 10);
    let ended = client.fetch(&cookie, &uri);
    assert_eq!(ended.status, 401);
    let challenge = "GoodData realm=\"GoodData API\" cookie=GDCAuthTT";
    assert_eq!(ended.header("www-authenticate"), Some(challenge));
    assert_eq!(client.token(&login).status, 200);
    client.pass(MINUTE * 60 * 24 * 14);
    let ended = client.token(&login);
    assert_eq!(ended.status, 401);
    assert!(
        ended
            .header("www-authenticate")
            .unwrap()
            .ends_with("cookie=GDCAuthSST")
    );
    assert_eq!(client.violations.count(), 0);
    assert_eq!(client.token("").status, 401);
}

#[test]
fn after_a_logout_no_token_counts() {
    let client = Client::new(|_| {});
    let answer = client.login(&client.insights.access().password);
    let login = answer.json()["userLogin"].clone();
    let profile = login["profile"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap();
    let sst = login["token"].as_str().unwrap();
    let token = client.token(sst).json();
    let cookie = format!(
        "GDCAuthTT={}",
        token["userToken"]["token"].as_str().unwrap()
    );
    let path = format!("/gdc/account/login/{profile}");
    let both = [("x-gdc-authsst", sst), ("cookie", cookie.as_str())];
    assert_eq!(
        client
            .ask(Method::DELETE, &path, &both[..1], &Value::Null)
            .status,
        401
    );
    assert_eq!(client.violations.count(), 1, "both tokens are asked for");
    assert_eq!(
        client
            .ask(Method::DELETE, &path, &both, &Value::Null)
            .status,
        204
    );
    assert_eq!(client.token(sst).status, 401);
    assert_eq!(
        client
            .fetch(&cookie, "/gdc/projects/x/execute/raw/1")
            .status,
        401
    );
}

#[test]
fn logins_are_refused_for_a_while_after_many_wrong_passwords_and_where_many_come() {
    let mut client = Client::new(|it| it.busy_logins = 1);
    let password = client.insights.access().password.clone();
    let busy = client.login(&password);
    assert_eq!((busy.status, busy.header("retry-after")), (429, Some("1")));
    for _ in 0..5 {
        assert_eq!(client.login("wrong").status, 401);
    }
    let locked = client.login(&password);
    assert_eq!(
        (locked.status, locked.header("retry-after")),
        (429, Some("31"))
    );
    client.pass(Duration::from_secs(31));
    assert_eq!(client.login(&password).status, 200);
}

#[test]
fn a_report_of_another_project_is_refused_with_a_sentence() {
    let client = Client::new(|_| {});
    let cookie = client.cookie();
    let access = client.insights.access();
    for (project, report) in [
        (
            access.project_id.as_str(),
            access.foreign_report_id.as_str(),
        ),
        ("other", access.agent_productivity_report_id.as_str()),
    ] {
        let answer = client.execute(&cookie, project, report);
        assert_eq!(answer.status, 404);
        let error = &answer.json()["error"];
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("does not exist")
        );
        assert_eq!(error["parameters"], json!([report, project]));
    }
    let path = "/gdc/app/projects/other/execute/raw";
    let answer = client.ask(Method::POST, path, &[("cookie", &cookie)], &Value::Null);
    assert_eq!(answer.status, 403);
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn what_is_not_documented_is_a_violation() {
    let client = Client::new(|_| {});
    let (cookie, violations) = (client.cookie(), &client.violations);
    let ask = |method: Method, path: &str, body: &Value| {
        client
            .ask(method, path, &[("cookie", &cookie)], body)
            .status
    };
    assert_eq!(ask(Method::GET, "/gdc/account/login", &Value::Null), 404);
    assert_eq!(
        ask(Method::POST, "/gdc/account/login", &json!({"login": "a"})),
        400
    );
    let path = format!(
        "/gdc/app/projects/{}/execute/raw",
        client.insights.access().project_id
    );
    assert_eq!(ask(Method::POST, &path, &json!({"report": "x"})), 400);
    assert_eq!(
        client
            .fetch("GDCAuthSST=1", "/gdc/projects/x/execute/raw/1")
            .status,
        401
    );
    assert_eq!(violations.count(), 4);
}

#[test]
fn what_cannot_be_printed_is_refused_by_its_field() {
    let refused = |change: fn(&mut FloorOptions)| {
        let mut options = FloorOptions::default();
        change(&mut options);
        options.check().unwrap_err()
    };
    for error in [
        refused(|it| it.pace = 0.0),
        refused(|it| it.insights.days = 0),
        refused(|it| it.insights.load_delay_ms = 86_400_001),
        refused(|it| it.insights.csv.delimiter = '"'),
    ] {
        assert!(matches!(error, FloorError::Number { .. }), "{error}");
    }
    let error = refused(|it| {
        it.insights.csv.without.insert("Talking".to_owned());
    });
    assert_eq!(error, FloorError::Column("Talking".to_owned()));
}
