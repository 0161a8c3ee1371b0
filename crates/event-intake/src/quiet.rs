//! Warnings that a stranger could cause at will are written once in a while, with the number of those that were not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one warning speaks for those that follow it.
const SPEAKS_FOR: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(crate) struct Quiet(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    unsaid: u64,
}

impl Quiet {
    /// Whether to speak now, and how many times nothing was said since.
    pub(crate) fn speak(&self, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = said
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < SPEAKS_FOR);
        if silent {
            said.unsaid += 1;
            return None;
        }
        said.last = Some(now);
        Some(std::mem::take(&mut said.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_a_minute_and_the_number_of_the_others() {
        let quiet = Quiet::default();
        let start = Instant::now();
        assert_eq!(quiet.speak(start), Some(0));
        assert_eq!(quiet.speak(start), None);
        assert_eq!(quiet.speak(start + Duration::from_secs(59)), None);
        assert_eq!(quiet.speak(start + Duration::from_mins(1)), Some(2));
        assert_eq!(quiet.speak(start + Duration::from_secs(61)), None);
    }
}
