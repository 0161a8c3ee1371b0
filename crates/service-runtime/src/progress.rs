//! How far a long command is, for whoever watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// A bar on the standard error stream; nothing where that is not a terminal. It vanishes when it is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many steps, or a spinner where their number is not known.
    pub fn new(terminal: Terminal, total: Option<u64>, what: &str) -> Self {
        if !terminal.is_terminal {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{msg} {wide_bar} {pos}/{len} {eta}",
            None => "{spinner} {msg} {pos}",
        };
        // A template that cannot be read would only cost looks.
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// So many steps more are done.
    pub fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    /// So many steps are done.
    pub fn set(&self, done: u64) {
        self.0.set_position(done);
    }

    /// There are so many steps.
    pub fn set_total(&self, total: u64) {
        self.0.set_length(total);
    }

    /// What is being done now.
    pub fn tell(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    /// How many steps are done.
    pub fn done(&self) -> u64 {
        self.0.position()
    }

    /// Prints a line above the bar; without a bar, nothing.
    pub fn line(&self, line: &str) {
        self.0.println(line);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_it_counts_and_draws_nothing() {
        let progress = Progress::new(Terminal::NONE, Some(10), "backfill");
        progress.advance(3);
        progress.advance(1);
        assert_eq!(progress.done(), 4);
        assert!(progress.0.is_hidden());
    }
}
