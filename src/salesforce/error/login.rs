//! Refusals of the token endpoint, explained.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::text::{bounded, readable};

/// Why the token endpoint refused, and what to do about it in Salesforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRefusal {
    /// OAuth error code (RFC 6749 5.2) as answered, empty if there was none.
    pub code: String,
    /// Salesforce's own words, made readable and bounded.
    pub text: String,
    /// What it means and what to do.
    pub advice: &'static str,
    /// How long Salesforce asks to wait.
    pub retry_after: Option<Duration>,
}

/// Words in lower case in "error: description"; the first row that fits decides.
const ADVICE: &[(&str, &str)] = &[
    (
        "user hasn't approved this consumer",
        "the app is not pre-authorised for the integration user; in Setup set its OAuth policy \"Permitted Users\" to \
         \"Admin approved users are pre-authorized\" and give the user's profile or permission set the app",
    ),
    (
        "invalid_app_access",
        "the integration user is not assigned to the app; in Setup add its profile or a permission set of it to the \
         app's policies",
    ),
    (
        "no client credentials user enabled",
        "the client credentials flow has nobody to act as; in Setup enable it in the app's policies and choose a \
         \"Run As\" user",
    ),
    (
        "request not supported on this domain",
        "the client credentials flow works on the My Domain host only; configure https://NAME.my.salesforce.com and \
         not login or test",
    ),
    ("inactive user", "the integration user is inactive; activate it in Setup"),
    ("inactive organization", "the Salesforce org is inactive or locked; ask Salesforce support"),
    (
        "ip restricted",
        "logins from this address are not allowed; in Setup add it to the login IP ranges of the integration user's \
         profile or relax the IP policy of the app",
    ),
    (
        "expired access/refresh token",
        "the refresh token is no longer good: it expired, was revoked, or was exchanged for another one; authorise the \
         app again, configure the new refresh token, and see the refresh token policy of the app in Setup",
    ),
    ("token validity expired", "the refresh token has expired; authorise the app again and configure the new one"),
    ("expired", "the token or assertion has expired; check the clock of this machine and the app's token policy"),
    (
        "audience is invalid",
        "the audience of the JWT does not fit the org; set it to https://login.salesforce.com, or to \
         https://test.salesforce.com for a Salesforce sandbox",
    ),
    (
        "invalid assertion",
        "Salesforce does not accept the JWT; check that the certificate uploaded to the app belongs to the private \
         key, the username, the audience, and the clock of this machine",
    ),
    (
        "client identifier invalid",
        "the consumer key is not known; check client_id and that the app exists in this org (a new app needs up to 10 \
         minutes)",
    ),
    ("invalid_client_id", "the consumer key is not known; check client_id and that the app exists in this org"),
    (
        "invalid client credentials",
        "the consumer secret is wrong; copy it again from the app in Setup (was it rotated?)",
    ),
    ("invalid_client", "the consumer key or secret is wrong; copy both again from the app in Setup"),
    (
        "not installed in this org",
        "the external client app is not installed in this org; install it or configure the org that it belongs to",
    ),
    (
        "authentication failure",
        "Salesforce does not let the integration user log in; check its user name, that it is not locked or frozen, \
         and its login hours",
    ),
    (
        "unsupported_grant_type",
        "the login flow is not enabled for the app; enable it in the app's OAuth settings in Setup",
    ),
    (
        "invalid_grant",
        "Salesforce refuses the login of the integration user; see Login History of that user in Setup for the reason",
    ),
];

impl LoginRefusal {
    /// Reads an answer of the token endpoint that is no token.
    pub(crate) fn from_answer(body: &[u8], retry_after: Option<Duration>) -> Self {
        let said = readable(body);
        let code = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|value| value.get("error").and_then(Value::as_str).map(bounded))
            .unwrap_or_default();
        let words = said.text.to_lowercase();
        let advice = ADVICE.iter().find(|(word, _)| words.contains(word)).map_or(
            "the login failed for a reason that the bridge does not know; see Login History of the integration user \
             in Setup",
            |(_, advice)| *advice,
        );
        Self { code, text: said.text, advice, retry_after }
    }
}

impl fmt::Display for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "login to Salesforce refused: {} (Salesforce: {})", self.advice, self.text)
    }
}
