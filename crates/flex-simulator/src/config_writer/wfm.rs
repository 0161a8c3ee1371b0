//! The part of the configuration file that workforce management needs.

use super::Facts;
use super::text::Toml;
use crate::floor::insights;
use crate::floor::{FloorRun, FloorState, SERVICE_QUEUE};

/// Writes the sections of `sync-wfm`.
pub(super) fn wfm(toml: &mut Toml<'_>, facts: &Facts<'_>, floor: &FloorRun) {
    let access = floor.insights();
    toml.section("[acd.insights]");
    toml.set("base_url", &facts.link(insights::HOST));
    toml.set("username", &access.username);
    toml.secret("password", "insights-password");
    toml.set("project_id", &access.project_id);
    toml.set(
        "agent_productivity_report_id",
        &access.agent_productivity_report_id,
    );
    toml.set(
        "queue_historical_report_id",
        &access.queue_historical_report_id,
    );
    toml.set("pull_back", "3d");
    toml.set("settle", "1s");
    toml.section("[acd.wfm]");
    toml.line("history = true");
    toml.line("adherence = true");
    toml.set("service_queue", SERVICE_QUEUE);
    let transport = match facts.drop_folder {
        Some(_) => "files",
        None => "http",
    };
    toml.set("transport", transport);
    toml.set("state_flush", "0s");
    // By the floor's clock: long enough for what is pushed to arrive.
    let confirm = (0.5 * floor.options().pace).clamp(1.0, 3_600.0);
    toml.set("resync_confirm", &format!("{confirm:.0}s"));
    if let Some(folder) = facts.drop_folder {
        toml.section("[acd.wfm.files]");
        toml.set("folder", &folder.to_string_lossy());
    }
    for activity in &floor.options().scenario.activities {
        let Some(mapped) = &activity.mapped else {
            continue;
        };
        toml.section("[[acd.wfm.activity]]");
        toml.set("activity", &activity.name);
        toml.set("state", word(mapped.state));
        if mapped.state_reason_code {
            toml.line("state_reason_code = true");
        }
    }
}

/// A state in the words of the file. No activity is Talking or Hold.
fn word(state: FloorState) -> &'static str {
    match state {
        FloorState::Logout => "logout",
        FloorState::NotReady => "not-ready",
        FloorState::Ready => "ready",
        FloorState::Talking => "talking",
        FloorState::Hold => "hold",
        FloorState::WorkNotReady => "work-not-ready",
        FloorState::WorkReady => "work-ready",
    }
}
