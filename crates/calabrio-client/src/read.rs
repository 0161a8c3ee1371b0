//! Reading one contact by its number, and the text of one.

use contact_model::CcrId;
use http_retry::Request;
use serde_json::Value;

use crate::client::{CalabrioClient, Shared};
use crate::contact::CalabrioContact;
use crate::contract::search::Unreadable;
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation};
use crate::search::SEARCH;
use crate::text::StoredText;

pub(crate) const READ: Operation = Operation {
    call: "calabrio.contacts.get",
    doing: "read a contact",
    ..SEARCH
};
const TEXT: Operation = Operation {
    call: "calabrio.contacts.text",
    doing: "read the text of a contact",
    ..SEARCH
};

impl CalabrioClient {
    /// One contact by its number; `None` where Calabrio does not know it.
    pub async fn contact(&self, id: CcrId) -> Result<Option<CalabrioContact>, CalabrioError> {
        let Some(item) = self.shared.contact_json(id).await? else {
            return Ok(None);
        };
        match self.shared.settings.contract.contact(&item) {
            Ok(found) if found.id == id => Ok(Some(found)),
            Ok(other) => Err(READ.unexpected(format!("contact {} instead of {id}", other.id))),
            Err(Unreadable { problem, .. }) => Err(CalabrioError::UnreadableContact { problem }),
        }
    }

    /// The text that Calabrio holds of a text contact; `None` where it holds none (yet).
    ///
    /// For contacts that do not tell by themselves whether their text arrived (assumption 408). It is a call of its own for each
    /// contact, by a path that only clients are known to use (assumption 409).
    pub async fn text_of(&self, id: CcrId) -> Result<Option<StoredText>, CalabrioError> {
        let state = &self.shared.settings.contract.state;
        let url = self
            .shared
            .url(&state.text_view_path)
            .with_query(&state.text_view_id_parameter, &id.to_string());
        let reply = self
            .shared
            .call(&TEXT, Expect::Success, &[404], &[], &|| {
                Request::get(url.clone())
            })
            .await?;
        if reply.status == 404 || reply.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        Ok(StoredText::new(reply.json(&TEXT)?))
    }
}

impl Shared {
    /// One contact as it came.
    pub(crate) async fn contact_json(&self, id: CcrId) -> Result<Option<Value>, CalabrioError> {
        let contract = &self.settings.contract;
        let mut url = self.url(&contract.state.contact_path.replace("{id}", &id.to_string()));
        if !contract.search.expand_parameter.is_empty() {
            url = url.with_query(
                &contract.search.expand_parameter,
                &contract.search.expand_metadata,
            );
        }
        let reply = self
            .call(&READ, Expect::Json, &[404], &[], &|| {
                Request::get(url.clone())
            })
            .await?;
        if reply.status == 404 {
            return Ok(None);
        }
        reply.json(&READ).map(Some)
    }
}
