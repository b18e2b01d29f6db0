//! A clock that jumps.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use scim_bridge::clock::{Clock, SystemClock};
use scim_bridge::sandbox::Faults;

use crate::deliveries::{all_delivered, set, until};
use crate::support::app::TestApp;

/// The machine's clock, set to another time.
#[derive(Default)]
struct JumpingClock(Mutex<TimeDelta>);

impl JumpingClock {
    fn jump(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

both_engines! {
    /// What waited for a time that was set back waits no longer, and what is under way comes to its end whatever the time is.
    async fn deliveries_outlive_a_clock_that_jumps(engine: Engine) {
        let clock = Arc::new(JumpingClock::default());
        let mut app = TestApp::start_at(&engine, clock.clone(), |_| {}, |_| {}).await;
        app.org().org().set_faults(Faults { outage: true, ..Faults::default() });
        let mut ids = Vec::new();
        for n in 0..6 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        let path = format!("/Users/{}", ids[0]);
        until(&app, &path, "retrying").await;
        clock.jump(TimeDelta::days(-1));
        app.org().org().set_faults(Faults { latency_ms: 200, ..Faults::default() });
        assert_eq!(all_delivered(&app).await.users().len(), 6);
        // In the midst of calls, in both directions.
        for days in [2, -3, 3] {
            for (n, id) in ids.iter().enumerate() {
                set(&app, &format!("/Users/{id}"), "title", serde_json::json!(format!("{days} {n}"))).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            clock.jump(TimeDelta::days(days));
            let state = all_delivered(&app).await;
            for n in 0..6 {
                let user = state.user(&format!("user{n}@example.com")).expect("the account");
                assert_eq!(user["Title"], format!("{days} {n}"));
            }
        }
        // While no bridge runs.
        app.org().org().set_faults(Faults { outage: true, ..Faults::default() });
        set(&app, &path, "title", serde_json::json!("Late")).await;
        until(&app, &path, "retrying").await;
        app.stop().await;
        clock.jump(TimeDelta::days(-5));
        app.org().org().set_faults(Faults::default());
        app.restart().await;
        assert_eq!(all_delivered(&app).await.user("user0@example.com").expect("it")["Title"], "Late");
        assert_eq!(app.state().await.users().len(), 6, "nobody twice");
    }
}
