//! The spool as its users see it: in, out, bounded, private, empty at start.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs;
use std::future::Future;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use proptest::prelude::*;
use recording_crypto::{CryptoError, PIECE_LEN, Sealed, Sealer, os_rng};
use recording_spool::{MIN_QUOTA, SealedRecording, Spool, SpoolError};
use tempfile::TempDir;

fn plaintext(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()[2])
        .collect()
}

/// As Twilio would send it.
fn encrypted(plaintext: &[u8]) -> (Vec<u8>, Sealed) {
    let mut media = plaintext.to_vec();
    let mut sealer = Sealer::new(&mut os_rng().unwrap(), "RE1");
    sealer.update(&mut media).unwrap();
    let outcome = sealer.finish();
    media.extend(outcome.tag);
    (media, outcome)
}

async fn open(dir: &TempDir) -> Spool {
    Spool::open(dir.path(), 64 << 20).await.unwrap()
}

async fn keep_plain(spool: &Spool, plaintext: &[u8], chunk: usize) -> SealedRecording {
    let mut writer = spool.receive_plain("RE1", None).await.unwrap();
    for chunk in plaintext.chunks(chunk) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn keep_encrypted(
    spool: &Spool,
    media: &[u8],
    sealed: &Sealed,
    chunk: usize,
) -> Result<SealedRecording, SpoolError> {
    let mut writer = spool
        .receive_encrypted("RE1", &sealed.key, Some(media.len() as u64))
        .await?;
    for chunk in media.chunks(chunk) {
        writer.write(Bytes::copy_from_slice(chunk)).await?;
    }
    writer.finish().await
}

async fn read(
    recording: &SealedRecording,
    range: std::ops::Range<u64>,
) -> Result<Vec<u8>, SpoolError> {
    let mut reader = recording.reader(range)?;
    let mut all = Vec::new();
    while let Some(chunk) = reader.next().await {
        let chunk = chunk?;
        assert!(!chunk.is_empty() && chunk.len() <= PIECE_LEN);
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

fn spool_files(dir: &Path) -> Vec<std::path::PathBuf> {
    let paths = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "sealed")
        })
        .collect()
}

#[tokio::test]
async fn what_comes_in_encrypted_or_plain_comes_out_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    for len in [
        0,
        1,
        15,
        16,
        PIECE_LEN - 1,
        PIECE_LEN,
        PIECE_LEN + 1,
        5 * PIECE_LEN + 3,
    ] {
        let plain = plaintext(len);
        let (media, sealed) = encrypted(&plain);
        for chunk in [1400, 16_384, 1 << 20] {
            for recording in [
                keep_encrypted(&spool, &media, &sealed, chunk)
                    .await
                    .unwrap(),
                keep_plain(&spool, &plain, chunk).await,
            ] {
                assert_eq!(recording.recording(), "RE1");
                assert_eq!(recording.plaintext_len(), len as u64);
                assert_eq!(recording.proof().plaintext_len(), len as u64);
                assert!(
                    read(&recording, 0..len as u64).await.unwrap() == plain,
                    "{len} in chunks of {chunk}"
                );
            }
        }
    }
}

#[tokio::test]
async fn several_readers_read_the_same_recording_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    let plain = plaintext(10 * PIECE_LEN);
    let recording = keep_plain(&spool, &plain, 5000).await;
    let len = recording.plaintext_len();
    let (one, two) = tokio::join!(read(&recording, 0..len), read(&recording, 100..len));
    assert!(one.unwrap() == plain);
    assert!(two.unwrap() == plain[100..]);
}

