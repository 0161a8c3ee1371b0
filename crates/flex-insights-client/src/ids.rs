//! The two names that a report is asked for by.

use std::fmt;
use std::str::FromStr;

use crate::error::InsightsError;

/// The longest id that is taken.
const LONGEST: usize = 128;

fn checked(setting: &'static str, text: &str) -> Result<String, InsightsError> {
    let fits = (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(InsightsError::Setting {
            setting,
            problem: "must be an id of letters, digits, - and _ alone, not a link or a name",
        })
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $setting:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The id as it stands in links.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InsightsError;

            fn from_str(text: &str) -> Result<Self, InsightsError> {
                checked($setting, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A project of Flex Insights, also called its workspace: letters, digits, `-` and `_`.
    ProjectId,
    "project id"
);
id!(
    /// A report's object id within its project: the last part of the report's link.
    ReportId,
    "report id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_reach_out_of_its_place_in_a_link_is_refused_by_name() {
        for text in ["", "../x", "/gdc/md/p/obj/1", "a b", "é", &"1".repeat(129)] {
            let error = text.parse::<ReportId>().unwrap_err().to_string();
            assert!(error.contains("report id"), "{error}");
        }
        assert_eq!("12-a_B".parse::<ProjectId>().unwrap().as_str(), "12-a_B");
    }
}
