//! The part of the file that `sync-wfm` needs.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use crate::common;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use common::{FILE, MINIMAL, fault_of, faults, parse};
use connector_config::{
    Config, HistoryRedelivery, Product, SecretError, SecretPlace, SecretSource, WayToWfm, WfmAccess,
};
use secrecy::{ExposeSecret, SecretSlice};
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{Redelivery, Report, Resolution};
use wfm_state_mapping::{ActivityMap, WorkspaceActivity};

/// A file in which everything of workforce management is on, over HTTP.
fn whole(extra: &str) -> String {
    format!(
        r#"{MINIMAL}acd_server_id = 5

[acd.products]
quality_management = []
workforce_management = true

[acd.insights]
username = "insights@example.com"
password = {{ env = "INSIGHTS_PASSWORD" }}
project_id = "p1"
agent_productivity_report_id = "1001"
queue_historical_report_id = "1002"

[acd.wfm]
history = true
adherence = true
service_queue = "General"
transport = "http"

{extra}"#
    )
}

/// The only fault of the whole file with `extra` at its end.
fn fault_in(extra: &str) -> String {
    let faults = faults(&whole(extra));
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let fault = &faults[0];
    format!("{}: {}; {}", fault.field, fault.what, fault.remedy)
}

struct Fixed(HashMap<&'static str, &'static str>);

impl SecretSource for Fixed {
    fn get(&self, place: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        let SecretPlace::Env(name) = place else {
            panic!("only variables here")
        };
        let text = self.0.get(name.as_str());
        text.map(|text| SecretSlice::from(text.as_bytes().to_vec()))
            .ok_or_else(|| SecretError::Unset(name.clone()))
    }
}

fn map() -> ActivityMap {
    let activity = |number: u8, name: &str, available| WorkspaceActivity {
        sid: format!("WA{number:032}").parse().unwrap(),
        name: name.to_owned(),
        available: Some(available),
    };
    let rules = parse(&whole(
        "[[acd.wfm.activity]]\nactivity = \"lunch\"\nstate = \"Not Ready\"\n",
    ))
    .unwrap();
    let rules = rules.wfm_rules(&rules.acds[0]).unwrap();
    ActivityMap::new(
        rules.activities,
        vec![
            activity(1, "Lunch", true),
            activity(2, "Offline", false),
            activity(3, "Available", true),
        ],
        None,
    )
}

#[test]
fn the_pipeline_gets_its_rules_in_one_call() {
    let config = parse(&whole(
        r#"history_redelivery = "never"
[acd.wfm.contract.values]
duration_unit = "milliseconds"
[[acd.wfm.activity]]
activity = "WA00000000000000000000000000000001"
state = "Work Not Ready"
state_reason_code = true
[acd.wfm.hold]
poll_budget = 9
"#,
    ))
    .unwrap();
    let acd = &config.acds[0];
    assert_eq!(acd.wfm.history_redelivery, HistoryRedelivery::Never);
    let rules = config.wfm_rules(acd).unwrap();
    assert_eq!(rules.activities.rules().len(), 1);
    assert_eq!(rules.hold.poll_budget, 9);
    assert_eq!(rules.resync_every, Duration::from_mins(15));
    assert_eq!(rules.roster_every, Duration::from_hours(1));
    let delivery = &rules.delivery;
    assert_eq!(delivery.acd_server, 5);
    assert_eq!(delivery.contract.values.service_queue, "General");
    let WayToWfm::Http {
        base_url, access, ..
    } = &delivery.way
    else {
        panic!("{:?}", delivery.way)
    };
    assert_eq!(base_url.to_string(), acd.calabrio.base_url.to_string());
    assert_eq!(*access, WfmAccess::Session);
    let history = rules.history.unwrap();
    assert_eq!(history.redelivery, Redelivery::Never);
    assert_eq!(history.settle.num_minutes(), 30);
    assert_eq!(history.pull_back.num_hours(), 24);
    assert_eq!(history.report_id(Report::QueueHistory), "1002");
    assert_eq!(
        history.spill_dir,
        Path::new("/etc/connector/state/wfm-spill")
    );
}

