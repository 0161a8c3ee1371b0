//! What must have been seen on a tenant before anything depends on it that cannot be undone, and the contacts by which it is
//! seen.

use contact_model::LegId;
use sync_ledger::TenantFact;

/// The assumptions that every read-back relies on: the duration (315), and the leg key among the metadata (318, 320).
const READ_BACK: [u32; 3] = [315, 318, 320];

/// One of these must hold: that the audio is there is told by a field of its own (402), or by a word for the state (405).
const MEDIA: [u32; 2] = [402, 405];

/// Whether it was seen on this tenant that a contact which is read back whole is whole: its leg key, its duration, and that
/// Calabrio holds its audio. As long as it was not, nothing is deleted at the source.
pub fn read_back_confirmed(facts: &[TenantFact]) -> bool {
    let held = |number: u32| {
        facts
            .iter()
            .any(|fact| fact.assumption == number && fact.held)
    };
    READ_BACK.into_iter().all(held) && MEDIA.into_iter().any(held)
}

/// Whether a read-back relies on this assumption.
pub fn is_of_read_back(assumption: u32) -> bool {
    READ_BACK.contains(&assumption) || MEDIA.contains(&assumption)
}

/// What the leg key of a contact begins with that no customer is behind: 16 fixed digits, which a SID of Twilio's has by
/// chance once in 2^64.
pub const SYNTHETIC_LEG: &str = "WR5eed0fab5eed0fab";

/// What the session of such a contact begins with.
pub const SYNTHETIC_SESSION: &str = "synthetic-";

/// Whether a leg is none of Twilio's, but that of a contact which `check --live-contact` sent. The ledger knows none of them.
pub fn is_synthetic(leg: LegId) -> bool {
    leg.as_str().starts_with(SYNTHETIC_LEG)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn facts(held: &[u32]) -> Vec<TenantFact> {
        let all = READ_BACK.into_iter().chain(MEDIA).chain([999]);
        all.map(|assumption| TenantFact {
            assumption,
            held: held.contains(&assumption),
            at: DateTime::UNIX_EPOCH,
        })
        .collect()
    }

    #[test]
    fn leg_key_duration_and_media_must_have_been_seen() {
        for media in MEDIA {
            assert!(read_back_confirmed(&facts(&[315, 318, 320, media])));
        }
        assert!(!read_back_confirmed(&facts(&[315, 318, 320])));
        for missing in READ_BACK {
            let held: Vec<u32> = READ_BACK.into_iter().chain([402]).collect();
            let but_one: Vec<u32> = held.into_iter().filter(|it| *it != missing).collect();
            assert!(!read_back_confirmed(&facts(&but_one)), "{missing}");
        }
        assert!(!read_back_confirmed(&[]));
    }

    #[test]
    fn a_synthetic_leg_is_known_by_its_key() {
        let leg: LegId = format!("{SYNTHETIC_LEG}{:016x}", 7).parse().unwrap();
        assert!(is_synthetic(leg));
        assert!(!is_synthetic(format!("WR{:032x}", 7).parse().unwrap()));
    }
}
