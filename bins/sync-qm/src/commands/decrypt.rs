//! `recordings decrypt`: one recording by hand.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use recording_crypto::{EncryptionDetails, PrivateKey};
use recording_spool::{Place, Step, decrypt_file};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::Serialize;
use service_runtime::{Exit, Page, Progress, Report, Terminal};

use crate::cli::{Decrypt, Global};
use command_line::Told;

/// The largest file that is read as details, key or passphrase.
const LARGEST: u64 = 1024 * 1024;

#[derive(Debug, Serialize)]
struct Decrypted {
    output: String,
    bytes: u64,
}

impl Report for Decrypted {
    fn page(&self, page: &mut Page) {
        page.line(format!(
            "wrote {} ({} bytes), all of it verified before",
            self.output, self.bytes
        ));
    }
}

pub(super) async fn decrypt(global: &Global, decrypt: Decrypt) -> Result<Exit> {
    let Decrypt {
        details,
        key,
        passphrase_file,
        input,
        output,
    } = decrypt;
    if let Some(read) = [
        Some(&input),
        Some(&details),
        Some(&key),
        passphrase_file.as_ref(),
    ]
    .into_iter()
    .flatten()
    .find(|read| are_one_file(read, &output))
    {
        let what = format!(
            "{} and {} are one file: what is read would be replaced",
            read.display(),
            output.display()
        );
        return Err(Told::usage(what, "name another file for the output").into());
    }
    let details = details_in(&details)?;
    let key = key_in(key, passphrase_file).await?;
    let output = Place::from_argument(output);
    let progress = Progress::new(Terminal::stderr(), Some(0), "verifying");
    let watched = std::sync::Arc::new(progress);
    let watch = std::sync::Arc::clone(&watched);
    let done = decrypt_file(
        details,
        key,
        Place::from_argument(input),
        output.clone(),
        move |now| {
            watch.tell(if now.step == Step::Verifying {
                "verifying"
            } else {
                "decrypting"
            });
            watch.set_total(now.total.unwrap_or(now.done));
            watch.set(now.done);
        },
    )
    .await;
    watched.finish();
    let done = done?;
    // Where the audio itself goes to the standard output, nothing else may.
    if let Place::File(path) = output {
        let report = Decrypted {
            output: path.display().to_string(),
            bytes: done.plaintext_len,
        };
        global.print(&report)?;
    }
    Ok(Exit::Ok)
}

/// Whether two paths lead to the same regular file, through links or not.
pub(super) fn are_one_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => {
            one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
        }
        _ => false,
    }
}

/// The encryption details alone, or a recording with its details in it.
fn details_in(path: &Path) -> Result<EncryptionDetails> {
    let document = small_file(path, "the encryption details")?;
    let found = EncryptionDetails::from_document(document.expose_secret()).with_context(|| {
        format!(
            "the encryption details in {} cannot be used",
            path.display()
        )
    })?;
    match found {
        Some(details) => Ok(details),
        None => bail!(
            "{} says that the recording is not encrypted; download it again, it needs no decryption",
            path.display()
        ),
    }
}

/// The key, read and checked off the runtime's threads.
async fn key_in(
    path: std::path::PathBuf,
    passphrase_file: Option<std::path::PathBuf>,
) -> Result<PrivateKey> {
    let read = move || {
        let bytes = small_file(&path, "the private key")?;
        let passphrase = passphrase_file
            .map(|path| passphrase_in(&path))
            .transpose()?;
        PrivateKey::read(bytes.expose_secret(), passphrase.as_ref())
            .with_context(|| format!("the private key in {} cannot be used", path.display()))
    };
    tokio::task::spawn_blocking(read).await?
}

/// Without the newline that ends a file.
fn passphrase_in(path: &Path) -> Result<SecretString> {
    let bytes = small_file(path, "the passphrase")?;
    let Ok(text) = std::str::from_utf8(bytes.expose_secret()) else {
        bail!("the passphrase in {} is not UTF-8 text", path.display());
    };
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(SecretString::from(text.strip_suffix('\r').unwrap_or(text)))
}

fn small_file(path: &Path, what: &str) -> Result<SecretSlice<u8>> {
    let read = || {
        let length = std::fs::metadata(path)?.len();
        if length > LARGEST {
            return Err(std::io::Error::other(format!(
                "it has {length} bytes, which is too much"
            )));
        }
        std::fs::read(path)
    };
    let bytes = read().map_err(|error| {
        let what = format!("{what} cannot be read from {}", path.display());
        Told::file(
            what,
            error,
            "check that it is there, and that this user may read it",
        )
    })?;
    Ok(bytes.into())
}
