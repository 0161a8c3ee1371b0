//! Everything that can go wrong here, in the words of the person who must act on it.

use twilio_sid::PublicKeySid;

/// Why a recording could not be decrypted, or a key or description not be read.
///
/// Two variants come from the cryptography itself and say no more than they must:
/// [`ContentKeyNotUnwrapped`](Self::ContentKeyNotUnwrapped) never says why, and
/// [`NotAuthentic`](Self::NotAuthentic) says of which recording only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The encryption details are no JSON object, nor a text that holds one.
    #[error("encryption details are {found}: expected a JSON object, or a text that holds one")]
    DetailsNotAnObject {
        /// What was found instead.
        found: &'static str,
    },
    /// A required member of the encryption details is not there.
    #[error(
        "encryption details have no {member}: fetch the recording again and look at its encryption_details"
    )]
    DetailsIncomplete {
        /// The member, in its documented spelling.
        member: &'static str,
    },
    /// Two spellings of one member say different things.
    #[error(
        "encryption details give two different values for {member}: refusing to choose between {first} and {second}"
    )]
    DetailsConflict {
        /// The member, in its documented spelling.
        member: &'static str,
        /// One spelling.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A member of the encryption details has a value that cannot be used.
    #[error("encryption details have an unusable {member}: {problem}")]
    DetailsMalformed {
        /// The spelling that was found.
        member: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// The recording is encrypted in a way that is not known here.
    #[error("encryption details name the type {found:?}, but only \"rsa-aes\" is known")]
    UnknownEncryption {
        /// The type that was found, shortened to 32 characters.
        found: String,
    },
    /// The bytes hold no private key that can be used.
    #[error("the private key cannot be read: {problem}")]
    KeyUnreadable {
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// The private key is protected, and no passphrase was given.
    #[error("the private key is protected by a passphrase: give the passphrase beside the key")]
    PassphraseMissing,
    /// The private key did not open under the passphrase.
    #[error("the private key does not open under the given passphrase: check the passphrase")]
    PassphraseWrong,
    /// The modulus is too short or too long.
    #[error("the private key has {bits} bits: expected {min} to {max}, Twilio recommends {min}", min = crate::key::MIN_BITS, max = crate::key::MAX_BITS)]
    KeySize {
        /// The length of the modulus in bits.
        bits: u32,
    },
    /// Two keys of a ring share a public key SID.
    #[error(
        "the keys {first:?} and {second:?} both claim the public key {sid}: each public key SID belongs to one private key"
    )]
    KeyClaimedTwice {
        /// The SID.
        sid: PublicKeySid,
        /// The name of the key that was there first.
        first: String,
        /// The name of the key that was refused.
        second: String,
    },
    /// Two keys of a ring share a name.
    #[error("two keys are named {name:?}: give each key a name of its own")]
    KeyNameTaken {
        /// The name.
        name: String,
    },
    /// The ring has no private key for this public key.
    #[error(
        "no private key is configured for the public key {sid}: add the key under which the recording was encrypted"
    )]
    KeyUnknown {
        /// The SID from the recording's encryption details.
        sid: PublicKeySid,
    },
    /// The content key could not be recovered. Why is not said, here or anywhere.
    #[error(
        "the content key cannot be unwrapped with the private key for {sid}: check that this private key belongs to that public key"
    )]
    ContentKeyNotUnwrapped {
        /// The public key under which the content key is wrapped.
        sid: PublicKeySid,
    },
    /// The ciphertext or its tag is not what was encrypted, or changed after it was verified.
    #[error(
        "the recording {recording} is not authentic: it was changed, cut short or encrypted under another key; download it again"
    )]
    NotAuthentic {
        /// The recording, as the caller named it.
        recording: String,
    },
    /// More bytes than AES-GCM may carry under one key and IV.
    #[error("the recording {recording} is longer than AES-GCM allows: at most {max} bytes", max = crate::MAX_PLAINTEXT_LEN)]
    TooLong {
        /// The recording, as the caller named it.
        recording: String,
    },
    /// A piece was asked for that the recording does not have.
    #[error("the recording {recording} has {pieces} pieces: there is no piece {piece}")]
    NoSuchPiece {
        /// The recording, as the caller named it.
        recording: String,
        /// The piece, counted from 0.
        piece: u64,
        /// How many there are.
        pieces: u64,
    },
    /// The operating system gave no random bytes.
    #[error(
        "the operating system gives no random bytes: check that getrandom or /dev/urandom can be used"
    )]
    NoRandomness,
}