#[tokio::test]
async fn bytes_that_are_not_there_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let recording = keep_plain(&open(&dir).await, b"abc", 3).await;
    let backwards = std::ops::Range { start: 2, end: 1 };
    for range in [0..4, 4..4, backwards] {
        assert!(matches!(
            recording.reader(range),
            Err(SpoolError::OutOfRange { len: 3, .. })
        ));
    }
    assert!(recording.reader(3..3).unwrap().is_empty());
    assert_eq!(recording.reader(1..3).unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_lies_on_disk_in_the_clear_or_open_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    let marker = b"a sentence that the customer said".repeat(5000);
    let recording = keep_plain(&spool, &marker, 1000).await;
    let files = spool_files(dir.path());
    assert_eq!(files.len(), 1);
    let stored = fs::read(&files[0]).unwrap();
    assert_eq!(stored.len(), marker.len());
    assert!(!stored.windows(10).any(|window| window == &marker[..10]));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&files[0]), 0o600);
    assert_eq!(mode(dir.path()), 0o700);
    drop(recording);
}

#[tokio::test]
async fn a_recording_that_is_not_authentic_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    let (mut media, sealed) = encrypted(&plaintext(300_000));
    media[123_456] ^= 4;
    let outcome = keep_encrypted(&spool, &media, &sealed, 8192).await;
    assert!(
        matches!(&outcome, Err(SpoolError::Crypto(CryptoError::NotAuthentic { recording })) if recording == "RE1"),
        "{outcome:?}"
    );
    media[123_456] ^= 4;
    let cut = keep_encrypted(&spool, &media[..200_000], &sealed, 8192).await;
    assert!(matches!(
        cut,
        Err(SpoolError::Crypto(CryptoError::NotAuthentic { .. }))
    ));
    spool.drained().await;
    assert!(spool_files(dir.path()).is_empty());
    assert_eq!(spool.used(), 0);
}

#[tokio::test]
async fn a_spool_file_that_changed_or_was_cut_is_not_released() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    let plain = plaintext(6 * PIECE_LEN);
    let recording = keep_plain(&spool, &plain, PIECE_LEN).await;
    let path = &spool_files(dir.path())[0];
    let mut stored = fs::read(path).unwrap();
    stored[3 * PIECE_LEN + 5] ^= 1;
    fs::write(path, &stored).unwrap();
    let len = recording.plaintext_len();
    let refused = |outcome| {
        matches!(
            outcome,
            Err(SpoolError::Crypto(CryptoError::NotAuthentic { .. }))
        )
    };
    assert!(refused(read(&recording, 0..len).await));
    let before = 3 * PIECE_LEN as u64 - 7;
    assert!(read(&recording, 0..2 * PIECE_LEN as u64).await.unwrap() == plain[..2 * PIECE_LEN]);
    assert!(refused(read(&recording, before..before + 8).await));

    let mut reader = recording.reader(2 * PIECE_LEN as u64..len).unwrap();
    assert!(reader.next().await.unwrap().is_err());
    assert!(reader.next().await.is_none());

    stored[3 * PIECE_LEN + 5] ^= 1;
    stored.truncate(5 * PIECE_LEN + 1);
    fs::write(path, &stored).unwrap();
    assert!(refused(read(&recording, 5 * PIECE_LEN as u64..len).await));
    assert!(read(&recording, 0..5 * PIECE_LEN as u64 / 2).await.is_ok());
}

#[tokio::test]
async fn a_file_is_gone_when_the_last_of_its_users_is() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    let recording = keep_plain(&spool, &plaintext(200_000), 9000).await;
    let mut reader = recording.reader(0..200_000).unwrap();
    drop(recording);
    assert_eq!(reader.next().await.unwrap().unwrap().len(), PIECE_LEN);
    assert_eq!(spool_files(dir.path()).len(), 1);
    assert!(spool.used() >= 200_000);
    drop(reader);
    spool.drained().await;
    assert!(spool_files(dir.path()).is_empty());
    assert_eq!(spool.used(), 0);
}

