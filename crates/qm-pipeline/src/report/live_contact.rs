//! One contact that no customer is behind, sent through the real Calabrio ONE: which documented assumptions hold on this
//! tenant, one by one. It is recognised by what its leg key and its session begin with; the ledger does not know it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use calabrio_client::{
    Assumption, CalabrioClient, ContactImport, ContactKind, ContactState, ImportOutcome, Observed,
    Sighting, TextContent, assumptions,
};
use chrono::{DateTime, Offset as _, SubsecRound as _, TimeDelta, Utc};
use connector_config::Acd;
use contact_model::{
    AcdKey, CcrId, Channel, Direction, Leg, LegId, LegTimes, MessageRange, SessionId,
};
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{LedgerError, TenantFacts};
use tokio::time::Instant;
use transcript::{Author, LegHeader, Message, Role, Transcript};
use twilio_sid::WorkerSid;

use super::ReportError;
use crate::policy::confirmed::{SYNTHETIC_LEG, SYNTHETIC_SESSION, is_of_read_back};

/// The longest transcript of a synthetic chat, which has one message.
const TRANSCRIPT: u64 = 64 * 1024;

/// How often is looked.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long the contact is waited for at most.
    pub wait: Duration,
    /// How long is waited before the first look; each pause is half as long again as the one before.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Patience {
    /// The longest that is waited unless somebody asks for more.
    pub const WAIT: Duration = Duration::from_mins(10);

    /// With pauses of 2 s at first and of half a minute at most.
    pub fn new(wait: Duration) -> Self {
        Self {
            wait,
            first: Duration::from_secs(2),
            longest: Duration::from_secs(30),
        }
    }
}

/// What was found at every ACD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveContactReport {
    /// Each ACD.
    pub acds: Vec<LiveContact>,
}

impl LiveContactReport {
    /// Whether the read-back was confirmed everywhere.
    pub fn confirmed(&self) -> bool {
        !self.acds.is_empty() && self.acds.iter().all(|acd| acd.confirmed)
    }
}

/// What was found at one ACD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveContact {
    /// Its name.
    pub acd: String,
    /// What was sent, and what came of it.
    pub sent: Vec<SentContact>,
    /// Each assumption, by number.
    pub assumptions: Vec<AssumptionLine>,
    /// Whether everything that was sent was read back as the pipeline wants it: leg key, duration, media.
    pub confirmed: bool,
}

/// A synthetic contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentContact {
    /// What kind it is of.
    pub kind: ContactKind,
    /// Its leg key: by it the contact can be found and deleted in Calabrio.
    pub leg: LegId,
    /// Its interaction.
    pub session: SessionId,
    /// What became of sending it.
    pub import: Import,
    /// How long it was waited for, in seconds.
    pub waited_seconds: u64,
    /// What was found under its leg key.
    pub found: Vec<Sighting>,
    /// Whether it was read back as the pipeline wants it.
    pub read_back: bool,
    /// What kept Calabrio from being asked, if anything did until the end.
    pub trouble: Option<String>,
}

/// What became of sending a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Import {
    /// Calabrio took it.
    Accepted {
        /// The number that its answer told, if any.
        ccr: Option<CcrId>,
    },
    /// It did not.
    Refused {
        /// The status.
        status: u16,
        /// Calabrio's sentence.
        reason: Option<String>,
        /// The id under which Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// Nothing of it reached Calabrio.
    NotSent {
        /// What was in the way.
        why: String,
    },
    /// There was no clear answer; it was looked for all the same.
    InDoubt {
        /// What happened.
        why: String,
    },
}

impl Import {
    fn is_there_perhaps(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::InDoubt { .. })
    }

    fn ccr(&self) -> Option<CcrId> {
        match self {
            Self::Accepted { ccr } => *ccr,
            _ => None,
        }
    }
}

