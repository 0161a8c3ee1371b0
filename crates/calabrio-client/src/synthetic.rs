//! Contacts that no customer is behind, for seeing how a tenant takes one.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::{Direction, LegId, SessionId};
use futures_util::stream;

use crate::content::{Audio, Content, TextContent};
use crate::import::ContactImport;

/// Stands where a contact has the customer's address, so that people see what it is.
const MARK: &str = "synthetic-contact";
/// Stands where a contact has the dialled address.
const BY: &str = "connector-check";

/// Samples a second.
const RATE: u32 = 8_000;
const SECONDS: u32 = 2;

impl ContactImport {
    /// A call of two seconds that no customer made, marked as synthetic in both addresses: a tone of one second on the left, the
    /// customer's channel, and then one on the right, the agent's.
    ///
    /// `leg` and `session` are the caller's to make; a session that says what it is, such as `synthetic-2026-03-01`, helps people.
    pub fn synthetic_call(
        leg: LegId,
        session: SessionId,
        agent_acd_id: Option<String>,
        start: DateTime<Utc>,
    ) -> Self {
        let wav = Bytes::from(tones());
        let audio = Audio::new(wav.len() as u64, move || {
            Box::pin(stream::iter([Ok(wav.clone())]))
        });
        Self {
            duration_ms: u64::from(SECONDS) * 1_000,
            ..synthetic(
                leg,
                session,
                agent_acd_id,
                start,
                Content::Call(Some(audio)),
            )
        }
    }

    /// A chat that no customer wrote, marked in the same way. `text` should name the leg's id, so that it can be recognised.
    pub fn synthetic_text(
        leg: LegId,
        session: SessionId,
        agent_acd_id: Option<String>,
        start: DateTime<Utc>,
        text: TextContent,
    ) -> Self {
        synthetic(leg, session, agent_acd_id, start, Content::Text(Some(text)))
    }
}

fn synthetic(
    leg: LegId,
    session: SessionId,
    agent_acd_id: Option<String>,
    start: DateTime<Utc>,
    content: Content,
) -> ContactImport {
    ContactImport {
        leg,
        session,
        start,
        duration_ms: 60_000,
        direction: Some(Direction::Inbound),
        ani: Some(MARK.to_owned()),
        dnis: Some(BY.to_owned()),
        agent_acd_id,
        metadata: std::collections::BTreeMap::new(),
        content,
    }
}

/// A WAV file of 16-bit PCM in two channels.
fn tones() -> Vec<u8> {
    const CHANNELS: u16 = 2;
    const FRAME: u16 = CHANNELS * 2;
    let data = RATE * SECONDS * u32::from(FRAME);
    let mut wav = Vec::with_capacity(44 + data as usize);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + data).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    for half in [1, CHANNELS] {
        wav.extend_from_slice(&half.to_le_bytes());
    }
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(RATE * u32::from(FRAME)).to_le_bytes());
    for half in [FRAME, 16] {
        wav.extend_from_slice(&half.to_le_bytes());
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&data.to_le_bytes());
    for sample in 0..RATE * SECONDS {
        // A square wave of some 440 Hz, softly.
        let tone: i16 = if (sample / 9) % 2 == 0 { 2_000 } else { -2_000 };
        let (left, right) = if sample < RATE { (tone, 0) } else { (0, tone) };
        wav.extend_from_slice(&left.to_le_bytes());
        wav.extend_from_slice(&right.to_le_bytes());
    }
    wav
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn leg() -> LegId {
        "WR0123456789abcdef0123456789abcdef".parse().unwrap()
    }

    #[tokio::test]
    async fn a_synthetic_call_is_marked_and_holds_the_audio_that_it_declares() {
        let at = DateTime::UNIX_EPOCH;
        let call = ContactImport::synthetic_call(leg(), "synthetic-1".parse().unwrap(), None, at);
        assert_eq!(call.ani.as_deref(), Some("synthetic-contact"));
        assert_eq!(call.duration_ms, 2_000);
        let audio = call.content.audio().unwrap();
        let mut bytes = Vec::new();
        let mut pieces = audio.open();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        assert_eq!(bytes.len() as u64, audio.length());
        assert_eq!(bytes.len(), 44 + 2 * 8_000 * 4);
        assert_eq!(
            (&bytes[..4], &bytes[8..16]),
            (&b"RIFF"[..], &b"WAVEfmt "[..])
        );
        // The header: PCM, two channels, 8000 Hz, 32000 bytes a second, 4 bytes a frame, 16 bits.
        assert_eq!(
            bytes[20..36],
            [1, 0, 2, 0, 0x40, 0x1f, 0, 0, 0, 0x7d, 0, 0, 4, 0, 16, 0]
        );
        let silent = |from: usize, channel: usize| {
            bytes[44 + from * 4..][..4 * 8_000]
                .chunks(4)
                .all(|frame| frame[channel * 2..][..2] == [0, 0])
        };
        assert!(!silent(0, 0) && silent(0, 1), "first the customer");
        assert!(silent(8_000, 0) && !silent(8_000, 1), "then the agent");
    }

    #[test]
    fn a_synthetic_chat_is_marked_too() {
        let text = TextContent::new(format!(r#"{{"leg":"{}"}}"#, leg()));
        let session = "synthetic-1".parse().unwrap();
        let chat = ContactImport::synthetic_text(leg(), session, None, DateTime::UNIX_EPOCH, text);
        assert_eq!(chat.dnis.as_deref(), Some("connector-check"));
        assert!(chat.content.text().is_some());
    }
}
