//! The cookies of one session.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

/// More cookies than this are not kept.
const COOKIES: usize = 32;
/// Nor longer ones than this.
const COOKIE_BYTES: usize = 4096;

/// Cookies by name. There is one host and everything is secret, so attributes do not matter but for removal.
#[derive(Clone, Default)]
pub(crate) struct Cookies(BTreeMap<String, SecretString>);

impl Cookies {
    /// Puts a cookie in, replacing one of the same name. What HTTP does not allow, or is too much, is left out.
    pub(crate) fn put(&mut self, name: &str, value: &SecretString) {
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b';' | b','))
        };
        let fits = !name.is_empty()
            && plain(name)
            && !name.contains('=')
            && plain(value.expose_secret())
            && name.len() + value.expose_secret().len() <= COOKIE_BYTES;
        if fits && (self.0.len() < COOKIES || self.0.contains_key(name)) {
            self.0.insert(name.to_owned(), value.clone());
        }
    }

    /// Takes over one `Set-Cookie` header.
    pub(crate) fn set(&mut self, header: &str) {
        let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let expired = attributes.split(';').any(|attribute| {
            attribute.split_once('=').is_some_and(|(attribute, age)| {
                attribute.trim().eq_ignore_ascii_case("max-age")
                    && age.trim().parse::<i64>().is_ok_and(|age| age <= 0)
            })
        });
        if expired || value.is_empty() {
            self.0.remove(name);
        } else {
            self.put(name, &SecretString::from(value));
        }
    }

    /// Whether a cookie of that name is here.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value of the `Cookie` header.
    pub(crate) fn header(&self) -> SecretString {
        let mut header = String::new();
        for (name, value) in &self.0 {
            if !header.is_empty() {
                header.push_str("; ");
            }
            header.push_str(name);
            header.push('=');
            header.push_str(value.expose_secret());
        }
        header.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(set: &[&str]) -> String {
        let mut cookies = Cookies::default();
        for line in set {
            cookies.set(line);
        }
        cookies.header().expose_secret().to_owned()
    }

    #[test]
    fn the_last_cookie_of_a_name_wins() {
        assert_eq!(
            header(&["b=1; Path=/; HttpOnly", "a=2", "b=3=x"]),
            "a=2; b=3=x"
        );
    }

    #[test]
    fn an_expired_or_emptied_cookie_is_removed() {
        assert_eq!(
            header(&[
                "a=1",
                "b=2",
                "c=3",
                "a=; Path=/",
                "b=x; Max-Age=0",
                "c=4; Max-Age=60"
            ]),
            "c=4"
        );
    }

    #[test]
    fn too_much_is_left_out() {
        assert_eq!(header(&[&format!("a={}", "x".repeat(COOKIE_BYTES))]), "");
        let many: Vec<String> = (0..100).map(|n| format!("c{n}=1")).collect();
        let kept = header(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(kept.matches('=').count(), COOKIES);
    }

    proptest! {
        #[test]
        fn no_header_breaks_out_of_its_line(lines in prop::collection::vec(".{0,40}", 0..5)) {
            let kept = header(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert!(kept.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{kept:?}");
        }
    }
}
