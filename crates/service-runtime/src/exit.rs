//! What the end of a process says.

use std::process::ExitCode;

/// The exit codes. They are part of the product's face: scripts and service managers rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// 0: done; also after a graceful stop.
    Ok = 0,
    /// 1: it failed, for a reason that no other code names.
    Failure = 1,
    /// 2: the command line is wrong.
    Usage = 2,
    /// 3: a contact is unexplained: neither complete, parked, excluded, nor beyond reach.
    Unexplained = 3,
    /// 4: the configuration, or a secret that it refers to, has faults.
    Configuration = 4,
    /// 5: a check of the connection failed.
    CheckFailed = 5,
    /// 6: another process works on this ledger.
    AlreadyRunning = 6,
    /// 7: stopped at once, by a second signal or because the grace was over, with work under way.
    Interrupted = 7,
}

impl Exit {
    /// Every code.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Failure,
        Self::Usage,
        Self::Unexplained,
        Self::Configuration,
        Self::CheckFailed,
        Self::AlreadyRunning,
        Self::Interrupted,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it says, in a phrase.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done; also after a graceful stop",
            Self::Failure => "failed, for a reason that no other code names",
            Self::Usage => "the command line is wrong",
            Self::Unexplained => "a contact is unexplained",
            Self::Configuration => "the configuration, or a secret that it refers to, has faults",
            Self::CheckFailed => "a check of the connection failed",
            Self::AlreadyRunning => "another process works on this ledger",
            Self::Interrupted => "stopped at once, with work under way",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_every_code_with_its_meaning() {
        let readme = include_str!("../README.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |", exit.code(), exit.meaning());
            assert!(readme.contains(&row), "{row}");
        }
    }
}
