//! Rights that the integration user has lost: what needs them waits, and goes out by itself when they are back.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::salesforce::{self, Client, Right};

use super::attempt::Attempt;
use super::outbox::Outcome;
use super::state::State;

/// How long an answer of the org about rights that are lacking is believed, and how often it is asked whether they are back.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How long a delivery waits at most: whoever noticed that a right is lacking may be gone before it is back.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(6);

/// What an org last said of the rights that are lacking.
#[derive(Default)]
pub struct Rights(Mutex<Option<Lacking>>);

struct Lacking {
    rights: Vec<Right>,
    asked: DateTime<Utc>,
}

/// What can be said of a refusal for want of a right.
#[derive(Debug, PartialEq)]
enum Want {
    /// It has all rights: the refusal is about this one record.
    Nothing,
    /// It lacks these.
    Of(Vec<Right>),
    /// The org does not tell.
    Untold,
}

impl Rights {
    /// Which rights are lacking. `since`: when the try began that was refused. `asking` is told of a call.
    async fn want(
        &self,
        client: &Client,
        (since, now): (DateTime<Utc>, DateTime<Utc>),
        asking: impl FnOnce(),
    ) -> salesforce::Result<Want> {
        // Held while asking, so that all who are refused together ask once.
        let mut known = self.0.lock().await;
        if let Some(lacking) = known.as_ref()
            && (lacking.asked >= since || now < lacking.asked + ASK_AGAIN)
        {
            return Ok(Want::Of(lacking.rights.clone()));
        }
        asking();
        let told = client.rights().await?;
        Ok(match (told.lacking.is_empty(), told.untold.is_empty()) {
            (true, true) => Want::Nothing,
            (true, false) => Want::Untold,
            (false, _) => {
                *known = Some(Lacking { rights: told.lacking.clone(), asked: now });
                Want::Of(told.lacking)
            }
        })
    }

    /// Whether one of them is back that was lacking. Asks once a minute while any is.
    pub(super) async fn are_back(&self, client: &Client, now: DateTime<Utc>) -> bool {
        let mut known = self.0.lock().await;
        let Some(lacking) = known.as_mut().filter(|lacking| now >= lacking.asked + ASK_AGAIN) else { return false };
        lacking.asked = now;
        let Ok(told) = client.rights().await else { return false };
        let back = lacking.rights.iter().any(|right| !told.lacking.contains(right));
        lacking.rights = told.lacking;
        if lacking.rights.is_empty() {
            *known = None;
        }
        back
    }
}

/// What follows from a try that was refused for want of a right: where the integration user lacks one, the delivery waits
/// for it; where that is not known, it is looked at again as well; else it stands refused.
pub(super) async fn settle(attempt: &Attempt, outcome: Outcome) -> Outcome {
    if !attempt.met_no_access() || outcome.state != State::Rejected {
        return outcome;
    }
    let (org, times) = (&attempt.shared.org, (attempt.started, attempt.now()));
    let want =
        if org.means.rest { org.rights.want(&org.client, times, || attempt.called()).await } else { Ok(Want::Untold) };
    match want {
        Ok(Want::Nothing) => outcome,
        Ok(Want::Of(lacking)) => {
            if lacking.iter().any(Right::is_for_everything) {
                // No other delivery would fare better.
                attempt.org_is_out(Some(ASK_AGAIN.to_std().unwrap_or_default()));
            }
            let labels: Vec<&str> = lacking.iter().map(|right| right.label).collect();
            let reason = format!(
                "the integration user lacks {}; give it in its profile itself, in Setup, and this goes out by itself ({})",
                labels.join(", "),
                outcome.reason.unwrap_or_default()
            );
            let due = Some(attempt.now() + LOOK_AGAIN);
            Outcome { due, error: outcome.error, ..attempt.held(reason) }
        }
        Ok(Want::Untold) => {
            attempt.org_is_out(None);
            let reason = outcome.reason.unwrap_or_default();
            Outcome { error: outcome.error, ..attempt.held(format!("{reason}; it is tried again")) }
        }
        Err(error) => match attempt.failed(&error) {
            again if again.state != State::Rejected => again,
            _ => attempt.held(outcome.reason.unwrap_or_default()),
        },
    }
}
