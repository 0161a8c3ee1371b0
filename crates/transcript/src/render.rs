//! The transcript as a text that a person can read.
//!
//! Each line says by its first characters what it is, and no text of others comes before them: `[` begins a message, `  | ` a
//! line of what was written, `  + ` an attachment, `  * ` a remark, `---` what lies between messages. See `visible` for what
//! keeps a text of others within its line.

use std::fmt::{self, Write};

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, Utc};

use crate::bounded::Bounded;
use crate::visible::{Line, Quoted, lines};
use crate::{
    Attachment, AttachmentContent, Context, Message, Participant, Role, Transcript, TranscriptError,
};

impl Transcript {
    /// The transcript as plain text in UTF-8 for people, of at most `limit` bytes, with times at this offset from UTC
    /// (`Utc.fix()` for UTC itself). Attachments are named, not shown.
    ///
    /// Nothing that was written in the conversation can look like another line, another author or a remark of the
    /// rendering: control characters are shown, not done, and each text has a direction of its own.
    pub fn render(&self, offset: FixedOffset, limit: u64) -> Result<Bytes, TranscriptError> {
        let mut page = Page {
            out: Bounded::new(limit),
            offset,
        };
        match page.transcript(self) {
            Ok(()) => Ok(page.out.into_bytes().into()),
            Err(fmt::Error) => Err(TranscriptError::TooLarge {
                leg: self.leg().leg_id,
                limit,
            }),
        }
    }
}

struct Page {
    out: Bounded,
    offset: FixedOffset,
}

impl Page {
    fn transcript(&mut self, transcript: &Transcript) -> fmt::Result {
        self.header(transcript)?;
        let range = transcript.range();
        if transcript.messages().is_empty() {
            self.gap(range.from, range.to)?;
            return writeln!(self.out, "\n--- no messages ---");
        }
        let mut context = None;
        let mut next = range.from;
        for message in transcript.messages() {
            self.gap(next, message.index)?;
            if message.context != context {
                self.separator(message.context)?;
                context = message.context;
            }
            self.message(message)?;
            next = message.index.saturating_add(1);
        }
        self.gap(next, range.to)
    }

    fn header(&mut self, transcript: &Transcript) -> fmt::Result {
        let leg = transcript.leg();
        writeln!(self.out, "Transcript of leg {}", leg.leg_id)?;
        writeln!(self.out, "Interaction: {}", leg.session_id)?;
        writeln!(self.out, "Conversation: {}", transcript.conversation())?;
        write!(self.out, "Channel: {}", Quoted(leg.channel.as_str()))?;
        if let Some(direction) = leg.direction {
            write!(self.out, ", {direction}")?;
        }
        write!(self.out, "\nAgent: ")?;
        if let Some(name) = &leg.agent.name {
            write!(self.out, "{} ", Quoted(name))?;
        }
        writeln!(self.out, "{}", leg.agent.worker_sid)?;
        for (what, at) in [
            ("Accepted", leg.accepted),
            ("Wrap-up", leg.wrapup),
            ("Ended", leg.ended),
        ] {
            if let Some(at) = at {
                let at = self.local(at);
                writeln!(self.out, "{what}: {at}")?;
            }
        }
        if self.offset.local_minus_utc() == 0 {
            writeln!(self.out, "Times are in UTC")?;
        } else {
            writeln!(self.out, "Times are local, UTC{}", self.offset)?;
        }
        for Participant {
            role,
            name,
            address,
            ..
        } in transcript.participants()
        {
            write!(self.out, "Participant: ")?;
            self.person(*role, name.as_deref(), address.as_deref())?;
            writeln!(self.out)?;
        }
        let counts = transcript.counts();
        writeln!(
            self.out,
            "Messages: {}, {} of them context; attachments: {}; missing indexes: {}",
            counts.messages, counts.context, counts.attachments, counts.missing_indexes
        )
    }

    fn separator(&mut self, context: Option<Context>) -> fmt::Result {
        let what = match context {
            Some(Context::Before) => "context: before the agent accepted",
            None => "the agent's part",
            Some(Context::After) => "context: after the agent's part",
        };
        writeln!(self.out, "\n--- {what} ---")
    }

    fn gap(&mut self, from: u64, to: u64) -> fmt::Result {
        match to.saturating_sub(from) {
            0 => Ok(()),
            1 => writeln!(self.out, "\n--- index {from} is missing ---"),
            _ => writeln!(
                self.out,
                "\n--- indexes {from} to {} are missing ---",
                to.saturating_sub(1)
            ),
        }
    }

    fn message(&mut self, message: &Message) -> fmt::Result {
        let at = self.local(message.at);
        write!(self.out, "\n[{}] {at} ", message.index)?;
        let author = &message.author;
        self.person(
            author.role,
            author.name.as_deref(),
            author.address.as_deref(),
        )?;
        writeln!(self.out)?;
        if message.deleted {
            writeln!(self.out, "  * deleted")?;
        }
        if message.edited {
            writeln!(self.out, "  * edited")?;
        }
        match message.body.as_deref().filter(|body| !body.is_empty()) {
            Some(body) => {
                for line in lines(body) {
                    writeln!(self.out, "  | {}", Line(line))?;
                }
            }
            None if message.deleted || !message.attachments.is_empty() => {}
            None => writeln!(self.out, "  * no text")?,
        }
        for attachment in &message.attachments {
            self.attachment(attachment)?;
        }
        Ok(())
    }

    fn attachment(&mut self, attachment: &Attachment) -> fmt::Result {
        write!(self.out, "  + {}", attachment.sid)?;
        if let Some(name) = &attachment.file_name {
            write!(self.out, " {}", Quoted(name))?;
        }
        if let Some(kind) = &attachment.content_type {
            write!(self.out, " {}", Quoted(kind))?;
        }
        if let Some(size) = attachment.size {
            write!(self.out, " {size} bytes")?;
        }
        match &attachment.content {
            AttachmentContent::Listed => writeln!(self.out, ", listed only"),
            AttachmentContent::Included { .. } => writeln!(self.out, ", in the document"),
            AttachmentContent::Unavailable { reason } => {
                writeln!(self.out, ", unavailable: {reason}")
            }
        }
    }

    fn person(&mut self, role: Role, name: Option<&str>, address: Option<&str>) -> fmt::Result {
        write!(self.out, "{role}")?;
        if let Some(name) = name {
            write!(self.out, " {}", Quoted(name))?;
        }
        if let Some(address) = address {
            write!(self.out, " at {}", Quoted(address))?;
        }
        Ok(())
    }

    fn local(&self, at: DateTime<Utc>) -> impl fmt::Display + use<> {
        at.with_timezone(&self.offset).format("%Y-%m-%d %H:%M:%S")
    }
}
