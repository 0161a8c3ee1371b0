//! One recording by hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use recording_crypto::{CryptoError, EncryptionDetails, PrivateKey};
use recording_spool::{Decrypted, Place, SpoolError, Step, decrypt_file, decrypt_file_blocking};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/recording-crypto"
    ))
    .join(name)
}

struct Vector {
    details: EncryptionDetails,
    key: PrivateKey,
    media: PathBuf,
    len: u64,
}

/// The longest of the vectors: three pieces and five bytes.
fn vector() -> Vector {
    let vectors: Value =
        serde_json::from_slice(&fs::read(fixture("vectors.json")).unwrap()).unwrap();
    let vector = &vectors["recordings"][9];
    Vector {
        details: EncryptionDetails::from_json(&vector["encryption_details"])
            .unwrap()
            .unwrap(),
        key: PrivateKey::read(
            &fs::read(fixture(vector["key"].as_str().unwrap())).unwrap(),
            None,
        )
        .unwrap(),
        media: fixture(vector["ciphertext"].as_str().unwrap()),
        len: vector["plaintext_len"].as_u64().unwrap(),
    }
}

fn run(media: &Path, output: &Path) -> Result<Decrypted, SpoolError> {
    let vector = vector();
    let (input, output) = (Place::from_argument(media), Place::from_argument(output));
    decrypt_file_blocking(&vector.details, &vector.key, &input, &output, &mut |_| {})
}

#[tokio::test]
async fn a_file_is_decrypted_and_only_its_owner_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.wav");
    let vector = vector();
    let steps = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = steps.clone();
    let done = decrypt_file(
        vector.details,
        vector.key,
        Place::File(vector.media),
        Place::File(target.clone()),
        move |progress| {
            seen.lock()
                .unwrap()
                .push((progress.step, progress.done, progress.total));
        },
    )
    .await
    .unwrap();
    assert_eq!(done.plaintext_len, vector.len);
    assert_eq!(fs::metadata(&target).unwrap().len(), vector.len);
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let steps = steps.lock().unwrap();
    assert!(steps.contains(&(Step::Verifying, vector.len + 16, Some(vector.len + 16))));
    assert_eq!(
        steps.last(),
        Some(&(Step::Decrypting, vector.len, Some(vector.len)))
    );
}

#[test]
fn a_file_can_be_decrypted_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("RE1.wav");
    fs::copy(vector().media, &path).unwrap();
    run(&path, &path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), vector().len);
}

#[test]
fn a_pipe_is_read_once_and_still_verified_before_anything_is_released() {
    let dir = tempfile::tempdir().unwrap();
    let (pipe, target) = (dir.path().join("pipe"), dir.path().join("out.wav"));
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, fs::read(vector().media).unwrap()).unwrap()
    });
    run(&pipe, &target).unwrap();
    writer.join().unwrap();
    assert_eq!(fs::metadata(&target).unwrap().len(), vector().len);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn whatever_is_refused_leaves_the_directory_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.wav");
    fs::write(&target, b"the recording of yesterday").unwrap();
    let whole = fs::read(vector().media).unwrap();
    let media = dir.path().join("media");
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    for bad in [
        flipped,
        whole[..whole.len() - 1].to_vec(),
        [&whole[..], b"x"].concat(),
        Vec::new(),
    ] {
        fs::write(&media, bad).unwrap();
        let outcome = run(&media, &target);
        assert!(
            matches!(
                outcome,
                Err(SpoolError::Crypto(CryptoError::NotAuthentic { .. }))
            ),
            "{outcome:?}"
        );
    }
    assert_eq!(fs::read(&target).unwrap(), b"the recording of yesterday");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_key_that_does_not_fit_is_told_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let other = PrivateKey::read(
        &fs::read(fixture("keys/test-only-rsa-3072.pkcs8.pem")).unwrap(),
        None,
    )
    .unwrap();
    let (vector, output) = (vector(), Place::File(dir.path().join("out.wav")));
    let outcome = decrypt_file_blocking(
        &vector.details,
        &other,
        &Place::File(vector.media),
        &output,
        &mut |_| {},
    );
    assert!(matches!(
        outcome,
        Err(SpoolError::Crypto(
            CryptoError::ContentKeyNotUnwrapped { .. }
        ))
    ));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn files_that_are_not_there_and_places_that_are_no_file_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = run(&dir.path().join("missing"), &dir.path().join("out.wav"));
    assert!(
        matches!(missing, Err(SpoolError::Io { action: "open", path, .. }) if path.ends_with("missing"))
    );
    assert!(matches!(
        run(&vector().media, dir.path()),
        Err(SpoolError::UnusableOutput { .. })
    ));
    assert!(matches!(
        run(&vector().media, Path::new("/dev/full")),
        Err(SpoolError::DiskFull { .. })
    ));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_dash_is_the_standard_stream() {
    assert_eq!(Place::from_argument("-"), Place::Standard);
    assert_eq!(Place::from_argument("./-"), Place::File("./-".into()));
}
