//! What is wrong is said all at once, with its place and its remedy, and without a secret.

use crate::common;

use common::{MINIMAL, fault_of, fault_with, faults, parse};
use connector_config::{Config, ConfigError, DiscoverFrom, NoMedia};
use proptest::prelude::*;

#[test]
fn the_least_that_a_file_must_say_is_a_configuration() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.acds.len(), 1);
    assert_eq!(
        config.ledger.path.to_str(),
        Some("/etc/connector/state/ledger.db")
    );
    assert_eq!(config.acds[0].media.no_media, NoMedia::Park);
    assert_eq!(
        config.acds[0].calabrio.leg_key_field.as_str(),
        "Twilio-Leg-key"
    );
    assert_eq!(
        config.acds[0].key().to_string(),
        "AC00000000000000000000000000000001/WS00000000000000000000000000000001/tenant.example.com"
    );
}

#[test]
fn a_file_with_ten_faults_reports_ten_each_with_its_place_and_its_remedy() {
    let text = r#"
[limits]
memory = 512
twilio_inflight = 4
[timing]
capture_delay = "150 seconds"
[[acd]]
name = "main"
time_zone = "Chicago"
[acd.twilio]
account_sid = "WS00000000000000000000000000000001"
workspace_sid = "WS0000000000000000000000000000001"
auth_token = "hunter2hunter2hunter2hunter2hunt"
[acd.calabrio]
base_url = "http://tenant.example.com"
username = ""
"#;
    let found: Vec<_> = faults(text).iter().map(ToString::to_string).collect();
    let at = |line: usize, column: usize, rest: &str| {
        format!("/etc/connector/connector.toml:{line}:{column}: {rest}")
    };
    let expected = [
        at(
            3,
            10,
            "limits.memory: is not a size; write a whole number and a unit (B, KiB, MiB, GiB), in quotation marks: \"512MiB\"",
        ),
        at(
            4,
            1,
            "limits.twilio_inflight: is not a known field; did you mean twilio_in_flight?",
        ),
        at(
            6,
            17,
            "timing.capture_delay: is not a duration; write a whole number and a unit (ms, s, min, h, d), in quotation marks: \"150s\"",
        ),
        at(
            9,
            13,
            "acd[0].time_zone: is not the IANA name of a time zone; did you mean \"America/Chicago\"?",
        ),
        at(
            11,
            15,
            "acd[0].twilio.account_sid: an account SID starts with \"AC\", but this one starts with \"WS\" (that is a workspace SID); copy the SID that starts with AC from the Twilio console",
        ),
        at(
            12,
            17,
            "acd[0].twilio.workspace_sid: a workspace SID has 34 characters, but this one has 33; copy the SID that starts with WS from the Twilio console",
        ),
        at(
            13,
            14,
            "acd[0].twilio.auth_token: is a secret, and secrets do not stand in this file; refer to it: { env = \"NAME\" } or { file = \"/path\" }",
        ),
        at(
            14,
            6,
            "acd[0].calabrio.password: is missing; add password = { env = \"NAME\" } or { file = \"/path\" }",
        ),
        at(
            15,
            12,
            "acd[0].calabrio.base_url: http is allowed only to a loopback address (127.0.0.1, [::1], localhost); use https; write an address that begins with https://",
        ),
        at(
            16,
            12,
            "acd[0].calabrio.username: is empty; write it: \"…\"",
        ),
    ];
    assert_eq!(found, expected);
    assert_eq!(found.len(), 10);
}

#[test]
fn the_whole_error_counts_the_faults_and_repeats_no_secret() {
    let error = parse("auth_token = \"hunter2\"\nacd = \"hunter2\"\n").unwrap_err();
    let text = format!("{error}\n{error:?}");
    assert!(text.starts_with("the configuration has 2 faults\n  /etc/connector/connector.toml:1:1: auth_token: is not a known field"), "{text}");
    assert!(!text.contains("hunter2"));
}

