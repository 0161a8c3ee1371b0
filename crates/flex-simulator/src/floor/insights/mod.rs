//! Flex Insights: logins and their tokens, reports that are computed for a while and fetched as CSV.

mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::json;

use super::options::{EmptyReport, FloorOptions};
use super::rows::Book;
use super::{Floor, FloorReport, Millis, Pace, STREAM};
use crate::http::{Ctx, Inbound, Outbound};
use crate::world::dice::Dice;
use wire::{ExecuteBody, LOGIN_COOKIE, LoginBody, TEMPORARY_COOKIE, cookie, error, unauthorized};

/// The name of the host.
pub(crate) const HOST: &str = "analytics.ytica.com";
/// How many computed reports are kept.
const KEPT: usize = 16;
const TWO_WEEKS: Duration = Duration::from_hours(14 * 24);
const TEN_MINUTES: Duration = Duration::from_mins(10);
const USER: &str = "reports@floor.example";

/// What a client needs to get the reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InsightsAccess {
    /// User name.
    pub username: String,
    /// Its password, the simulator's own invention.
    pub password: String,
    /// The project.
    pub project_id: String,
    /// The agent report.
    pub agent_productivity_report_id: String,
    /// The queue report.
    pub queue_historical_report_id: String,
    /// A report of another project, which is refused.
    pub foreign_report_id: String,
}

struct Login {
    token: String,
    ends: Instant,
}

struct Temporary {
    token: String,
    login: String,
    ends: Instant,
}

struct Download {
    id: String,
    report: FloorReport,
    /// What it knows of: everything before this.
    cut: Millis,
    ready: Instant,
    content: Option<(usize, Bytes)>,
}

struct Inner {
    dice: Dice,
    logins: Vec<Login>,
    temporaries: Vec<Temporary>,
    downloads: VecDeque<Download>,
    asked_for_login: u32,
    bad_logins: u32,
    locked_until: Option<Instant>,
    answered: BTreeMap<&'static str, u64>,
}

/// One Flex Insights.
pub(super) struct Insights {
    access: InsightsAccess,
    profile: String,
    temporary_lives: Duration,
    login_lives: Duration,
    book: OnceLock<Book>,
    inner: Mutex<Inner>,
}

/// What a request is answered from.
pub(super) struct Asked<'a> {
    pub(super) floor: &'a Floor,
    pub(super) options: &'a FloorOptions,
    pub(super) pace: &'a Pace,
    pub(super) request: &'a Inbound,
    pub(super) ctx: &'a Ctx,
    pub(super) now: Instant,
}

impl Asked<'_> {
    fn violation(&self, text: impl Into<String>, status: u16) -> Outbound {
        self.ctx.violation(text);
        error(status, "The request is not understood", &[])
    }
}

impl Insights {
    pub(super) fn new(options: &FloorOptions, seed: u64) -> Self {
        let mut dice = Dice::new(seed, STREAM + 1);
        let mut number = || dice.between(1_000, 999_999);
        let (agents, queues, foreign) = (number(), number() + 1_000_000, number() + 2_000_000);
        let access = InsightsAccess {
            username: USER.to_owned(),
            password: dice.hex(24),
            project_id: dice.hex(32),
            agent_productivity_report_id: agents.to_string(),
            queue_historical_report_id: queues.to_string(),
            foreign_report_id: foreign.to_string(),
        };
        let lives = |set, by_clock, least| options.lives(set, by_clock, Duration::from_secs(least));
        let insights = &options.insights;
        Self {
            access,
            profile: dice.hex(32),
            temporary_lives: lives(insights.temporary_token_ms, TEN_MINUTES, 1),
            login_lives: lives(insights.login_ms, TWO_WEEKS, 10),
            book: OnceLock::new(),
            inner: Mutex::new(Inner {
                dice,
                logins: Vec::new(),
                temporaries: Vec::new(),
                downloads: VecDeque::new(),
                asked_for_login: 0,
                bad_logins: 0,
                locked_until: None,
                answered: BTreeMap::new(),
            }),
        }
    }

    pub(super) fn access(&self) -> &InsightsAccess {
        &self.access
    }

