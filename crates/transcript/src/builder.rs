//! How a transcript comes together, page by page, without outgrowing its limit.

use std::collections::BTreeMap;
use std::fmt;

use contact_model::MessageRange;
use twilio_sid::ConversationSid;

use crate::bounded::json_len;
use crate::document::{ConversationPart, Document};
use crate::{Counts, LegHeader, Message, Participant, Transcript, TranscriptError, VERSION};

/// Takes participants and messages in any order, the messages of a whole conversation if need be, and keeps the leg's own.
///
/// What it holds is counted in bytes of JSON as it comes, so that a conversation that is too large is refused at the message
/// that makes it so, and not after all of it was fetched. Some 200 bytes are set aside for the counts: what was taken is never
/// refused by [`Transcript::to_json`] under the same limit.
pub struct TranscriptBuilder {
    leg: LegHeader,
    part: ConversationPart,
    participants: Vec<Participant>,
    messages: BTreeMap<u64, Message>,
    len: u64,
    limit: u64,
}

impl TranscriptBuilder {
    pub(crate) fn new(
        leg: LegHeader,
        sid: ConversationSid,
        range: MessageRange,
        limit: u64,
    ) -> Self {
        let mut builder = Self {
            leg,
            part: ConversationPart { sid, range },
            participants: Vec::new(),
            messages: BTreeMap::new(),
            len: 0,
            limit,
        };
        // With room for counts of any size, so that what was taken always fits into the limit when it is written.
        let frame = Document {
            counts: Counts::WIDEST,
            ..builder.assemble(Vec::new(), Vec::new())
        };
        builder.len = json_len(&frame);
        builder
    }

    /// Adds a participant.
    pub fn participant(&mut self, participant: Participant) -> Result<(), TranscriptError> {
        self.grow(json_len(&participant))?;
        self.participants.push(participant);
        Ok(())
    }

    /// Adds a message if its index is in the leg's range and new, and says whether it was taken. Of two with one index the
    /// first counts: two pages that overlap do no harm.
    pub fn message(&mut self, message: Message) -> Result<bool, TranscriptError> {
        if !self.part.range.contains(message.index) || self.messages.contains_key(&message.index) {
            return Ok(false);
        }
        self.grow(json_len(&message))?;
        self.messages.insert(message.index, message);
        Ok(true)
    }

    /// How many more bytes of JSON there is room for, to be asked before an attachment is fetched: `n` bytes of content
    /// become four thirds of `n` in the document.
    pub fn room(&self) -> u64 {
        self.limit.saturating_sub(self.len)
    }

    /// The transcript: in the order of the indexes, gaps marked, everything counted.
    pub fn finish(mut self) -> Transcript {
        let participants = std::mem::take(&mut self.participants);
        let mut messages: Vec<_> = std::mem::take(&mut self.messages).into_values().collect();
        let mut next = self.part.range.from;
        for message in &mut messages {
            message.after_gap = message.index > next;
            next = message.index.saturating_add(1);
        }
        Transcript(self.assemble(participants, messages))
    }

    fn assemble(&self, participants: Vec<Participant>, messages: Vec<Message>) -> Document {
        Document {
            version: VERSION,
            leg: self.leg.clone(),
            conversation: self.part,
            counts: Counts::of(&messages, self.part.range),
            participants,
            messages,
        }
    }

    /// Counts an entry and the comma before it.
    fn grow(&mut self, by: u64) -> Result<(), TranscriptError> {
        let len = self.len.saturating_add(by).saturating_add(1);
        if len > self.limit {
            return Err(TranscriptError::TooLarge {
                leg: self.leg.leg_id,
                limit: self.limit,
            });
        }
        self.len = len;
        Ok(())
    }
}

impl fmt::Debug for TranscriptBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TranscriptBuilder")
            .field("leg", &self.leg.leg_id)
            .field("messages", &self.messages.len())
            .field("len", &self.len)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
