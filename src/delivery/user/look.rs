//! Looking for the account of a person who has none yet, and for who has what this person shall have.

use crate::db::{Conn, Error as DbError};
use crate::delivery::Refused;
use crate::delivery::attempt::{Abandoned, Attempt};
use crate::delivery::org::Adopt;
use crate::delivery::outbox::Outcome;
use crate::delivery::plan::{self, Adoption, UserWish};
use crate::salesforce::mapping::Mapping;
use crate::salesforce::{self, Account, Cause, Record, UserKey};
use crate::scim::fold::fold;
use crate::shadow::link::{self, How};
use crate::shadow::{self, Kind};

use super::taken::USERNAME;
use super::{Delivery, UNDER_WAY};

/// What looking for an account came to.
pub(super) enum Look {
    /// One that is this person's.
    Found(Box<Account>, How),
    /// One that is not, and why.
    NotOurs(String),
    /// One whose owner is about to give up what it was found by.
    NotYet(String),
    /// One of which a person has to say whether it is this person's: its id and why it is asked.
    Ask(String, String),
    /// None.
    Absent,
}

/// Why looking failed.
pub(super) enum LookFailed {
    Salesforce(salesforce::Error),
    Abandoned(Abandoned),
}

impl From<DbError> for LookFailed {
    fn from(error: DbError) -> Self {
        Self::Abandoned(error.into())
    }
}

/// Whose an account is.
pub(super) enum Owner {
    /// Nobody's, this person's, or one who was deleted.
    Free,
    /// Another user's of this id, who is to keep the value that it was found by.
    Other(String),
    /// Another user's of this id, who is to have another value there: a rename that is still to be delivered.
    Leaving(String),
}

fn owner(
    conn: &mut Conn,
    (tenant, own): (&str, &str),
    neighbours: &[String],
    account: &Account,
    field: &str,
    mapping: &Mapping,
) -> Result<Owner, DbError> {
    if let Some(other) = link::owner_elsewhere(conn, neighbours, Kind::User, &account.id)? {
        return Ok(Owner::Other(other));
    }
    let (other, deleted) = match link::owner(conn, tenant, Kind::User, &account.id)? {
        Some((other, deleted)) if other != own => (other, deleted),
        _ => return Ok(Owner::Free),
    };
    if deleted {
        return Ok(Owner::Free);
    }
    let wished = shadow::any(conn, &other)?.and_then(|stored| mapping.record(&stored.document).ok());
    let wished = wished.map(|mapped| mapped.record).unwrap_or_default();
    let stays = match (wished.text(field), account.record.text(field)) {
        (Some(wished), Some(held)) => fold(wished) == fold(held),
        // A federation id is never cleared; and what is written on a create only, or cannot be mapped, stays.
        (None, _) => true,
        (Some(_), None) => false,
    };
    Ok(if stays { Owner::Other(other) } else { Owner::Leaving(other) })
}

/// Which of the accounts that were found is meant.
enum Meant {
    One(Box<Account>),
    None,
    /// Nobody knows: their usernames.
    Several(String),
}

/// Salesforce finds without regard to case, and keeps federation ids in it: one that is the same to the letter is the one.
fn meant(mut found: Vec<Account>, field: &str, value: &str) -> Meant {
    if let Some(at) = found.iter().position(|account| account.record.text(field) == Some(value)) {
        return Meant::One(Box::new(found.swap_remove(at)));
    }
    match found.as_slice() {
        [_, _, ..] => {
            let usernames = found.iter().filter_map(|account| account.record.text("Username"));
            Meant::Several(usernames.collect::<Vec<_>>().join(", "))
        }
        _ => found.pop().map_or(Meant::None, |account| Meant::One(Box::new(account))),
    }
}

