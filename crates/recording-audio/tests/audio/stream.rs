//! Cutting, joining and turning round, whatever the pieces.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use recording_audio::{AudioError, Clip, Codec, Format, Joining, Plan, Source, probe};

use crate::wav::{chunk, fmt, riff, telephone};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn open(file: &[u8]) -> Source {
    probe(file, file.len() as u64).unwrap()
}

/// Feeds whole files, in pieces of the given sizes over and over.
fn run(plan: &Plan, files: &[&[u8]], sizes: &[usize]) -> Result<Vec<u8>, AudioError> {
    let mut transform = plan.transform();
    let mut out = Vec::new();
    let mut sizes = sizes.iter().cycle();
    for (input, file) in files.iter().enumerate() {
        let mut at = 0;
        while at < file.len() {
            let end = (at + sizes.next().unwrap()).min(file.len());
            transform.push(
                input,
                at as u64,
                Bytes::copy_from_slice(&file[at..end]),
                &mut out,
            )?;
            at = end;
        }
    }
    transform.finish()?;
    Ok(out.concat())
}

/// Pulls exactly what is wanted, as an upload from the spool does.
fn pull(plan: &Plan, files: &[&[u8]], size: u64) -> Vec<u8> {
    let mut transform = plan.transform();
    let mut out = Vec::new();
    while let Some(want) = transform.wants() {
        let end = want.range.end.min(want.range.start + size);
        let piece =
            Bytes::copy_from_slice(&files[want.input][want.range.start as usize..end as usize]);
        transform
            .push(want.input, want.range.start, piece, &mut out)
            .unwrap();
    }
    transform.finish().unwrap();
    out.concat()
}

