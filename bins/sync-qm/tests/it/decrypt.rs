//! `recordings decrypt`: what fits is written whole, what does not leaves nothing behind. The recordings were made by another program.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::support;

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use support::{crypto_fixture, names, sync_qm};

/// One recording of the fixtures, in a directory of its own.
struct Recording {
    directory: tempfile::TempDir,
    key: String,
    length: u64,
    plaintext_sha256: String,
}

impl Recording {
    fn new(name: &str) -> Self {
        let vectors: Value =
            serde_json::from_slice(&std::fs::read(crypto_fixture("vectors.json")).unwrap())
                .unwrap();
        let found = vectors["recordings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|recording| recording["name"] == name)
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let text = |field: &str| found[field].as_str().unwrap().to_owned();
        std::fs::copy(
            crypto_fixture(&text("ciphertext")),
            directory.path().join("in"),
        )
        .unwrap();
        std::fs::write(
            directory.path().join("details.json"),
            found["encryption_details"].to_string(),
        )
        .unwrap();
        Self {
            key: crypto_fixture(&text("key")).to_str().unwrap().to_owned(),
            length: found["plaintext_len"].as_u64().unwrap(),
            plaintext_sha256: text("plaintext_sha256"),
            directory,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn decrypt(&self, key: &str, input: &str, output: &str) -> Command {
        let mut command = sync_qm(self.path());
        command.args([
            "recordings",
            "decrypt",
            "--details",
            "details.json",
            "--key",
            key,
            input,
            output,
        ]);
        command
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(self.path().join("in")).unwrap();
        change(&mut bytes);
        std::fs::write(self.path().join("in"), bytes).unwrap();
    }

    /// It failed with this in its message, and nothing new lies in the directory.
    fn assert_refused(&self, mut command: Command, code: i32, message: &str) {
        let output = command.assert().code(code).get_output().clone();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(message), "{told}");
        assert!(told.contains("\nadvice: "), "{told}");
        assert!(output.stdout.is_empty());
        assert_eq!(names(self.path()), ["details.json", "in"]);
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(bytes))
}

const LONG: &str = "196613-bytes-rsa-2048";

#[test]
fn a_recording_is_written_whole_and_told() {
    let recording = Recording::new(LONG);
    let told = recording
        .decrypt(&recording.key, "in", "out.wav")
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let told = String::from_utf8(told).unwrap();
    assert_eq!(
        told,
        format!(
            "wrote out.wav ({} bytes), all of it verified before\n",
            recording.length
        )
    );
    assert_eq!(
        sha256(&std::fs::read(recording.path().join("out.wav")).unwrap()),
        recording.plaintext_sha256
    );
    assert_eq!(names(recording.path()), ["details.json", "in", "out.wav"]);
}

#[test]
fn streams_carry_the_audio_and_nothing_else() {
    let recording = Recording::new(LONG);
    let ciphertext = std::fs::read(recording.path().join("in")).unwrap();
    let output = recording
        .decrypt(&recording.key, "-", "-")
        .arg("--json")
        .write_stdin(ciphertext)
        .assert()
        .success();
    assert_eq!(
        sha256(&output.get_output().stdout),
        recording.plaintext_sha256
    );
    assert!(output.get_output().stderr.is_empty());
    assert_eq!(names(recording.path()), ["details.json", "in"]);
}

#[test]
fn a_protected_key_opens_with_its_passphrase_file() {
    let recording = Recording::new(LONG);
    let vectors: Value =
        serde_json::from_slice(&std::fs::read(crypto_fixture("vectors.json")).unwrap()).unwrap();
    let key = crypto_fixture("keys/test-only-rsa-2048.encrypted-pkcs8.pem");
    recording.assert_refused(
        recording.decrypt(key.to_str().unwrap(), "in", "out.wav"),
        1,
        "protected by a passphrase",
    );
    let passphrase = recording.path().join("passphrase");
    std::fs::write(
        &passphrase,
        format!("{}\n", vectors["passphrase"].as_str().unwrap()),
    )
    .unwrap();
    let mut command = recording.decrypt(key.to_str().unwrap(), "in", "out.wav");
    command
        .arg("--passphrase-file")
        .arg(&passphrase)
        .assert()
        .success();
    assert_eq!(
        sha256(&std::fs::read(recording.path().join("out.wav")).unwrap()),
        recording.plaintext_sha256
    );
}

#[test]
fn another_key_is_refused_and_nothing_is_left_behind() {
    let recording = Recording::new(LONG);
    let other = crypto_fixture("keys/test-only-rsa-4096.pkcs8.pem");
    let command = recording.decrypt(other.to_str().unwrap(), "in", "out.wav");
    recording.assert_refused(command, 1, "the content key cannot be unwrapped");
}

#[test]
fn a_changed_recording_is_refused_and_nothing_is_left_behind() {
    for place in [0, 70_000, 196_620] {
        let recording = Recording::new(LONG);
        recording.change(|bytes| bytes[place] ^= 1);
        recording.assert_refused(
            recording.decrypt(&recording.key, "in", "out.wav"),
            1,
            "the recording in is not authentic",
        );
    }
}

#[test]
fn a_recording_that_was_cut_short_is_refused_and_nothing_is_left_behind() {
    for length in [0, 15, 100_000, 196_628] {
        let recording = Recording::new(LONG);
        recording.change(|bytes| bytes.truncate(length));
        recording.assert_refused(
            recording.decrypt(&recording.key, "in", "out.wav"),
            1,
            "the recording in is not authentic",
        );
    }
}

#[test]
fn a_changed_stream_releases_no_byte() {
    let recording = Recording::new(LONG);
    let mut ciphertext = std::fs::read(recording.path().join("in")).unwrap();
    ciphertext[196_000] ^= 0x80;
    let mut command = recording.decrypt(&recording.key, "-", "-");
    command.write_stdin(ciphertext);
    recording.assert_refused(command, 1, "standard input is not authentic");
}

#[test]
fn an_older_file_of_that_name_stays_when_the_recording_is_refused() {
    let recording = Recording::new(LONG);
    recording.change(|bytes| bytes[9] ^= 1);
    std::fs::write(recording.path().join("out.wav"), "older").unwrap();
    recording
        .decrypt(&recording.key, "in", "out.wav")
        .assert()
        .code(1);
    assert_eq!(
        std::fs::read_to_string(recording.path().join("out.wav")).unwrap(),
        "older"
    );
    assert_eq!(names(recording.path()), ["details.json", "in", "out.wav"]);
}

#[test]
fn what_names_no_recording_and_no_key_is_told_with_its_file() {
    let recording = Recording::new("17-bytes-rsa-2048");
    for (details, told) in [
        (
            "null",
            "details.json says that the recording is not encrypted",
        ),
        (
            "[]",
            "the encryption details in details.json cannot be used",
        ),
        (
            r#"{"type":"rsa-aes","iv":"AAAAAAAAAAAAAAAA"}"#,
            "encryption details have no",
        ),
    ] {
        std::fs::write(recording.path().join("details.json"), details).unwrap();
        let output = recording
            .decrypt(&recording.key, "in", "out.wav")
            .assert()
            .code(1)
            .get_output()
            .stderr
            .clone();
        let output = String::from_utf8(output).unwrap();
        assert!(output.contains(told), "{output}");
        assert!(
            details == "null" || output.contains("\nadvice: "),
            "{output}"
        );
    }
    let whole = Recording::new("17-bytes-rsa-2048");
    for (key, input, told) in [
        ("no-such.pem", "in", "cannot be read from no-such.pem"),
        (whole.key.as_str(), "no-such", "cannot open no-such"),
    ] {
        whole.assert_refused(whole.decrypt(key, input, "out.wav"), 1, told);
    }
}

#[test]
fn no_file_that_is_read_is_written_over_not_even_by_another_name() {
    let recording = Recording::new("17-bytes-rsa-2048");
    let path = |name: &str| recording.path().join(name);
    let before = std::fs::read(path("in")).unwrap();
    for output in ["in", "./in", "details.json"] {
        recording.assert_refused(
            recording.decrypt(&recording.key, "in", output),
            2,
            "are one file",
        );
    }
    std::os::unix::fs::symlink("in", path("soft")).unwrap();
    std::fs::hard_link(path("in"), path("hard")).unwrap();
    for output in ["soft", "hard"] {
        let told = recording
            .decrypt(&recording.key, "in", output)
            .assert()
            .code(2)
            .get_output()
            .stderr
            .clone();
        assert!(String::from_utf8(told).unwrap().contains("are one file"));
    }
    assert_eq!(std::fs::read(path("in")).unwrap(), before);
}