#[test]
fn time_in_an_activity_counts_as_its_mapping_says_under_the_workspaces_own_name() {
    let config = parse(&whole("")).unwrap();
    let rules = config.wfm_rules(&config.acds[0]).unwrap();
    let history = rules.history.unwrap();
    let rules = history
        .report_rules(Report::AgentProductivity, &map())
        .unwrap();
    let shown = format!("{rules:?}");
    // The names are bytes in the rules: Lunch, Offline, Available.
    for (name, state) in [
        ("Lunch", "NotReady"),
        ("Offline", "Logout"),
        ("Available", "Ready"),
    ] {
        let entry = format!("{:?}: {state}", name.as_bytes());
        assert!(shown.contains(&entry), "{entry} in {shown}");
    }
    assert!(shown.contains("service_queue: true"), "{shown}");
}

struct Nobody;

impl wfm_history::Resolver for Nobody {
    fn agent(&self, _: &str) -> Resolution<WorkerSid> {
        Resolution::Unknown
    }

    fn queue(&self, _: &str) -> Resolution<TaskQueueSid> {
        Resolution::Unknown
    }

    fn has_agent(&self, _: &WorkerSid) -> bool {
        false
    }

    fn has_queue(&self, _: &TaskQueueSid) -> bool {
        false
    }
}

#[test]
fn a_pull_covers_what_it_shows_of_the_window_and_nothing_before_its_first_row() {
    let config = parse(&whole("")).unwrap();
    let history = config.wfm_rules(&config.acds[0]).unwrap().history.unwrap();
    let covered = |rows: &str, now: &str| {
        let rules = history.report_rules(Report::QueueHistory, &map()).unwrap();
        let mut reader = wfm_history::History::new(rules, Nobody);
        let text = format!("Date,Time,Queue,Kind,Offered,Answered,Abandoned\n{rows}");
        reader.push(text.as_bytes()).unwrap();
        let (summary, _) = reader.finish().unwrap();
        let rules = history.change_rules(&summary, now.parse().unwrap());
        assert_eq!(rules.settle, history.settle);
        let covered = rules.covered.unwrap();
        [covered.start, covered.end].map(|interval| interval.start().to_rfc3339())
    };
    let row = |time: &str| format!("2026-03-02,{time},Everyone,Queue,1,1,0\n");
    // Chicago is six hours behind: 09:00 there is 15:00.
    let short = row("09:00") + &row("09:15");
    assert_eq!(
        covered(&short, "2026-03-02T16:00:00Z"),
        ["2026-03-02T15:00:00+00:00", "2026-03-02T15:30:00+00:00"]
    );
    let now = "2026-03-03T15:10:00Z";
    assert_eq!(
        covered(&short, now),
        ["2026-03-02T15:00:00+00:00", "2026-03-02T15:30:00+00:00"]
    );
    let long = row("01:00") + &row("23:45");
    assert_eq!(
        covered(&long, now),
        ["2026-03-02T15:00:00+00:00", "2026-03-03T06:00:00+00:00"]
    );
    assert_eq!(
        covered("", now),
        ["2026-03-02T15:00:00+00:00", "2026-03-03T15:00:00+00:00"]
    );
}

