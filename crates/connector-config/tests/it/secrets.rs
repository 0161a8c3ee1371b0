//! Secrets are fetched in a step of their own, and never shown.

use crate::common;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;

use common::{MINIMAL, parse};
use connector_config::{ConfigError, SecretError, SecretPlace, SecretSource, SystemSecrets};
use secrecy::{ExposeSecret, SecretSlice};

struct Map(HashMap<&'static str, &'static [u8]>);

impl SecretSource for Map {
    fn get(&self, place: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        match place {
            SecretPlace::Env(name) => self
                .0
                .get(name.as_str())
                .map(|value| value.to_vec().into())
                .ok_or_else(|| SecretError::Unset(name.clone())),
            other => SystemSecrets.get(other),
        }
    }
}

fn map(entries: &[(&'static str, &'static [u8])]) -> Map {
    Map(entries.iter().copied().collect())
}

const BOTH: [(&str, &[u8]); 2] = [
    ("TWILIO_AUTH_TOKEN", b"token-hunter2"),
    ("CALABRIO_PASSWORD", b"password-hunter2"),
];

#[test]
fn every_secret_is_fetched_and_none_is_printed() {
    let config = parse(&format!(
        "{MINIMAL}[ledger]\nsealing_key = {{ env = \"KEY\" }}\n"
    ))
    .unwrap();
    let hex = b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let secrets = config
        .resolve_secrets(&map(&[BOTH[0], BOTH[1], ("KEY", hex)]))
        .unwrap();
    assert_eq!(
        secrets
            .acd("main")
            .unwrap()
            .auth_token
            .as_ref()
            .unwrap()
            .expose_secret(),
        "token-hunter2"
    );
    assert_eq!(
        secrets
            .acd("main")
            .unwrap()
            .calabrio_password
            .expose_secret(),
        "password-hunter2"
    );
    assert_eq!(
        secrets.sealing_key.as_ref().unwrap().expose_secret()[31],
        0x1f
    );
    let printed = format!(
        "{secrets:?} {config:?} {}",
        serde_json::to_string(&config).unwrap()
    );
    assert!(!printed.contains("hunter2") && !printed.contains("0001020304"));
}

#[test]
fn the_secrets_of_webhooks_and_pushed_events_are_fetched_and_none_is_printed() {
    let name = "name = \"main\"";
    let text = MINIMAL.replace(
        name,
        &format!("{name}\nevent_webhook_url = \"https://example.com/x\""),
    ) + "tenant_id = 7\n[acd.webhook]\nsecrets = [{ env = \"NEW\" }, { env = \"OLD\" }]\n\
         [acd.intake]\nusername = \"twilio\"\npassword = { env = \"INTAKE\" }\n";
    let config = parse(&text).unwrap();
    let secrets = config
        .resolve_secrets(&map(&[
            BOTH[0],
            BOTH[1],
            ("NEW", b"whsec_hunter2new"),
            ("OLD", b"whsec_hunter2old"),
            ("INTAKE", b"intake-hunter2"),
        ]))
        .unwrap();
    let acd = secrets.acd("main").unwrap();
    let signing: Vec<_> = acd
        .webhook_secrets
        .iter()
        .map(|secret| secret.expose_secret().to_owned())
        .collect();
    assert_eq!(signing, ["whsec_hunter2new", "whsec_hunter2old"]);
    assert_eq!(
        acd.intake_password.as_ref().unwrap().expose_secret(),
        "intake-hunter2"
    );
    assert!(!format!("{secrets:?}").contains("hunter2"));
}

fn with_secret_path() -> String {
    format!("{MINIMAL}[acd.intake]\nsecret_path = {{ env = \"SECRET_PATH\" }}\n")
}

#[test]
fn a_secret_path_is_fetched_and_not_printed() {
    let config = parse(&with_secret_path()).unwrap();
    let longest = "~".repeat(200);
    for value in [
        "hunter2-hunter2_hunter2.hunter2~",
        "hunter2hunter2hunter2hunter2hunter2hunter2",
        longest.as_str(),
    ] {
        let value: &'static str = value.to_owned().leak();
        let secrets = config
            .resolve_secrets(&map(&[BOTH[0], BOTH[1], ("SECRET_PATH", value.as_bytes())]))
            .unwrap();
        let path = secrets.acd("main").unwrap().intake_secret_path.as_ref();
        assert_eq!(path.unwrap().expose_secret(), value);
        let printed = format!(
            "{secrets:?} {config:?} {}",
            serde_json::to_string(&config).unwrap()
        );
        assert!(!printed.contains(value) && !printed.contains("hunter2"));
        assert_eq!(
            config.acds[0].intake_path(),
            "ws00000000000000000000000000000001",
            "the path that is shown has no part in it"
        );
    }
}

