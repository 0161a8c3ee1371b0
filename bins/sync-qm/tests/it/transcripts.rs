//! Whole runs of commands, as transcripts.

/// Each file below `cmd` is a transcript: what is typed, what is answered, and the exit code.
#[test]
fn commands_answer_as_their_transcripts_say() {
    let cases = trycmd::TestCases::new();
    cases.case("tests/cmd/*.trycmd");
    if cfg!(not(feature = "demo")) {
        cases.skip("tests/cmd/help.trycmd");
    }
    cases.run();
}