#[test]
fn each_program_is_asked_only_for_what_it_needs_itself() {
    // Everything of workforce management is missing, and a webhook has neither secrets nor a tenant.
    let text = MINIMAL.replace(
        "time_zone",
        "event_webhook_url = \"https://example.com/events\"\ntime_zone",
    ) + "[acd.products]\nworkforce_management = true\n[acd.wfm]\nhistory = true\n";
    let fields = |product| match Config::parse_for(&text, Path::new(FILE), product) {
        Ok(_) => Vec::new(),
        Err(error) => error
            .faults()
            .iter()
            .map(|fault| fault.field.clone())
            .collect::<Vec<_>>(),
    };
    let quality = fields(Product::QualityManagement);
    assert_eq!(
        quality,
        ["acd[0].event_webhook_url", "acd[0].event_webhook_url"]
    );
    let mut workforce = fields(Product::WorkforceManagement);
    workforce.sort();
    assert_eq!(
        workforce,
        [
            "acd[0].insights.agent_productivity_report_id",
            "acd[0].insights.password",
            "acd[0].insights.project_id",
            "acd[0].insights.queue_historical_report_id",
            "acd[0].insights.username",
            "acd[0].products",
            "acd[0].wfm.transport",
        ]
    );
    assert_eq!(faults(&text).len(), quality.len() + workforce.len());
}

#[test]
fn a_program_whose_product_no_acd_has_is_told_so() {
    let only_wfm = whole("");
    let error = Config::parse_for(&only_wfm, Path::new(FILE), Product::QualityManagement);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("has no ACD with quality management")
    );
    let error = Config::parse_for(MINIMAL, Path::new(FILE), Product::WorkforceManagement);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("has no ACD with workforce management")
    );
    let config = parse(MINIMAL).unwrap();
    assert!(config.wfm_rules(&config.acds[0]).is_none());
    assert_eq!(config.acds_with(Product::WorkforceManagement).count(), 0);
    assert_eq!(config.acds_with(Product::QualityManagement).count(), 1);
}

#[test]
fn each_program_resolves_only_its_own_secrets() {
    let text = whole(
        r#"[acd.wfm.http]
token = { env = "WFM_TOKEN" }
[acd.wfm.contract.http]
access = "bearer"
[[acd.encryption_key]]
name = "key"
public_key_sid = "CR00000000000000000000000000000001"
private_key = { env = "PRIVATE_KEY" }
"#,
    )
    .replace(
        "quality_management = []",
        "quality_management = [\"voice\"]",
    );
    let common = [("TWILIO_AUTH_TOKEN", "t"), ("CALABRIO_PASSWORD", "c")];
    let with =
        |own: &[(&'static str, &'static str)]| Fixed(common.iter().chain(own).copied().collect());

    let config = Config::parse_for(&text, Path::new(FILE), Product::WorkforceManagement).unwrap();
    let own = with(&[("INSIGHTS_PASSWORD", "i"), ("WFM_TOKEN", "w")]);
    let secrets = config.resolve_secrets(&own).unwrap();
    let acd = secrets.acd("main").unwrap();
    assert_eq!(acd.wfm_token.as_ref().unwrap().expose_secret(), "w");
    assert!(acd.insights_password.is_some() && acd.private_keys.is_empty());

    let config = Config::parse_for(&text, Path::new(FILE), Product::QualityManagement).unwrap();
    let own = with(&[("PRIVATE_KEY", "k")]);
    let secrets = config.resolve_secrets(&own).unwrap();
    let acd = secrets.acd("main").unwrap();
    assert!(acd.wfm_token.is_none() && acd.insights_password.is_none());
    assert_eq!(acd.private_keys.len(), 1);

    let config = parse(&text).unwrap();
    let error = config.resolve_secrets(&with(&[])).unwrap_err();
    assert_eq!(error.faults().len(), 3, "{error}");
}

#[test]
fn the_ledger_of_sync_wfm_is_another_file_beside_the_first() {
    let config = parse(&format!("{MINIMAL}[ledger]\npath = \"/var/lib/a.db\"\n")).unwrap();
    assert_eq!(config.ledger.wfm_path, Path::new("/var/lib/wfm-ledger.db"));
    let config = parse(&format!("{MINIMAL}[ledger]\nwfm_path = \"w.db\"\n")).unwrap();
    assert_eq!(config.ledger.wfm_path, Path::new("/etc/connector/w.db"));
    assert!(
        fault_of("[ledger]\npath = \"x.db\"\nwfm_path = \"x.db\"\n")
            .starts_with("ledger.wfm_path: is the file of the other program")
    );
    assert!(
        fault_of("[ledger]\npath = \"wfm-ledger.db\"\n")
            .starts_with("ledger.path: is the file of the other program")
    );
}

