//! One ACD's feed: where it is found, and who may speak on it.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flex_events::{FormBody, SignatureCheck, SignatureError};
use hyper::HeaderMap;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use twilio_sid::{AccountSid, WorkspaceSid};

use crate::{AcdKey, FeedSettings, IntakeError};

/// Where Twilio puts its signature.
pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// How long the secret part of a path is. No shorter one can be relied upon, and a URL has its limits.
const SECRET_LENGTH: RangeInclusive<usize> = 32..=200;

/// A feed whose settings have been checked.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) acd: AcdKey,
    pub(crate) account: AccountSid,
    pub(crate) workspace: WorkspaceSid,
    /// The paths it answers on: with and without that of the public URL, which a proxy in front may have taken off.
    /// Secret, because the last part of them may be.
    paths: [SecretString; 2],
    check: Option<SignatureCheck>,
    /// `username:password`.
    credentials: Option<SecretString>,
    secret_path: bool,
}

/// What the head of a request proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof<'a> {
    /// Nothing yet: the signature is over the body.
    Signature(&'a str),
    /// It may bring whatever the feed takes.
    Known,
    /// It may bring what Twilio does not sign, and nothing else.
    KnownForUnsigned,
    /// Nothing. Whether credentials would help.
    Nothing { credentials_help: bool },
}

impl Feed {
    pub(crate) fn new(settings: FeedSettings, public: &PublicUrl) -> Result<Self, IntakeError> {
        let FeedSettings {
            acd,
            path,
            account,
            workspace,
            auth_tokens,
            credentials,
            secret_path,
        } = settings;
        let path = path.trim_matches('/');
        let problem =
            path_problem(path).or_else(|| secret_problem(secret_path.as_ref()?.expose_secret()));
        if let Some(problem) = problem {
            return Err(IntakeError::Path { acd, problem });
        }
        let tokens: Vec<_> = auth_tokens
            .into_iter()
            .filter(|token| !token.expose_secret().is_empty())
            .collect();
        if tokens.is_empty() && credentials.is_none() && secret_path.is_none() {
            return Err(IntakeError::Unauthenticated { acd });
        }
        let whole = |before: &str| match &secret_path {
            Some(secret) => format!("{before}/{path}/{}", secret.expose_secret()),
            None => format!("{before}/{path}"),
        };
        let url = SecretString::from(whole(&public.base));
        let url = url.expose_secret();
        let check = (!tokens.is_empty())
            .then(|| {
                let check = SignatureCheck::new(&tokens, url)?;
                match &credentials {
                    Some(known) => check.with_credentials(url, &known.username, &known.password),
                    None => Ok(check),
                }
            })
            .transpose()
            .map_err(|source| IntakeError::Signature {
                acd: acd.clone(),
                source,
            })?;
        Ok(Self {
            acd,
            account,
            workspace,
            paths: [whole(&public.path).into(), whole("").into()],
            check,
            credentials: credentials.map(|known| {
                format!("{}:{}", known.username, known.password.expose_secret()).into()
            }),
            secret_path: secret_path.is_some(),
        })
    }

    /// Whether this feed answers on a path. A path may be a secret, so comparing takes constant time.
    pub(crate) fn answers_on(&self, path: &str) -> bool {
        let [full, short] = &self.paths;
        let same = |own: &SecretString| own.expose_secret().as_bytes().ct_eq(path.as_bytes());
        (same(full) | same(short)).into()
    }

    pub(crate) fn shares_a_path_with(&self, other: &Self) -> bool {
        self.paths
            .iter()
            .any(|path| other.answers_on(path.expose_secret()))
    }

    /// What the head of a request proves, before its body is read.
    pub(crate) fn proof<'a>(&self, headers: &'a HeaderMap) -> Proof<'a> {
        let signature = headers.get(SIGNATURE).map(|value| value.to_str());
        match (&self.check, signature) {
            (Some(_), Some(signature)) => Proof::Signature(signature.unwrap_or_default()),
            (Some(_), None) if self.knows(headers) => Proof::KnownForUnsigned,
            (None, _) if self.knows(headers) => Proof::Known,
            _ => Proof::Nothing {
                credentials_help: self.credentials.is_some(),
            },
        }
    }

    /// Whether a request carries the credentials, or needed none but its path.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.credentials else {
            return self.secret_path;
        };
        headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Basic"))
            .and_then(|(_, given)| STANDARD.decode(given.trim()).ok())
            .is_some_and(|given| expected.expose_secret().as_bytes().ct_eq(&given).into())
    }

    /// Checks the signature over a form.
    pub(crate) fn verify_form(
        &self,
        query: Option<&str>,
        form: &FormBody<'_>,
        signature: &str,
    ) -> Result<(), SignatureError> {
        let check = self.check.as_ref().ok_or(SignatureError::NoToken)?;
        check.verify_form(query, form, signature)
    }

    /// Checks the signature over any other body.
    pub(crate) fn verify_body(
        &self,
        query: Option<&str>,
        body: &[u8],
        signature: &str,
    ) -> Result<(), SignatureError> {
        let check = self.check.as_ref().ok_or(SignatureError::NoToken)?;
        check.verify_body(query, body, signature)
    }

    /// Whether an event is of this feed's account and, where events of its kind name one, workspace.
    pub(crate) fn owns(
        &self,
        account: Option<AccountSid>,
        workspace: Option<WorkspaceSid>,
        must_name_workspace: bool,
    ) -> bool {
        let account = account.is_some_and(|sid| sid.eq_ignore_case(self.account.as_str()));
        let workspace = match workspace {
            Some(sid) => sid.eq_ignore_case(self.workspace.as_str()),
            None => !must_name_workspace,
        };
        account && workspace
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn path_problem(path: &str) -> Option<&'static str> {
    let allowed = |byte: u8| is_unreserved(byte) || byte == b'/';
    if path.is_empty() {
        Some("is empty; the workspace SID in lower case is a good one")
    } else if !path.bytes().all(allowed) {
        Some("has characters other than letters, digits, `-`, `.`, `_`, `~` and `/`")
    } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some("has an empty part, or one that is `.` or `..`")
    } else {
        None
    }
}

fn secret_problem(secret: &str) -> Option<&'static str> {
    if !secret.bytes().all(is_unreserved) {
        Some("has a secret part with characters other than letters, digits, `-`, `.`, `_` and `~`")
    } else if !SECRET_LENGTH.contains(&secret.len()) {
        Some("has a secret part of fewer than 32 characters, or of more than 200")
    } else {
        None
    }
}

/// What Twilio was given, up to the ACD's path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// Without a slash at its end.
    base: String,
    /// Its path, without a slash at its end.
    path: String,
}

impl PublicUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, IntakeError> {
        let problem = |problem| IntakeError::PublicUrl { problem };
        let base = text.trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|_| {
            problem("is no URL; it looks like https://connector.example.com/twilio")
        })?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or(problem("names no host"))?;
        if uri.query().is_some() || base.contains('#') {
            return Err(problem("has a query or fragment; leave it out"));
        }
        if base.contains('@') {
            return Err(problem(
                "has credentials in it; they belong in the ACD's settings",
            ));
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            _ => return Err(problem("does not start with https://")),
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            base: base.to_owned(),
            path,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
