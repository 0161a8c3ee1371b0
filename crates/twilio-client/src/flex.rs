//! The Flex configuration.

use serde_json::Value;
use twilio_sid::{AccountSid, ActivitySid, FlexInstanceSid, ServiceSid, WorkspaceSid};

use crate::wire::Fields;
use crate::{TwilioClient, Unreadable};

/// Which workspace, instance and services belong to Flex in this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlexConfiguration {
    /// The account.
    pub account: AccountSid,
    /// The workspace that Flex uses.
    pub workspace: Option<WorkspaceSid>,
    /// The Flex instance.
    pub instance: Option<FlexInstanceSid>,
    /// The service that holds its conversations.
    pub chat_service: Option<ServiceSid>,
    /// The activity that counts as logged out.
    pub offline_activity: Option<ActivitySid>,
    /// Whether Flex records conferences by itself (the "Call Recording" switch).
    pub call_recording_enabled: Option<bool>,
    /// Where Flex reports its recordings, if the customer set it.
    pub call_recording_webhook_url: Option<String>,
    /// The state of the Flex runtime: `ok` when all is well.
    pub status: Option<String>,
}

impl FlexConfiguration {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("the flex configuration", value)?;
        Ok(Self {
            account: fields.sid("account_sid")?,
            workspace: fields.maybe_sid("taskrouter_workspace_sid"),
            instance: fields.maybe_sid("flex_instance_sid"),
            chat_service: fields.maybe_sid("chat_service_instance_sid"),
            offline_activity: fields.maybe_sid("taskrouter_offline_activity_sid"),
            call_recording_enabled: fields.boolean("call_recording_enabled"),
            call_recording_webhook_url: fields.owned("call_recording_webhook_url"),
            status: fields.owned("status"),
        })
    }
}
