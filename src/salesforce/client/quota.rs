//! How many calls the org has left, and how many may be under way.

use serde_json::Value;
use tokio::sync::SemaphorePermit;

use super::Client;
use crate::salesforce::error::{Disposition, Result};
use crate::salesforce::governor::{Admission, Governor, Standing, Usage};
use crate::salesforce::transport::Call;

impl Client {
    /// How many of `wanted` deliveries may be taken now. What was taken is told by [`Self::took_deliveries`].
    pub fn admit_deliveries(&self, wanted: usize) -> Admission {
        self.governor().admit(self.clock().now(), wanted)
    }

    /// Deliveries that are not urgent were taken: those that follow are spread from here on.
    pub fn took_deliveries(&self) {
        self.governor().taken(self.clock().now());
    }

    /// What is known of the org's API calls, without asking.
    pub fn quota(&self) -> Standing {
        self.governor().standing()
    }

    /// Asks the org for its usage, if nobody said anything of it for a while. Cheap to call often. An org that does not
    /// tell is no error: then nothing is known, and nothing is held back.
    pub async fn refresh_quota(&self) {
        if !self.governor().look(self.settings().rest, self.clock().now()) {
            return;
        }
        let asked = if self.settings().rest { self.limits().await.map(drop) } else { self.cheapest().await };
        let Err(error) = asked else { return };
        tracing::debug!(tenant = %self.settings().tenant, %error, "the org does not tell its limits");
        // Any answer shows whether calls are accepted again, and may tell the usage in its head.
        let refused = self.settings().rest && error.disposition() == Disposition::Reject;
        if refused && let Err(error) = self.cheapest().await {
            tracing::debug!(tenant = %self.settings().tenant, %error, "the org does not answer");
        }
    }

