//! Query jobs of the Bulk API 2.0: a handful of calls for any number of records.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::Client;
use crate::salesforce::error::{Error, Result, bounded};
use crate::salesforce::transport::{Call, encoded};

/// Records of one page of results. As text they stay well below what an answer may be long.
pub(super) const PAGE: usize = 20_000;

/// Waits between looks at a job: most are ready at once, and a busy org takes minutes.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Looks at a job before it is given up: about two hours. Salesforce itself ends a job that fails again and again.
const LOOKS: usize = 360;

/// A page of results: CSV with a header, and where the next one begins.
pub(super) struct Page {
    pub(super) csv: Vec<u8>,
    pub(super) next: Option<String>,
}

impl Client {
    fn jobs(&self) -> String {
        format!("/services/data/{}/jobs/query", self.settings().api_version)
    }

    /// Starts a query job; answers its id.
    pub(super) async fn start_job(&self, soql: &str) -> Result<String> {
        self.rest_for("a bulk query")?;
        let body = json!({
            "operation": "query", "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
        });
        let answer = self.call(Call::send("bulk-start", Method::POST, self.jobs(), body)).await?;
        let job = answer.json()?.get("id").and_then(Value::as_str).map(str::to_owned);
        job.ok_or_else(|| answer.unreadable())
    }

    /// Waits until a job has its results.
    pub(super) async fn job_done(&self, job: &str) -> Result<()> {
        let mut wait = FIRST_WAIT;
        for _ in 0..LOOKS {
            let answer = self.call(Call::get("bulk-look", format!("{}/{}", self.jobs(), encoded(job)))).await?;
            let body = answer.json()?;
            match body.get("state").and_then(Value::as_str) {
                Some("JobComplete") => return Ok(()),
                Some(state @ ("Failed" | "Aborted")) => {
                    let why = body.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
                    let words = bounded(&format!("the bulk query job {job} is {state}: {why}"));
                    return Err(Error::Unreachable(words));
                }
                Some(_) => {}
                None => return Err(answer.unreadable()),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Err(Error::Unreachable(format!("the bulk query job {job} does not come to an end")))
    }

    /// A page of a job's results, the first one without a `locator`.
    pub(super) async fn job_page(&self, job: &str, locator: Option<&str>) -> Result<Page> {
        let mut path = format!("{}/{}/results?maxRecords={PAGE}", self.jobs(), encoded(job));
        if let Some(locator) = locator {
            path.push_str("&locator=");
            path.push_str(&encoded(locator));
        }
        let answer = self.call(Call::get("bulk-results", path)).await?;
        // The last page says the word "null".
        let next = answer.locator.filter(|locator| !locator.is_empty() && locator != "null");
        Ok(Page { csv: answer.body, next })
    }

    /// Deletes a job with its results: people's names and addresses need not lie there for seven days. That it cannot be
    /// deleted is no failure of what was asked.
    pub(super) async fn drop_job(&self, job: &str) {
        let path = format!("{}/{}", self.jobs(), encoded(job));
        if let Err(error) = self.call(Call { kind: "bulk-delete", method: Method::DELETE, path, body: None }).await {
            tracing::debug!(%error, job, "a query job could not be deleted; Salesforce forgets it after seven days");
        }
    }
}
