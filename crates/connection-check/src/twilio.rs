//! The questions to Twilio.

use std::time::Duration;

use chrono::TimeDelta;
use connector_config::Acd;
use http_retry::CallError;
use recording_crypto::KeyRing;
use twilio_client::{FlexConfiguration, PublicKey, TwilioClient, TwilioError, Workspace};

use crate::report::{Question, Rows};
use crate::run::within;

const CREDENTIALS: &str = "check account_sid with auth_token, or api_key, under [acd.twilio]";

/// What of Twilio is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// What quality management needs. There are no keys where the key ring could not be read.
    Quality(Option<&'a KeyRing>),
    /// What workforce management needs: neither recordings nor conversations.
    Workforce,
}

pub(crate) async fn check(
    acd: &Acd,
    scope: Scope<'_>,
    twilio: &TwilioClient,
    deadline: Duration,
) -> Rows {
    let mut rows = Rows::new(Some(&acd.name));
    let quality = matches!(scope, Scope::Quality(_));
    let digital = quality && acd.products.digital();
    // Listing the workspaces answers two questions at once: whether the credentials are right, and what the account has.
    let workspaces = match within(deadline, twilio.workspaces().all()).await {
        Ok(Ok(listed)) => listed.items,
        Ok(Err(error)) => {
            refused(&mut rows, Question::TwilioCredentials, &error);
            return skip_the_rest(rows, quality, digital, "Twilio could not be asked");
        }
        Err(late) => {
            rows.fail(
                Question::TwilioCredentials,
                late,
                "check that this machine reaches taskrouter.twilio.com",
            );
            return skip_the_rest(rows, quality, digital, "Twilio could not be asked");
        }
    };
    rows.ok(
        Question::TwilioCredentials,
        format!("Twilio accepts them for {}", acd.twilio.account_sid),
    );
    let flex = within(deadline, twilio.flex_configuration()).await;
    workspace(
        &mut rows,
        acd,
        &workspaces,
        flex.as_ref().ok().and_then(|answer| answer.as_ref().ok()),
    );
    if digital {
        let service = flex.as_ref().ok().and_then(|answer| answer.as_ref().ok());
        conversations(&mut rows, twilio, service, deadline).await;
    }
    let unseen = match flex {
        Ok(Ok(flex)) => {
            flex_configuration(&mut rows, acd, &flex);
            if quality {
                call_recording(&mut rows, acd, &flex);
            }
            None
        }
        Ok(Err(error)) if error.is_not_found() => {
            rows.fail(
                Question::FlexConfiguration,
                "this account has no Flex",
                "name the account of the Flex instance in account_sid",
            );
            Some("there is no Flex configuration")
        }
        Ok(Err(error)) => {
            refused(&mut rows, Question::FlexConfiguration, &error);
            Some("the Flex configuration could not be read")
        }
        Err(late) => {
            rows.fail(
                Question::FlexConfiguration,
                late,
                "check that this machine reaches flex-api.twilio.com",
            );
            Some("the Flex configuration could not be read")
        }
    };
    if let Some(why) = unseen.filter(|_| quality) {
        rows.skip(Question::CallRecording, why);
    }
    if let Scope::Quality(keys) = scope {
        keys_at_twilio(&mut rows, keys, twilio, deadline).await;
    }
    clock(&mut rows, twilio.clock_skew());
    rows
}

async fn keys_at_twilio(
    rows: &mut Rows,
    keys: Option<&KeyRing>,
    twilio: &TwilioClient,
    deadline: Duration,
) {
    match keys {
        None => rows.skip(Question::PublicKeys, "the key ring could not be read"),
        Some(keys) => match within(deadline, twilio.public_keys().list().all()).await {
            Ok(Ok(listed)) => public_keys(rows, keys, &listed.items),
            Ok(Err(error)) if may_not(&error) => rows.warn(
                Question::PublicKeys,
                format!("the public keys cannot be listed with these credentials: {error}"),
                "compare the SIDs in the Twilio console, or check once with the auth token",
            ),
            Ok(Err(error)) => refused(rows, Question::PublicKeys, &error),
            Err(late) => rows.fail(
                Question::PublicKeys,
                late,
                "check that this machine reaches accounts.twilio.com",
            ),
        },
    }
}

/// A SID that no conversation has: asking for it tells whether conversations can be asked for, and reads nobody's.
const NO_CONVERSATION: &str = "CH00000000000000000000000000000000";

