//! Settings that take one word of a few.

use toml::de::DeValue;

use crate::reader::Problem;

/// An enum whose variants are words of the file.
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
        pub enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// The word that stands for it in the file.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl crate::reader::Leaf for $name {
            fn read(value: &toml::de::DeValue<'_>, _: &crate::reader::Context<'_>) -> Result<Self, crate::reader::Problem> {
                crate::choice::choose(value, &[ $( ($word, Self::$variant), )+ ])
            }

            fn example() -> String {
                crate::choice::words(&[ $( $word, )+ ])
            }
        }
    };
}
pub(crate) use choices;

/// The choice whose word a value is. `Not Ready`, as the vendor's page has it, is `not-ready`.
pub(crate) fn choose<T: Copy>(
    value: &DeValue<'_>,
    choices: &[(&'static str, T)],
) -> Result<T, Problem> {
    let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
    let given = value
        .as_str()
        .map(|text| text.trim().to_ascii_lowercase().replace([' ', '_'], "-"));
    let found = given
        .as_deref()
        .and_then(|given| choices.iter().find(|(word, _)| *word == given));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        Problem::new(
            "is not one of the words it can be",
            format!("write {}", self::words(&words)),
        )
    })
}

pub(crate) fn words(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
