//! What stands in the columns of agents and queues.

use chrono::{DateTime, Utc};

use crate::field::RosterField;
use crate::layout::{Cell, Layout};
use crate::{RosterAgent, RosterRow};

impl Layout<RosterField> {
    pub(crate) fn cells(
        &self,
        row: RosterRow<'_>,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = Cell> {
        self.columns
            .iter()
            .map(move |column| self.cell(&column.field, row, now))
    }

    fn cell(&self, field: &RosterField, row: RosterRow<'_>, now: DateTime<Utc>) -> Cell {
        let active = match row {
            RosterRow::Agent(agent) => agent.active,
            RosterRow::Queue(queue) => queue.active,
        };
        let maybe = |text: Option<&String>| {
            text.filter(|text| !text.is_empty())
                .map_or(Cell::Nothing, |text| Cell::Text(text.clone()))
        };
        let of_agent = |text: fn(&RosterAgent) -> Option<&String>| match row {
            RosterRow::Agent(agent) => maybe(text(agent)),
            RosterRow::Queue(_) => Cell::Nothing,
        };
        match field {
            RosterField::AcdServer => Cell::Number(self.acd_server.into()),
            RosterField::Id => Cell::Text(match row {
                RosterRow::Agent(agent) => agent.sid.to_string(),
                RosterRow::Queue(queue) => queue.sid.to_string(),
            }),
            RosterField::Name => maybe(Some(match row {
                RosterRow::Agent(agent) => &agent.full_name,
                RosterRow::Queue(queue) => &queue.name,
            })),
            RosterField::FirstName => of_agent(|agent| Some(&agent.first_name)),
            RosterField::LastName => of_agent(|agent| Some(&agent.last_name)),
            RosterField::Login => of_agent(|agent| agent.login.as_ref()),
            RosterField::Email => of_agent(|agent| agent.email.as_ref()),
            RosterField::TimeZone => Cell::Text(self.zone.to_string()),
            RosterField::Active => Cell::Flag(active),
            RosterField::Inactive => Cell::Flag(!active),
            RosterField::Status => {
                let [on, off] = &self.values.statuses;
                Cell::Text(if active { on.clone() } else { off.clone() })
            }
            RosterField::Now(format) => Cell::time(format, now, self.zone),
            RosterField::Constant(text) => Cell::Text(text.clone()),
        }
    }
}