fn samples(count: u16) -> Vec<u8> {
    (0..count).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_whole_recording_under_a_lying_header_gets_a_true_one() {
    let mut file = telephone(1, &samples(100));
    file[4..8].copy_from_slice(&[0xff; 4]);
    file[40..44].copy_from_slice(&[0xff; 4]);
    let plan = Plan::new(open(&file).whole().unwrap()).unwrap();
    assert_eq!(
        run(&plan, &[&file], &[7]).unwrap(),
        telephone(1, &samples(100))
    );
}

#[test]
fn the_header_equals_that_of_another_implementation() {
    let file: &[u8] = include_bytes!("../../../../fixtures/recording-audio/telephone-stereo.wav");
    let plan = Plan::new(open(file).whole().unwrap()).unwrap();
    assert_eq!(run(&plan, &[file], &[1000]).unwrap(), file);
}

#[test]
fn a_span_is_cut_on_frames_and_needs_only_its_own_bytes() {
    let file = telephone(1, &samples(8000));
    let plan = Plan::new(open(&file).between(ms(250), ms(750)).unwrap()).unwrap();
    assert_eq!(plan.needed_input_range(0), Some(44 + 4000..44 + 12000));
    assert_eq!(plan.needed_input_range(1), None);
    assert_eq!(
        (
            plan.inputs(),
            plan.frames(),
            plan.duration(),
            plan.duration_ms()
        ),
        (1, 4000, ms(500), 500)
    );
    let out = pull(&plan, &[&file], 999);
    assert_eq!(out.len() as u64, plan.output_len());
    assert_eq!(out, telephone(1, &samples(8000)[4000..12000]));
}

#[test]
fn a_span_that_reaches_beyond_the_recording_ends_with_it() {
    let file = telephone(1, &samples(800));
    let clip = open(&file).between(ms(50), Duration::MAX).unwrap();
    assert_eq!(
        (clip.frames(), clip.duration(), clip.format()),
        (400, ms(50), Format::TELEPHONE_MONO)
    );
}

#[test]
fn a_span_with_nothing_in_it_is_refused() {
    let source = open(&telephone(1, &samples(800)));
    for (from, to) in [
        (ms(100), ms(200)),
        (ms(50), ms(50)),
        (ms(60), ms(40)),
        (Duration::MAX, Duration::MAX),
    ] {
        assert_eq!(
            source.between(from, to),
            Err(AudioError::EmptySpan {
                from,
                to,
                duration: ms(100)
            })
        );
    }
}

#[test]
fn swapping_exchanges_left_and_right() {
    let frames =
        |first: [u8; 2], second: [u8; 2]| [first, second, first, second, first, second].concat();
    let file = telephone(2, &frames([1, 2], [8, 9]));
    let clip = open(&file).whole().unwrap();
    let plan = Plan::new(clip.clone().swap_channels().unwrap()).unwrap();
    for size in [1, 2, 3, 4, 5, 1000] {
        assert_eq!(
            run(&plan, &[&file], &[size]).unwrap(),
            telephone(2, &frames([8, 9], [1, 2])),
            "{size}"
        );
    }
    let twice = Plan::new(clip.swap_channels().unwrap().swap_channels().unwrap()).unwrap();
    assert_eq!(run(&twice, &[&file], &[3]).unwrap(), file);
}

#[test]
fn swapping_works_for_samples_of_any_length() {
    for (tag, bits) in [(1, 8), (1, 24), (1, 32), (7, 8), (3, 64)] {
        let sample = usize::from(bits / 8);
        let frames =
            |left: u8, right: u8| [vec![left; sample], vec![right; sample]].concat().repeat(4);
        let file = riff(&[
            chunk(b"fmt ", &fmt(tag, 2, 8000, bits)),
            chunk(b"data", &frames(3, 4)),
        ]);
        let plan = Plan::new(open(&file).whole().unwrap().swap_channels().unwrap()).unwrap();
        let out = run(&plan, &[&file], &[5]).unwrap();
        assert!(out.ends_with(&frames(4, 3)), "{bits}");
        assert_eq!(open(&out).format(), open(&file).format());
    }
}

#[test]
fn only_stereo_can_be_swapped() {
    let mono = open(&telephone(1, &samples(8))).whole().unwrap();
    assert_eq!(
        mono.swap_channels().unwrap_err(),
        AudioError::NotStereo { channels: 1 }
    );
}

#[test]
fn recordings_are_joined_in_order() {
    let (first, second) = (telephone(1, &samples(100)), telephone(1, &[7; 60]));
    let clips = [
        open(&first).whole().unwrap(),
        open(&second).whole().unwrap(),
    ];
    let plan = Plan::join(clips, Joining::SameFormat).unwrap();
    let expected = telephone(1, &[samples(100), vec![7; 60]].concat());
    assert_eq!(pull(&plan, &[&first, &second], 11), expected);
    assert_eq!(run(&plan, &[&first, &second], &[13]).unwrap(), expected);
}

#[test]
fn a_recording_without_a_sample_adds_nothing_but_keeps_its_number() {
    let (empty, full) = (telephone(2, &[]), telephone(1, &samples(10)));
    let clips = [&empty, &full, &empty].map(|file| open(file).whole().unwrap());
    let plan = Plan::join(clips, Joining::SameFormat).unwrap();
    assert_eq!(pull(&plan, &[&empty, &full, &empty], 3), full);
}

#[test]
fn nothing_at_all_is_refused() {
    assert_eq!(
        Plan::join([], Joining::SameFormat),
        Err(AudioError::Nothing)
    );
    assert_eq!(
        Plan::new(open(&telephone(1, &[])).whole().unwrap()),
        Err(AudioError::Nothing)
    );
}

#[test]
fn formats_that_differ_are_refused_naming_both() {
    let wide = riff(&[
        chunk(b"fmt ", &fmt(1, 1, 16000, 16)),
        chunk(b"data", &[0; 8]),
    ]);
    let clips = |files: [&[u8]; 2]| files.map(|file| open(file).whole().unwrap());
    let narrow = telephone(1, &[0; 8]);
    let error = Plan::join(clips([&narrow, &wide]), Joining::MonoOnBothSides).unwrap_err();
    assert_eq!(
        error.to_string(),
        "recording 1 is 16-bit PCM, mono, 16000 Hz, but those before it are 16-bit PCM, mono, 8000 Hz; they cannot be joined"
    );
    let stereo = telephone(2, &[0; 8]);
    let error = Plan::join(clips([&stereo, &narrow]), Joining::SameFormat).unwrap_err();
    let (expected, found) = (Format::TELEPHONE_STEREO, Format::TELEPHONE_MONO);
    assert_eq!(
        error,
        AudioError::Mismatch {
            input: 1,
            expected,
            found
        }
    );
}

#[test]
fn mono_can_be_put_on_both_sides_of_stereo() {
    let (mono, stereo) = (telephone(1, &[1, 2, 3, 4]), telephone(2, &[5, 6, 7, 8]));
    for (files, data) in [
        ([&mono, &stereo], [1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8]),
        ([&stereo, &mono], [5, 6, 7, 8, 1, 2, 1, 2, 3, 4, 3, 4]),
    ] {
        let clips = files.map(|file| open(file).whole().unwrap());
        let plan = Plan::join(clips, Joining::MonoOnBothSides).unwrap();
        let files = files.map(Vec::as_slice);
        for size in 1..6 {
            assert_eq!(run(&plan, &files, &[size]).unwrap(), telephone(2, &data));
        }
    }
}

#[test]
fn audio_of_odd_length_is_padded_and_counted() {
    let file = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 8)), chunk(b"data", &[9; 5])]);
    let plan = Plan::new(open(&file).whole().unwrap()).unwrap();
    assert_eq!(plan.output_len(), 50);
    assert_eq!(run(&plan, &[&file], &[2]).unwrap(), file);
}