#[test]
fn what_is_not_toml_is_named_by_its_place_alone() {
    let found = faults("[ledger]\npath = \"hunter2\n[[acd]\nname = = 1\n");
    assert!(
        found
            .iter()
            .all(|fault| fault.what.starts_with("this is not TOML")
                && !fault.to_string().contains("hunter2")),
        "{found:#?}"
    );
    assert_eq!((found[0].line, found[0].field.as_str()), (2, ""));
    assert!(found.len() >= 2, "{found:#?}");
}

#[test]
fn an_empty_file_says_that_an_acd_is_missing() {
    let found = faults("");
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "/etc/connector/connector.toml:1:1: acd: is missing: there is no ACD to work for; add an [[acd]] entry; the command init writes an example"
    );
}

#[test]
fn a_missing_table_is_one_fault() {
    let found = faults("[[acd]]\nname = \"a\"\ntime_zone = \"UTC\"\n");
    let fields: Vec<_> = found.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["acd[0].twilio", "acd[0].calabrio"]);
}

#[test]
fn columns_count_characters() {
    let found = faults("[runtime]\n\"ü\" = 1\nlog_level = 1 # ü\n[[acd]]\n");
    let places: Vec<_> = found
        .iter()
        .take(2)
        .map(|fault| (fault.line, fault.column))
        .collect();
    assert_eq!(places, [(2, 1), (3, 13)]);
}

#[test]
fn a_secret_is_referred_to_in_exactly_one_way() {
    let field = "auth_token = { env = \"TWILIO_AUTH_TOKEN\" }";
    for (value, what) in [
        ("{}", "does not name exactly one place of the secret"),
        (
            "{ env = \"A\", file = \"/b\" }",
            "does not name exactly one place of the secret",
        ),
        (
            "{ env = \"\" }",
            "does not name the place of the secret with a text",
        ),
        (
            "{ env = 1 }",
            "does not name the place of the secret with a text",
        ),
        (
            "{ files = \"/hunter2\" }",
            "names an unknown place of the secret; did you mean file?",
        ),
        ("17", "is a secret, and secrets do not stand in this file"),
    ] {
        let fault = fault_with(field, &format!("auth_token = {value}"));
        assert!(
            fault.starts_with(&format!("acd[0].twilio.auth_token: {what}")),
            "{fault}"
        );
        assert!(!fault.contains("hunter2"));
    }
}

#[test]
fn twilio_needs_an_auth_token_or_an_api_key() {
    let token = "auth_token = { env = \"TWILIO_AUTH_TOKEN\" }";
    assert!(
        fault_with(token, "")
            .starts_with("acd[0].twilio.auth_token: is missing, and there is no api_key either")
    );
    let key =
        "api_key = { sid = \"SK00000000000000000000000000000001\", secret = { file = \"key\" } }";
    let config = parse(&MINIMAL.replace(token, key)).unwrap();
    assert!(matches!(
        config.acds[0].twilio.credentials(),
        Some(connector_config::TwilioCredentials::ApiKey(_))
    ));
}

#[test]
fn http_is_allowed_only_to_a_loopback_address_that_the_file_lists() {
    let base = "base_url = \"https://tenant.example.com\"";
    for address in [
        "http://127.0.0.1:4010/calabrio.example",
        "http://[::1]:4010",
        "http://localhost:4010",
    ] {
        let fault = fault_with(base, &format!("base_url = \"{address}\""));
        assert!(
            fault.starts_with("acd[0].calabrio.base_url: is http, and its address is not listed"),
            "{fault}"
        );
    }
    let text = MINIMAL.replace(
        base,
        "base_url = \"http://127.0.0.1:4010/calabrio.example\"",
    );
    let tail = "[acd.twilio.endpoints]\napi = \"http://127.0.0.1:4010/api.twilio.com\"\n[tls]\nallow_http_loopback = [\"127.0.0.1:4010\"]\n";
    let config = parse(&format!("{text}{tail}")).unwrap();
    assert_eq!(
        config.acds[0].twilio.endpoints.api.to_string(),
        "http://127.0.0.1:4010/api.twilio.com"
    );
    assert!(
        parse(&format!(
            "{text}{}",
            tail.replace("[\"127.0.0.1:4010\"]", "[\"127.0.0.1:4011\"]")
        ))
        .is_err()
    );
    assert!(
        fault_of("[tls]\nallow_http_loopback = [\"10.0.0.1:80\"]\n")
            .contains("holds an address that is not loopback")
    );
    assert!(
        fault_of("[tls]\nallow_http_loopback = [\"127.0.0.1:80\", \"here\"]\n")
            .starts_with("tls.allow_http_loopback[1]: is not an address with a port")
    );
}

