//! Freezing: who cannot be deactivated can at least be kept from logging in. SCIM cannot do it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, quoted};
use crate::salesforce::error::{Error, Result};
use crate::salesforce::transport::Call;

impl Client {
    /// Freezes an account, so that nobody logs in with it, or ends that. It keeps its licence. Answers whether it was
    /// otherwise before.
    ///
    /// [`Error::Gone`] where the account has no `UserLogin`: it is not there.
    pub async fn freeze(&self, id: &str, frozen: bool) -> Result<bool> {
        self.rest_for("freezing an account")?;
        let soql = format!("SELECT Id, IsFrozen FROM UserLogin WHERE UserId = {}", quoted(id));
        let logins = self.query("read-login", &soql).await?;
        let Some(login) = logins.first() else {
            return Err(Error::Gone { id: id.to_owned(), text: "the user has no UserLogin".to_owned() });
        };
        if login.get("IsFrozen").and_then(Value::as_bool) == Some(frozen) {
            return Ok(false);
        }
        let login = login.get("Id").and_then(Value::as_str).unwrap_or_default();
        let body = json!({ "IsFrozen": frozen });
        let call = Call::send("freeze", Method::PATCH, self.record_path("UserLogin", login), body);
        self.call(call).await.map(|_| true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::salesforce::error::Error;
    use crate::salesforce::testing::{Org, Reply};

    #[tokio::test]
    async fn the_login_of_a_user_is_frozen_once() {
        let org = Org::start(|n, _| match n {
            0 => Reply::ok(json!({"done": true, "records": [{"Id": "0Yw1", "IsFrozen": false}]}).to_string()),
            1 => Reply::status(204, ""),
            2 => Reply::ok(json!({"done": true, "records": [{"Id": "0Yw1", "IsFrozen": true}]}).to_string()),
            _ => Reply::ok(json!({"done": true, "records": []}).to_string()),
        })
        .await;
        let client = org.client();
        assert!(client.freeze("0051", true).await.unwrap());
        assert_eq!(org.calls()[1], "PATCH /services/data/v66.0/sobjects/UserLogin/0Yw1");
        assert_eq!(org.last().json(), json!({"IsFrozen": true}));
        assert!(!client.freeze("0051", true).await.unwrap());
        assert_eq!(org.calls().len(), 3, "it is frozen already");
        assert!(matches!(client.freeze("0052", true).await, Err(Error::Gone { .. })));
    }
}