async fn conversations(
    rows: &mut Rows,
    twilio: &TwilioClient,
    flex: Option<&FlexConfiguration>,
    deadline: Duration,
) {
    let question = Question::Conversations;
    let Ok(sid) = NO_CONVERSATION.parse() else {
        return;
    };
    let service = flex.and_then(|flex| flex.chat_service);
    match within(deadline, twilio.conversations(service).get(sid)).await {
        Ok(Ok(_)) if flex.is_some() && service.is_none() => rows.warn(
            question,
            "Flex names no service of its conversations; those of the account's default service can be asked for",
            "see in the Twilio console that Flex conversations are set up",
        ),
        Ok(Ok(_)) => rows.ok(
            question,
            service.map_or_else(
                || "conversations can be asked for".to_owned(),
                |service| format!("conversations of {service} can be asked for"),
            ),
        ),
        Ok(Err(error)) => refused(rows, question, &error),
        Err(late) => rows.fail(
            question,
            late,
            "check that this machine reaches conversations.twilio.com",
        ),
    }
}

/// By how many seconds the clocks may differ: a signature of a webhook is refused beyond minutes, and discovery trails by
/// two minutes.
const CLOCK: (i64, i64) = (5, 60);

fn clock(rows: &mut Rows, skew: Option<TimeDelta>) {
    let question = Question::Clock;
    let remedy = "let NTP set this machine's clock (timedatectl set-ntp true)";
    let Some(skew) = skew else {
        return rows.skip(question, "Twilio's answers do not tell its time");
    };
    let seconds = skew.num_seconds();
    let off = seconds.abs();
    let detail = if seconds > 0 {
        format!("this machine's clock is {off} s behind Twilio's")
    } else {
        format!("this machine's clock is {off} s ahead of Twilio's")
    };
    if off > CLOCK.1 {
        rows.fail(question, detail, remedy);
    } else if off > CLOCK.0 {
        rows.warn(question, detail, remedy);
    } else {
        rows.ok(question, "this machine's clock agrees with Twilio's");
    }
}

fn skip_the_rest(mut rows: Rows, quality: bool, digital: bool, why: &str) -> Rows {
    let skipped = [
        (Question::Workspace, true),
        (Question::FlexConfiguration, true),
        (Question::CallRecording, quality),
        (Question::PublicKeys, quality),
        (Question::Clock, true),
    ];
    for (question, _) in skipped.into_iter().filter(|(_, asked)| *asked) {
        rows.skip(question, why);
    }
    if digital {
        rows.skip(Question::Conversations, why);
    }
    rows
}

pub(crate) fn refused(rows: &mut Rows, question: Question, error: &TwilioError) {
    let remedy = if error.is_authentication() {
        CREDENTIALS
    } else if error.is_passing() {
        "try again; if it stays, check that this machine reaches Twilio"
    } else {
        "check that the credentials may read this, and the addresses under [acd.twilio.endpoints]"
    };
    rows.fail(question, error.to_string(), remedy);
}

/// Whether the credentials are good, and not for this: an API key may not do all that the auth token may.
fn may_not(error: &TwilioError) -> bool {
    error.is_authentication() || matches!(error.call().and_then(CallError::status), Some(403))
}

fn workspace(
    rows: &mut Rows,
    acd: &Acd,
    workspaces: &[Workspace],
    flex: Option<&FlexConfiguration>,
) {
    let wanted = acd.twilio.workspace_sid;
    let name = |workspace: &Workspace| match &workspace.friendly_name {
        Some(name) => format!("{} ({name:?})", workspace.sid),
        None => workspace.sid.to_string(),
    };
    let Some(found) = workspaces
        .iter()
        .find(|workspace| workspace.sid.eq_ignore_case(wanted.as_str()))
    else {
        let known: Vec<_> = workspaces.iter().map(name).collect();
        let known = if known.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        let remedy = "correct workspace_sid under [acd.twilio]; a workspace of a sub-account needs the sub-account's own SID and credentials";
        rows.fail(
            Question::Workspace,
            format!("the account has no workspace {wanted}: {known}"),
            remedy,
        );
        return;
    };
    if let Some(other) = found
        .account
        .filter(|account| *account != acd.twilio.account_sid)
    {
        let detail = format!(
            "workspace {wanted} belongs to the account {other}, not to {}",
            acd.twilio.account_sid
        );
        rows.fail(
            Question::Workspace,
            detail,
            "name the account that owns the workspace in account_sid",
        );
        return;
    }
    let others: Vec<_> = workspaces
        .iter()
        .filter(|workspace| workspace.sid != found.sid)
        .map(name)
        .collect();
    if others.is_empty() {
        rows.ok(
            Question::Workspace,
            format!("{} is the only one of the account", name(found)),
        );
    } else if flex.is_some_and(|flex| flex.workspace == Some(found.sid)) {
        rows.ok(
            Question::Workspace,
            format!(
                "{} is the one that Flex uses; not carried: {}",
                name(found),
                others.join(", ")
            ),
        );
    } else {
        let detail = format!(
            "{} is not the only one: the account also has {}",
            name(found),
            others.join(", ")
        );
        rows.warn(
            Question::Workspace,
            detail,
            "see that it is the one of the Flex instance; only one is carried",
        );
    }
}