/// One assumption, and whether it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssumptionLine {
    /// Its number.
    pub number: u16,
    /// The setting below `[acd.calabrio.contract]` that overrides it.
    pub setting: &'static str,
    /// The assumption in words.
    pub sentence: &'static str,
    /// Whether it held; `None` where nothing showed it.
    pub held: Option<bool>,
    /// What was seen.
    pub seen: String,
}

/// The contacts that are sent for an ACD.
#[derive(Debug)]
pub struct Synthetic {
    /// One for each product: a call, a chat.
    pub contacts: Vec<ContactImport>,
}

impl Synthetic {
    /// Contacts of the products that are on. `agent` is the worker whom they are for, if anybody.
    pub fn new(
        acd: &Acd,
        agent: Option<WorkerSid>,
        now: DateTime<Utc>,
    ) -> Result<Self, ReportError> {
        let mut contacts = Vec::new();
        // As Calabrio keeps times; a call that has ended.
        let start = (now - TimeDelta::minutes(2)).trunc_subsecs(3);
        let acd_id = agent.map(|agent| agent.to_string());
        if acd.products.voice() {
            let (leg, session) = ids(start)?;
            contacts.push(ContactImport::synthetic_call(
                leg,
                session,
                acd_id.clone(),
                start,
            ));
        }
        if acd.products.digital() {
            let (leg, session) = ids(start)?;
            let text = text(&acd.key(), leg, &session, agent, start)?;
            contacts.push(ContactImport::synthetic_text(
                leg, session, acd_id, start, text,
            ));
        }
        Ok(Self { contacts })
    }
}

/// A leg key and a session that say what they are.
fn ids(start: DateTime<Utc>) -> Result<(LegId, SessionId), ReportError> {
    let digits = digits()?;
    let half = u64::try_from(digits >> 64).unwrap_or_default();
    let leg = format!("{SYNTHETIC_LEG}{half:016x}").parse();
    let session = format!(
        "{SYNTHETIC_SESSION}{}-{half:016x}",
        start.format("%Y-%m-%d")
    )
    .parse();
    match (leg, session) {
        (Ok(leg), Ok(session)) => Ok((leg, session)),
        _ => Err(ReportError::NoRandomness),
    }
}

fn digits() -> Result<u128, ReportError> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| ReportError::NoRandomness)?;
    Ok(u128::from_be_bytes(bytes))
}

/// A transcript of one message, by the system.
fn text(
    acd: &AcdKey,
    leg: LegId,
    session: &SessionId,
    agent: Option<WorkerSid>,
    start: DateTime<Utc>,
) -> Result<TextContent, ReportError> {
    fn sid<T: std::str::FromStr>(prefix: &str) -> Result<T, ReportError> {
        let digits = digits()?;
        let sid = format!("{prefix}{digits:032x}").parse();
        sid.map_err(|_| ReportError::NoRandomness)
    }
    let ended = start + TimeDelta::minutes(1);
    let described = Leg {
        acd: acd.clone(),
        id: leg,
        task: sid("WT")?,
        worker: match agent {
            Some(agent) => agent,
            None => sid("WK")?,
        },
        queue: None,
        workflow: None,
        channel: Channel::Chat,
        direction: Some(Direction::Inbound),
        session: Some(session.clone()),
        times: LegTimes {
            accepted: Some(start),
            wrapup: Some(ended),
            ended: Some(ended),
            task_ended: Some(ended),
        },
        hold: None,
    };
    let range = MessageRange { from: 0, to: 1 };
    let header = LegHeader::of(&described);
    let mut builder = Transcript::builder(header, sid("CH")?, range, TRANSCRIPT);
    let mut message = Message::new(0, sid("IM")?, start, Author::new(Role::System));
    message.body = Some(format!(
        "This contact is synthetic: sync-qm check --live-contact sent it as {leg}, and no customer is behind it."
    ));
    // One short message is within the limit.
    let _ = builder.message(message);
    let transcript = builder.finish();
    let document = transcript
        .to_json(TRANSCRIPT)
        .map_err(|error| ReportError::Write(std::io::Error::other(error)))?;
    let text = TextContent::new(document);
    Ok(match transcript.render(Utc.fix(), TRANSCRIPT) {
        Ok(rendering) => text.with_rendering(rendering),
        Err(_) => text,
    })
}