#[test]
fn the_way_to_calabrio_is_chosen_and_has_what_it_needs() {
    let fault = faults(&whole("").replace("transport = \"http\"", ""));
    assert_eq!(fault.len(), 1, "{fault:#?}");
    assert_eq!(fault[0].field, "acd[0].wfm.transport");
    assert!(fault[0].remedy.contains("\"files\" or \"http\""));

    let files = |extra: &str| whole(extra).replace("\"http\"", "\"files\"");
    assert!(faults(&files(""))[0].what.contains("lacks folder"));
    let config = parse(&files("[acd.wfm.files]\nfolder = \"gis\"\n")).unwrap();
    let rules = config.wfm_rules(&config.acds[0]).unwrap();
    assert!(
        matches!(rules.delivery.way, WayToWfm::Files { folder } if folder == Path::new("/etc/connector/gis"))
    );
    assert_eq!(rules.state_flush, Duration::from_secs(1), "a file each");
    let flush = |text: &str| {
        let config = parse(&whole(text)).unwrap();
        config.wfm_rules(&config.acds[0]).unwrap().state_flush
    };
    assert_eq!(flush(""), Duration::from_millis(20));
    assert_eq!(flush("state_flush = \"0s\""), Duration::ZERO);

    assert!(
        fault_in("[acd.wfm.contract.http]\naccess = \"header\"\n")
            .starts_with("acd[0].wfm.http: lacks token")
    );
    assert!(
        fault_in("[acd.wfm.http]\nusername = \"u\"\n")
            .starts_with("acd[0].wfm.http.username: stands without password")
    );
    assert!(
        fault_in("[acd.wfm.http]\nusername = \"u:v\"\npassword = { env = \"P\" }\n")
            .contains("holds a colon")
    );
    assert!(
        fault_in("[acd.wfm.http]\nbase_url = \"http://127.0.0.1:9009\"\n")
            .starts_with("acd[0].wfm.http.base_url: is http, and its address is not listed")
    );
    assert!(
        fault_in("[acd.wfm.http]\nbase_url = \"https://wfm.example.com\"\n")
            .contains("no session is shown to another host")
    );
    let basic = "[acd.wfm.contract.http]\naccess = \"basic\"\n[acd.wfm.http]\nbase_url = \"https://wfm.example.com\"\n";
    let config = parse(&whole(basic)).unwrap();
    let rules = config.wfm_rules(&config.acds[0]).unwrap();
    let WayToWfm::Http { access, .. } = rules.delivery.way else {
        panic!("{:?}", rules.delivery.way)
    };
    let username = "connector@example.com".to_owned();
    assert_eq!(access, WfmAccess::Basic { username });
    let unused = "[acd.wfm.http]\nusername = \"u\"\npassword = { env = \"P\" }\n";
    let config = parse(&whole(unused)).unwrap();
    assert!(
        config
            .warnings()
            .iter()
            .any(|fault| fault.what.contains("has a username that"))
    );
    let config = parse(&whole("[acd.wfm.http]\ntoken = { env = \"T\" }\n")).unwrap();
    let warnings: Vec<_> = config.warnings().iter().map(|fault| &fault.field).collect();
    assert_eq!(warnings, ["ledger.sealing_key", "acd[0].wfm.http"]);
}

#[test]
fn loopback_addresses_are_allowed_where_they_are_listed() {
    let text = whole(
        "[acd.wfm.contract.http]\naccess = \"open\"\n[acd.wfm.http]\nbase_url = \"http://127.0.0.1:9001\"\n[tls]\nallow_http_loopback = [\"127.0.0.1:9001\"]\n",
    )
    .replace(
        "[acd.insights]\n",
        "[acd.insights]\nbase_url = \"http://127.0.0.1:9001\"\n",
    );
    parse(&text).unwrap();
    let unlisted = text.replace("\"127.0.0.1:9001\"]", "]");
    let fields: Vec<_> = faults(&unlisted)
        .into_iter()
        .map(|fault| fault.field)
        .collect();
    assert_eq!(
        fields,
        ["acd[0].insights.base_url", "acd[0].wfm.http.base_url"]
    );
}

