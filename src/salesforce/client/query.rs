//! SOQL queries: what SCIM cannot ask.

use serde_json::Value;

use super::Client;
use crate::salesforce::error::{Error, Result};
use crate::salesforce::transport::{Call, encoded};

/// Pages of one query at most (2,000 records each): an org that never says `done` must not keep us for ever.
const PAGES: usize = 10_000;

impl Client {
    /// The records that a SOQL query finds, page by page, as REST answers them (each with its `attributes`). `kind` names
    /// the call in metrics.
    ///
    /// Fails before anything is sent where the configuration forbids REST.
    pub async fn query(&self, kind: &'static str, soql: &str) -> Result<Vec<Value>> {
        self.rest_for("a query")?;
        let mut path = format!("/services/data/{}/query/?q={}", self.settings().api_version, encoded(soql));
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let answer = self.call(Call::get(kind, path)).await?;
            let mut page = answer.json()?;
            match page.get_mut("records").map(Value::take) {
                Some(Value::Array(records)) => found.extend(records),
                _ => return Err(answer.unreadable()),
            }
            path = match page.get("nextRecordsUrl").and_then(Value::as_str) {
                // Nothing but a page of this very query: the session must not travel anywhere else.
                Some(next) if next.starts_with("/services/data/") => next.to_owned(),
                Some(_) => return Err(answer.unreadable()),
                None => return Ok(found),
            }
        }
        Err(Error::TooLarge { limit: self.settings().body_limit })
    }
}

/// `text` as a SOQL string literal, quotes included.
pub fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::quoted;
    use crate::salesforce::testing::{Org, Reply, client};

    #[test]
    fn a_literal_ends_where_it_ends() {
        for (text, literal) in [("O'Neil", r"'O\'Neil'"), (r"a\", r"'a\\'"), ("a\nb", r"'a\nb'"), ("", "''")] {
            assert_eq!(quoted(text), literal);
        }
    }

    #[tokio::test]
    async fn pages_are_followed_to_the_last_and_nowhere_else() {
        let org = Org::start(|n, _| {
            let page = |done: bool, next: &str| json!({"done": done, "nextRecordsUrl": next, "records": [{"Id": n}]});
            match n {
                0 => Reply::ok(page(false, "/services/data/v66.0/query/01g-2000").to_string()),
                1 => Reply::ok(json!({"done": true, "records": [{"Id": n}]}).to_string()),
                _ => Reply::ok(page(false, "https://elsewhere.example/").to_string()),
            }
        })
        .await;
        let client = org.client();
        let found = client.query("query", "SELECT Id FROM User WHERE Name = 'a b'").await.unwrap();
        assert_eq!(found, [json!({"Id": 0}), json!({"Id": 1})]);
        let calls = org.calls();
        assert_eq!(calls[0], "GET /services/data/v66.0/query/?q=SELECT Id FROM User WHERE Name = 'a b'");
        assert_eq!(calls[1], "GET /services/data/v66.0/query/01g-2000");
        assert!(client.query("query", "SELECT Id FROM User").await.is_err());
    }

    #[tokio::test]
    async fn nothing_is_sent_where_rest_is_forbidden() {
        let org = Org::start(|_, _| Reply::ok("{}")).await;
        let mut settings = org.settings();
        settings.rest = false;
        let error = client(settings).0.query("query", "SELECT Id FROM User").await.unwrap_err();
        assert!(error.to_string().contains("rest"), "{error}");
        assert!(org.calls().is_empty() && org.logins.load(std::sync::atomic::Ordering::SeqCst) == 0);
    }
}