#[test]
fn two_listeners_need_two_addresses() {
    let public = "[intake]\npublic_url = \"https://connector.example.com/twilio\"\n";
    let with = |runtime: &str, intake: &str| {
        format!(
            "{MINIMAL}[runtime]\nlisten = \"{runtime}\"\nbearer_token = {{ env = \"T\" }}\n{public}{intake}"
        )
    };
    let listen = |address: &str| format!("listen = \"{address}\"\n");
    for (runtime, intake) in [
        ("127.0.0.1:9000", listen("127.0.0.1:9000")),
        ("127.0.0.1:9465", String::new()),
        ("0.0.0.0:9000", listen("127.0.0.1:9000")),
        ("127.0.0.1:9000", listen("[::]:9000")),
    ] {
        let told = faults(&with(runtime, &intake))[0].to_string();
        assert!(
            told.contains("intake.listen: is the address of runtime.listen")
                && told.contains("another port"),
            "{told}"
        );
    }
    for (runtime, intake) in [
        ("127.0.0.1:9000", "127.0.0.1:9001"),
        ("127.0.0.1:9000", "127.0.0.2:9000"),
        ("127.0.0.1:9000", "[::1]:9000"),
        ("0.0.0.0:9000", "[::1]:9000"),
        ("off", "127.0.0.1:9000"),
    ] {
        assert!(
            parse(&with(runtime, &listen(intake))).is_ok(),
            "{runtime} {intake}"
        );
    }
    let off = with("127.0.0.1:9465", "").replace(public, "");
    assert!(parse(&off).is_ok(), "without pushed events nobody listens");
}

#[test]
fn pushed_events_come_to_a_port_that_stays() {
    assert_eq!(
        fault_of("[intake]\nlisten = \"127.0.0.1:0\"\n"),
        "intake.listen: has port 0, which is another port at every start; write the port that public_url leads to: \"127.0.0.1:9465\""
    );
}

#[test]
fn a_listener_that_others_can_reach_needs_a_token() {
    assert!(
        fault_of("[runtime]\nlisten = \"0.0.0.0:9464\"\n")
            .starts_with("runtime.listen: is not a loopback address, and there is no bearer_token")
    );
    assert!(
        parse(&format!(
            "{MINIMAL}[runtime]\nlisten = \"0.0.0.0:9464\"\nbearer_token = {{ env = \"T\" }}\n"
        ))
        .is_ok()
    );
    assert_eq!(
        parse(&format!("{MINIMAL}[runtime]\nlisten = \"off\"\n"))
            .unwrap()
            .runtime
            .listen,
        None
    );
}

#[test]
fn two_acds_share_neither_a_name_nor_an_identity() {
    let second = MINIMAL.replace("\"main\"", "\"Main\"").replace(
        "AC00000000000000000000000000000001",
        "AC00000000000000000000000000000002",
    );
    assert!(fault_of(&second).starts_with("acd[1].name: is the name of another ACD, on line 3"));
    let second = MINIMAL.replace("\"main\"", "\"second\"");
    assert!(
        fault_of(&second).starts_with(
            "acd[1].twilio: has the account, workspace and tenant of the ACD on line "
        )
    );
}