impl Delivery<'_> {
    /// Looks for an account that is this person's: one that a lost create made, else one with the federation id, else
    /// one with the username.
    pub(super) async fn look(&mut self) -> Result<Look, LookFailed> {
        let wish = match &self.wish {
            UserWish::Account(wish) => {
                let mut all = wish.on_create.clone();
                all.apply(&wish.record);
                Some(all)
            }
            UserWish::Gone => None,
        };
        let mut asked: Vec<(String, String)> = Vec::new();
        for record in [self.creating.clone(), wish].into_iter().flatten() {
            for field in ["FederationIdentifier", "Username"] {
                let Some(value) = record.text(field) else { continue };
                if asked.contains(&(field.to_owned(), value.to_owned())) {
                    continue;
                }
                asked.push((field.to_owned(), value.to_owned()));
                let (key, how) = match field {
                    "Username" => (UserKey::Username(value), How::Username),
                    _ => (UserKey::FederationId(value), How::FederationId),
                };
                self.attempt.hold().await.map_err(LookFailed::Abandoned)?;
                self.attempt.called();
                let found = self.attempt.shared.org.client.find_users(key).await.map_err(LookFailed::Salesforce)?;
                match meant(found, field, value) {
                    Meant::One(account) => return self.judge(*account, &record, how).await,
                    Meant::None => {}
                    Meant::Several(usernames) => {
                        let reason = format!(
                            "several accounts in Salesforce have this federation id but for the case of letters \
                             ({usernames}), and none has it as it is"
                        );
                        return Ok(Look::NotOurs(reason));
                    }
                }
            }
        }
        Ok(Look::Absent)
    }

    /// Whether an account that was found is this person's to have.
    async fn judge(&self, account: Account, asked: &Record, how: How) -> Result<Look, LookFailed> {
        let username = account.record.text("Username").unwrap_or_default().to_owned();
        if self.attempt.shared.org.protects(&username) {
            return Ok(Look::NotOurs(format!("the account {username} is protected by the configuration")));
        }
        if account.user_type.as_deref().is_some_and(|kind| kind != "Standard") {
            return Ok(Look::NotOurs(format!("the account {username} in Salesforce is not an employee's")));
        }
        let field = if how == How::Username { "Username" } else { "FederationIdentifier" };
        match self.owner(&account, field).await? {
            Owner::Free => {}
            Owner::Other(other) => {
                let words = format!("the account {username} in Salesforce is linked to another user, {other}");
                return Ok(Look::NotOurs(words));
            }
            Owner::Leaving(other) => {
                return Ok(Look::NotYet(format!("waits for user {other} to give up the {field} in Salesforce")));
            }
        }
        // The same username with another federation id is another person (or another system's person).
        let federation = (account.record.text("FederationIdentifier"), asked.text("FederationIdentifier"));
        if let (How::Username, (Some(theirs), ours)) = (how, federation)
            && ours != Some(theirs)
        {
            let words = format!("the username {username} belongs to a Salesforce account with another federation id");
            return Ok(Look::NotOurs(words));
        }
        // An account that an earlier try made, whose answer was lost, is this person's whatever the policy.
        if !self.creating.as_ref().is_some_and(|sent| plan::made_by(sent, &account.record)) {
            let by = if how == How::Username { "username" } else { "federation id" };
            let there = format!("the account {username} ({}) with this {by} was in Salesforce before", account.id);
            match self.attempt.shared.org.adopt {
                Adopt::Matching => {}
                Adopt::Never => {
                    return Ok(Look::NotOurs(format!(
                        "{there}, and accounts.adopt = \"never\" leaves such accounts alone"
                    )));
                }
                Adopt::Ask => {
                    let agreed = self.seen.observed.adoption.as_ref();
                    if !agreed.is_some_and(|adoption| adoption.approved && adoption.account == account.id) {
                        let command = format!("scim-bridge deliveries release {}", self.stored.id);
                        let reason = format!("{there}; if it is this person's, {command} adopts it");
                        return Ok(Look::Ask(account.id, reason));
                    }
                }
            }
        }
        Ok(Look::Found(Box::new(account), how))
    }

    /// What follows from a look; `None`: the plan goes on. `refusal`: the refused create that made us look.
    pub(super) async fn looked(
        &mut self,
        look: Look,
        refusal: Option<salesforce::Error>,
    ) -> Result<Option<Outcome>, Abandoned> {
        let attempt = self.attempt;
        let name_is_taken = refusal.as_ref().is_some_and(|error| error.cause() == Some(Cause::DuplicateUsername));
        match look {
            Look::Found(account, how) => {
                return Ok(if self.adopt(*account, how).await? {
                    None
                } else {
                    Some(attempt.after_another(UNDER_WAY.to_owned()))
                });
            }
            // Somebody who came back under the name has it by now: nothing is left to deactivate.
            Look::NotOurs(_) | Look::NotYet(_) | Look::Ask(..) if self.wish == UserWish::Gone => {
                self.known_not_created().await?;
            }
            Look::NotYet(reason) => {
                self.known_not_created().await?;
                return Ok(Some(attempt.after_another(reason)));
            }
            Look::Ask(account, reason) => {
                self.known_not_created().await?;
                self.seen.observed.adoption = Some(Adoption { account, approved: false });
                self.save_observed().await?;
                return Ok(Some(Outcome { due: None, ..attempt.held(reason) }));
            }
            Look::NotOurs(reason) => {
                self.known_not_created().await?;
                if name_is_taken && self.choose_another(USERNAME).await? {
                    return Ok(None);
                }
                let said = refusal.map(|e| e.salesforce_text().to_owned());
                return Ok(Some(Attempt::rejected_for(Refused::Taken, reason, said)));
            }
            Look::Absent => {
                self.known_not_created().await?;
                if self.seen.observed.adoption.take().is_some() {
                    self.save_observed().await?;
                }
                if let Some(error) = refusal {
                    if name_is_taken && attempt.was_taken_before() && self.choose_another(USERNAME).await? {
                        return Ok(None);
                    }
                    return Ok(Some(attempt.taken_by_nobody(&error)));
                }
            }
        }
        Ok(None)
    }

    pub(super) async fn owner(&self, account: &Account, field: &'static str) -> Result<Owner, DbError> {
        let (tenant, own, account) = (self.stored.tenant.clone(), self.stored.id.clone(), account.clone());
        let org = std::sync::Arc::clone(&self.attempt.shared.org);
        let read = move |conn: &mut Conn| owner(conn, (&tenant, &own), &org.neighbours, &account, field, &org.mapping);
        self.attempt.shared.db.read(read).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_federation_id_that_is_the_same_to_the_letter_is_the_one() {
        const FEDERATION: &str = "FederationIdentifier";
        let account = |id: &str, federation: &str| Account {
            id: id.to_owned(),
            record: Record::new().with(FEDERATION, federation).with("Username", format!("{id}@x.example")),
            profile_id: None,
            permission_set_ids: Vec::new(),
            group_ids: Vec::new(),
            user_type: None,
            notes: Vec::new(),
        };
        let of = |found: &[(&str, &str)]| {
            let found = found.iter().map(|(id, federation)| account(id, federation)).collect();
            match meant(found, FEDERATION, "aB1") {
                Meant::One(account) => account.id,
                Meant::None => "none".to_owned(),
                Meant::Several(usernames) => usernames,
            }
        };
        assert_eq!(of(&[]), "none");
        assert_eq!(of(&[("1", "AB1")]), "1");
        assert_eq!(of(&[("1", "AB1"), ("2", "aB1"), ("3", "ab1")]), "2");
        assert_eq!(of(&[("1", "AB1"), ("3", "ab1")]), "1@x.example, 3@x.example");
    }
}
