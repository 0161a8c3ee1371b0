//! What ends a worker: above all what a vendor refuses at the start, and no time mends; then the worker does not go on, so that no account is locked.

use flex_insights_client::InsightsError;
use service_runtime::chain;
use tokio::sync::mpsc;
use twilio_client::TwilioError;
use wfm_delivery::DeliveryError;

use crate::error::{PipelineError, PullError};

/// Tells the worker of refusals at its start, and of what else ends it.
#[derive(Clone)]
pub(crate) struct Starting(mpsc::Sender<PipelineError>);

impl Starting {
    /// With the end that hears of the first refusal.
    pub(crate) fn new() -> (Self, mpsc::Receiver<PipelineError>) {
        let (send, receive) = mpsc::channel(1);
        (Self(send), receive)
    }

    /// One refusal is enough to end the start: more are left out.
    pub(crate) fn refused(&self, acd: &str, reason: &(dyn std::error::Error + 'static)) {
        self.end(PipelineError::Refused {
            acd: acd.to_owned(),
            reason: said(reason),
        });
    }

    /// Ends the worker; it ends with the first error that it hears of.
    pub(crate) fn end(&self, error: PipelineError) {
        let _ = self.0.try_send(error);
    }
}

/// An error with its causes.
pub(crate) fn said(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).join(": ")
}

/// Whether Twilio refuses who asks, or what is asked of.
pub(crate) fn twilio(error: &TwilioError) -> bool {
    error.is_authentication() || error.is_not_found()
}

/// Whether a pull was refused: by Twilio, or by Flex Insights.
pub(crate) fn pull(error: &PullError) -> bool {
    match error {
        PullError::Insights(error) => matches!(
            error,
            InsightsError::CredentialsRefused { .. }
                | InsightsError::ProjectDenied { .. }
                | InsightsError::ReportRefused { .. }
        ),
        PullError::Activities(error) => twilio(error),
        _ => false,
    }
}

/// Whether Calabrio refuses who delivers.
pub(crate) fn delivery(error: &DeliveryError) -> bool {
    matches!(error, DeliveryError::CredentialsRefused { .. })
}
