//! Headers, honest and otherwise.

use std::time::Duration;

use proptest::prelude::*;
use recording_audio::{AudioError, Codec, Format, Found, LengthClaim, Prober, Source, probe};

use crate::wav::{chunk, extensible, fmt, promising, riff, telephone};

/// Reads a header as the spool would: exactly the bytes that are wanted. Also counts them.
fn look(file: &[u8]) -> (Result<Source, AudioError>, u64) {
    let mut prober = Prober::new(file.len() as u64);
    let mut read = 0;
    while let Some(want) = prober.wants() {
        read += want.end - want.start;
        prober.feed(want.start, &file[want.start as usize..want.end as usize]);
    }
    (prober.finish(), read)
}

fn source(file: &[u8]) -> Source {
    look(file).0.unwrap()
}

fn refused(file: &[u8]) -> AudioError {
    look(file).0.unwrap_err()
}

#[test]
fn files_written_by_another_implementation_are_read() {
    let mono = source(include_bytes!(
        "../../../../fixtures/recording-audio/telephone-mono.wav"
    ));
    assert_eq!(mono.format(), Format::TELEPHONE_MONO);
    assert_eq!((mono.frames(), mono.data()), (Some(800), 44..1644));
    assert_eq!(mono.duration(), Some(Duration::from_millis(100)));
    assert_eq!(mono.claim(), LengthClaim::True);

    let stereo = source(include_bytes!(
        "../../../../fixtures/recording-audio/telephone-stereo.wav"
    ));
    assert_eq!(
        (stereo.format(), stereo.frames()),
        (Format::TELEPHONE_STEREO, Some(800))
    );

    let wide = source(include_bytes!(
        "../../../../fixtures/recording-audio/wideband-mono.wav"
    ));
    assert_eq!(wide.format().to_string(), "16-bit PCM, mono, 16000 Hz");
    assert_eq!(wide.duration(), Some(Duration::from_millis(100)));
}

#[test]
fn an_open_length_reaches_to_the_end_of_the_stream() {
    for open in [0, u32::MAX, 0x7fff_ffff, 0x7fff_ffdb] {
        let found = source(&promising(open, &[1; 200]));
        assert_eq!(
            (found.data(), found.claim()),
            (44..244, LengthClaim::Open),
            "{open:#x}"
        );
    }
}

#[test]
fn a_length_longer_than_the_stream_gives_way_to_it() {
    let found = source(&promising(5000, &[1; 200]));
    assert_eq!(
        (found.data(), found.claim()),
        (44..244, LengthClaim::TooLong { missing: 4800 })
    );
}

#[test]
fn a_length_shorter_than_the_stream_gives_way_to_it() {
    let found = source(&promising(100, &[1; 200]));
    assert_eq!(
        (found.data(), found.claim()),
        (44..244, LengthClaim::TooShort { beyond: 100 })
    );
}

#[test]
fn chunks_behind_the_audio_are_no_audio() {
    let tail = [chunk(b"LIST", b"INFOsoftware"), chunk(b"id3 ", &[7; 33])];
    let file = riff(
        &[
            vec![
                chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
                chunk(b"data", &[1; 200]),
            ],
            tail.to_vec(),
        ]
        .concat(),
    );
    let found = source(&file);
    assert_eq!((found.data(), found.claim()), (44..244, LengthClaim::True));

    // The same where the overall length is nonsense: the chunks still reach exactly to the end.
    let mut lying = file.clone();
    lying[4..8].copy_from_slice(&[0xff; 4]);
    assert_eq!(source(&lying).data(), 44..244);

    // And where the last chunk lacks its padding.
    assert_eq!(source(&file[..file.len() - 1]).data(), 44..244);
}

#[test]
fn an_empty_data_chunk_before_other_chunks_is_empty() {
    let file = riff(&[
        chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
        chunk(b"data", b""),
        chunk(b"LIST", b"INFO"),
    ]);
    assert_eq!(source(&file).frames(), Some(0));
}

#[test]
fn without_a_look_behind_the_audio_the_overall_length_decides() {
    let tail = riff(&[
        chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
        chunk(b"data", &[1; 200]),
        chunk(b"LIST", b"INFO"),
    ]);
    assert_eq!(
        probe(&tail[..64], tail.len() as u64).unwrap().data(),
        44..244
    );

    let mut short = promising(100, &[1; 200]);
    short[4..8].copy_from_slice(&136_u32.to_le_bytes());
    assert_eq!(
        probe(&short[..64], 244).unwrap().claim(),
        LengthClaim::TooShort { beyond: 100 }
    );
}

#[test]
fn chunks_before_the_audio_are_passed_over_unread() {
    let file = riff(&[
        chunk(b"JUNK", &[0; 27]),
        chunk(b"fmt ", &fmt(1, 2, 8000, 16)),
        chunk(b"LIST", &vec![1; 500_001]),
        chunk(b"fact", &[0; 4]),
        chunk(b"data", &[2; 400]),
    ]);
    let (found, read) = look(&file);
    assert_eq!(found.unwrap().frames(), Some(100));
    assert!(
        read < 100,
        "{read} bytes were read of a header of half a megabyte"
    );
}