#[test]
fn everything_wrong_with_a_report_is_told_at_once_at_its_place() {
    let text = whole(
        r#"[acd.insights.agent_report]
delimiter = ";;"
decimal = "dot"
date_format = "%Q"
kinds = []
[acd.insights.agent_report.columns]
talk_tme = "Talk"
agent = { name = "Agent", unit = "minutes" }
hold_time = { name = "Hold", unit = "fortnights" }
wrap_up_time = { nam = "x" }
queue = "Same"
handled = "Same"
activity = 3
[acd.insights.queue_report]
delimiter = "é"
[acd.insights.queue_report.columns]
agent = "Agent"
"#,
    );
    let faults = faults(&text);
    let told: Vec<_> = faults
        .iter()
        .map(|fault| format!("{}: {}; {}", fault.field, fault.what, fault.remedy))
        .collect();
    for (field, part) in [
        ("agent_report.delimiter", "is not one character"),
        ("agent_report.decimal", "\"point\" or \"comma\""),
        ("agent_report.date_format", "is no form of a date"),
        ("agent_report.kinds", "is empty"),
        ("agent_report.columns.talk_tme", "did you mean talk_time?"),
        ("agent_report.columns.agent", "is no duration"),
        ("agent_report.columns.hold_time", "\"days\""),
        ("agent_report.columns.wrap_up_time", "did you mean name?"),
        ("agent_report.columns.", "as well; name another column"),
        (
            "agent_report.columns.activity",
            "is a whole number, not a text",
        ),
        ("queue_report.delimiter", "cannot part fields"),
        ("queue_report.columns.agent", "is no field of this report"),
    ] {
        let field = format!("acd[0].insights.{field}");
        assert!(
            told.iter()
                .any(|told| told.starts_with(&field) && told.contains(part)),
            "{field}: {part} is not among {told:#?}"
        );
    }
    assert_eq!(told.len(), 12, "{told:#?}");
    let line = text.lines().position(|line| line.starts_with("talk_tme"));
    let fault = faults
        .iter()
        .find(|fault| fault.field.ends_with("talk_tme"));
    assert_eq!(fault.unwrap().line, line.unwrap() + 1);
}

#[test]
fn the_times_of_history_have_bounds_and_fit_together() {
    let insights = |text: &str| {
        let text = whole("").replace("[acd.insights]\n", &format!("[acd.insights]\n{text}\n"));
        let faults = faults(&text);
        assert_eq!(faults.len(), 1, "{faults:#?}");
        format!("{}: {}", faults[0].field, faults[0].what)
    };
    assert!(insights("pull_every = \"10s\"").starts_with("acd[0].insights.pull_every: is out of"));
    assert!(insights("pull_back = \"31d\"").starts_with("acd[0].insights.pull_back: is out of"));
    assert!(insights("settle = \"2d\"").starts_with("acd[0].insights.settle: is out of"));
    assert!(
        insights("pull_back = \"1h\"\nsettle = \"2h\"")
            .starts_with("acd[0].insights.pull_back: is not longer than settle")
    );
    assert!(insights("max_open_keys = 0").contains("max_open_keys: is out of range"));
    assert!(insights("spill_dir = \"state/wfm-ledger.db\"").contains("spill_dir: is the file of"));
    let link = faults(&whole("").replace("\"1002\"", "\"#s=/gdc/md/p1/obj/1002\""));
    assert_eq!(link.len(), 1, "{link:?}");
    assert!(link[0].what.contains("is not an id"));
    let same = faults(&whole("").replace("\"1002\"", "\"1001\""));
    assert!(same[0].what.contains("is the id of the other report"));
    for (text, field) in [
        ("resync_every = \"1s\"", "resync_every"),
        ("roster_every = \"1min\"", "roster_every"),
        ("state_flush = \"2min\"", "state_flush"),
        ("max_agents = 0", "max_agents"),
        ("[acd.wfm.hold]\npoll_budget = 0", "hold.poll_budget"),
        (
            "[acd.wfm.hold]\npoll_interval = \"2min\"",
            "hold.poll_interval",
        ),
        ("[acd.wfm.http]\ndeadline = \"0s\"", "http.deadline"),
        ("history_redelivery = \"add\"", "history_redelivery"),
    ] {
        assert!(
            fault_in(text).starts_with(&format!("acd[0].wfm.{field}: ")),
            "{text}"
        );
    }
}

