//! Writes of users.

use serde_json::Value;

use super::{Fields, boolean, text};
use crate::sandbox::org::Visit;
use crate::sandbox::rest::fault::Fault;
use crate::sandbox::store::custom::CustomKind;
use crate::sandbox::store::field::{Field, Kind};
use crate::sandbox::store::{Store, User};

/// Fields that only Salesforce writes.
const READ_ONLY: &[&str] = &["Name", "UserType", "CreatedDate", "LastModifiedDate", "SystemModstamp"];

/// Makes a user; answers the id. Nobody gets a mail, unlike over SCIM.
pub(super) fn insert(visit: &mut Visit<'_>, fields: &Fields) -> Result<String, Fault> {
    let mut user = visit.inner.store.blank_user(visit.now);
    user.active = true;
    write(&visit.inner.store, &mut user, fields)?;
    // The one field that users must have and that Salesforce makes up. A mistake elsewhere is told first.
    if user.get(Field::CommunityNickname).is_none() {
        let nickname = visit.inner.rest.nickname(visit.now);
        user.set(Field::CommunityNickname, &nickname);
    }
    Ok(visit.inner.store.insert_user(user)?)
}

/// Changes a user; answers whether anything became different.
pub(super) fn update(visit: &mut Visit<'_>, id: &str, fields: &Fields) -> Result<bool, Fault> {
    let mut user = visit.inner.store.user(id).cloned().ok_or_else(Fault::not_found)?;
    write(&visit.inner.store, &mut user, fields)?;
    Ok(visit.inner.store.update_user(user, visit.now)?)
}

fn write(store: &Store, user: &mut User, fields: &Fields) -> Result<(), Fault> {
    for (name, value) in fields {
        if let Some(field) = Field::named(name) {
            match field.kind() {
                Kind::Boolean => user.set(field, if boolean(value)? { "true" } else { "" }),
                Kind::Reference(_) => user.set(field, text(name, value)?.trim()),
                _ => user.set(field, &text(name, value)?),
            }
        } else if let Some(field) = store.custom_field(name) {
            let value = match (&field.kind, value) {
                (CustomKind::Checkbox, value) => boolean(value)?.to_string(),
                (CustomKind::Number, Value::String(_)) => return Err(Fault::not_of_type("double", value)),
                (_, value) => text(name, value)?,
            };
            // Not `set_custom`: an explicit empty value is told from none at all, which would get the default.
            user.custom.insert(field.api_name.clone(), value);
        } else if name.eq_ignore_ascii_case("IsActive") {
            user.active = boolean(value)?;
        } else if name.eq_ignore_ascii_case("Id") {
            let message = "The Id field should not be specified in the sobject data.";
            return Err(Fault::new("INVALID_FIELD", message));
        } else if let Some(known) = READ_ONLY.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            return Err(Fault::read_only(known));
        } else {
            return Err(Fault::no_such_field("User", name));
        }
    }
    Ok(())
}