#[test]
fn a_chunk_of_odd_length_without_its_padding_is_understood() {
    let mut odd = chunk(b"note", &[9; 5]);
    odd.pop();
    let file = riff(&[
        odd,
        chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
        chunk(b"data", &[2; 40]),
    ]);
    assert_eq!(source(&file).frames(), Some(20));
}

#[test]
fn a_frame_that_is_cut_off_is_left_away() {
    let file = promising(u32::MAX, &[1; 201]);
    let found = source(&file[..245]);
    assert_eq!((found.data(), found.frames()), (44..244, Some(100)));
}

#[test]
fn formats_are_recognised_by_name() {
    let named = |body: &[u8]| {
        let file = riff(&[chunk(b"fmt ", body), chunk(b"data", &[0; 48])]);
        let found = source(&file);
        (found.format().to_string(), found.frames())
    };
    assert_eq!(
        named(&fmt(1, 1, 8000, 8)),
        ("8-bit PCM, mono, 8000 Hz".into(), Some(48))
    );
    assert_eq!(
        named(&fmt(1, 2, 48000, 24)),
        ("24-bit PCM, stereo, 48000 Hz".into(), Some(8))
    );
    assert_eq!(
        named(&fmt(1, 3, 44100, 32)),
        ("32-bit PCM, 3 channels, 44100 Hz".into(), Some(4))
    );
    assert_eq!(
        named(&fmt(3, 1, 8000, 32)),
        ("32-bit floating point, mono, 8000 Hz".into(), Some(12))
    );
    assert_eq!(
        named(&fmt(6, 1, 8000, 8)),
        ("A-law, mono, 8000 Hz".into(), Some(48))
    );
    assert_eq!(
        named(&fmt(7, 2, 8000, 8)),
        ("mu-law, stereo, 8000 Hz".into(), Some(24))
    );
    assert_eq!(
        named(&extensible(1, 2, 8000, 16)),
        ("16-bit PCM, stereo, 8000 Hz".into(), Some(12))
    );
    assert_eq!(
        named(&extensible(7, 1, 8000, 8)),
        ("mu-law, mono, 8000 Hz".into(), Some(48))
    );
    for (tag, name) in [
        (0x0002, "Microsoft ADPCM"),
        (0x0011, "IMA ADPCM"),
        (0x0031, "GSM 6.10"),
        (0x0040, "G.721"),
        (0x0064, "G.726"),
        (0x0083, "G.729"),
        (0x0050, "MPEG layer 1 or 2"),
        (0x0055, "MP3"),
        (0x00ff, "AAC"),
        (0x1234, "an unknown codec (tag 0x1234)"),
    ] {
        assert_eq!(
            named(&fmt(tag, 1, 8000, 4)),
            (format!("{name}, mono, 8000 Hz"), None)
        );
    }
    let mut foreign = extensible(1, 1, 8000, 16);
    foreign[30] = 0x77;
    assert_eq!(
        named(&foreign).0,
        "an unknown codec (tag 0xfffe), mono, 8000 Hz"
    );
}

#[test]
fn a_codec_without_fixed_frames_is_refused_by_name() {
    let file = riff(&[
        chunk(b"fmt ", &fmt(0x31, 1, 8000, 0)),
        chunk(b"data", &[0; 65]),
    ]);
    let found = source(&file);
    assert_eq!(
        found.whole().unwrap_err(),
        AudioError::Codec {
            codec: Codec::Gsm610
        }
    );
    let span = found.between(Duration::ZERO, Duration::from_secs(1));
    assert_eq!(
        span.unwrap_err().to_string(),
        "the recording is GSM 6.10 inside WAV, which cannot be cut or joined; have it recorded as 16-bit PCM"
    );
}

#[test]
fn what_is_no_wav_is_named() {
    for (bytes, found) in [
        (b"".as_slice(), Found::Nothing),
        (b"{\"code\":20404,\"message\":\"not found\"}", Found::Json),
        (b"<?xml version='1.0'?><TwilioResponse/>", Found::Xml),
        (b"ID3\x04\0\0\0\0\0\0\0\0\0", Found::Mp3),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0", Found::Ogg),
        (b"RF64\xff\xff\xff\xffWAVEds64", Found::Rf64),
        (b"RIFF\x10\0\0\0AVI LIST", Found::OtherRiff),
        (b"gone", Found::Text),
        (b"\x91\x02\x88", Found::Unknown),
    ] {
        let error = refused(bytes);
        assert_eq!(error, AudioError::NotWav { found });
        assert!(error.to_string().contains(&found.to_string()));
    }
    assert_eq!(
        refused(b"{\"code\":20404}").to_string(),
        "the recording is not WAV audio but a JSON document; the server answered with an error under a success status; \
         look at the recording in the Twilio console"
    );
}