#[test]
fn overrides_of_the_contract_are_judged_each_at_its_own_place() {
    let faults = faults(&whole(
        r#"[acd.wfm.contract.files]
delimeter = ";"
rows = "many"
[acd.wfm.contract.http]
access = "magic"
[acd.wfm.contract.nothing]
x = 1
"#,
    ));
    let told: Vec<_> = faults
        .iter()
        .map(|fault| format!("{}: {}; {}", fault.field, fault.what, fault.remedy))
        .collect();
    for (field, part) in [
        ("files.delimeter", "is no setting of the contract"),
        ("files.rows", "write something like 50000"),
        ("http.access", "write something like \"session\""),
        ("nothing", "is no setting of the contract"),
    ] {
        let field = format!("acd[0].wfm.contract.{field}: ");
        assert!(
            told.iter()
                .any(|told| told.starts_with(&field) && told.contains(part)),
            "{field}{part} is not among {told:#?}"
        );
    }
    assert_eq!(told.len(), 4, "{told:#?}");

    let judged = fault_in("[acd.wfm.contract.values]\ntime_zone = \"Europe/Berln\"\n");
    assert!(
        judged.starts_with("acd[0].wfm.contract.values.time_zone: ") && judged.contains("Berlin"),
        "{judged}"
    );
    assert!(
        fault_in("[acd.wfm.contract.http]\naccess_header = \"X Key\"\n")
            .starts_with("acd[0].wfm.contract.http.access_header: it must be the name of a header")
    );
    let number = fault_in("[acd.wfm.contract.queue_file]\nname = \"Queue.csv\"\n");
    assert!(
        number.starts_with("acd[0].wfm.contract.queue_file.name: ") && number.contains("{number}"),
        "{number}"
    );
    let names = fault_in(
        "[acd.wfm.contract.agent_file]\nname = \"x.{number}\"\n[acd.wfm.contract.queue_file]\nname = \"x.{number}\"\n",
    );
    assert!(names.contains("agent_file.name"), "{names}");
}

#[test]
fn the_mapping_of_activities_is_refused_by_the_fields_name() {
    let activity = |text: &str| {
        fault_of(&format!(
            "[[acd.wfm.activity]]\nactivity = \"Break\"\n{text}\n"
        ))
    };
    for state in ["Hold", "hold", "Talking", "talking"] {
        assert!(
            activity(&format!("state = \"{state}\""))
                .starts_with("acd[0].wfm.activity[0].state: is fixed: Hold and Talking follow"),
            "{state}"
        );
    }
    for state in ["ready", "Ready", "logout", "Logout"] {
        assert!(
            activity(&format!("state = \"{state}\"\nstate_reason_code = true"))
                .starts_with("acd[0].wfm.activity[0].state_reason_code: goes only with the states"),
            "{state}"
        );
    }
    for state in ["not-ready", "work-not-ready", "work-ready"] {
        let text = format!(
            "{MINIMAL}[[acd.wfm.activity]]\nactivity = \"Break\"\nstate = \"{state}\"\nstate_reason_code = true\n"
        );
        parse(&text).unwrap();
    }
    assert!(activity("state = \"busy\"").contains("is not one of the words it can be"));
    let twice =
        "state = \"Not Ready\"\n[[acd.wfm.activity]]\nactivity = \"bREAK\"\nstate = \"ready\"";
    assert!(activity(twice).starts_with("acd[0].wfm.activity[1].activity: is mapped already"));
    let other = fault_of(
        "[[acd.wfm.activity]]\nactivity = \"WK00000000000000000000000000000001\"\nstate = \"ready\"\n",
    );
    assert!(
        other.starts_with("acd[0].wfm.activity[0].activity: ") && other.contains("worker SID"),
        "{other}"
    );
    let zone = common::fault_with("America/Chicago", "America/Chicagoo");
    assert!(
        zone.starts_with("acd[0].time_zone: ") && zone.contains("did you mean"),
        "{zone}"
    );
    assert!(
        fault_of("[acd.wfm]\nadherence = true\n")
            .contains("adherence is on, and workforce management is not among the products")
    );
}