#[test]
fn a_secret_path_that_is_short_or_no_part_of_an_address_is_refused_and_not_repeated() {
    let config = parse(&with_secret_path()).unwrap();
    let refused = |value: String| {
        let value: &'static str = value.leak();
        let source = map(&[BOTH[0], BOTH[1], ("SECRET_PATH", value.as_bytes())]);
        let error = config.resolve_secrets(&source).unwrap_err();
        let told: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(!told[0].contains("hunter2"), "{told:?}");
        told[0].clone()
    };
    let place = "acd[0].intake.secret_path: the environment variable SECRET_PATH";
    let remedy = "; make one with: openssl rand -hex 32";
    for (value, reason) in [
        (
            "hunter2hunter2hunter2hunter2abc".to_owned(),
            "fewer than 32 characters",
        ),
        ("hunter2".repeat(29), "more than 200 characters"),
    ] {
        let told = refused(value);
        let wanted = format!("{place} holds no secret path: it has {reason}{remedy}");
        assert!(told.ends_with(&wanted), "{told}");
    }
    for odd in ["/", "%", "?", "#", " ", ":", "+", "=", "ä", "\n"] {
        let told = refused(format!("{}{odd}x", "hunter2".repeat(5)));
        let wanted = format!(
            "{place} holds no secret path: it has characters other than letters, digits, `-`, `.`, `_` and `~`{remedy}"
        );
        assert!(told.ends_with(&wanted), "{told}");
    }
}

#[test]
fn every_secret_that_is_missing_is_reported_with_the_place_that_refers_to_it() {
    let config = parse(MINIMAL).unwrap();
    let error = config.resolve_secrets(&map(&[])).unwrap_err();
    let faults: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "/etc/connector/connector.toml:9:14: acd[0].twilio.auth_token: the environment variable TWILIO_AUTH_TOKEN is not set; set TWILIO_AUTH_TOKEN for this process, or refer to a file",
            "/etc/connector/connector.toml:14:12: acd[0].calabrio.password: the environment variable CALABRIO_PASSWORD is not set; set CALABRIO_PASSWORD for this process, or refer to a file",
        ]
    );
}

