//! The header of the WAV files that Twilio serves.

use super::sound::{SAMPLE_BYTES, SAMPLE_RATE};

/// Length of the header in bytes.
pub(crate) const HEADER_BYTES: u64 = 44;

/// The header of `pcm_bytes` bytes of 16-bit PCM.
pub(crate) fn header(channels: u16, pcm_bytes: u64) -> Vec<u8> {
    let data = u32::try_from(pcm_bytes).unwrap_or(u32::MAX);
    let frame = channels * u16::try_from(SAMPLE_BYTES).unwrap_or(2);
    let mut header = Vec::with_capacity(44);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&data.saturating_add(36).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16_u32.to_le_bytes());
    header.extend_from_slice(&1_u16.to_le_bytes());
    header.extend_from_slice(&channels.to_le_bytes());
    header.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
    header.extend_from_slice(&(SAMPLE_RATE * u32::from(frame)).to_le_bytes());
    header.extend_from_slice(&frame.to_le_bytes());
    header.extend_from_slice(&16_u16.to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&data.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_that_of_16_bit_pcm_at_8_khz() {
        let header = header(2, 64_000);
        assert_eq!(header.len() as u64, HEADER_BYTES);
        assert_eq!(&header[..4], b"RIFF");
        assert_eq!(header[4..8], 64_036_u32.to_le_bytes());
        assert_eq!(header[22..24], 2_u16.to_le_bytes());
        assert_eq!(header[24..28], 8_000_u32.to_le_bytes());
        assert_eq!(header[28..32], 32_000_u32.to_le_bytes());
        assert_eq!(header[32..34], 4_u16.to_le_bytes());
        assert_eq!(header[40..44], 64_000_u32.to_le_bytes());
    }
}
