//! What a panic may say.

use std::panic::PanicHookInfo;

/// Has panics say where they happened, and of their message only what was written in the source: a formatted message can
/// hold a customer's data.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        tracing::error!(
            thread = thread.name().unwrap_or("unnamed"),
            "{}",
            describe(info)
        );
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(
        || "an unknown place".to_owned(),
        |place| format!("{}:{}", place.file(), place.line()),
    );
    match info.payload().downcast_ref::<&'static str>() {
        Some(message) => format!("internal error at {place}: {message}; please report it"),
        None => format!("internal error at {place}; please report it"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_panic_tells_its_place_and_no_formatted_message() {
        static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|info| SEEN.lock().unwrap().push(describe(info))));
        let secret = "hunter2".to_owned();
        let formatted = std::panic::catch_unwind(|| panic!("bad value {secret}"));
        let constant = std::panic::catch_unwind(|| panic!("the ring is empty"));
        std::panic::set_hook(before);
        assert!(formatted.is_err() && constant.is_err());
        let seen = SEEN.lock().unwrap();
        assert!(
            seen[0].starts_with("internal error at ")
                && !seen[0].contains("hunter2")
                && seen[0].contains("panic.rs:")
        );
        assert!(seen[1].contains("the ring is empty"));
    }
}
