//! What is done around a worker.

use std::future::Future;

use service_runtime::Stop;
use tokio_util::sync::CancellationToken;

/// Runs `work` until it ends: it is given a token that a graceful stop cancels. `None` where a stop at once was asked for: then it is dropped where it stands.
pub async fn gracefully<F: Future>(
    stop: &Stop,
    work: impl FnOnce(CancellationToken) -> F,
) -> Option<F::Output> {
    let asked = CancellationToken::new();
    let telling = async {
        stop.requested().await;
        asked.cancel();
        std::future::pending::<()>().await;
    };
    let work = stop.unless_at_once(Box::pin(work(asked.clone())));
    tokio::select! {
        ended = work => ended,
        // It never ends.
        () = telling => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_hears_of_a_graceful_stop_and_is_dropped_by_one_at_once() {
        let stop = Stop::new();
        assert_eq!(gracefully(&stop, async |_| 7).await, Some(7));
        stop.request();
        let heard = gracefully(&stop, async |asked| {
            asked.cancelled().await;
            "heard"
        });
        assert_eq!(heard.await, Some("heard"));
        stop.request_at_once();
        let dropped = gracefully(&stop, |_| std::future::pending::<()>());
        assert_eq!(dropped.await, None);
    }
}
