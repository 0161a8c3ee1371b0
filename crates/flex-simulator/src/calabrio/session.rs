//! Sessions: opened by the service account, closed by logging out, lost by time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use chrono::{DateTime, TimeDelta, Utc};

use super::audio::hex;

/// The most sessions that are kept; the oldest give way.
const SESSIONS: usize = 10_000;

/// All open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    idle: TimeDelta,
    lifetime: Option<TimeDelta>,
    open: Mutex<HashMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    opened: DateTime<Utc>,
    used: DateTime<Utc>,
}

impl Sessions {
    /// Sessions that end when they were not used for `idle`, and at the latest after `lifetime`.
    pub(crate) fn new(idle: Duration, lifetime: Option<Duration>) -> Self {
        let delta = |time: Duration| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        Self {
            idle: delta(idle),
            lifetime: lifetime.map(delta),
            open: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self, session: &Session, now: DateTime<Utc>) -> bool {
        now - session.used < self.idle
            && self
                .lifetime
                .is_none_or(|lifetime| now - session.opened < lifetime)
    }

    /// Opens one; nothing where the system has no randomness.
    pub(crate) fn open(&self, now: DateTime<Utc>) -> Option<String> {
        let mut bytes = [0_u8; 16];
        SystemRandom::new().fill(&mut bytes).ok()?;
        let id = hex(&bytes);
        let mut open = self.lock();
        if open.len() >= SESSIONS {
            open.retain(|_, session| self.alive(session, now));
            if open.len() >= SESSIONS {
                open.clear();
            }
        }
        open.insert(
            id.clone(),
            Session {
                opened: now,
                used: now,
            },
        );
        Some(id)
    }

    /// Whether the session is open; uses it.
    pub(crate) fn touch(&self, id: &str, now: DateTime<Utc>) -> bool {
        let mut open = self.lock();
        let Some(session) = open.get_mut(id) else {
            return false;
        };
        if self.alive(session, now) {
            session.used = now;
            true
        } else {
            open.remove(id);
            false
        }
    }

    /// Closes the session; says whether it was there.
    pub(crate) fn close(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    /// Closes all.
    pub(crate) fn close_all(&self) {
        self.lock().clear();
    }
}

/// The session id in a `Cookie` header.
pub(crate) fn cookie(header: &str) -> Option<&str> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == "hazelcast.sessionId")
        .map(|(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_session_ends_when_it_is_not_used() {
        let sessions = Sessions::new(Duration::from_mins(1), None);
        let id = sessions.open(at(0)).unwrap();
        assert!(sessions.touch(&id, at(59)));
        assert!(sessions.touch(&id, at(118)));
        assert!(!sessions.touch(&id, at(178)));
        assert!(!sessions.touch(&id, at(178)));
    }

    #[test]
    fn a_session_ends_after_its_lifetime_however_often_it_is_used() {
        let sessions = Sessions::new(Duration::from_mins(1), Some(Duration::from_secs(10)));
        let id = sessions.open(at(0)).unwrap();
        assert!(sessions.touch(&id, at(9)));
        assert!(!sessions.touch(&id, at(10)));
    }

    #[test]
    fn a_closed_session_is_unknown() {
        let sessions = Sessions::new(Duration::from_mins(1), None);
        let id = sessions.open(at(0)).unwrap();
        let other = sessions.open(at(0)).unwrap();
        assert_ne!(id, other);
        assert!(sessions.close(&id));
        assert!(!sessions.touch(&id, at(1)) && !sessions.close(&id));
        assert!(sessions.touch(&other, at(1)));
        sessions.close_all();
        assert!(!sessions.touch(&other, at(1)));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(cookie("a=b; hazelcast.sessionId=x1; c=d"), Some("x1"));
        assert_eq!(cookie("hazelcast.sessionId=\"x1\""), Some("x1"));
        assert_eq!(cookie("a=b"), None);
    }
}
