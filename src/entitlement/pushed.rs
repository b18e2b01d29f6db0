//! What the identity provider itself asks for: the values of `entitlements` and `roles` (RFC 7643 4.1.2, which leaves their
//! meaning to the parties).

use serde_json::Value;

use super::{Kind, Person};

/// Something that the identity provider asks for, by name or by Salesforce id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Name or id.
    pub value: String,
    /// What it can be, the likeliest first.
    pub kinds: Vec<Kind>,
    /// The attribute that it stands in.
    pub attribute: &'static str,
}

/// What an entitlement can be.
const OF_ENTITLEMENTS: [Kind; 4] =
    [Kind::Profile, Kind::PermissionSet, Kind::PermissionSetGroup, Kind::PermissionSetLicence];
/// What a role can be: Entra's app for Salesforce sends profiles as app roles.
const OF_ROLES: [Kind; 4] = [Kind::Role, Kind::Profile, Kind::PermissionSet, Kind::PermissionSetGroup];

/// What a person's attributes ask for, in their order.
pub fn pushed(person: Person<'_>) -> Vec<Pushed> {
    let mut found = Vec::new();
    for (attribute, kinds) in [("entitlements", OF_ENTITLEMENTS), ("roles", OF_ROLES)] {
        let values = person.attributes.get(attribute).and_then(Value::as_array).into_iter().flatten();
        for entry in values {
            let text =
                |key: &str| entry.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
            let Some(value) = text("value") else { continue };
            let value = inside(value).unwrap_or_else(|| value.to_owned());
            let kinds = match text("type").and_then(kind_of) {
                Some(kind) => vec![kind],
                None => kinds.to_vec(),
            };
            let one = Pushed { value, kinds, attribute };
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

/// Entra sends an app role as JSON in a text: `{"id":"…","value":"Sales","displayName":"Sales"}`.
fn inside(text: &str) -> Option<String> {
    let parsed: Value = serde_json::from_str(text).ok()?;
    let name = ["value", "displayName"].iter().find_map(|key| parsed.get(*key)?.as_str());
    name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The kind that a `type` names, as Salesforce spells it or as the configuration does.
fn kind_of(text: &str) -> Option<Kind> {
    let plain: String = text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    Some(match plain.as_str() {
        "profile" => Kind::Profile,
        "role" | "userrole" => Kind::Role,
        "permissionset" => Kind::PermissionSet,
        "permissionsetgroup" => Kind::PermissionSetGroup,
        "permissionsetlicense" | "permissionsetlicence" => Kind::PermissionSetLicence,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Kind, OF_ENTITLEMENTS, OF_ROLES, Pushed, pushed};
    use crate::entitlement::Person;

    fn of(user: Value) -> Vec<Pushed> {
        let Value::Object(attributes) = user else { panic!("an object") };
        pushed(Person { attributes: &attributes })
    }

    #[test]
    fn values_are_read_in_every_form_that_is_sent() {
        let one =
            |value: &str, kinds: &[Kind], attribute| Pushed { value: value.into(), kinds: kinds.into(), attribute };
        let entra =
            json!({"id": "18d14569-c3bd-439b-9a66-3a2aee01d14f", "value": "Sales_Console", "displayName": "Sales"});
        assert_eq!(
            of(json!({
                "entitlements": [{ "value": " 0PS000000000001 " }, { "value": "Standard User", "type": "Profile" },
                                 { "value": "PSL", "type": "permission set license" }, { "display": "no value" }],
                "roles": [{ "value": entra.to_string(), "primary": true }, { "value": "{broken" },
                          { "value": entra.to_string(), "type": "WindowsAzureActiveDirectoryRole" }],
            })),
            [
                one("0PS000000000001", &OF_ENTITLEMENTS, "entitlements"),
                one("Standard User", &[Kind::Profile], "entitlements"),
                one("PSL", &[Kind::PermissionSetLicence], "entitlements"),
                one("Sales_Console", &OF_ROLES, "roles"),
                one("{broken", &OF_ROLES, "roles"),
            ]
        );
        assert!(of(json!({ "userName": "ada" })).is_empty());
    }
}