#[test]
fn metadata_mappings_are_judged() {
    let entry = |text: &str| fault_of(&format!("[[acd.metadata]]\n{text}\n"));
    assert!(entry("attribute = \"a.b.c\"\nlabel = \"X\"").starts_with(
        "acd[0].metadata[0].attribute: the task attribute \"a.b.c\" is nested 2 levels deep"
    ));
    assert!(
        entry("attribute = \"a.\"\nlabel = \"X\"").starts_with("acd[0].metadata[0].attribute: ")
    );
    assert!(
        entry("fact = \"queue\"\nlabel = \"X\"")
            .starts_with("acd[0].metadata[0].fact: there is no fact \"queue\"")
    );
    assert!(entry("attribute = \"a\"").starts_with(
        "acd[0].metadata[0].label: a mapping names its metadata field either by key or by label"
    ));
    assert!(
        entry("label = \"X\"")
            .starts_with("acd[0].metadata[0].attribute: a mapping takes its value either")
    );
    assert!(
        entry("attribute = \"a\"\nfact = \"channel\"\nlabel = \"X\"")
            .starts_with("acd[0].metadata[0].attribute: ")
    );
    assert!(
        entry("attribute = \"a\"\nlabel = \"Twilio Leg\"").starts_with(
            "acd[0].metadata[0].label: mapping 1 (attribute a) fills \"Twilio-Leg-key\""
        )
    );
    assert!(
        entry(&format!(
            "attribute = \"a\"\nlabel = \"{}\"",
            "x".repeat(36)
        ))
        .contains("has 40 characters")
    );
    let twice = "[[acd.metadata]]\nattribute = \"a\"\nkey = \"A-key\"\n[[acd.metadata]]\nattribute = \"b\"\nlabel = \"A\"\n";
    assert!(fault_of(twice).starts_with("acd[0].metadata[1].label: mapping 2 (attribute b) fills \"A-key\", as mapping 1 does already; "));
    let many = (0..101).fold(String::new(), |text, index| {
        text + &format!("[[acd.metadata]]\nattribute = \"a\"\nlabel = \"F{index}\"\n")
    });
    assert!(fault_of(&many).starts_with("acd[0].metadata: there are 101 mappings, but Calabrio has at most 100 custom metadata fields; remove some"));
}

#[test]
fn two_unsound_mappings_are_two_faults_and_clashes_are_found_beside_them() {
    let text = format!(
        "{MINIMAL}[[acd.metadata]]\nattribute = \"a..b\"\nlabel = \"X\"\n[[acd.metadata]]\nattribute = \"a\"\nlabel = \"Y\"\n[[acd.metadata]]\nattribute = \"b\"\nlabel = \"Y\"\n"
    );
    let fields: Vec<_> = faults(&text).into_iter().map(|fault| fault.field).collect();
    assert_eq!(
        fields,
        ["acd[0].metadata[0].attribute", "acd[0].metadata[2].label"]
    );
}

#[test]
fn sound_mappings_become_rules_with_the_configured_limit() {
    let config = parse(&format!("{MINIMAL}metadata_value_limit = 40\n[[acd.metadata]]\nattribute = \"customer.tier\"\nlabel = \"Customer Tier\"\n")).unwrap();
    let metadata = &config.acds[0].metadata;
    assert_eq!(
        (
            metadata.rules()[0].to_string().as_str(),
            metadata.value_limit()
        ),
        ("attribute customer.tier -> Customer-Tier-key", 40)
    );
}

#[test]
fn the_leg_key_field_is_named_by_its_key() {
    for key in ["Twilio Leg", "a&b-key", "a=b-key"] {
        let fault = fault_of(&format!("leg_key_field = \"{key}\"\n"));
        assert!(
            fault.starts_with("acd[0].calabrio.leg_key_field: the metadata key"),
            "{fault}"
        );
    }
    let config = parse(&format!("{MINIMAL}leg_key_field = \"Leg\"\n")).unwrap();
    assert!(
        config
            .warnings()
            .iter()
            .any(|warning| warning.field == "acd[0].calabrio.leg_key_field")
    );
}

