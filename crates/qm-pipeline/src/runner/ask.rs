//! Asking Twilio what the policy wants to know, and putting the answers into the policy's words.

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::Leg;
use recording_crypto::EncryptionDetails;
use twilio_client::{
    Conference, ConferenceStatus, EventQuery, Listed, Listing, MediaLocation, PastParticipant,
    Recording, RecordingStatus, TwilioClient, TwilioError,
};
use twilio_sid::{ServiceSid, TaskSid};

use super::conversations;
use crate::policy::{
    AgentKnown, Answer, CallFacts, ConferenceFacts, Encryption, Occupants, ParticipantFacts,
    Question, RecordingFacts, RecordingState, Trouble,
};

/// Twilio keeps events for 30 days; a little less is asked for, because clocks differ.
pub(crate) const EVENTS_KEPT: TimeDelta = TimeDelta::minutes(30 * 24 * 60 - 60);

/// A task may wait in a queue for two weeks before an agent accepts it, and be assigned for a day.
pub(crate) const TASK_LIFE: TimeDelta = TimeDelta::days(16);

/// Twilio's codes for recordings that hold nothing: too short, silent.
const EMPTY: [u32; 2] = [16_101, 16_102];

/// What a failed request means for the contact.
pub(crate) fn twilio_trouble(error: &TwilioError, step: &'static str) -> Trouble {
    if error.is_authentication() {
        tracing::warn!(%error, step, "Twilio refuses the credentials");
        return Trouble::Held {
            waits_for: Some(
                "Twilio to accept the credentials: correct auth_token or api_key of [acd.twilio], then restart",
            ),
        };
    }
    tracing::info!(%error, step, "a step failed");
    Trouble::Passing { step }
}

/// How many failures in a row a contact bears before it goes on without what it can do without.
const PATIENCE: u32 = 3;

/// Asks Twilio. `failures` is how many the contact has had in a row, `service` the service of Flex's conversations.
pub(crate) async fn ask(
    twilio: &TwilioClient,
    leg: &Leg,
    question: Question,
    failures: u32,
    now: DateTime<Utc>,
    service: Option<ServiceSid>,
) -> Result<Answer, Trouble> {
    match answer(twilio, leg, question, now, service).await {
        Ok(answer) => Ok(answer),
        // It only makes a cut finer: a contact does not wait for ever for a record that many accounts do not have.
        Err(_) if matches!(question, Question::Participants(_)) && failures >= PATIENCE => {
            Ok(Answer::Participants(None))
        }
        Err(error) => Err(twilio_trouble(&error, question.step())),
    }
}

async fn answer(
    twilio: &TwilioClient,
    leg: &Leg,
    question: Question,
    now: DateTime<Utc>,
    service: Option<ServiceSid>,
) -> Result<Answer, TwilioError> {
    Ok(match question {
        Question::TaskEvents(task) => {
            let ended = leg.times.media_ended().unwrap_or(now);
            match task_events(twilio, leg.acd.workspace, task, ended, now).await? {
                Some(events) => Answer::Events(events),
                None => Answer::EventsGone,
            }
        }
        Question::Recording(sid) => match twilio.recordings().get_even_deleted(sid).await {
            Ok(recording) => Answer::Recording(Some(facts(&recording))),
            Err(error) if error.is_not_found() => Answer::Recording(None),
            Err(error) => return Err(error),
        },
        Question::ConferenceRecordings(sid) => {
            Answer::Recordings(recordings(twilio.recordings().of_conference(sid)).await?)
        }
        Question::CallRecordings(sid) => {
            Answer::Recordings(recordings(twilio.recordings().of_call(sid)).await?)
        }
        Question::ConferencesNamed(task) => {
            let listed = twilio.conferences().named(task.to_string()).all().await?;
            Answer::Conferences(whole(listed)?.iter().map(conference).collect())
        }
        Question::Conference(sid) => match twilio.conferences().get(sid).await {
            Ok(found) => Answer::Conference(Some(conference(&found))),
            Err(error) if error.is_not_found() => Answer::Conference(None),
            Err(error) => return Err(error),
        },
        Question::Participants(sid) => {
            match twilio.conferences().past_participants(sid).all().await {
                Ok(listed) => Answer::Participants(Some(
                    listed
                        .items
                        .iter()
                        .filter(|participant| !participant.is_coach)
                        .map(|participant| participant_facts(participant, &listed.items))
                        .collect(),
                )),
                // Not every account has Voice Insights, and it forgets after 30 days.
                Err(error) if !error.is_passing() && !error.is_authentication() => {
                    Answer::Participants(None)
                }
                Err(error) if forbidden(&error) => Answer::Participants(None),
                Err(error) => return Err(error),
            }
        }
        Question::Conversation(sid) => {
            Answer::Conversation(conversations::find(twilio, service, sid).await?)
        }
        Question::Messages(facts) => Answer::Messages(conversations::stamps(twilio, facts).await?),
        Question::Interaction(sid) => {
            Answer::Interaction(conversations::agents(twilio, sid).await?)
        }
        // They are not Twilio's to answer.
        Question::Occupants(_) => Answer::Occupants(Occupants::default()),
        Question::HoldSeen(_) => Answer::HoldSeen(None),
        Question::Agent(_) => Answer::Agent(AgentKnown::Unclear),
        Question::Call(sid) => match twilio.calls().get(sid).await {
            Ok(call) => Answer::Call(Some(CallFacts {
                sid,
                ended: call.ended_at,
            })),
            Err(error) if error.is_not_found() => Answer::Call(None),
            Err(error) => return Err(error),
        },
    })
}

