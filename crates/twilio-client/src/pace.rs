//! No more than so many requests in a while.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Lets `count` callers through in any stretch of `period`; the others wait their turn, in order.
pub(crate) struct Pace {
    count: usize,
    period: Duration,
    passed: Mutex<VecDeque<Instant>>,
}

impl Pace {
    pub(crate) fn new(count: u32, period: Duration) -> Self {
        Self {
            count: count.max(1) as usize,
            period,
            passed: Mutex::new(VecDeque::new()),
        }
    }

    /// Waits at most `callers before / count` periods. Dropping the future gives up the turn.
    pub(crate) async fn wait(&self) {
        // Held while waiting on purpose: the lock is the queue, and it is fair.
        let mut passed = self.passed.lock().await;
        if passed.len() >= self.count
            && let Some(oldest) = passed.front().copied()
        {
            tokio::time::sleep_until(oldest + self.period).await;
            passed.pop_front();
        }
        passed.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_pass_at_once_and_the_fourth_waits_for_the_first_to_be_a_second_old() {
        let pace = Pace::new(3, Duration::from_secs(1));
        let start = Instant::now();
        let mut passed = Vec::new();
        for _ in 0..7 {
            pace.wait().await;
            passed.push(start.elapsed().as_secs());
        }
        assert_eq!(passed, [0, 0, 0, 1, 1, 1, 2]);
    }
}