fn flex_configuration(rows: &mut Rows, acd: &Acd, flex: &FlexConfiguration) {
    let (account, workspace) = (acd.twilio.account_sid, acd.twilio.workspace_sid);
    if flex.account != account {
        let detail = format!(
            "Flex belongs to the account {}, not to {account}",
            flex.account
        );
        rows.fail(
            Question::FlexConfiguration,
            detail,
            "correct account_sid under [acd.twilio]",
        );
    } else if let Some(other) = flex.workspace.filter(|other| *other != workspace) {
        let detail = format!("Flex uses the workspace {other}, not {workspace}");
        rows.fail(
            Question::FlexConfiguration,
            detail,
            "correct workspace_sid under [acd.twilio]",
        );
    } else if flex.workspace.is_none() {
        rows.warn(
            Question::FlexConfiguration,
            "it names no workspace",
            "see in the Twilio console that Flex is set up",
        );
    } else if let Some(status) = flex
        .status
        .as_deref()
        .filter(|status| !status.eq_ignore_ascii_case("ok"))
    {
        rows.warn(
            Question::FlexConfiguration,
            format!("its status is {status:?}"),
            "see in the Twilio console that Flex is set up",
        );
    } else {
        rows.ok(
            Question::FlexConfiguration,
            "Flex uses this account and this workspace",
        );
    }
}

fn call_recording(rows: &mut Rows, acd: &Acd, flex: &FlexConfiguration) {
    if !acd.products.voice() {
        rows.skip(Question::CallRecording, "calls are not among the products");
    } else if flex.call_recording_enabled == Some(false) {
        rows.warn(
            Question::CallRecording,
            "Flex does not record calls by itself",
            "turn call recording on in Flex, unless a plugin or Studio records; legs without a recording follow media.no_media",
        );
    } else {
        rows.ok(
            Question::CallRecording,
            if flex.call_recording_enabled.is_some() {
                "Flex records calls"
            } else {
                "Twilio does not say otherwise"
            },
        );
    }
}

fn public_keys(rows: &mut Rows, ring: &KeyRing, listed: &[PublicKey]) {
    let mut sound = true;
    for key in listed.iter().filter(|key| ring.get(key.sid).is_none()) {
        sound = false;
        let name = key
            .friendly_name
            .as_deref()
            .map(|name| format!(" ({name:?})"))
            .unwrap_or_default();
        let detail = format!(
            "there is no private key for the public key {}{name}: recordings under it would park",
            key.sid
        );
        rows.warn(
            Question::PublicKeys,
            detail,
            "add it as [[acd.encryption_key]], unless no recording is encrypted under it",
        );
    }
    for entry in ring.iter().filter(|entry| {
        !listed
            .iter()
            .any(|key| key.sid.eq_ignore_case(entry.sid().as_str()))
    }) {
        sound = false;
        let detail = format!(
            "Twilio has no public key {} for the private key {}",
            entry.sid(),
            entry.name()
        );
        rows.warn(
            Question::PublicKeys,
            detail,
            "keep it while old recordings may come; otherwise correct public_key_sid",
        );
    }
    if sound && listed.is_empty() {
        rows.ok(
            Question::PublicKeys,
            "Twilio has none, so recordings are not encrypted under a key of yours",
        );
    } else if sound {
        let detail = format!(
            "each of the {} at Twilio has a private key; Twilio does not show public keys, so only a recording can prove that the halves match",
            listed.len()
        );
        rows.ok(Question::PublicKeys, detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off_either_way() {
        let judged = |seconds: Option<i64>| {
            let mut rows = Rows::new(None);
            clock(&mut rows, seconds.map(TimeDelta::seconds));
            let row = rows.rows.remove(0);
            (row.status, row.detail)
        };
        assert_eq!(judged(None).0, Status::Skipped);
        for fine in [-5, 0, 5] {
            assert_eq!(judged(Some(fine)).0, Status::Ok, "{fine}");
        }
        let (status, detail) = judged(Some(6));
        assert_eq!(status, Status::Warn);
        assert_eq!(detail, "this machine's clock is 6 s behind Twilio's");
        assert_eq!(judged(Some(60)).0, Status::Warn);
        let (status, detail) = judged(Some(-61));
        assert_eq!(status, Status::Fail);
        assert_eq!(detail, "this machine's clock is 61 s ahead of Twilio's");
    }
}
