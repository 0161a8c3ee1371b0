//! One recording by hand: from a file or stream to a file or stream.
//!
//! Two passes over the ciphertext, each with a thread that moves bytes and one that works on them: verify all, then decrypt. Memory is a few
//! buffers, whatever the length.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use recording_crypto::{
    ContentKey, CryptoError, Decryptor, EncryptionDetails, PIECE_LEN, PrivateKey, Proof, Verifier,
    os_rng,
};

use crate::SpoolError;
use crate::output::Output;
use crate::spool::blocking;

/// Large enough for the file system to take memory in large pages; the buffers together still are a few MiB.
const BUFFER_LEN: usize = 16 * PIECE_LEN;

/// Buffers that go round between two threads.
const BUFFERS: usize = 4;

/// Where ciphertext comes from, or plaintext goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Standard input or standard output.
    Standard,
    /// A file. Pipes and devices are read and written as streams.
    File(PathBuf),
}

impl Place {
    /// Reads a command line argument: `-` is the standard stream.
    pub fn from_argument(argument: impl Into<PathBuf>) -> Self {
        let path = argument.into();
        if path == Path::new("-") {
            Self::Standard
        } else {
            Self::File(path)
        }
    }
}

/// Which half of the work is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The ciphertext is read and verified; nothing is written.
    Verifying,
    /// The plaintext is written.
    Decrypting,
}

/// How far [`decrypt_file`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Which half.
    pub step: Step,
    /// Bytes done in this step.
    pub done: u64,
    /// Bytes that this step has, where known.
    pub total: Option<u64>,
}

/// What [`decrypt_file`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decrypted {
    /// Bytes of plaintext written.
    pub plaintext_len: u64,
}