#[test]
fn encryption_keys_are_judged() {
    let key = |name: &str, sid: &str| {
        format!(
            "[[acd.encryption_key]]\nname = \"{name}\"\npublic_key_sid = \"{sid}\"\nprivate_key = {{ file = \"k\" }}\n"
        )
    };
    let (one, two) = (
        "CR00000000000000000000000000000001",
        "CR00000000000000000000000000000002",
    );
    assert!(fault_of(&key("my key", one)).contains("neither letters nor digits"));
    assert!(
        fault_of(&format!("{}{}", key("a", one), key("A", two)))
            .contains("is the name of another key")
    );
    assert!(fault_of(&format!("{}{}", key("a", one), key("b", one))).contains("is listed already"));
    assert!(
        fault_of(&key("a", "SK00000000000000000000000000000001"))
            .contains("(that is an API key SID)")
    );
}

#[test]
fn exclusion_rules_are_judged() {
    let rule = |text: &str| fault_of(&format!("[[acd.exclude]]\nname = \"r\"\n{text}\n"));
    assert!(rule("").contains("names nothing that a leg must fit"));
    assert!(rule("channel = \"voice\"\nequals = \"x\"").contains("stands without attribute"));
    assert!(
        rule("queue = \"WK00000000000000000000000000000001\"")
            .contains("(that is a worker SID); write the SID of the queue, or its name")
    );
    assert!(
        rule("worker = \"WQ00000000000000000000000000000001\"")
            .contains("(that is a task queue SID)")
    );
    assert!(rule("direction = \"both\"").contains("write \"inbound\" or \"outbound\""));
    assert!(rule("shorter_than = \"2d\"").contains("write a duration from 1ms to 1d"));
    let twice = "[[acd.exclude]]\nname = \"r\"\nchannel = \"chat\"\n";
    assert!(fault_of(&format!("{twice}{twice}")).contains("is the name of another rule"));
}

#[test]
fn timings_and_limits_have_bounds_and_fit_together() {
    let timing = |text: &str| fault_of(&format!("[timing]\n{text}\n"));
    assert!(
        timing("discover_window = \"6min\"")
            .ends_with("is out of range; write a duration from 1s to 5min")
    );
    assert!(timing("capture_wait = \"100s\"").contains("is shorter than capture_delay"));
    assert!(timing("search_settle = \"30s\"").contains("is shorter than search_interval"));
    assert!(fault_of("[limits]\ntwilio_in_flight = 0\n").ends_with("write a value from 1 to 256"));
    assert!(
        fault_of("[limits]\ntwilio_in_flight = 99999999999999999999\n").contains("is out of range")
    );
    assert!(
        fault_of("[runtime]\nlog_level = \"loud\"\n")
            .contains("is neither a level nor a list of directives")
    );
}

#[test]
fn the_spool_holds_nothing_that_emptying_it_would_lose() {
    assert!(fault_of("[spool]\ndir = \"state\"\n").contains("dir holds the ledger"));
    assert!(
        fault_of("[spool]\ndir = \"/etc/connector\"\n[ledger]\npath = \"/var/ledger.db\"\n")
            .contains("dir holds this configuration")
    );
}

/// The minimal file with a webhook that has all it needs.
fn with_webhook(url: &str) -> String {
    let name = "name = \"main\"";
    MINIMAL.replace(name, &format!("{name}\nevent_webhook_url = \"{url}\""))
        + "tenant_id = 7\n[acd.webhook]\nsecrets = [{ env = \"WEBHOOK_SECRET\" }]\n"
}