#[tokio::test]
async fn a_transfer_that_is_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    let mut writer = spool.receive_plain("RE1", Some(1 << 20)).await.unwrap();
    writer.write(Bytes::from(plaintext(500_000))).await.unwrap();
    writer.write(Bytes::from(plaintext(500_000))).await.unwrap();
    assert_eq!(writer.received(), 1_000_000);
    drop(writer);
    spool.drained().await;
    assert!(spool_files(dir.path()).is_empty());
}

#[test]
fn a_recording_dropped_outside_a_runtime_leaves_nothing_either() {
    let dir = tempfile::tempdir().unwrap();
    let recording = {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { keep_plain(&open(&dir).await, b"abc", 3).await })
    };
    assert_eq!(spool_files(dir.path()).len(), 1);
    drop(recording);
    assert!(spool_files(dir.path()).is_empty());
}

#[tokio::test]
async fn a_transfer_of_known_length_waits_for_its_room() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 4 * MIN_QUOTA).await.unwrap();
    let first = spool
        .receive_plain("RE1", Some(3 * MIN_QUOTA))
        .await
        .unwrap();
    let mut second = pin!(spool.receive_plain("RE2", Some(2 * MIN_QUOTA)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(second.as_mut().poll(&mut context), Poll::Pending));
    // A third one that would fit waits its turn: a long recording is not overtaken for ever.
    let mut third = pin!(spool.receive_plain("RE3", Some(1)));
    assert!(matches!(third.as_mut().poll(&mut context), Poll::Pending));
    drop(first);
    let (second, third) = tokio::join!(second, third);
    assert!(second.is_ok() && third.is_ok());
}

#[tokio::test]
async fn a_finished_recording_gives_back_what_it_reserved_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 4 * MIN_QUOTA).await.unwrap();
    let mut writer = spool
        .receive_plain("RE1", Some(4 * MIN_QUOTA))
        .await
        .unwrap();
    writer.write(Bytes::from_static(b"short")).await.unwrap();
    let recording = writer.finish().await.unwrap();
    assert_eq!(spool.used(), 4096);
    drop(recording);
}

#[tokio::test]
async fn a_recording_above_the_quota_is_called_so() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), MIN_QUOTA).await.unwrap();
    let above = |error: &SpoolError| {
        matches!(
            error,
            SpoolError::RecordingAboveQuota {
                quota: MIN_QUOTA,
                ..
            }
        )
    };
    assert!(above(
        &spool
            .receive_plain("RE1", Some(MIN_QUOTA + 1))
            .await
            .unwrap_err()
    ));
    assert!(above(
        &spool
            .receive_plain("RE1", Some(u64::MAX))
            .await
            .unwrap_err()
    ));
    let mut unknown = spool.receive_plain("RE1", None).await.unwrap();
    unknown
        .write(Bytes::from(plaintext(
            usize::try_from(MIN_QUOTA).unwrap() + 1,
        )))
        .await
        .unwrap();
    let error = unknown.finish().await.unwrap_err();
    assert!(above(&error) && !error.is_temporary(), "{error}");
}

#[tokio::test]
async fn a_recording_longer_than_announced_fails_clearly_when_others_hold_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 3 * MIN_QUOTA).await.unwrap();
    let other = spool
        .receive_plain("RE1", Some(2 * MIN_QUOTA))
        .await
        .unwrap();
    let mut writer = spool.receive_plain("RE2", Some(1000)).await.unwrap();
    let chunk = Bytes::from(plaintext(usize::try_from(MIN_QUOTA).unwrap()));
    writer.write(chunk.clone()).await.unwrap();
    writer.write(chunk.clone()).await.unwrap();
    let error = writer.write(chunk.clone()).await.unwrap_err();
    assert!(
        matches!(&error, SpoolError::QuotaUsed { recording, .. } if recording == "RE2"),
        "{error}"
    );
    assert!(error.is_temporary());
    assert!(matches!(
        writer.write(chunk).await,
        Err(SpoolError::Ended { .. })
    ));
    assert!(matches!(
        writer.finish().await,
        Err(SpoolError::Ended { .. })
    ));
    drop(other);
    spool.drained().await;
    assert!(spool_files(dir.path()).is_empty());
}

