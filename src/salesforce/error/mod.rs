//! What can go wrong with a call to Salesforce, and what is to be done about it.
//!
//! Salesforce answers in three shapes from one host (a SCIM object whose `schemas` is a *string*, the REST array, the
//! OAuth object), and its status tells little: every failed create is a 409, and a failed PATCH may be a 500. So an
//! error is understood by the code word in its text, in one place: [`Cause::of`].

mod cause;
mod login;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use cause::Cause;
pub use login::LoginRefusal;
pub(crate) use text::{bounded, readable};

/// Why a call did not do what was asked.
///
/// `Display` is one sentence for an administrator; [`Error::salesforce_text`] is what Salesforce itself said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Salesforce understood the call and refused it, or said that it cannot serve it now.
    Refused(Refusal),
    /// The token endpoint refused the login.
    Login(LoginRefusal),
    /// The user or group is not, or no longer, in the org.
    Gone {
        /// Salesforce id that was asked for.
        id: String,
        /// Salesforce's own words.
        text: String,
    },
    /// No connection, or no answer to a call that only reads: nothing was changed in Salesforce.
    Unreachable(String),
    /// The call was sent and its answer never arrived whole: Salesforce may or may not have done it.
    Lost(String),
    /// A success whose body cannot be understood: something was done, what is not known.
    Unreadable {
        /// HTTP status of the answer.
        status: u16,
        /// Beginning of the answer, as text.
        text: String,
    },
    /// The answer is larger than [`super::Settings::body_limit`].
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The first of two calls for one change was carried out, the second failed.
    Partly(Box<Error>),
    /// Only REST can do it, and the configuration forbids REST: what it is that cannot be done. Nothing was sent.
    NeedsRest(&'static str),
    /// What is configured cannot work, so nothing was sent: an unsafe URL, a key that cannot be read.
    Misconfigured(String),
}

/// A refusal by SCIM or REST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it is about, by its code word.
    pub cause: Cause,
    /// HTTP status, for people only.
    pub status: u16,
    /// Salesforce's own words, made readable and bounded.
    pub text: String,
    /// How long Salesforce asks to wait.
    pub retry_after: Option<Duration>,
}

/// What is to be done after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Trouble of this one resource that passes by itself: try again.
    Retry {
        /// Not before this; `None` leaves it to the schedule.
        after: Option<Duration>,
        /// How many failures in a row with this error are worth it; then it is a rejection.
        at_most: Option<u32>,
    },
    /// Read what is in Salesforce before anything is sent again: somebody (perhaps an earlier try of this very call)
    /// may have done it already. If the look shows nothing that explains the error, it is a rejection.
    LookFirst,
    /// Trouble of the whole org: pause all its deliveries.
    Outage {
        /// Not before this; `None` leaves it to the schedule of the org's probes.
        after: Option<Duration>,
    },
    /// The resource can only go on when something else is there.
    Wait(WaitFor),
    /// Only a change, of the resource, of the configuration or in Salesforce, can mend it.
    Reject,
}

/// What a held resource waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// A free user licence in the org.
    Licence,
    /// An approval process in Salesforce that has locked the record.
    Unlock,
}

/// Result of a call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Reads an answer that is not a success. `reading`: the call changes nothing, so that a lost answer is harmless.
    pub(crate) fn from_answer(status: u16, retry_after: Option<Duration>, body: &[u8], reading: bool) -> Self {
        let said = readable(body);
        let cause = Cause::of(status, &said.text, said.is_page, reading);
        Self::Refused(Refusal { cause, status, text: said.text, retry_after })
    }

    /// The same error, as one about the user or group `id`: an absent resource becomes [`Error::Gone`].
    pub(crate) fn about(self, id: &str) -> Self {
        match self {
            Self::Refused(Refusal { cause: Cause::Absent, text, .. }) => Self::Gone { id: id.to_owned(), text },
            other => other,
        }
    }

    /// What is to be done.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Refused(refusal) => refusal.cause.disposition(refusal.retry_after),
            // Changes of an app take 2 to 10 minutes to become active in Salesforce: ask slowly.
            Self::Login(refusal) => {
                Disposition::Outage { after: Some(refusal.retry_after.unwrap_or(Duration::from_mins(2))) }
            }
            Self::Misconfigured(_) => Disposition::Outage { after: Some(Duration::from_mins(10)) },
            Self::NeedsRest(_) => Disposition::Reject,
            Self::Partly(error) => error.disposition(),
            Self::Unreachable(_) => Disposition::Outage { after: None },
            Self::Gone { .. } | Self::Lost(_) | Self::Unreadable { .. } | Self::TooLarge { .. } => {
                Disposition::LookFirst
            }
        }
    }

    /// Whether Salesforce may have done what was asked all the same: the answer was lost or unreadable, or came from
    /// something in between.
    pub fn may_have_changed_something(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Unreadable { .. } | Self::TooLarge { .. } | Self::Partly(_) => true,
            Self::Refused(refusal) => {
                matches!(refusal.cause, Cause::Gateway | Cause::Unsaid | Cause::Unexpected | Cause::QueryTimeout)
            }
            Self::Login(_) | Self::Gone { .. } | Self::Unreachable(_) | Self::NeedsRest(_) | Self::Misconfigured(_) => {
                false
            }
        }
    }

    /// What the refusal is about, if Salesforce refused.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Refused(refusal) => Some(refusal.cause),
            Self::Gone { .. } => Some(Cause::Absent),
            Self::Partly(error) => error.cause(),
            _ => None,
        }
    }

    /// Salesforce's own words, at most 2,000 bytes, without session ids; empty where it said nothing.
    pub fn salesforce_text(&self) -> &str {
        match self {
            Self::Refused(Refusal { text, .. }) | Self::Gone { text, .. } | Self::Unreadable { text, .. } => text,
            Self::Login(refusal) => &refusal.text,
            Self::Partly(error) => error.salesforce_text(),
            _ => "",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.cause.explain(f, refusal),
            Self::Login(refusal) => refusal.fmt(f),
            Self::Gone { id, .. } => {
                write!(f, "{id} is not in the Salesforce org, or the integration user may not see it")
            }
            Self::Unreachable(reason) => write!(f, "Salesforce cannot be reached: {reason}"),
            Self::Lost(reason) => {
                write!(f, "the answer of Salesforce was lost ({reason}); the change may have been made")
            }
            Self::Unreadable { status, .. } => write!(
                f,
                "Salesforce answered {status} with a body that cannot be understood; is the URL that of a Salesforce \
                 org, with no proxy or login page in between?"
            ),
            Self::TooLarge { limit } => write!(f, "an answer of Salesforce is larger than {limit} bytes"),
            Self::NeedsRest(what) => write!(
                f,
                "{what} is not possible over Salesforce's SCIM, only over its REST API, which salesforce.rest = \"never\" \
                 forbids"
            ),
            Self::Misconfigured(reason) => f.write_str(reason),
            Self::Partly(error) => write!(f, "a part of the change was made, the rest was not: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// Reads `Retry-After`: seconds or an HTTP date (RFC 9110 10.2.3), at least a second and at most an hour, so that a
/// wrong clock on either side cannot stop deliveries for days.
pub(crate) fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let then = DateTime::<Utc>::from(httpdate::parse_http_date(value).ok()?);
        (then - now).to_std().unwrap_or_default()
    };
    Some(wait.clamp(Duration::from_secs(1), Duration::from_hours(1)))
}