#[test]
fn a_webhook_needs_the_tenants_number_and_a_secret() {
    let all = with_webhook("https://example.com/x");
    assert!(parse(&all).is_ok());
    let without = |part: &str| faults(&all.replace(part, ""))[0].to_string();
    assert!(without("tenant_id = 7\n").contains("needs calabrio.tenant_id"));
    assert!(
        without("secrets = [{ env = \"WEBHOOK_SECRET\" }]\n").contains("needs webhook.secrets")
    );
}

#[test]
fn a_webhooks_address_is_absolute_https_fully_qualified_and_holds_no_credentials() {
    let with = |url: &str| faults(&with_webhook(url))[0].to_string();
    for (url, said) in [
        ("https://example.com:0/x", "has port 0"),
        (
            "https://example.com/x#top",
            "remove everything from the # on",
        ),
        ("https://example.com/x#", "remove everything from the # on"),
        ("http://example.com/x", "goes over https"),
        ("https://10.1.2.3/x", "private"),
        ("https://2130706433/x", "loopback"),
        (
            "https://[::ffff:10.0.0.1]/x",
            "IPv4 address written as an IPv6",
        ),
        ("https://intranet/x", "is not fully qualified"),
        ("/x", "not an absolute URL"),
        ("https://user:word@example.com/x", "user name"),
    ] {
        let told = with(url);
        assert!(
            told.contains("event_webhook_url") && told.contains(said),
            "{told}"
        );
    }
}

#[test]
fn a_webhook_may_go_to_a_listed_address_of_this_machine_without_tls() {
    let text = with_webhook("http://127.0.0.1:9000/x");
    assert!(faults(&text)[0].to_string().contains("event_webhook_url"));
    let listed = format!("{text}[tls]\nallow_http_loopback = [\"127.0.0.1:9000\"]\n");
    assert!(parse(&listed).is_ok());
}

#[test]
fn networks_are_written_as_cidr() {
    let with = |network: &str| {
        format!(
            "{}allow_networks = [\"{network}\"]\n",
            with_webhook("https://example.com/x")
        )
    };
    assert!(parse(&with("10.20.0.0/16")).is_ok());
    assert!(parse(&with("fd00::/8")).is_ok());
    for wrong in ["10.20.0.0", "10.20.0.0/33", "intranet/8", "fd00::/129"] {
        assert!(
            faults(&with(wrong))[0].to_string().contains("CIDR"),
            "{wrong}"
        );
    }
}

#[test]
fn pushed_events_need_something_to_authenticate_them_with() {
    let public = "[intake]\npublic_url = \"https://connector.example.com/twilio\"\n";
    let key = MINIMAL.replace(
        "auth_token = { env = \"TWILIO_AUTH_TOKEN\" }",
        "api_key = { sid = \"SK00000000000000000000000000000001\", secret = { env = \"K\" } }",
    );
    assert!(parse(&format!("{public}{MINIMAL}")).is_ok());
    assert!(parse(&key).is_ok());
    let told = faults(&format!("{public}{key}"))[0].to_string();
    assert!(told.contains("[acd.intake]"), "{told}");
    let basic = "[acd.intake]\nusername = \"twilio\"\npassword = { env = \"P\" }\n";
    assert!(parse(&format!("{public}{key}{basic}")).is_ok());
    let secret = "[acd.intake]\nsecret_path = { env = \"P\" }\n";
    assert!(parse(&format!("{public}{key}{secret}")).is_ok());
    assert!(told.contains("secret_path under [acd.intake]"), "{told}");
    let plain = fault_of("[acd.intake]\nsecret_path = \"0123456789abcdef0123456789abcdef\"\n");
    assert!(plain.contains("intake.secret_path"), "{plain}");
    assert!(!plain.contains("0123456789abcdef"), "{plain}");
    let half = faults(&format!("{MINIMAL}[acd.intake]\nusername = \"twilio\"\n"))[0].to_string();
    assert!(half.contains("stands without password"), "{half}");
    let wrong = fault_of("[acd.intake]\npath = \"a/b\"\n");
    assert!(wrong.contains("intake.path"), "{wrong}");
}