/// Sends the contacts, one after the other, and waits for each. `tell` is told what is waited for.
pub async fn live_contact(
    acd: &str,
    calabrio: &CalabrioClient,
    synthetic: &Synthetic,
    patience: Patience,
    tell: &(dyn Fn(&str) + Sync),
) -> LiveContact {
    let mut sent = Vec::new();
    let mut seen = Vec::new();
    for contact in &synthetic.contacts {
        let (line, observed) = send(calabrio, contact, patience, tell).await;
        seen.push((line.kind, observed));
        sent.push(line);
    }
    LiveContact {
        acd: acd.to_owned(),
        assumptions: merge(&seen),
        confirmed: !sent.is_empty() && sent.iter().all(|line| line.read_back),
        sent,
    }
}

async fn send(
    calabrio: &CalabrioClient,
    contact: &ContactImport,
    patience: Patience,
    tell: &(dyn Fn(&str) + Sync),
) -> (SentContact, Option<Observed>) {
    let kind = contact.content.kind();
    tell(&format!("sending {}", contact.leg));
    let import = match calabrio.import(contact).await {
        ImportOutcome::Accepted { ccr } => Import::Accepted { ccr },
        ImportOutcome::Refused {
            status,
            reason,
            request_id,
        } => Import::Refused {
            status,
            reason,
            request_id,
        },
        ImportOutcome::NotSent { cause } => Import::NotSent {
            why: cause.to_string(),
        },
        ImportOutcome::InDoubt { cause } => Import::InDoubt {
            why: cause.to_string(),
        },
    };
    let mut line = SentContact {
        kind,
        leg: contact.leg,
        session: contact.session.clone(),
        import,
        waited_seconds: 0,
        found: Vec::new(),
        read_back: false,
        trouble: None,
    };
    if !line.import.is_there_perhaps() {
        return (line, None);
    }
    let began = Instant::now();
    let mut observed = None;
    let mut pause = patience.first;
    loop {
        let left = patience.wait.saturating_sub(began.elapsed());
        tell(&format!("waiting for {}", contact.leg));
        tokio::time::sleep(pause.min(left)).await;
        match calabrio.observe(contact, line.import.ccr()).await {
            Ok(seen) => {
                line.trouble = None;
                line.read_back = seen.confirms_read_back();
                line.found.clone_from(&seen.contacts);
                observed = Some(seen);
            }
            Err(error) => {
                line.trouble = Some(error.to_string());
                if !error.is_passing() {
                    break;
                }
            }
        }
        let failed = |contact: &Sighting| matches!(contact.state, ContactState::Failed { .. });
        if line.read_back
            || line.found.iter().any(failed)
            || line.found.len() > 1
            || began.elapsed() >= patience.wait
        {
            break;
        }
        pause = (pause + pause / 2).min(patience.longest);
    }
    line.waited_seconds = began.elapsed().as_secs();
    (line, observed)
}

/// What all contacts together show. Where they differ, what did not hold counts; what the deletion of recordings rests upon, the
/// call alone can show.
fn merge(seen: &[(ContactKind, Option<Observed>)]) -> Vec<AssumptionLine> {
    let has_call = seen.iter().any(|(kind, _)| *kind == ContactKind::Call);
    let line = |assumption: &'static Assumption| {
        let counts = |kind: ContactKind| {
            kind == ContactKind::Call || !has_call || !is_of_read_back(assumption.number.into())
        };
        let shown = seen
            .iter()
            .filter(|(kind, _)| counts(*kind))
            .filter_map(|(_, observed)| observed.as_ref())
            .flat_map(|observed| &observed.observations)
            .filter(|seen| seen.assumption == assumption.number);
        let rank = |held: Option<bool>| match held {
            Some(false) => 2,
            Some(true) => 1,
            None => 0,
        };
        let worst = shown.max_by_key(|seen| rank(seen.held));
        AssumptionLine {
            number: assumption.number,
            setting: assumption.setting,
            sentence: assumption.text,
            held: worst.and_then(|seen| seen.held),
            seen: worst.map_or_else(
                || "no contact was there to show it".to_owned(),
                |seen| seen.what.clone(),
            ),
        }
    };
    assumptions().map(line).collect()
}