#[test]
fn other_codecs_than_pcm_carry_a_fact_chunk() {
    let file = riff(&[chunk(b"fmt ", &fmt(7, 1, 8000, 8)), chunk(b"data", &[9; 6])]);
    let plan = Plan::new(open(&file).whole().unwrap()).unwrap();
    let out = run(&plan, &[&file], &[100]).unwrap();
    assert_eq!((out.len() as u64, plan.output_len()), (64, 64));
    assert_eq!(&out[38..50], b"fact\x04\0\0\0\x06\0\0\0");
    let again = open(&out);
    assert_eq!(
        (again.format().codec(), again.frames()),
        (Codec::MuLaw, Some(6))
    );
}

#[test]
fn more_than_a_wav_file_can_tell_is_refused() {
    let mut file = telephone(1, &samples(8));
    file[40..44].copy_from_slice(&[0xff; 4]);
    let huge = probe(&file, 5 << 30).unwrap();
    let error = Plan::new(huge.whole().unwrap()).unwrap_err();
    assert_eq!(
        error,
        AudioError::TooLong {
            data_len: (5 << 30) - 44
        }
    );
    assert!(Plan::new(huge.between(ms(0), ms(60_000)).unwrap()).is_ok());
}

#[test]
fn a_recording_that_ends_early_breaks_the_promise_loudly() {
    let file = telephone(1, &samples(100));
    let plan = Plan::new(open(&file).whole().unwrap()).unwrap();
    assert_eq!(
        run(&plan, &[&file[..144]], &[50]),
        Err(AudioError::EndedEarly {
            input: 0,
            missing: 100
        })
    );
}

#[test]
fn a_gap_is_refused_and_the_right_piece_still_taken() {
    let file = telephone(1, &samples(100));
    let plan = Plan::new(open(&file).whole().unwrap()).unwrap();
    let mut transform = plan.transform();
    let mut out = Vec::new();
    for (input, offset) in [(0, 50), (1, 0), (0, 500)] {
        let error = transform
            .push(input, offset, Bytes::from_static(b"1234"), &mut out)
            .unwrap_err();
        assert_eq!(
            error,
            AudioError::OutOfOrder {
                input: 0,
                wanted: 44,
                got_input: input,
                got: offset
            }
        );
    }
    assert!(out.is_empty());
    transform
        .push(0, 0, Bytes::from(file.clone()), &mut out)
        .unwrap();
    // What was taken already, or lies behind, is passed over.
    transform
        .push(0, 100, Bytes::from_static(b"1234"), &mut out)
        .unwrap();
    transform.finish().unwrap();
    assert_eq!(out.concat(), file);
}

#[test]
fn audio_that_needs_no_work_is_not_copied() {
    let file = Bytes::from(telephone(1, &samples(100)));
    let plan = Plan::new(open(&file).whole().unwrap()).unwrap();
    let mut out = Vec::new();
    plan.transform().push(0, 0, file.clone(), &mut out).unwrap();
    assert_eq!(out[1].as_ptr(), file[44..].as_ptr());
}

#[test]
fn channels_are_swapped_in_place_where_nobody_else_holds_the_bytes() {
    let file = telephone(2, &samples(100));
    let plan = Plan::new(open(&file).whole().unwrap().swap_channels().unwrap()).unwrap();
    let piece = Bytes::from(file);
    let address = piece[44..].as_ptr();
    let mut out = Vec::new();
    plan.transform().push(0, 0, piece, &mut out).unwrap();
    assert_eq!(out[1].as_ptr(), address);
}