#[test]
fn a_sealing_key_is_read_as_hexadecimal_digits_and_as_base64() {
    let config = parse(&format!(
        "{MINIMAL}[ledger]\nsealing_key = {{ env = \"KEY\" }}\n"
    ))
    .unwrap();
    let with = |key: &'static [u8]| config.resolve_secrets(&map(&[BOTH[0], BOTH[1], ("KEY", key)]));
    for key in [
        b"fbff000000000000000000000000000000000000000000000000000000000001".as_slice(),
        b"+/8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=",
        b"-_8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
    ] {
        let secrets = with(key).unwrap();
        let key = secrets.sealing_key.unwrap();
        assert_eq!(
            (key.expose_secret()[..2].to_vec(), key.expose_secret()[31]),
            (vec![0xfb, 0xff], 1)
        );
    }
    for key in [
        b"hunter2".as_slice(),
        b"AAAA",
        b"fbff00000000000000000000000000000000000000000000000000000000000g",
        &[0xff; 32],
    ] {
        let error = with(key).unwrap_err();
        assert!(
            error.faults()[0]
                .what
                .ends_with("does not hold a key of 32 bytes"),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn sealing_keys_from_before_are_fetched_beside_the_present_one() {
    let config = parse(&format!(
        "{MINIMAL}[ledger]\nsealing_key = {{ env = \"KEY\" }}\nold_sealing_keys = [{{ env = \"OLD\" }}, {{ env = \"OLDER\" }}]\n"
    ))
    .unwrap();
    let key = |byte: &'static [u8; 64]| byte.as_slice();
    let (new, old) = (key(&[b'a'; 64]), key(&[b'b'; 64]));
    let secrets = config
        .resolve_secrets(&map(&[
            BOTH[0],
            BOTH[1],
            ("KEY", new),
            ("OLD", old),
            ("OLDER", key(&[b'c'; 64])),
        ]))
        .unwrap();
    let kept: Vec<_> = secrets
        .old_sealing_keys
        .iter()
        .map(|key| key.expose_secret()[0])
        .collect();
    assert_eq!(kept, [0xbb, 0xcc]);

    let error = config
        .resolve_secrets(&map(&[
            BOTH[0],
            BOTH[1],
            ("KEY", new),
            ("OLD", old),
            ("OLDER", b"hunter2"),
        ]))
        .unwrap_err();
    assert_eq!(error.faults()[0].field, "ledger.old_sealing_keys[1]");
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn a_secret_that_is_not_text_is_refused_where_text_is_wanted() {
    let config = parse(MINIMAL).unwrap();
    let error = config
        .resolve_secrets(&map(&[("TWILIO_AUTH_TOKEN", &[0xff, 0xfe]), BOTH[1]]))
        .unwrap_err();
    assert_eq!(
        error.faults()[0].what,
        "the environment variable TWILIO_AUTH_TOKEN does not hold UTF-8 text"
    );
}

#[test]
fn a_file_is_read_without_the_newline_at_its_end_and_only_if_nobody_else_can() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let place = SecretPlace::File(path.clone());
    assert!(matches!(
        SystemSecrets.get(&place),
        Err(SecretError::Unreadable { .. })
    ));
    for (content, secret) in [
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        ("hunter2", "hunter2"),
        ("a\n\n", "a\n"),
        (" a ", " a "),
    ] {
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            SystemSecrets.get(&place).unwrap().expose_secret(),
            secret.as_bytes()
        );
    }
    for mode in [0o640, 0o604, 0o620, 0o601] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = SystemSecrets.get(&place).unwrap_err();
        assert!(
            matches!(error, SecretError::Exposed { .. })
                && error.to_string().contains(&format!("(mode {mode:04o})")),
            "{error}"
        );
        assert!(error.remedy().contains("chmod 600"));
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(
        SystemSecrets.get(&place),
        Err(SecretError::Empty(_))
    ));
    std::fs::write(&path, "x".repeat(70_000)).unwrap();
    assert!(matches!(
        SystemSecrets.get(&place),
        Err(SecretError::TooLarge { .. })
    ));
    assert!(matches!(
        SystemSecrets.get(&SecretPlace::File(directory.path().to_path_buf())),
        Err(SecretError::NotAFile { .. })
    ));
}

#[test]
fn an_environment_variable_that_is_not_set_is_named() {
    let error = SystemSecrets
        .get(&SecretPlace::Env("CONNECTOR_CONFIG_TEST_UNSET".into()))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment variable CONNECTOR_CONFIG_TEST_UNSET is not set"
    );
    assert_eq!(
        SystemSecrets
            .get(&SecretPlace::Env("PATH".into()))
            .unwrap()
            .expose_secret(),
        std::env::var("PATH").unwrap().as_bytes()
    );
}

#[test]
fn private_keys_that_cannot_be_read_are_all_named() {
    let key = |name: &str, last: u8| {
        format!(
            "[[acd.encryption_key]]\nname = \"{name}\"\npublic_key_sid = \"CR0000000000000000000000000000000{last}\"\nprivate_key = {{ env = \"{name}\" }}\n"
        )
    };
    let config = parse(&format!("{MINIMAL}{}{}", key("one", 1), key("two", 2))).unwrap();
    let secrets = config
        .resolve_secrets(&map(&[
            BOTH[0],
            BOTH[1],
            ("one", b"hunter2"),
            ("two", b"-----BEGIN PRIVATE KEY-----"),
        ]))
        .unwrap();
    let error = secrets.acds[0].key_ring().unwrap_err();
    assert!(
        matches!(error, ConfigError::Faults(_)) && error.faults().len() == 2,
        "{error}"
    );
    assert_eq!(
        error.faults()[1].field,
        "acd[0].encryption_key[1].private_key"
    );
    assert!(!error.to_string().contains("hunter2"));
}