/// Remembers what held and what did not. What nothing showed stays as it was.
pub async fn remember<L: TenantFacts>(
    ledger: &L,
    acd: &AcdKey,
    found: &LiveContact,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let shown: BTreeMap<u16, bool> = found
        .assumptions
        .iter()
        .filter_map(|line| Some((line.number, line.held?)))
        .collect();
    for (number, held) in shown {
        ledger.confirm(acd, number.into(), held, now).await?;
    }
    Ok(())
}

impl Report for LiveContactReport {
    fn page(&self, page: &mut Page) {
        for (place, acd) in self.acds.iter().enumerate() {
            if place > 0 {
                page.line("");
            }
            acd_page(acd, page);
        }
    }
}

fn acd_page(acd: &LiveContact, page: &mut Page) {
    page.line(&acd.acd);
    for sent in &acd.sent {
        sent_page(sent, page);
    }
    let mut table = Table::new(["no.", "setting", "held", "seen", "assumption"]);
    for line in &acd.assumptions {
        let (held, mood) = match line.held {
            Some(true) => ("yes", Mood::Good),
            Some(false) => ("no", Mood::Bad),
            None => ("not shown", Mood::Quiet),
        };
        table.row_with_moods([
            (line.number.to_string(), None),
            (line.setting.to_owned(), None),
            (held.to_owned(), Some(mood)),
            (line.seen.clone(), None),
            (line.sentence.to_owned(), None),
        ]);
    }
    page.table(table);
    let count = |held| {
        acd.assumptions
            .iter()
            .filter(|line| line.held == held)
            .count()
    };
    page.line(format!(
        "{} assumptions held, {} did not, {} were not shown",
        count(Some(true)),
        count(Some(false)),
        count(None)
    ));
    if acd.confirmed {
        page.mood(
            Mood::Good,
            "read back as the pipeline wants it: this tenant tells when a contact is whole",
        );
    } else {
        page.mood(
            Mood::Bad,
            "not read back as the pipeline wants it: correct [acd.calabrio.contract] by docs/calabrio-contract.md; as long as it was not, no source recording is deleted",
        );
    }
}

fn sent_page(sent: &SentContact, page: &mut Page) {
    let kind = match sent.kind {
        ContactKind::Call => "call",
        ContactKind::Text => "chat",
        ContactKind::Email => "e-mail",
    };
    let what = format!("synthetic {kind} {} ({})", sent.leg, sent.session);
    match &sent.import {
        Import::Accepted { .. } => page.line(format!("{what}: accepted")),
        Import::Refused {
            status,
            reason,
            request_id,
        } => {
            let reason = reason.as_deref().unwrap_or("without a reason");
            let id = request_id
                .as_deref()
                .map_or_else(String::new, |id| format!(" (request {id})"));
            page.mood(
                Mood::Bad,
                format!("{what}: refused with {status}, {reason}{id}"),
            )
        }
        Import::NotSent { why } => page.mood(Mood::Bad, format!("{what}: not sent: {why}")),
        Import::InDoubt { why } => page.mood(
            Mood::Careful,
            format!("{what}: sent without a clear answer: {why}"),
        ),
    };
    for found in &sent.found {
        page.line(format!(
            "found after {} s as contact {}",
            sent.waited_seconds, found.ccr
        ));
    }
    if sent.found.is_empty() && sent.import.is_there_perhaps() {
        page.mood(
            Mood::Bad,
            format!("not found within {} s", sent.waited_seconds),
        );
    }
    if let Some(trouble) = &sent.trouble {
        page.mood(Mood::Bad, trouble);
    }
}

#[cfg(test)]
mod tests;