#[test]
fn two_acds_share_no_path_of_pushed_events() {
    let public = "[intake]\npublic_url = \"https://connector.example.com/twilio\"\n";
    let second = MINIMAL
        .replace("\"main\"", "\"second\"")
        .replace("tenant.example.com", "other.example.com");
    let both = format!("{MINIMAL}{second}");
    assert!(
        parse(&both).is_ok(),
        "without pushed events a path is of no account"
    );
    let told = faults(&format!("{public}{both}"))[0].to_string();
    assert!(told.contains("intake.path of the ACD on line"), "{told}");
}

#[test]
fn the_path_of_pushed_events_is_the_workspace_unless_it_is_named() {
    let plain = parse(MINIMAL).unwrap();
    assert_eq!(
        plain.acds[0].intake_path(),
        "ws00000000000000000000000000000001"
    );
    let named = parse(&format!("{MINIMAL}[acd.intake]\npath = \"main\"\n")).unwrap();
    assert_eq!(named.acds[0].intake_path(), "main");
}

#[test]
fn creating_people_needs_to_know_where() {
    let faults = faults(&format!("{MINIMAL}[acd.people]\ncreate = true\n"));
    let told: Vec<_> = faults.iter().map(|fault| fault.what.as_str()).collect();
    assert_eq!(
        told,
        [
            "needs team_id",
            "needs role_ids",
            "needs calabrio.acd_server_id"
        ]
    );
}

#[test]
fn a_file_in_a_transcript_is_no_larger_than_the_transcript() {
    let told = fault_of("[acd.digital]\nmax_attachment = \"32MiB\"\n");
    assert!(told.contains("larger than max_transcript"), "{told}");
}

#[test]
fn the_times_of_hold_and_reconciliation_are_bounded() {
    for (text, said) in [
        (
            "[acd.hold]\npoll_interval = \"1ms\"\n",
            "poll_interval: is out of range",
        ),
        (
            "[acd.hold]\npoll_budget = 0\n",
            "poll_budget: is out of range",
        ),
        (
            "[reconcile]\nat = \"25:00\"\n",
            "reconcile.at: is not a time of day",
        ),
        (
            "[reconcile]\nwindow = \"31d\"\n",
            "reconcile.window: is out of range",
        ),
        (
            "[intake]\nmax_body = \"1KiB\"\n",
            "intake.max_body: is out of range",
        ),
    ] {
        let told = fault_of(text);
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn the_switch_of_former_versions_names_its_words() {
    let name = "name = \"main\"";
    let told = fault_with(name, &format!("{name}\ndelete_source = true"));
    assert!(told.contains("\"after-complete\""), "{told}");
}

#[test]
fn a_file_with_everything_in_it_wants_no_attention() {
    let config = parse(&common::with_everything_written()).unwrap();
    assert_eq!(config.warnings(), []);
}

#[test]
fn hold_in_screen_recording_without_its_messages_is_warned_of() {
    let config = parse(&format!("{MINIMAL}[acd.screen_recording]\nholds = true\n")).unwrap();
    let fields: Vec<_> = config
        .warnings()
        .iter()
        .map(|warning| warning.field.as_str())
        .collect();
    assert!(
        fields.contains(&"acd[0].screen_recording.holds"),
        "{fields:?}"
    );
}

#[test]
fn a_rotation_needs_a_key_to_rotate_to() {
    let faults = faults(&format!(
        "{MINIMAL}[ledger]\nold_sealing_keys = [{{ env = \"OLD\" }}]\n"
    ));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].field, "ledger.old_sealing_keys");
    assert!(faults[0].remedy.contains("set sealing_key"), "{faults:?}");
}

#[test]
fn a_ledger_without_a_sealing_key_is_warned_of() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.warnings().len(), 1);
    assert_eq!(config.warnings()[0].field, "ledger.sealing_key");
}

