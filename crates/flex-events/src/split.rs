//! A JSON array cut into its members without trusting any of them.
//!
//! A JSON parser gives up at the first fault and loses what follows it. Here only strings and brackets are followed, so that a member
//! with a fault inside costs itself alone.

/// The members of an array, trimmed and unchecked. `None` where the text is no array.
pub(crate) fn members(text: &[u8]) -> Option<Vec<&[u8]>> {
    let text = text.trim_ascii();
    let inside = text.strip_prefix(b"[")?;
    let mut members = Vec::new();
    let mut open: Vec<u8> = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(&byte) = inside.get(at) {
        match byte {
            b'"' => at = string_end(inside, at),
            b'{' | b'[' => open.push(byte),
            b',' if open.is_empty() => {
                members.push(inside[start..at].trim_ascii());
                start = at + 1;
            }
            b']' if open.is_empty() => {
                let last = inside[start..at].trim_ascii();
                if !(last.is_empty() && members.is_empty()) {
                    members.push(last);
                }
                let rest = inside[at + 1..].trim_ascii();
                if !rest.is_empty() {
                    members.push(rest);
                }
                return Some(members);
            }
            b'}' => close(&mut open, b'{'),
            b']' => {
                if open.contains(&b'[') {
                    close(&mut open, b'[');
                } else {
                    // The array's own end, within an object that was never closed.
                    open.clear();
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    // The array was cut off. What its last member lacks, its own reading will tell.
    members.push(inside[start..].trim_ascii());
    Some(members)
}

/// Closes the innermost bracket of this kind and whatever was left open inside it.
fn close(open: &mut Vec<u8>, kind: u8) {
    if let Some(at) = open.iter().rposition(|bracket| *bracket == kind) {
        open.truncate(at);
    }
}

/// The place of the quote that ends the string which starts at `at`, or the last place there is.
fn string_end(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        members(text.as_bytes())
            .unwrap()
            .into_iter()
            .map(|member| std::str::from_utf8(member).unwrap())
            .collect()
    }

    #[test]
    fn members_are_cut_at_the_commas_of_the_array_alone() {
        assert_eq!(
            cut(r#" [ {"a":[1,2],"b":"],}\"["} , 7,"x" ] "#),
            [r#"{"a":[1,2],"b":"],}\"["}"#, "7", r#""x""#]
        );
        assert_eq!(cut("[]"), Vec::<&str>::new());
        assert_eq!(cut("[ \n ]"), Vec::<&str>::new());
    }

    #[test]
    fn a_fault_inside_one_member_leaves_the_others_whole() {
        for broken in [
            "{\"a\": nope}",
            "{\"a\":[}",
            "{\"a\":1}}",
            "",
            "{\"a\" \"b\"}",
            "\\",
        ] {
            let text = format!("[{{\"x\":1}},{broken},{{\"y\":[2]}}]");
            assert_eq!(cut(&text), ["{\"x\":1}", broken, "{\"y\":[2]}"]);
        }
    }

    #[test]
    fn what_is_cut_off_or_follows_the_array_is_a_member_of_its_own() {
        assert_eq!(cut("[1,{\"a\":"), ["1", "{\"a\":"]);
        assert_eq!(cut("[1,\"a\\"), ["1", "\"a\\"]);
        assert_eq!(cut("[1] 2"), ["1", "2"]);
        assert_eq!(cut("[{\"a\":1]"), ["{\"a\":1"]);
        assert_eq!(members(b"{}"), None);
        assert_eq!(members(b""), None);
    }

    proptest! {
        #[test]
        fn an_array_that_a_parser_reads_is_cut_as_the_parser_reads_it(
            values in prop::collection::vec(any_value(), 0..8),
            pretty in any::<bool>(),
        ) {
            let array = Value::from(values.clone());
            let text = if pretty { format!("{array:#}") } else { array.to_string() };
            let read: Vec<Value> = cut(&text).into_iter().map(|member| serde_json::from_str(member).unwrap()).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn no_bytes_at_all_are_lost_or_panic(bytes in prop::collection::vec(prop::sample::select(&b"[]{}\",\\ a1"[..]), 0..64)) {
            if let Some(members) = members(&bytes) {
                let kept: usize = members.iter().map(|member| member.len()).sum();
                prop_assert!(kept <= bytes.len());
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            r#"["\\,\[\]{}a-zé ]{0,12}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(r#"["\\,\[\]{}a ]{0,6}"#, inner, 0..4)
                    .prop_map(|map| serde_json::json!(map)),
            ]
        })
    }
}