/// Decrypts one recording: verifies all of it, and only then releases the first byte.
///
/// An output file appears under its name when it is whole, readable by its owner only, in place of an older one; on an error nothing is left
/// behind. Input that can be read only once waits, still encrypted, in a nameless temporary file. The file system may still hold
/// parts of the output in memory when this returns.
///
/// `progress` is called on another thread, some two thousand times per GiB.
///
/// # Errors
/// [`SpoolError::Crypto`] for a key that does not fit and for a recording that is not authentic, [`SpoolError::UnusableOutput`],
/// [`SpoolError::DiskFull`], [`SpoolError::Io`].
pub async fn decrypt_file(
    details: EncryptionDetails,
    key: PrivateKey,
    input: Place,
    output: Place,
    mut progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Decrypted, SpoolError> {
    let name = name_of(&input);
    blocking(&name, move || {
        decrypt_file_blocking(&details, &key, &input, &output, &mut progress)
    })
    .await?
}

/// [`decrypt_file`] for callers without a runtime: blocks, and calls `progress` on this thread.
///
/// # Errors
/// As [`decrypt_file`].
pub fn decrypt_file_blocking(
    details: &EncryptionDetails,
    key: &PrivateKey,
    input: &Place,
    output: &Place,
    progress: &mut dyn FnMut(Progress),
) -> Result<Decrypted, SpoolError> {
    let output = match output {
        Place::Standard => Output::stream(io::stdout(), "standard output"),
        Place::File(path) => Output::file(path)?,
    };
    let source = match input {
        Place::Standard => Source::Once(Box::new(io::stdin())),
        Place::File(path) => {
            let file = File::open(path).map_err(|error| SpoolError::io("open", path, error))?;
            let found = file
                .metadata()
                .map_err(|error| SpoolError::io("look at", path, error))?;
            if found.is_file() {
                Source::Again(file, found.len())
            } else {
                Source::Once(Box::new(file))
            }
        }
    };
    let key = key.unwrap(details, &mut os_rng()?)?;
    Job {
        key,
        name: name_of(input),
    }
    .run(source, output, progress)
}

fn name_of(input: &Place) -> String {
    match input {
        Place::Standard => "standard input".to_owned(),
        Place::File(path) => path.display().to_string(),
    }
}

/// Ciphertext and tag.
enum Source {
    /// A file, with its length, that can be read twice.
    Again(File, u64),
    /// A stream.
    Once(Box<dyn Read + Send>),
}

struct Job {
    key: ContentKey,
    name: String,
}

/// A buffer and how much of it is filled.
type Filled = (Vec<u8>, usize);

impl Job {
    fn run(
        self,
        source: Source,
        mut output: Output,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Decrypted, SpoolError> {
        let (file, proof) = match source {
            Source::Again(file, total) => {
                let proof = self.verify(&mut &file, None, Some(total), progress)?;
                (file, proof)
            }
            Source::Once(mut stream) => {
                let standard = std::env::temp_dir();
                let dir = output.directory().unwrap_or(&standard);
                let file = tempfile::tempfile_in(dir)
                    .map_err(|error| SpoolError::io("create a file in", dir, error))?;
                let proof = self.verify(&mut stream, Some((&file, dir)), None, progress)?;
                (file, proof)
            }
        };
        let plaintext_len = proof.plaintext_len();
        self.release(&file, proof, &mut output, progress)?;
        output.commit()?;
        Ok(Decrypted { plaintext_len })
    }

    /// Reads all of the ciphertext, keeping a copy if it cannot be read again.
    fn verify(
        &self,
        source: &mut (dyn Read + Send),
        copy: Option<(&File, &Path)>,
        total: Option<u64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Proof, SpoolError> {
        let mut verifier = Verifier::new(&self.key, &self.name);
        let mut done = 0;
        let read = |empty: Receiver<Vec<u8>>, filled: Sender<Filled>| {
            while let Ok(mut buffer) = empty.recv() {
                let len = fill(source, &mut buffer)
                    .map_err(|error| SpoolError::io("read", self.name.as_ref(), error))?;
                if let Some((mut file, dir)) = copy {
                    file.write_all(&buffer[..len])
                        .map_err(|error| SpoolError::io("write to", dir, error))?;
                }
                if len == 0 || filled.send((buffer, len)).is_err() {
                    break;
                }
            }
            Ok(())
        };
        relay(read, |data| {
            verifier.update(data)?;
            done += data.len() as u64;
            progress(Progress {
                step: Step::Verifying,
                done,
                total,
            });
            Ok(())
        })?;
        Ok(verifier.finish()?)
    }

    /// Decrypts piece after piece, and writes.
    fn release(
        &self,
        file: &File,
        proof: Proof,
        output: &mut Output,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SpoolError> {
        let total = proof.plaintext_len();
        let mut decryptor = Decryptor::new(&self.key, proof);
        let read = |empty: Receiver<Vec<u8>>, filled: Sender<Filled>| {
            let mut offset = 0;
            while offset < total {
                let Ok(mut buffer) = empty.recv() else { break };
                let len = usize::try_from(total - offset)
                    .unwrap_or(BUFFER_LEN)
                    .min(BUFFER_LEN);
                let data = &mut buffer[..len];
                file.read_exact_at(data, offset)
                    .map_err(|error| match error.kind() {
                        io::ErrorKind::UnexpectedEof => CryptoError::NotAuthentic {
                            recording: self.name.clone(),
                        }
                        .into(),
                        _ => SpoolError::io("read", self.name.as_ref(), error),
                    })?;
                for (piece, data) in (offset / PIECE_LEN as u64..).zip(data.chunks_mut(PIECE_LEN)) {
                    decryptor.decrypt_piece(piece, data)?;
                }
                offset += len as u64;
                if filled.send((buffer, len)).is_err() {
                    break;
                }
            }
            Ok(())
        };
        let mut done = 0;
        relay(read, |data| {
            output.write(data)?;
            done += data.len() as u64;
            progress(Progress {
                step: Step::Decrypting,
                done,
                total: Some(total),
            });
            Ok(())
        })
    }
}

/// Runs `produce` on a second thread and `consume` on this one, a fixed set of buffers going round between them.
fn relay(
    produce: impl FnOnce(Receiver<Vec<u8>>, Sender<Filled>) -> Result<(), SpoolError> + Send,
    mut consume: impl FnMut(&[u8]) -> Result<(), SpoolError>,
) -> Result<(), SpoolError> {
    thread::scope(|scope| {
        // Bounded by the number of buffers.
        let (back, empty) = channel();
        let (filled, full) = channel::<Filled>();
        for _ in 0..BUFFERS {
            // The receiver is alive: it is moved into the thread below.
            let _ = back.send(vec![0; BUFFER_LEN]);
        }
        let producer = scope.spawn(move || produce(empty, filled));
        // Leaving early closes both channels, which ends the producer.
        for (buffer, len) in full {
            consume(&buffer[..len])?;
            // A producer that is done takes no more buffers.
            let _ = back.send(buffer);
        }
        producer
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Fills the buffer as far as the source goes.
fn fill(source: &mut (dyn Read + Send), buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match source.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use recording_crypto::Sealer;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A source that gives a few bytes at a time.
    struct Drip(io::Cursor<Vec<u8>>);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(777);
            self.0.read(&mut buffer[..len])
        }
    }

    fn sealed(len: usize) -> (Job, Vec<u8>, Vec<u8>) {
        let plaintext: Vec<u8> = (0..len)
            .map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1])
            .collect();
        let mut media = plaintext.clone();
        let mut sealer = Sealer::new(&mut os_rng().unwrap(), "RE1");
        sealer.update(&mut media).unwrap();
        let outcome = sealer.finish();
        media.extend(outcome.tag);
        (
            Job {
                key: outcome.key,
                name: "standard input".to_owned(),
            },
            plaintext,
            media,
        )
    }

    #[test]
    fn a_stream_is_released_only_after_all_of_it_was_verified() {
        for len in [0, 1, BUFFER_LEN - 16, BUFFER_LEN, 5 * BUFFER_LEN + 77] {
            let (job, plaintext, media) = sealed(len);
            let sink = Sink::default();
            let seen = sink.clone();
            let mut steps = Vec::new();
            let source = Source::Once(Box::new(Drip(io::Cursor::new(media))));
            let outcome = job.run(
                source,
                Output::stream(sink.clone(), "standard output"),
                &mut |progress| {
                    if progress.step == Step::Verifying {
                        assert!(seen.0.lock().unwrap().is_empty());
                    }
                    steps.push(progress);
                },
            );
            assert_eq!(outcome.unwrap().plaintext_len, len as u64);
            assert!(*sink.0.lock().unwrap() == plaintext, "{len} bytes");
            assert!(steps.last().is_none_or(|last| last.done >= len as u64));
        }
    }

    #[test]
    fn a_stream_that_is_not_authentic_releases_nothing() {
        let (job, _, mut media) = sealed(3 * BUFFER_LEN);
        media[7] ^= 1;
        let sink = Sink::default();
        let source = Source::Once(Box::new(io::Cursor::new(media)));
        let outcome = job.run(
            source,
            Output::stream(sink.clone(), "standard output"),
            &mut |_| {},
        );
        assert!(matches!(
            outcome,
            Err(SpoolError::Crypto(CryptoError::NotAuthentic { .. }))
        ));
        assert!(sink.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_file_that_changes_between_the_passes_is_refused() {
        for cut in [false, true] {
            let (job, _, media) = sealed(3 * BUFFER_LEN);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("media");
            std::fs::write(&path, &media).unwrap();
            let target = dir.path().join("out.wav");
            let (len, source) = (media.len() as u64, File::open(&path).unwrap());
            let mut changed = false;
            let outcome = job.run(
                Source::Again(source, len),
                Output::file(&target).unwrap(),
                &mut |progress| {
                    if progress.done == len && !changed {
                        let file = File::options().write(true).open(&path).unwrap();
                        if cut {
                            file.set_len(len - 100).unwrap();
                        } else {
                            file.write_all_at(b"changed!", len - 100).unwrap();
                        }
                        changed = true;
                    }
                },
            );
            assert!(
                matches!(
                    outcome,
                    Err(SpoolError::Crypto(CryptoError::NotAuthentic { .. }))
                ),
                "{outcome:?}"
            );
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn an_output_that_takes_no_more_ends_the_work() {
        let (job, _, media) = sealed(20 * BUFFER_LEN);
        let source = Source::Once(Box::new(io::Cursor::new(media)));
        let outcome = job.run(
            source,
            Output::file(Path::new("/dev/full")).unwrap(),
            &mut |_| {},
        );
        assert!(matches!(outcome, Err(SpoolError::DiskFull { .. })));
    }
}