#[test]
fn a_file_that_ends_in_its_header_says_so() {
    let file = telephone(1, &[1; 10]);
    assert_eq!(refused(&file[..8]), AudioError::Truncated { total_len: 8 });
    assert_eq!(
        refused(&file[..30]),
        AudioError::Truncated { total_len: 30 }
    );
    for cut in [12, 19, 36, 43] {
        assert_eq!(refused(&file[..cut]), AudioError::NoData, "{cut}");
    }
    assert_eq!(source(&file[..44]).frames(), Some(0));
}

#[test]
fn missing_and_damaged_chunks_are_told_apart() {
    let audio_first = riff(&[
        chunk(b"data", &[0; 8]),
        chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
    ]);
    assert_eq!(refused(&audio_first), AudioError::NoFormat);
    let silent = riff(&[
        chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
        chunk(b"LIST", b"INFO"),
    ]);
    assert_eq!(refused(&silent), AudioError::NoData);
    let endless = riff(&vec![chunk(b"JUNK", b"12"); 100]);
    assert_eq!(refused(&endless), AudioError::NoData);
    let damaged = riff(&[chunk(&[1, 2, 3, 4], b"12"), chunk(b"data", b"12")]);
    assert_eq!(refused(&damaged), AudioError::BrokenChunk { offset: 12 });
}

#[test]
fn impossible_formats_are_refused() {
    let reason =
        |body: &[u8]| match refused(&riff(&[chunk(b"fmt ", body), chunk(b"data", &[0; 8])])) {
            AudioError::BadFormat { what } => what,
            other => panic!("{other}"),
        };
    assert_eq!(reason(&fmt(1, 0, 8000, 16)), "it has no channels");
    assert_eq!(reason(&fmt(1, 1, 0, 16)), "it has no samples per second");
    assert_eq!(reason(&fmt(1, 1, 8000, 0)), "PCM samples have 1 to 32 bits");
    assert_eq!(
        reason(&fmt(3, 1, 8000, 16)),
        "floating point samples have 32 or 64 bits"
    );
    assert_eq!(
        reason(&fmt(1, 1, 8000, 16)[..14]),
        "its `fmt ` chunk has less than 16 bytes"
    );
    assert_eq!(
        reason(&extensible(1, 1, 8000, 16)[..18]),
        "its extensible `fmt ` chunk has less than 40 bytes"
    );
    let mut contradictory = fmt(1, 1, 8000, 16);
    contradictory[12] = 4;
    assert_eq!(
        reason(&contradictory),
        "its frames have another length than channels and bits give"
    );
    assert!(matches!(
        Format::new(Codec::Pcm { bits: 32 }, 60_000, 8000),
        Err(AudioError::BadFormat { .. })
    ));
}

#[test]
fn numbers_that_follow_from_others_are_not_believed() {
    let mut body = fmt(1, 2, 8000, 16);
    body[8..14].copy_from_slice(&[0xee, 0xee, 0xee, 0xee, 0, 0]);
    let file = riff(&[chunk(b"fmt ", &body), chunk(b"data", &[0; 40])]);
    assert_eq!(source(&file).frames(), Some(10));
}

#[test]
fn a_header_that_goes_on_says_where() {
    let file = riff(&[
        chunk(b"LIST", &[1; 90]),
        chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
        chunk(b"data", &[0; 8]),
    ]);
    assert_eq!(
        probe(&file[..64], file.len() as u64).unwrap_err(),
        AudioError::Unfinished { next: 110 }
    );
    assert_eq!(probe(&file, file.len() as u64).unwrap().frames(), Some(4));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_never_ask_outside_the_file(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        patch in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut valid = riff(&[
            chunk(b"fmt ", &fmt(1, 2, 8000, 16)), chunk(b"LIST", &[1; 13]), chunk(b"data", &[3; 64]), chunk(b"note", b"x"),
        ]);
        for (at, value) in patch {
            let at = at.index(valid.len());
            valid[at] = value;
        }
        for file in [bytes, valid] {
            let mut prober = Prober::new(file.len() as u64);
            let mut turns = 0;
            while let Some(want) = prober.wants() {
                prop_assert!(want.start < want.end && want.end <= file.len() as u64);
                prober.feed(want.start, &file[want.start as usize..want.end as usize]);
                turns += 1;
                prop_assert!(turns < 300);
            }
            if let Ok(found) = prober.finish() {
                prop_assert!(found.data().end <= file.len() as u64);
                let _ = found.whole();
            }
        }
    }

    #[test]
    fn any_chunking_finds_the_same(
        claim in prop_oneof![any::<u32>(), 0_u32..300],
        tail in any::<bool>(),
        cuts in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let mut file = promising(claim, &[5; 200]);
        if tail {
            file.extend(chunk(b"LIST", b"INFO more"));
        }
        let mut prober = Prober::new(file.len() as u64);
        let (mut at, mut cuts) = (0, cuts.iter().cycle());
        while at < file.len() {
            let end = (at + cuts.next().unwrap()).min(file.len());
            prober.feed(at as u64, &file[at..end]);
            at = end;
        }
        prop_assert_eq!(prober.finish(), look(&file).0);
    }
}
