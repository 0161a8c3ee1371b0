//! What never enters a log, whoever tries.

/// What stands in the place of a masked value.
pub const MASK: &str = "***";

/// Parts of a field's name that make it one of a secret or of a customer.
const NEVER_AS_PART: &[&str] = &[
    "ani",
    "attribute",
    "attributes",
    "authorization",
    "bearer",
    "body",
    "cek",
    "cookie",
    "credential",
    "credentials",
    "customer",
    "dnis",
    "email",
    "hazelcast",
    "passphrase",
    "password",
    "passwd",
    "payload",
    "pem",
    "phone",
    "pwd",
    "secret",
    "secrets",
    "signature",
    "token",
    "transcript",
];

/// Whole names of fields that are never logged.
const NEVER_AS_WHOLE: &[&str] = &[
    "address",
    "called",
    "caller",
    "calabrio_session",
    "content_key",
    "first_name",
    "from",
    "full_name",
    "key_material",
    "last_name",
    "private_key",
    "sealing_key",
    "session_cookie",
    "to",
    "worker_name",
    "agent_name",
];

/// Whether the values of a log field of this name are masked.
///
/// A name is taken apart at `_`, `-`, `.` and at capitals: `authToken` and `twilio.auth_token` have the part `token`. What only
/// counts or measures is no secret: `body_bytes`, `token_count`.
///
/// ```
/// use service_runtime::is_never_logged;
///
/// assert!(is_never_logged("auth_token") && is_never_logged("taskAttributes") && is_never_logged("from"));
/// assert!(!is_never_logged("leg") && !is_never_logged("body_bytes") && !is_never_logged("from_window"));
/// ```
pub fn is_never_logged(field: &str) -> bool {
    let mut name = String::with_capacity(field.len() + 4);
    let mut before_was_small = false;
    for c in field.chars() {
        if c.is_ascii_uppercase() && before_was_small {
            name.push('_');
        }
        before_was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(if matches!(c, '-' | '.') {
            '_'
        } else {
            c.to_ascii_lowercase()
        });
    }
    if NEVER_AS_WHOLE.contains(&name.as_str()) {
        return true;
    }
    let measures = matches!(
        name.rsplit('_').next(),
        Some("bytes" | "count" | "ms" | "seconds" | "len" | "length")
    );
    !measures && name.split('_').any(|part| NEVER_AS_PART.contains(&part))
}

/// Takes out what could forge a line or move a terminal's cursor.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        // Also the characters that turn the direction of a line around.
        if c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_and_of_customers_are_masked_however_they_are_written() {
        for name in [
            "password",
            "calabrio.password",
            "Authorization",
            "set-cookie",
            "authToken",
            "AUTH_TOKEN",
            "privateKey",
            "private_key",
            "attributes",
            "task_attributes",
            "ani",
            "customer_name",
            "request_body",
            "to",
            "content_key",
        ] {
            assert!(is_never_logged(name), "{name}");
        }
    }

    #[test]
    fn names_of_what_is_ours_are_not() {
        for name in [
            "leg",
            "task",
            "acd",
            "recording",
            "attempts",
            "body_bytes",
            "tokens_left",
            "elapsed_ms",
            "message",
            "url",
            "stage",
            "total",
            "animal",
        ] {
            assert!(!is_never_logged(name), "{name}");
        }
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(
            plain("a\nb\u{1b}[31m\u{202e}é"),
            "a\\nb\\u{1b}[31m\\u{202e}é"
        );
    }
}
