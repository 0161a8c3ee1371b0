//! What a file is that is no WAV, told from its first bytes.

use std::fmt;

/// What bytes look like that are no WAV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// No bytes at all.
    Nothing,
    /// A JSON document: an error page of the API.
    Json,
    /// An XML or HTML document: an error page.
    Xml,
    /// Some other text.
    Text,
    /// MP3, with or without an ID3 tag.
    Mp3,
    /// Ogg (Opus, Vorbis).
    Ogg,
    /// FLAC.
    Flac,
    /// Matroska, `WebM` included.
    Matroska,
    /// MP4 or another ISO media file.
    Mp4,
    /// AMR.
    Amr,
    /// AIFF.
    Aiff,
    /// Sun/NeXT audio.
    Au,
    /// RF64, the 64-bit form of WAV.
    Rf64,
    /// BW64, the broadcast form of RF64.
    Bw64,
    /// RIFX, WAV with the other byte order.
    Rifx,
    /// A RIFF file that is no WAVE.
    OtherRiff,
    /// gzip.
    Gzip,
    /// Bytes of no known kind: most likely still encrypted, or decrypted with the wrong key.
    Unknown,
}

impl Found {
    /// What the first bytes of a file look like. Twelve are enough.
    pub fn from_first_bytes(bytes: &[u8]) -> Self {
        const MAGIC: &[(&[u8], Found)] = &[
            (b"RF64", Found::Rf64),
            (b"BW64", Found::Bw64),
            (b"RIFX", Found::Rifx),
            (b"RIFF", Found::OtherRiff),
            (b"ID3", Found::Mp3),
            (b"OggS", Found::Ogg),
            (b"fLaC", Found::Flac),
            (&[0x1a, 0x45, 0xdf, 0xa3], Found::Matroska),
            (b"#!AMR", Found::Amr),
            (b"FORM", Found::Aiff),
            (b".snd", Found::Au),
            (&[0x1f, 0x8b], Found::Gzip),
        ];
        if bytes.is_empty() {
            return Self::Nothing;
        }
        if let Some((_, found)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return *found;
        }
        if bytes.get(4..8) == Some(b"ftyp".as_slice()) {
            return Self::Mp4;
        }
        // An MPEG audio frame: eleven bits set, then a version and a layer that exist.
        if let [0xff, second, ..] = bytes
            && second & 0xe0 == 0xe0
            && second & 0x18 != 0x08
            && second & 0x06 != 0
            && *second != 0xff
        {
            return Self::Mp3;
        }
        let text = bytes
            .strip_prefix(&[0xef, 0xbb, 0xbf])
            .unwrap_or(bytes)
            .trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') => Self::Xml,
            _ if text
                .iter()
                .all(|b| matches!(b, 0x20..=0x7e | b'\t' | b'\r' | b'\n')) =>
            {
                Self::Text
            }
            _ => Self::Unknown,
        }
    }

    /// What to do about it, in a clause.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Nothing => "fetch it again, and see whether Twilio still holds it",
            Self::Json | Self::Xml | Self::Text => {
                "the server answered with an error under a success status; look at the recording in the Twilio console"
            }
            Self::Mp3 => "ask for the recording with the ending `.wav`",
            Self::Unknown => "check that it was decrypted with the key that it was encrypted under",
            Self::Rf64 | Self::Bw64 | Self::Rifx => "convert it to plain WAV",
            _ => "it must be WAV; look at what wrote it",
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "an empty file",
            Self::Json => "a JSON document",
            Self::Xml => "an XML or HTML document",
            Self::Text => "plain text",
            Self::Mp3 => "MP3",
            Self::Ogg => "Ogg",
            Self::Flac => "FLAC",
            Self::Matroska => "Matroska or WebM",
            Self::Mp4 => "MP4",
            Self::Amr => "AMR",
            Self::Aiff => "AIFF",
            Self::Au => "Sun audio",
            Self::Rf64 => "RF64",
            Self::Bw64 => "BW64",
            Self::Rifx => "RIFX",
            Self::OtherRiff => "a RIFF file of another kind",
            Self::Gzip => "gzip",
            Self::Unknown => "bytes of no known kind",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_known_by_its_first_bytes() {
        let cases: &[(&[u8], Found)] = &[
            (b"", Found::Nothing),
            (b"{\"code\": 20404}", Found::Json),
            (b"\xef\xbb\xbf \n[1]", Found::Json),
            (b"<?xml version=\"1.0\"?>", Found::Xml),
            (b"\n<!DOCTYPE html>", Found::Xml),
            (b"Not Found", Found::Text),
            (b"ID3\x04\0\0", Found::Mp3),
            (&[0xff, 0xfb, 0x90, 0x64], Found::Mp3),
            (b"OggS\0", Found::Ogg),
            (b"fLaC\0", Found::Flac),
            (&[0x1a, 0x45, 0xdf, 0xa3, 0x9f], Found::Matroska),
            (b"\0\0\0\x20ftypM4A ", Found::Mp4),
            (b"#!AMR\n", Found::Amr),
            (b"FORM\0\0\0\0AIFF", Found::Aiff),
            (b".snd\0\0", Found::Au),
            (b"RF64\xff\xff\xff\xffWAVE", Found::Rf64),
            (b"BW64\xff\xff\xff\xffWAVE", Found::Bw64),
            (b"RIFX\0\0\0\0WAVE", Found::Rifx),
            (b"RIFF\0\0\0\0AVI ", Found::OtherRiff),
            (&[0x1f, 0x8b, 8], Found::Gzip),
            (&[0xff, 0xff, 0xff, 0xff], Found::Unknown),
            (&[0x9c, 0x01, 0xe7, 0x00], Found::Unknown),
        ];
        for (bytes, found) in cases {
            assert_eq!(Found::from_first_bytes(bytes), *found, "{bytes:02x?}");
        }
    }
}
