//! The part of an ACD that classic workforce management needs.

use std::collections::HashSet;

use toml::de::DeValue;

use crate::model::{Activity, ActivityState, Insights, Wfm};
use crate::reader::{Context, Leaf, Problem, Section};

pub(super) fn insights(mut section: Section<'_>, history: bool) -> Insights {
    let insights = Insights {
        username: section.optional("username"),
        password: section.optional("password"),
        project_id: section.optional("project_id"),
        agent_productivity_report_id: section.optional("agent_productivity_report_id"),
        queue_historical_report_id: section.optional("queue_historical_report_id"),
    };
    for key in [
        "username",
        "password",
        "project_id",
        "agent_productivity_report_id",
        "queue_historical_report_id",
    ] {
        if history && !section.has(key) {
            section.fault(
                key,
                "is missing, and wfm.history needs it",
                "add it, or turn wfm.history off",
            );
        }
    }
    section.finish();
    insights
}

pub(super) fn wfm(mut section: Section<'_>) -> Wfm {
    let mut named = HashSet::new();
    let wfm = Wfm {
        history: section.or("history", false),
        adherence: section.or("adherence", false),
        service_queue: section.optional("service_queue"),
        activities: section
            .sections("activity")
            .into_iter()
            .filter_map(|section| activity(section, &mut named))
            .collect(),
    };
    section.finish();
    wfm
}

fn activity(mut section: Section<'_>, named: &mut HashSet<String>) -> Option<Activity> {
    let activity: Option<String> = section.required("activity");
    let state = section.required::<Target>("state").map(|target| target.0);
    let state_reason_code = section.or("state_reason_code", false);
    if state_reason_code && state.is_some_and(|state| !state.takes_reason_code()) {
        section.fault(
            "state_reason_code",
            "goes only with the states \"not-ready\", \"work-not-ready\" and \"work-ready\"",
            "turn it off, or map the activity to one of them",
        );
    }
    if activity
        .as_ref()
        .is_some_and(|name| !named.insert(name.clone()))
    {
        section.fault("activity", "is mapped already", "map each activity once");
    }
    section.finish();
    Some(Activity {
        activity: activity?,
        state: state?,
        state_reason_code,
    })
}

/// A state that is a target. The two that are none get an explanation of their own.
struct Target(ActivityState);

impl Leaf for Target {
    fn read(value: &DeValue<'_>, context: &Context<'_>) -> Result<Self, Problem> {
        match value
            .as_str()
            .map(|text| text.trim().to_ascii_lowercase())
            .as_deref()
        {
            Some("hold" | "talking") => Err(Problem::new(
                "is fixed: Hold and Talking follow from contacts, not from activities",
                format!("write {}", ActivityState::example()),
            )),
            _ => ActivityState::read(value, context).map(Self),
        }
    }

    fn example() -> String {
        ActivityState::example()
    }
}
