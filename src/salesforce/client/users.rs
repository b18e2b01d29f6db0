//! Calls about users.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Client;
use crate::salesforce::dialect::{self, Carrier, USER_FEDERATION_ID, USER_NAME, Urns};
use crate::salesforce::error::{Cause, Error, Result};
use crate::salesforce::transport::Call;
use crate::salesforce::{Account, Record, Update, UserKey};
use crate::scim::fold::fold;

impl Client {
    /// The users that have `key`, active and inactive ones. Compares without case, as Salesforce does; the caller says
    /// whether one that differs in case is the one meant.
    pub async fn find_users(&self, key: UserKey<'_>) -> Result<Vec<Account>> {
        let (attribute, field, value) = match key {
            UserKey::FederationId(value) => (USER_FEDERATION_ID, "FederationIdentifier", value),
            UserKey::Username(value) => (USER_NAME, "Username", value),
        };
        let found = self.list("find-user", "Users", &dialect::equals(attribute, value)).await?;
        Ok(found
            .iter()
            .filter_map(dialect::parse_user)
            .filter(|account| account.record.text(field).is_some_and(|held| fold(held) == fold(value)))
            .collect())
    }

    /// The user with this id, `None` if the org has none, or none that SCIM shows.
    pub async fn user(&self, id: &str) -> Result<Option<Account>> {
        match self.call(Call::get("read-user", self.paths().user(id))).await {
            Ok(answer) => Ok(dialect::parse_user(&answer.json()?)),
            Err(error) if error.cause() == Some(Cause::Absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a user with a profile, in one call. Of `record` goes what a create can carry: pass the first part of
    /// [`Record::split_for_create`], and update with the second afterwards.
    ///
    /// Salesforce commits the user before it gives permission sets and groups, and answers 400 *with the user* if
    /// those fail: that is a success here, with a note. Compare the answer with the wish.
    pub async fn create_user(&self, record: &Record, profile_id: &str) -> Result<Account> {
        let body = dialect::create_user(record, profile_id);
        let answer = self.exchange(Call::send("create-user", Method::POST, self.paths().users(), body)).await?;
        let account = serde_json::from_slice::<Value>(&answer.body)
            .ok()
            .and_then(|user| dialect::parse_user(&user))
            .filter(|account| account.id.starts_with("005"));
        match account {
            Some(account) if answer.is_success() => Ok(account),
            Some(mut account) => {
                account.notes.push(format!(
                    "Salesforce created the user and answered {}: a permission set or group may be missing",
                    answer.status
                ));
                Ok(account)
            }
            None if answer.is_success() => Err(answer.unreadable()),
            None => Err(answer.error(false)),
        }
    }

    /// Creates a user with a profile over REST, in one call that carries every field and mails nobody. It is done whole
    /// or not at all.
    pub async fn create_user_by_rest(&self, record: &Record, profile_id: &str) -> Result<Account> {
        self.rest_for("creating this user")?;
        let mut body: Map<String, Value> =
            record.iter().map(|(field, value)| (field.to_owned(), value.clone())).collect();
        body.insert("ProfileId".to_owned(), json!(profile_id));
        let path = self.paths().objects("User");
        let answer = self.call(Call::send("create-user-rest", Method::POST, path, Value::Object(body))).await?;
        let id = answer.json()?.get("id").and_then(Value::as_str).map(str::to_owned);
        let id = id.filter(|id| id.starts_with("005")).ok_or_else(|| answer.unreadable())?;
        Ok(Account {
            id,
            record: record.clone(),
            profile_id: Some(profile_id.to_owned()),
            permission_set_ids: Vec::new(),
            group_ids: Vec::new(),
            user_type: None,
            notes: Vec::new(),
        })
    }

    /// Changes the fields in `changes`, in one call: SCIM where its PATCH applies all of them, else REST
    /// (see [`dialect::carrier`]). No change is no call.
    ///
    /// A SCIM PATCH answers 200 also for what it did not apply. What its answer shows as unchanged is sent once more
    /// over REST, but for `Email`, which may be waiting for the person's confirmation.
    pub async fn update_user(&self, id: &str, changes: &Record) -> Result<Update> {
        if changes.is_empty() {
            return Ok(Update { echoed: None });
        }
        if self.settings().rest && dialect::carrier(changes) == Carrier::Rest {
            return self.update_by_rest(id, changes).await;
        }
        let path = self.paths().user(id);
        let urns = if changes.iter().any(|(field, _)| dialect::is_extended(field)) {
            self.urns().await?
        } else {
            Urns::default()
        };
        let call = Call::send("update-user", Method::PATCH, path, dialect::patch_user(changes, &urns));
        let answer = self.call(call).await.map_err(|error| error.about(id))?;
        // A success without a body is one all the same: what was asked was done.
        let echoed = answer.json().ok().and_then(|user| dialect::parse_user(&user));
        if let Some(account) = &echoed {
            let mut unapplied = changes.changes_since(&account.record);
            unapplied.unset("Email");
            if !unapplied.is_empty() {
                // What the first call did stands: whoever asks must not take this for "nothing was changed".
                let rest = self.update_by_rest(id, &unapplied).await;
                return rest.map_err(|error| match error {
                    gone @ Error::Gone { .. } => gone,
                    other => Error::Partly(Box::new(other)),
                });
            }
        }
        Ok(Update { echoed })
    }

    /// The URNs of the org's extensions, asked for once.
    async fn urns(&self) -> Result<Urns> {
        let mut known = self.known_urns().lock().await;
        if let Some(urns) = known.as_ref() {
            return Ok(urns.clone());
        }
        let mut urns = Urns::default();
        for path in ["/services/scim/v2/Schemas", "/services/scim/v2/ResourceTypes"] {
            urns.learn(&self.call(Call::get("discovery", path.to_owned())).await?.json()?);
            if urns.salesforce.is_some() && urns.custom.is_some() {
                break;
            }
        }
        *known = Some(urns.clone());
        Ok(urns)
    }

    async fn update_by_rest(&self, id: &str, changes: &Record) -> Result<Update> {
        self.rest_for("this change of the user")?;
        let body: Value = changes.iter().map(|(field, value)| (field.to_owned(), value.clone())).collect();
        let call = Call::send("update-user-rest", Method::PATCH, self.record_path("User", id), body);
        self.call(call).await.map_err(|error: Error| error.about(id))?;
        Ok(Update { echoed: None })
    }
}