#[test]
fn discovery_begins_where_the_file_says() {
    let from = |value: &str| {
        let text = MINIMAL.replace(
            "name = \"main\"",
            &format!("name = \"main\"\ndiscover_from = {value}"),
        );
        parse(&text).map(|config| config.acds[0].discover_from)
    };
    let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    assert_eq!(from("\"now\"").unwrap().resolve(now), now);
    assert_eq!(
        from("\"24h\"").unwrap().resolve(now).timestamp(),
        1_800_000_000 - 86_400
    );
    for time in [
        "\"2026-03-01T00:00:00Z\"",
        "2026-03-01T00:00:00Z",
        "\"2026-02-28T18:00:00-06:00\"",
    ] {
        assert_eq!(from(time).unwrap().to_string(), "2026-03-01T00:00:00Z");
    }
    assert_eq!(
        DiscoverFrom::At(now + chrono::Duration::days(1)).resolve(now),
        now
    );
    assert!(from("\"yesterday\"").is_err() && from("2026-03-01T00:00:00").is_err());
}

#[test]
fn contract_overrides_are_kept_as_they_are() {
    let config = parse(&format!("{MINIMAL}[acd.calabrio.contract]\nimport_path = \"/x\"\n[acd.calabrio.contract.fields]\ncount = 0x10\nshare = 0.5\nat = 2026-01-01\n")).unwrap();
    let expected = serde_json::json!({ "import_path": "/x", "fields": { "count": 16, "share": 0.5, "at": "2026-01-01" } });
    assert_eq!(config.acds[0].calabrio.contract, expected);
    assert!(fault_of("contract = { share = nan }\n").contains("not finite"));
    assert!(
        fault_of("contract = 1\n")
            .starts_with("acd[0].calabrio.contract: is a whole number, not a table")
    );
}

#[test]
fn a_file_that_is_not_there_and_one_that_is_too_large_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("connector.toml");
    let error = Config::load(&path).unwrap_err();
    assert!(
        matches!(error, ConfigError::Unreadable { .. }) && error.to_string().contains("--config")
    );
    std::fs::write(&path, "#".repeat(5 << 20)).unwrap();
    assert!(matches!(
        Config::load(&path).unwrap_err(),
        ConfigError::TooLarge { .. }
    ));
    std::fs::write(&path, MINIMAL).unwrap();
    assert_eq!(Config::load(&path).unwrap().file(), path);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_damage_to_a_whole_file_makes_it_panic(at in 0_usize..8000, junk in "[\\PC\\n]{0,6}", drop in 0_usize..40) {
        let text: Vec<char> = common::with_everything_written().chars().collect();
        let at = at.min(text.len());
        let damaged: String = text[..at].iter().copied().chain(junk.chars()).chain(text[(at + drop).min(text.len())..].iter().copied()).collect();
        if let Err(error) = parse(&damaged) {
            prop_assert!(!error.faults().is_empty());
            let lines = damaged.lines().count() + 1;
            prop_assert!(error.faults().iter().all(|fault| (1..=lines).contains(&fault.line) && fault.column >= 1));
        }
    }

    #[test]
    fn any_value_in_the_place_of_any_other_is_a_fault_or_fine(line in 0_usize..200, value in prop_oneof![
        Just("1"), Just("-1"), Just("true"), Just("\"x\""), Just("[]"), Just("{}"), Just("1.5"), Just("1979-05-27"), Just("[[]]"), Just("[{}]"), Just("{ env = [] }"),
    ]) {
        let text = common::with_everything_written();
        let changed: Vec<_> = text.lines().enumerate().map(|(index, text)| match text.split_once(" = ") {
            Some((key, _)) if index == line => format!("{key} = {value}"),
            _ => text.to_owned(),
        }).collect();
        let _ = parse(&changed.join("\n"));
    }
}