/// The events of a task; `None` where they are older than what Twilio keeps.
pub(crate) async fn task_events(
    twilio: &TwilioClient,
    workspace: twilio_sid::WorkspaceSid,
    task: TaskSid,
    ended: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Vec<flex_events::FlexEvent>>, TwilioError> {
    let kept_since = now - EVENTS_KEPT;
    if ended < kept_since {
        return Ok(None);
    }
    let query = EventQuery::between((ended - TASK_LIFE).max(kept_since), now).of_task(task);
    match twilio.taskrouter(workspace).events(&query).await {
        Ok(found) => {
            for error in &found.unreadable {
                tracing::warn!(%task, %error, "an event cannot be read");
            }
            Ok(Some(found.events))
        }
        Err(TwilioError::EventsTooOld { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn forbidden(error: &TwilioError) -> bool {
    error.call().and_then(http_retry::CallError::status) == Some(403)
}

async fn recordings(listing: Listing<Recording>) -> Result<Vec<RecordingFacts>, TwilioError> {
    match listing.all().await {
        Ok(listed) => Ok(whole(listed)?.iter().map(facts).collect()),
        // A call or conference that Twilio no longer knows has no recordings to list.
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The items of a list that was read whole. An item that cannot be read must not be taken for absent.
fn whole<T>(listed: Listed<T>) -> Result<Vec<T>, TwilioError> {
    match listed.unreadable.into_iter().next() {
        None => Ok(listed.items),
        Some(error) => Err(TwilioError::Unreadable(error)),
    }
}

fn conference(conference: &Conference) -> ConferenceFacts {
    let over = conference.status == ConferenceStatus::Completed;
    ConferenceFacts {
        sid: conference.sid,
        ended: conference.updated_at.filter(|_| over),
    }
}

fn participant_facts(
    participant: &PastParticipant,
    everyone: &[PastParticipant],
) -> ParticipantFacts {
    let holds = participant.holds_among(everyone);
    ParticipantFacts {
        call: participant.call,
        joined: participant.joined_at,
        left: participant.left_at,
        client: participant.client_identity().map(str::to_owned),
        holds: holds.map(|holds| holds.iter().map(|span| (span.from, span.to)).collect()),
    }
}

/// What the policy needs to know of a recording.
pub(crate) fn facts(recording: &Recording) -> RecordingFacts {
    let state = match recording.status {
        RecordingStatus::Absent => match recording.error_code {
            Some(code) if EMPTY.contains(&code) => RecordingState::Empty,
            code => RecordingState::NotStored { code },
        },
        RecordingStatus::Deleted => RecordingState::Deleted,
        RecordingStatus::Completed => match recording.media {
            Some(MediaLocation::External { .. }) => RecordingState::Elsewhere,
            _ => RecordingState::Stored,
        },
        _ => RecordingState::Pending,
    };
    let encryption = match recording
        .encryption_details
        .as_ref()
        .map_or(Ok(None), EncryptionDetails::from_json)
    {
        Ok(None) => Encryption::None,
        Ok(Some(details)) => Encryption::Key(details.public_key_sid()),
        Err(error) => {
            tracing::warn!(recording = %recording.sid, %error, "encryption details cannot be used");
            Encryption::Unusable
        }
    };
    RecordingFacts {
        sid: recording.sid,
        state,
        channels: recording
            .channels
            .and_then(|channels| u8::try_from(channels).ok())
            .unwrap_or(1),
        start: recording.started_at,
        seconds: recording.duration.map(|duration| duration.as_secs()),
        call: recording.call,
        conference: recording.conference,
        encryption,
    }
}
