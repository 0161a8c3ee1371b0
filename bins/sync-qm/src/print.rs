//! Reports, to the standard output.

use service_runtime::{Output, Report, Terminal, print_report};

use crate::cli::Global;

/// Prints a report as the command line asks for it.
pub(crate) fn report<R: Report + ?Sized>(global: &Global, report: &R) -> anyhow::Result<()> {
    let output = if global.json {
        Output::Json
    } else {
        Output::Table
    };
    Ok(print_report(
        report,
        output,
        Terminal::stdout(),
        &mut std::io::stdout().lock(),
    )?)
}
