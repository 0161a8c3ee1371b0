//! Asking before something that cannot be undone.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Result;
use service_runtime::Terminal;

use crate::{Consent, Told};

/// Returns only if it was agreed to: by the flag, or by whoever sits at the terminal.
///
/// # Errors
///
/// [`Told`], with [`Exit::Usage`](service_runtime::Exit::Usage): it was not agreed to, or nobody is there to be asked.
pub fn demand(consent: Consent, what: &str) -> Result<()> {
    if consent.yes {
        return Ok(());
    }
    let (input, mut screen) = (std::io::stdin(), std::io::stderr());
    if !(input.is_terminal() && Terminal::stderr().is_terminal) {
        let refusal = format!("{what} It cannot be undone, and nobody is here to be asked");
        return Err(Told::usage(refusal, "add --yes to agree beforehand").into());
    }
    write!(screen, "{what} It cannot be undone. Type yes to agree: ")?;
    screen.flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Told::usage(
        "it was not agreed to: nothing was done",
        "answer yes, or add --yes",
    )
    .into())
}
