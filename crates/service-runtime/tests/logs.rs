//! Logging for the whole process.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use service_runtime::{LogSettings, LogStyle, RuntimeError, init_logs};

#[test]
fn logging_is_set_up_once() {
    let settings = |directives: &str| LogSettings {
        style: LogStyle::Json,
        directives: directives.to_owned(),
    };
    assert!(matches!(
        init_logs(&settings("a=b=c")),
        Err(RuntimeError::LogDirectives { .. })
    ));
    init_logs(&settings("warn")).unwrap();
    assert!(matches!(
        init_logs(&settings("warn")),
        Err(RuntimeError::LogTwice)
    ));
}
