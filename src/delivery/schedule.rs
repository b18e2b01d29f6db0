//! When a failed delivery is tried again: pure.

use std::time::Duration;

/// The waits before the second, third, … try; the last one repeats for ever, because what was acknowledged is never
/// given up.
#[derive(Debug, Clone)]
pub struct Schedule(Vec<Duration>);

impl Schedule {
    /// A schedule of these waits. An empty list means a minute each time.
    pub fn new(waits: Vec<Duration>) -> Self {
        Self(waits)
    }

    /// Longer than any wait.
    pub fn longest(&self) -> Duration {
        let longest = self.0.iter().max().copied().unwrap_or(Duration::from_mins(1));
        (longest * 10).max(Duration::from_hours(1))
    }

    /// The wait after `attempts` failed tries (at least 1): the schedule's, with full jitter from half to one and a
    /// half of it, so that what failed together does not come back together. A wait that Salesforce itself asked for
    /// is kept, within a tenth and ten times the schedule's (at most an hour): no header makes us hammer or sleep for
    /// days.
    pub fn wait(&self, attempts: u32, asked: Option<Duration>, fraction: f64) -> Duration {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let base = self.0.get(index).or(self.0.last()).copied().unwrap_or(Duration::from_mins(1));
        match asked {
            Some(asked) => asked.clamp(base / 10, (base * 10).max(Duration::from_hours(1))),
            None => base.mul_f64(0.5 + fraction.clamp(0.0, 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_grow_and_the_last_repeats() {
        let schedule = Schedule::new(vec![SECOND, 5 * SECOND, 30 * SECOND]);
        let middle = |attempts| schedule.wait(attempts, None, 0.5);
        assert_eq!([middle(1), middle(2), middle(3), middle(99)], [SECOND, 5 * SECOND, 30 * SECOND, 30 * SECOND]);
    }

    #[test]
    fn jitter_spreads_from_half_to_one_and_a_half() {
        let schedule = Schedule::new(vec![10 * SECOND]);
        assert_eq!(schedule.wait(1, None, 0.0), 5 * SECOND);
        assert_eq!(schedule.wait(1, None, 1.0), 15 * SECOND);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_within_bounds() {
        let schedule = Schedule::new(vec![10 * SECOND]);
        assert_eq!(schedule.wait(1, Some(20 * SECOND), 0.0), 20 * SECOND);
        assert_eq!(schedule.wait(1, Some(Duration::ZERO), 0.0), SECOND);
        assert_eq!(schedule.wait(1, Some(Duration::from_secs(1_000_000)), 0.0), Duration::from_hours(1));
    }
}