#[tokio::test]
async fn a_quota_too_small_to_begin_with_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = Spool::open(dir.path(), MIN_QUOTA - 1).await;
    assert!(matches!(outcome, Err(SpoolError::QuotaTooSmall { .. })));
}

#[tokio::test]
async fn the_directory_is_created_and_what_an_earlier_run_left_is_removed() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state/spool");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("0000000000000007.sealed"), b"noise").unwrap();
    fs::write(dir.join("spool.lock"), b"").unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    let spool = Spool::open(&dir, 1 << 30).await.unwrap();
    assert!(spool_files(&dir).is_empty());
    assert_eq!(
        fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        (spool.dir(), spool.quota(), spool.used()),
        (dir.as_path(), 1 << 30, 0)
    );
}

#[tokio::test]
async fn a_directory_with_foreign_files_is_refused_and_left_as_it_is() {
    for name in [
        "notes.txt",
        "0000000000000007.sealed.bak",
        "7.sealed",
        "000000000000000g.sealed",
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), b"mine").unwrap();
        fs::write(dir.path().join("0000000000000001.sealed"), b"who knows").unwrap();
        let outcome = Spool::open(dir.path(), 1 << 30).await;
        assert!(
            matches!(&outcome, Err(SpoolError::ForeignFile { name: found, .. }) if found == name),
            "{outcome:?}"
        );
        let looked = Spool::inspect(dir.path()).await;
        assert!(
            matches!(&looked, Err(SpoolError::ForeignFile { name: found, .. }) if found == name),
            "{looked:?}"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        fs::remove_file(dir.path().join(name)).unwrap();
        assert!(Spool::inspect(dir.path()).await.unwrap());
        assert!(!Spool::inspect(dir.path().join("none")).await.unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("0000000000000001.sealed")).unwrap();
    assert!(matches!(
        Spool::open(dir.path(), 1 << 30).await,
        Err(SpoolError::ForeignFile { .. })
    ));
    let dir = tempfile::tempdir().unwrap();
    symlink("/etc/passwd", dir.path().join("0000000000000001.sealed")).unwrap();
    assert!(matches!(
        Spool::open(dir.path(), 1 << 30).await,
        Err(SpoolError::ForeignFile { .. })
    ));
}

#[tokio::test]
async fn a_directory_that_another_spool_uses_is_refused_until_its_last_file_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir).await;
    let recording = keep_plain(&spool, b"abc", 3).await;
    let in_use =
        |outcome: Result<Spool, SpoolError>| matches!(outcome, Err(SpoolError::InUse { .. }));
    assert!(in_use(Spool::open(dir.path(), 1 << 30).await));
    let file = spool_files(dir.path());
    drop(spool);
    assert!(in_use(Spool::open(dir.path(), 1 << 30).await));
    assert_eq!(spool_files(dir.path()), file);
    assert_eq!(read(&recording, 0..3).await.unwrap(), b"abc");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_an_error_with_its_path() {
    let outcome = Spool::open("/dev/null/spool", 1 << 30).await;
    assert!(matches!(
        outcome,
        Err(SpoolError::Io {
            action: "create the spool directory",
            ..
        })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_range_reads_as_the_range_of_the_whole(
        len in 0usize..400_000,
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        chunk in 1usize..100_000,
    ) {
        let (from, to) = (from.index(len + 1), to.index(len + 1));
        let (from, to) = (from.min(to), from.max(to));
        let plain = plaintext(len);
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async {
            let spool = open(&dir).await;
            let recording = keep_plain(&spool, &plain, chunk.max(len / 50 + 1)).await;
            read(&recording, from as u64..to as u64).await.unwrap()
        });
        prop_assert!(found == plain[from..to]);
    }
}
