//! The Flex configuration of the account.

use serde_json::{Map, Value, json};

use super::answer::{Refusal, iso};
use super::request::Request;
use crate::http::Outbound;

pub(super) fn configuration(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only(&["UiVersion"])?;
    let world = request.world;
    let queues: Vec<_> = world
        .queues
        .iter()
        .map(|queue| json!({"sid": queue.sid, "targettable": true}))
        .collect();
    let created = iso(world.start() - chrono::TimeDelta::days(400));
    let wiring = json!({
        "account_sid": world.account_sid(),
        "date_created": created,
        "date_updated": created,
        "attributes": {},
        "status": "ok",
        "taskrouter_workspace_sid": world.workspace_sid(),
        "taskrouter_target_workflow_sid": world.identity.workflow,
        "taskrouter_target_taskqueue_sid": world.queues.first().map(|queue| queue.sid.as_str()),
        "taskrouter_taskqueues": queues,
        "taskrouter_skills": [],
        "taskrouter_worker_channels": {},
        "taskrouter_worker_attributes": null,
        "taskrouter_offline_activity_sid": world.activities.first().map(|activity| activity.sid.as_str()),
        "runtime_domain": "https://flex.twilio.com",
        "messaging_service_instance_sid": null,
        "chat_service_instance_sid": world.identity.chat_service,
        "flex_service_instance_sid": world.identity.chat_service,
        "flex_instance_sid": world.identity.flex_instance,
    });
    let interface = json!({
        "ui_language": "en",
        "ui_attributes": {},
        "ui_dependencies": {},
        "ui_version": "2.13.0",
        "service_version": "1.0",
        "call_recording_enabled": true,
        "call_recording_webhook_url": null,
        "crm_enabled": false,
        "crm_type": null,
        "crm_callback_url": null,
        "crm_fallback_url": null,
        "crm_attributes": null,
        "public_attributes": {},
        "plugin_service_enabled": true,
        "plugin_service_attributes": {},
        "integrations": [],
        "outbound_call_flows": {},
        "serverless_service_sids": [],
        "queue_stats_configuration": {},
        "notifications": {"mode": "whisper"},
        "markdown": {"mode": "readOnly"},
        "flex_insights_hr": null,
        "flex_insights_drilldown": true,
        "flex_url": null,
        "channel_configs": [],
        "debugger_integration": {"enabled": false},
        "flex_ui_status_report": {"enabled": false},
        "agent_conv_end_methods": null,
        "citrix_voice_vdi": null,
        "offline_config": null,
        "url": request.link("/v1/Configuration"),
    });
    let mut body = Map::new();
    for part in [wiring, interface] {
        if let Value::Object(part) = part {
            body.extend(part);
        }
    }
    Ok(Outbound::json(200, &body))
}