    /// The org's usage as it tells it (`GET /limits`, one call). Fails before anything is sent where the configuration
    /// forbids REST.
    pub async fn limits(&self) -> Result<Usage> {
        self.rest_for("reading the limits of the org")?;
        let path = format!("/services/data/{}/limits", self.settings().api_version);
        let answer = self.call(Call::get("limits", path)).await?;
        let body = answer.json()?;
        let calls = |name: &str| {
            let number = body.get("DailyApiRequests")?.get(name).and_then(Value::as_u64)?;
            Some(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let (Some(limit), Some(left)) = (calls("Max"), calls("Remaining")) else { return Err(answer.unreadable()) };
        let usage = Usage { used: limit.saturating_sub(left), limit };
        self.governor().observe(Some(usage), self.clock().now());
        Ok(usage)
    }

    /// A call that costs Salesforce nothing.
    async fn cheapest(&self) -> Result<()> {
        let path = "/services/scim/v2/ServiceProviderConfigs".to_owned();
        self.call(Call::get("limits", path)).await.map(drop)
    }

    /// A place for one call.
    pub(in crate::salesforce) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.0.places.acquire().await.ok()
    }

    pub(in crate::salesforce) fn governor(&self) -> &Governor {
        &self.0.governor
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::Usage;
    use crate::salesforce::testing::{Org, Reply, client};
    use crate::salesforce::{Settings, Tempo};

    const SPENT: &str = r#"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#;
    const ID: &str = "005AA000000cccYYAQ";

    fn told(status: u16, used: u32) -> Reply {
        let head = format!("Sforce-Limit-Info: api-usage={used}/15000\r\n");
        Reply::Answer(status, Box::leak(head.into_boxed_str()), format!(r#"{{"id":"{ID}"}}"#))
    }

    #[tokio::test]
    async fn the_usage_is_read_from_every_answer() {
        let token = || Reply::Answer(200, "Sforce-Limit-Info: api-usage=7/15000\r\n", r#"{"access_token":"t"}"#.into());
        let org = Org::with_logins(
            move |_| token(),
            |n, _| match n {
                0 => told(200, 18),
                1 => told(404, 14_999),
                _ => Reply::ok("{}"),
            },
        )
        .await;
        let client = org.client();
        let usage = || client.quota().usage.map(|usage| usage.used);
        assert_eq!(usage(), None);
        client.log_in().await.unwrap();
        assert_eq!(usage(), Some(7), "of a login");
        client.user(ID).await.unwrap();
        assert_eq!(usage(), Some(18), "of SCIM");
        assert_eq!(client.admit_deliveries(5).ordinary, 5);
        assert!(client.user(ID).await.is_err());
        assert_eq!(usage(), Some(14_999), "of a refusal");
        assert_eq!((client.quota().tempo, client.admit_deliveries(5).ordinary), (Tempo::Hold, 0));
        let _ = client.user(ID).await;
        assert_eq!(usage(), Some(14_999), "an answer that tells nothing changes nothing");
    }

    #[tokio::test]
    async fn the_limits_are_asked_for_only_when_nobody_told() {
        let org = Org::start(|n, _| match n {
            0 => Reply::ok(r#"{"DailyApiRequests":{"Max":15000,"Remaining":14000}}"#),
            1 => told(200, 2000),
            // Somebody uses them up.
            2 => Reply::status(403, SPENT),
            3 => Reply::ok(r#"{"DailyApiRequests":{"Max":15000,"Remaining":9000}}"#),
            4 => Reply::status(403, r#"[{"errorCode":"INSUFFICIENT_ACCESS"}]"#),
            _ => told(200, 3000),
        })
        .await;
        let (client, clock) = client(org.settings());
        let used = || client.quota().usage.map(|usage| usage.used);
        for (minutes, calls, expected) in [(0, 1, 1000), (14, 1, 1000)] {
            clock.advance(TimeDelta::minutes(minutes));
            client.refresh_quota().await;
            assert_eq!((org.calls().len(), used()), (calls, Some(expected)));
        }
        client.user(ID).await.unwrap();
        clock.advance(TimeDelta::minutes(14));
        client.refresh_quota().await;
        assert_eq!((org.calls().len(), used()), (2, Some(2000)));
        client.user(ID).await.unwrap_err();
        assert_eq!((client.quota().tempo, used()), (Tempo::Hold, Some(15_000)));
        for _ in 0..100 {
            client.refresh_quota().await;
        }
        assert_eq!(org.calls().len(), 3, "no busy loop");
        clock.advance(TimeDelta::minutes(5));
        client.refresh_quota().await;
        assert_eq!((org.calls().len(), used(), client.quota().tempo), (4, Some(6000), Tempo::Free));
        clock.advance(TimeDelta::minutes(15));
        client.refresh_quota().await;
        assert_eq!(org.calls().last().unwrap(), "GET /services/scim/v2/ServiceProviderConfigs", "limits are not shown");
        assert_eq!(used(), Some(3000));
        let limits = org.calls().iter().filter(|call| call.ends_with("/services/data/v66.0/limits")).count();
        assert_eq!(limits, 3);
    }

    #[tokio::test]
    async fn without_rest_the_org_is_asked_only_while_deliveries_are_held() {
        let org = Org::start(|n, _| if n == 0 { Reply::status(403, SPENT) } else { Reply::ok("{}") }).await;
        let (client, clock) = client(Settings { rest: false, ..org.settings() });
        client.refresh_quota().await;
        assert!(org.calls().is_empty());
        client.user(ID).await.unwrap_err();
        assert_eq!((client.quota().tempo, client.quota().usage), (Tempo::Hold, None));
        clock.advance(TimeDelta::minutes(5));
        client.refresh_quota().await;
        assert_eq!(org.calls().len(), 2);
        assert_eq!(client.quota().tempo, Tempo::Free, "it answers again");
    }

    #[tokio::test]
    async fn an_org_that_does_not_tell_is_no_error() {
        for reply in [
            || Reply::status(403, r#"[{"errorCode":"API_CURRENTLY_DISABLED"}]"#),
            || Reply::ok("{}"),
            || Reply::ok("<html>"),
            || Reply::HangUp,
        ] {
            let org = Org::start(move |_, _| reply()).await;
            let client = org.client();
            client.refresh_quota().await;
            assert_eq!((client.quota().tempo, client.quota().usage), (Tempo::Free, None::<Usage>));
        }
    }

    #[tokio::test]
    async fn no_more_calls_are_under_way_than_configured() {
        let org = Org::start(|_, _| told(200, 1)).await;
        let mut settings = org.settings();
        settings.quota.concurrency = 3;
        let client = crate::salesforce::testing::client(settings).0;
        client.log_in().await.unwrap();
        let places = [client.place().await, client.place().await, client.place().await];
        let (waiting, id) = (client.clone(), ID);
        let call = tokio::spawn(async move { waiting.user(id).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(org.calls().is_empty() && !call.is_finished());
        let [first, ..] = places;
        drop(first);
        assert!(call.await.unwrap().unwrap().is_some());
        // Nobody waits for ever: what is to be delivered is somebody else's when the lease ends.
        let places = [client.place().await];
        let error = client.user(ID).await.unwrap_err();
        assert!(error.to_string().contains("too many calls"), "{error}");
        assert!(!error.may_have_changed_something());
        drop(places);
    }
}
