//! What is written in a conversation.

use crate::world::dice::Dice;

use super::recipe::Script;
use super::timeline::Speaker;

const CUSTOMER: [&str; 8] = [
    "Hello, I have a question about my bill",
    "I was charged twice in March",
    "Yes, that is the one",
    "No, I did not get that letter",
    "How long will it take?",
    "Could you say \"again\" what the fee is? <b>Really</b> & truly?",
    "It says: error \\ 17",
    "Thank you,\nthat is all",
];

const AGENT: [&str; 8] = [
    "Good morning, how can I help?",
    "Let me look that up for you",
    "I see it here: two payments on the same day",
    "Would you like a refund, or a credit note?",
    "It takes three to five days",
    "I have sent it on to my colleague",
    "Is there anything else?",
    "You are welcome",
];

/// Arabic, Hebrew, Persian and Urdu, some with digits and Latin words between, overrides and marks; emoji of one and of many scalars;
/// combining marks; scripts beyond the basic plane.
const SCRIPTS: [&str; 12] = [
    "مرحبا، أحتاج مساعدة في فاتورتي رقم 4711",
    "שלום, איך אפשר לעזור?",
    "کی این مشکل حل می‌شود؟",
    "میرا بل غلط ہے",
    "👩🏽‍💻👍🏿🇺🇸🏳️‍🌈",
    "❤️ ☎️ 1️⃣2️⃣3️⃣",
    "e\u{301}\u{328} n\u{303} Å A\u{30a}",
    "\u{202b}abc \u{202e}fed\u{202c}\u{202c} ghi\u{200f}",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎𠜱 🀄",
    "ไทย हिन्दी 한국어 日本語 Ελληνικά",
    "שלום John, your PIN is מספר 1234!",
    "\u{200b}\u{feff}.\u{a0}\u{2028}end",
];

/// The words of a line, and the word in it that is found nowhere else.
pub(super) fn words(script: Script, by: Speaker, turn: usize, dice: &mut Dice) -> (String, String) {
    let marker = format!("word-{}", dice.hex(16));
    let said = match (script, by) {
        (Script::ManyScripts, _) => SCRIPTS[turn % SCRIPTS.len()],
        (_, Speaker::System) => "An agent joined or left the conversation",
        (_, Speaker::Customer) => CUSTOMER[turn / 2 % CUSTOMER.len()],
        (_, Speaker::Agent(_)) => AGENT[turn / 2 % AGENT.len()],
    };
    let mut text = format!("{said} ({marker})");
    if script == Script::Huge {
        while text.len() < 30_000 {
            text.push_str(" and so on and on");
        }
    }
    (text, marker)
}