#[test]
fn sync_wfm_listens_elsewhere_than_sync_qm() {
    use Product::{QualityManagement, WorkforceManagement};
    let config = parse(MINIMAL).unwrap();
    let listen = |product| config.runtime.listen_of(product).unwrap().port();
    assert_eq!(
        (listen(QualityManagement), listen(WorkforceManagement)),
        (9464, 9466)
    );
    assert!(config.intake.of(WorkforceManagement).is_none());
    let on = "[intake]\nwfm_public_url = \"https://x.example.com/wfm\"\n";
    let config = parse(&format!("{MINIMAL}{on}")).unwrap();
    let (public, listen) = config.intake.of(WorkforceManagement).unwrap();
    assert_eq!(
        (public.to_string().as_str(), listen.port()),
        ("https://x.example.com/wfm", 9467)
    );
    assert!(config.intake.of(QualityManagement).is_none());

    assert!(
        fault_of(&format!("{on}wfm_listen = \"127.0.0.1:9466\"\n"))
            .starts_with("intake.wfm_listen: is the address of runtime.wfm_listen")
    );
    assert!(
        fault_of("[runtime]\nwfm_listen = \"0.0.0.0:9466\"\n")
            .starts_with("runtime.wfm_listen: is not a loopback address")
    );
    assert!(
        fault_of("[intake]\nwfm_public_url = \"http://127.0.0.1:1\"\n")
            .starts_with("intake.wfm_public_url: is http")
    );
    let keyed = MINIMAL.replace(
        "auth_token = { env = \"TWILIO_AUTH_TOKEN\" }",
        "api_key = { sid = \"SK00000000000000000000000000000001\", secret = { env = \"K\" } }",
    );
    let faults = faults(&format!("{keyed}{on}"));
    assert!(
        faults[0].what.contains("intake.wfm_public_url"),
        "{faults:?}"
    );
}

#[test]
fn two_acds_share_no_drop_folder() {
    let second = MINIMAL.replace("\"main\"", "\"second\"").replace(
        "AC00000000000000000000000000000001",
        "AC00000000000000000000000000000002",
    );
    let folder = "[acd.wfm.files]\nfolder = \"/mnt/gis\"\n";
    let faults = faults(&format!("{MINIMAL}{folder}{second}{folder}"));
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(
        faults[0]
            .what
            .starts_with("has the wfm.files.folder of the ACD on line")
    );
}

#[test]
fn the_spool_spares_what_sync_wfm_has_on_disk() {
    let spool = |dir: &str, extra: &str| fault_of(&format!("{extra}[spool]\ndir = \"{dir}\"\n"));
    assert!(spool("s", "[acd.insights]\nspill_dir = \"s/x\"\n").contains("insights.spill_dir"));
    assert!(spool("s", "[acd.wfm.files]\nfolder = \"s\"\n").contains("the drop folder"));
    assert!(spool("s", "[ledger]\nwfm_path = \"s/w.db\"\n").contains("the ledger of sync-wfm"));
}
