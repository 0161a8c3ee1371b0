//! Metadata Manager's fields, and the metadata of one contact.

use std::collections::BTreeMap;

use contact_model::CcrId;
use http_retry::{Method, Request};
use serde::Serialize;

use crate::client::CalabrioClient;
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation};

pub(crate) const FIELDS: Operation = Operation {
    call: "calabrio.metadata.fields",
    doing: "list the metadata fields",
    permission: "the permission Administer Metadata Fields",
};
const READ: Operation = Operation {
    call: "calabrio.metadata.get",
    doing: "read a contact's metadata",
    permission: "the permission View Custom Metadata",
};
const WRITE: Operation = Operation {
    call: "calabrio.metadata.put",
    doing: "change a contact's metadata",
    permission: "the permissions Edit Custom Metadata and Send Metadata Command",
};

/// The type of a metadata field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MetadataFieldKind {
    /// Text, the only type that can be mapped to.
    Text,
    /// Another type, as Calabrio names it.
    Other(String),
    /// The answer does not say.
    Unknown,
}

/// A field of Metadata Manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetadataField {
    /// Its key, made by Calabrio from the label.
    pub key: String,
    /// Its label.
    pub label: Option<String>,
    /// Its type.
    pub kind: MetadataFieldKind,
}

impl CalabrioClient {
    /// All fields of Metadata Manager.
    pub async fn metadata_fields(&self) -> Result<Vec<MetadataField>, CalabrioError> {
        let contract = &self.shared.settings.contract.metadata;
        let url = self.shared.url(&contract.fields_path);
        let reply = self
            .shared
            .call(&FIELDS, Expect::Json, &[], &[], &|| {
                Request::get(url.clone())
            })
            .await?;
        contract
            .fields(&reply.json(&FIELDS)?)
            .ok_or_else(|| FIELDS.unexpected("its JSON is no list of fields"))
    }

    /// The metadata of one contact, by key; `None` where Calabrio does not know the contact.
    pub async fn contact_metadata(
        &self,
        id: CcrId,
    ) -> Result<Option<BTreeMap<String, String>>, CalabrioError> {
        let contract = &self.shared.settings.contract;
        let url = self.shared.url(
            &contract
                .metadata
                .contact_path
                .replace("{id}", &id.to_string()),
        );
        let reply = self
            .shared
            .call(&READ, Expect::Json, &[404], &[], &|| {
                Request::get(url.clone())
            })
            .await?;
        if reply.status == 404 {
            return Ok(None);
        }
        Ok(Some(contract.search.metadata(&reply.json(&READ)?)))
    }

    /// Sets these fields of one contact and leaves its others as they are. Setting them twice is the same as once.
    ///
    /// An empty map asks for nothing and sends nothing.
    pub async fn update_metadata(
        &self,
        id: CcrId,
        entries: &BTreeMap<String, String>,
    ) -> Result<(), CalabrioError> {
        if entries.is_empty() {
            return Ok(());
        }
        let contract = &self.shared.settings.contract.metadata;
        let url = self
            .shared
            .url(&contract.contact_path.replace("{id}", &id.to_string()));
        let body = contract.update(entries);
        let private: Vec<&str> = entries.values().map(String::as_str).collect();
        let build = || Request::new(Method::Put, url.clone()).json(&body);
        self.shared
            .call(&WRITE, Expect::Success, &[], &private, &build)
            .await
            .map(drop)
    }
}