/// Audio, where its span begins and ends in milliseconds, and whether its channels are exchanged.
type Part = (Vec<u8>, u64, u64, bool);

/// One to three recordings of one format, each with a span and perhaps exchanged channels.
fn recordings() -> impl Strategy<Value = (u16, u16, Vec<Part>)> {
    let one = (
        prop::collection::vec(any::<u8>(), 0..400),
        0_u64..30,
        0_u64..30,
        any::<bool>(),
    );
    (
        1_u16..=2,
        prop_oneof![Just(8_u16), Just(16), Just(24)],
        prop::collection::vec(one, 1..4),
    )
}

proptest! {
    #[test]
    fn the_output_is_as_long_as_promised_and_the_same_for_any_pieces(
        (channels, bits, parts) in recordings(),
        sizes in prop::collection::vec(1_usize..70, 1..12),
    ) {
        let mut files = Vec::new();
        let mut clips: Vec<Clip> = Vec::new();
        for (data, from, to, swapped) in parts {
            let file = riff(&[chunk(b"fmt ", &fmt(1, channels, 8000, bits)), chunk(b"data", &data)]);
            let source = open(&file);
            let mut clip = source.between(ms(from), ms(to)).or_else(|_| source.whole()).unwrap();
            if swapped && channels == 2 {
                clip = clip.swap_channels().unwrap();
            }
            files.push(file);
            clips.push(clip);
        }
        let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        let Ok(plan) = Plan::join(clips, Joining::SameFormat) else {
            return Ok(());
        };
        let out = run(&plan, &files, &sizes).unwrap();
        prop_assert_eq!(out.len() as u64, plan.output_len());
        prop_assert_eq!(&out, &pull(&plan, &files, 1 << 20));
        let again = open(&out);
        prop_assert_eq!(again.frames(), Some(plan.frames()));
        prop_assert_eq!(again.claim(), recording_audio::LengthClaim::True);
    }

    #[test]
    fn cutting_and_joining_gives_the_original(
        frames in 1_u16..900,
        channels in 1_u16..=2,
        rate in prop_oneof![Just(8000_u32), Just(11_025), Just(44_100)],
        cuts in prop::collection::vec(0_u64..120_000, 0..5),
    ) {
        let data = samples(frames * channels);
        let file = riff(&[chunk(b"fmt ", &fmt(1, channels, rate, 16)), chunk(b"data", &data)]);
        let source = open(&file);
        let mut times: Vec<_> = cuts.into_iter().map(Duration::from_micros).collect();
        times.extend([Duration::ZERO, Duration::MAX]);
        times.sort_unstable();
        let clips: Vec<Clip> =
            times.windows(2).filter_map(|pair| source.between(pair[0], pair[1]).ok()).collect();
        let files = vec![file.as_slice(); clips.len()];
        let plan = Plan::join(clips, Joining::SameFormat).unwrap();
        prop_assert_eq!(pull(&plan, &files, 50), file);
    }

    #[test]
    fn a_frame_is_found_again_by_its_time(frame in 0_u64..1 << 40, rate in 1_u32..200_000) {
        let format = Format::new(Codec::Pcm { bits: 16 }, 1, rate).unwrap();
        prop_assert_eq!(format.frame_at(format.duration_of(frame)), frame);
    }

    #[test]
    fn pushes_of_any_kind_never_panic(
        pushes in prop::collection::vec((0_usize..3, 0_u64..300, 0_usize..120), 0..20),
        swapped in any::<bool>(),
    ) {
        let file = telephone(2, &[1; 180]);
        let mut clip = open(&file).between(ms(1), ms(5)).unwrap();
        if swapped {
            clip = clip.swap_channels().unwrap();
        }
        let plan = Plan::join([clip.clone(), clip], Joining::SameFormat).unwrap();
        let mut transform = plan.transform();
        let mut out = Vec::new();
        for (input, offset, len) in pushes {
            let _ = transform.push(input, offset, Bytes::from(vec![4; len]), &mut out);
        }
        let complete = transform.finish().is_ok();
        prop_assert_eq!(out.concat().len() as u64 == plan.output_len(), complete);
    }
}