    /// How often it answered what.
    pub(super) fn answered(&self) -> BTreeMap<&'static str, u64> {
        self.lock().answered.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, what: &'static str) {
        *self.lock().answered.entry(what).or_default() += 1;
    }

    pub(super) fn handle(&self, asked: &Asked<'_>) -> Outbound {
        let segments = asked.request.segments();
        match (&asked.request.method, segments.as_slice()) {
            (&Method::POST, ["gdc", "account", "login"]) => self.login(asked),
            (&Method::DELETE, ["gdc", "account", "login", profile]) => self.logout(asked, profile),
            (&Method::GET, ["gdc", "account", "token"]) => self.token(asked),
            (&Method::POST, ["gdc", "app", "projects", project, "execute", "raw"]) => {
                self.execute(asked, project)
            }
            (&Method::GET, ["gdc", "projects", project, "execute", "raw", id]) => {
                self.fetch(asked, project, id)
            }
            _ => asked.violation("the path is not one of Flex Insights'", 404),
        }
    }

    fn login(&self, asked: &Asked<'_>) -> Outbound {
        let Ok(LoginBody { login }) = serde_json::from_slice(&asked.request.body) else {
            return asked.violation("the body is no login", 400);
        };
        let insights = &asked.options.insights;
        let mut inner = self.lock();
        inner.asked_for_login = inner.asked_for_login.saturating_add(1);
        let too_many = |seconds: u64| {
            error(429, "Too many logins", &[]).with_header("retry-after", seconds.to_string())
        };
        if inner.asked_for_login <= insights.busy_logins {
            return too_many(1);
        }
        if let Some(until) = inner.locked_until.filter(|until| *until > asked.now) {
            return too_many((until - asked.now).as_secs() + 1);
        }
        if login.login != self.access.username || login.password != self.access.password {
            inner.bad_logins += 1;
            if inner.bad_logins >= insights.bad_logins {
                inner.bad_logins = 0;
                let lockout = Duration::from_secs(insights.lockout_seconds.into());
                inner.locked_until = Some(asked.now + lockout);
            }
            return error(401, "User name or password is wrong", &[]);
        }
        inner.bad_logins = 0;
        let token = inner.dice.hex(40);
        inner.logins.retain(|login| login.ends > asked.now);
        inner.logins.push(Login {
            token: token.clone(),
            ends: asked.now + self.login_lives,
        });
        *inner.answered.entry("logins").or_default() += 1;
        let profile = format!("/gdc/account/profile/{}", self.profile);
        let state = format!("/gdc/account/login/{}", self.profile);
        // Level 0 gives the tokens as cookies.
        match login.verify_level {
            2 => Outbound::json(
                200,
                &json!({"userLogin": {"profile": profile, "state": state, "token": token}}),
            ),
            0 => {
                let temporary = self.temporary(&mut inner, &token, asked.now);
                let body = json!({"userLogin": {"profile": profile, "state": state}});
                Outbound::json(200, &body)
                    .with_header("set-cookie", format!("{LOGIN_COOKIE}={token}; HttpOnly"))
                    .with_header("set-cookie", format!("{TEMPORARY_COOKIE}={temporary}"))
            }
            _ => {
                drop(inner);
                asked.violation("verify_level is neither 0 nor 2", 400)
            }
        }
    }

    fn temporary(&self, inner: &mut Inner, login: &str, now: Instant) -> String {
        let token = inner.dice.hex(40);
        inner.temporaries.retain(|temporary| temporary.ends > now);
        inner.temporaries.push(Temporary {
            token: token.clone(),
            login: login.to_owned(),
            ends: now + self.temporary_lives,
        });
        token
    }

    /// The login that the request shows, where it is one.
    fn logged_in(inner: &Inner, asked: &Asked<'_>) -> Result<String, Outbound> {
        let header = asked.request.header("x-gdc-authsst");
        let Some(token) = header.or_else(|| cookie(asked.request, LOGIN_COOKIE)) else {
            asked
                .ctx
                .violation("no login is shown, neither in X-GDC-AuthSST nor as a cookie");
            return Err(unauthorized(LOGIN_COOKIE));
        };
        let known = inner.logins.iter().find(|login| login.token == token);
        known
            .filter(|login| login.ends > asked.now)
            .map(|login| login.token.clone())
            .ok_or_else(|| unauthorized(LOGIN_COOKIE))
    }

    /// Refuses a request without a temporary token that lives.
    fn admitted(inner: &Inner, asked: &Asked<'_>) -> Result<(), Outbound> {
        let Some(token) = cookie(asked.request, TEMPORARY_COOKIE) else {
            asked
                .ctx
                .violation("no temporary token is shown as the cookie GDCAuthTT");
            return Err(unauthorized(TEMPORARY_COOKIE));
        };
        let known = inner.temporaries.iter().find(|it| it.token == token);
        let Some(known) = known.filter(|it| it.ends > asked.now) else {
            return Err(unauthorized(TEMPORARY_COOKIE));
        };
        if inner
            .logins
            .iter()
            .any(|it| it.token == known.login && it.ends > asked.now)
        {
            Ok(())
        } else {
            Err(unauthorized(LOGIN_COOKIE))
        }
    }

    fn token(&self, asked: &Asked<'_>) -> Outbound {
        let mut inner = self.lock();
        let login = match Self::logged_in(&inner, asked) {
            Ok(login) => login,
            Err(refused) => return refused,
        };
        let token = self.temporary(&mut inner, &login, asked.now);
        *inner.answered.entry("tokens").or_default() += 1;
        Outbound::json(200, &json!({"userToken": {"token": token}}))
    }

    fn logout(&self, asked: &Asked<'_>, profile: &str) -> Outbound {
        let mut inner = self.lock();
        let shown = Self::logged_in(&inner, asked)
            .and_then(|login| Self::admitted(&inner, asked).map(|()| login));
        let login = match shown {
            Ok(login) => login,
            Err(refused) => return refused,
        };
        if profile != self.profile {
            drop(inner);
            return asked.violation("the profile is not that of the login", 404);
        }
        inner.logins.retain(|it| it.token != login);
        inner.temporaries.retain(|it| it.login != login);
        *inner.answered.entry("logouts").or_default() += 1;
        Outbound::empty(204)
    }

    /// Refuses what is not of the one project.
    fn own_project(&self, project: &str) -> Result<(), Outbound> {
        if project == self.access.project_id {
            return Ok(());
        }
        let sentence = "The user has no access to the project %s";
        Err(error(403, sentence, &[project]))
    }

    fn report(&self, path: &str) -> Option<FloorReport> {
        let id = path.strip_prefix(&format!("/gdc/md/{}/obj/", self.access.project_id))?;
        let known = [
            (
                &self.access.agent_productivity_report_id,
                FloorReport::AgentProductivity,
            ),
            (
                &self.access.queue_historical_report_id,
                FloorReport::QueueHistory,
            ),
        ];
        known
            .into_iter()
            .find_map(|(known, report)| (known == id).then_some(report))
    }

    fn execute(&self, asked: &Asked<'_>, project: &str) -> Outbound {
        let mut inner = self.lock();
        let admitted = Self::admitted(&inner, asked).and_then(|()| self.own_project(project));
        if let Err(refused) = admitted {
            return refused;
        }
        let Ok(ExecuteBody { report_req }) = serde_json::from_slice(&asked.request.body) else {
            drop(inner);
            return asked.violation("the body asks for no report as it is, without filters", 400);
        };
        let Some(report) = self.report(&report_req.report) else {
            let parts: Vec<&str> = report_req.report.rsplit('/').collect();
            let (id, of) = (parts[0], parts.get(2).copied().unwrap_or(project));
            let sentence = "The object %s does not exist in the project %s, or is no report";
            return error(404, sentence, &[id, of]);
        };
        let insights = &asked.options.insights;
        let takes = inner
            .dice
            .between(insights.computing_min_ms, insights.computing_max_ms);
        let id = inner.dice.hex(16);
        inner.downloads.truncate(KEPT - 1);
        inner.downloads.push_front(Download {
            id: id.clone(),
            report,
            cut: cut(asked.options, asked.pace.at(asked.now).timestamp_millis()),
            ready: asked.now + Duration::from_millis(takes),
            content: None,
        });
        *inner.answered.entry("computed").or_default() += 1;
        Outbound::json(200, &json!({"uri": path(project, &id)}))
    }

    fn fetch(&self, asked: &Asked<'_>, project: &str, id: &str) -> Outbound {
        let inner = self.lock();
        let admitted = Self::admitted(&inner, asked).and_then(|()| self.own_project(project));
        if let Err(refused) = admitted {
            return refused;
        }
        let Some(download) = inner.downloads.iter().find(|download| download.id == id) else {
            return error(404, "The result %s does not exist any more", &[id]);
        };
        let (report, cut, content) = (download.report, download.cut, download.content.clone());
        let computing = download.ready > asked.now;
        drop(inner);
        if computing {
            self.count("still computing");
            return Outbound::json(202, &json!({"uri": path(project, id)}));
        }
        let (rows, content) = content.unwrap_or_else(|| {
            let insights = &asked.options.insights;
            let book = self
                .book
                .get_or_init(|| Book::new(asked.floor, insights.data_set));
            let (rows, content) = book.print(asked.floor, report, insights, cut);
            let content = (rows, Bytes::from(content));
            for download in &mut self.lock().downloads {
                if download.id == id {
                    download.content = Some(content.clone());
                }
            }
            content
        });
        if rows == 0 && asked.options.insights.empty == EmptyReport::NoContent {
            self.count("empty");
            return Outbound::empty(204);
        }
        self.count("fetched");
        Outbound::text(200, "text/csv;charset=UTF-8", content)
    }
}

fn path(project: &str, id: &str) -> String {
    format!("/gdc/projects/{project}/execute/raw/{id}")
}

/// What is known after the last load before `now`: everything that happened before the answer.
pub(super) fn cut(options: &FloorOptions, now: Millis) -> Millis {
    let insights = &options.insights;
    let every = insights.loads.every();
    let delay = Millis::try_from(insights.load_delay_ms).unwrap_or(Millis::MAX);
    let of = now.saturating_sub(delay).div_euclid(every) * every;
    if insights.partial_loads {
        // A load that came late holds what happened until it came.
        of.saturating_add(delay)
    } else {
        of
    }
}
