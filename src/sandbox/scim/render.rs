//! Users as Salesforce answers them: what is empty is left out, attributes in its order.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{CORE_USER, ENTERPRISE, EXTENSION, SALESFORCE};
use crate::sandbox::org::Visit;
use crate::sandbox::store::field::Field;
use crate::sandbox::store::{Store, User};
use crate::sandbox::view;

/// The path of the SCIM interface.
pub(super) const BASE: &str = "/services/scim/v2";

/// Where and how answers are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    /// The org's URL.
    pub(super) base_url: &'a str,
    /// Times are written as Salesforce's pilot wrote them.
    odd_times: bool,
}

impl<'a> Site<'a> {
    /// That of the call.
    pub(super) fn of(visit: &'a Visit<'_>) -> Self {
        Self { base_url: visit.base_url, odd_times: visit.settings.switches.meta_time_bug }
    }

    /// A time in `meta`. The pilot writes the date of the running user's time zone (here that of Los Angeles without
    /// daylight saving), and the time of Greenwich on a clock of twelve hours.
    fn time(self, at: DateTime<Utc>) -> String {
        if !self.odd_times {
            return at.to_rfc3339_opts(SecondsFormat::Secs, true);
        }
        format!("{}T{}Z", (at - TimeDelta::hours(8)).format("%Y-%m-%d"), at.format("%I:%M:%S"))
    }
}

/// The extension that holds the org's custom fields.
pub(super) fn custom_urn(store: &Store) -> String {
    format!("{EXTENSION}{}", store.org_id)
}

/// A user.
pub(super) fn user(store: &Store, site: Site<'_>, user: &User) -> Map<String, Value> {
    let base_url = site.base_url;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    let text = |field: Field| user.get(field).map(ToOwned::to_owned);
    put("schemas", json!([CORE_USER, ENTERPRISE]));
    put("id", json!(user.id));
    put("userName", json!(text(Field::Username)));
    put("externalId", json!(text(Field::FederationIdentifier)));
    let name = json!({
        "formatted": user.name(), "familyName": text(Field::LastName), "givenName": text(Field::FirstName),
    });
    put("name", without_nulls(name));
    put("displayName", json!(user.name()));
    put("nickName", json!(text(Field::CommunityNickname)));
    put("profileUrl", json!(format!("{base_url}/{}", user.id)));
    put("emails", json!([{"type": "work", "primary": true, "value": text(Field::Email)}]));
    put("addresses", address(user));
    put("phoneNumbers", phones(user));
    put("userType", json!(user.user_type));
    put("title", json!(text(Field::Title)));
    put("preferredLanguage", json!(text(Field::LanguageLocaleKey)));
    put("emailEncodingKey", json!(text(Field::EmailEncodingKey)));
    put("locale", json!(text(Field::LocaleSidKey)));
    put("timezone", json!(text(Field::TimeZoneSidKey)));
    put("active", json!(user.active));
    put("entitlements", entitlements(store, user));
    let groups = user
        .groups
        .keys()
        .filter_map(|id| store.group(id))
        .map(|group| json!({"value": group.id, "$ref": format!("/Groups/{}", group.id), "display": group.name}));
    put("groups", groups.collect());
    let role = user
        .get(Field::UserRoleId)
        .map(|id| json!({"value": id, "$ref": format!("/Roles/{id}"), "display": store.roles.get(id).map(|role| &role.name)}));
    put("roles", role.into_iter().collect());
    put(ENTERPRISE, enterprise(store, user));
    let custom = store.custom_fields.iter().map(|field| (field.api_name.clone(), view::custom(user, field)));
    put(&custom_urn(store), without_nulls(custom.collect()));
    put(SALESFORCE, without_nulls(json!({"alias": text(Field::Alias)})));
    put("meta", meta(site, "User", &user.id, Some(user.created), user.modified));
    let mut out = Value::Object(out);
    drop_empty(&mut out);
    match out {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn address(user: &User) -> Value {
    let parts = [
        ("streetAddress", Field::Street),
        ("locality", Field::City),
        ("region", Field::State),
        ("postalCode", Field::PostalCode),
        ("country", Field::Country),
    ];
    if parts.iter().all(|(_, field)| user.get(*field).is_none()) {
        return json!([]);
    }
    let formatted: Vec<&str> = parts.iter().filter_map(|(_, field)| user.get(*field)).collect();
    let mut address = json!({"type": "work", "primary": true, "formatted": formatted.join("\n")});
    if let Value::Object(address) = &mut address {
        for (name, field) in parts {
            if let Some(value) = user.get(field) {
                address.insert(name.to_owned(), json!(value));
            }
        }
    }
    json!([address])
}

fn phones(user: &User) -> Value {
    [("work", Field::Phone), ("mobile", Field::MobilePhone), ("fax", Field::Fax)]
        .into_iter()
        .filter_map(|(kind, field)| Some(json!({"type": kind, "value": user.get(field)?})))
        .collect()
}

fn entitlements(store: &Store, user: &User) -> Value {
    let profile = user.get(Field::ProfileId).map(|id| {
        let name = store.profiles.get(id).map(|profile| &profile.name);
        json!({"value": id, "$ref": format!("/Entitlements/{id}"), "display": name, "type": "Profile", "primary": true})
    });
    let sets = store.entitlement_sets(user).map(|id| {
        let name = store.permission_sets.get(id).map(|set| &set.name);
        json!({
            "value": id, "$ref": format!("/Entitlements/{id}"), "display": name, "type": "Permission Set", "primary": false,
        })
    });
    profile.into_iter().chain(sets).collect()
}

fn enterprise(store: &Store, user: &User) -> Value {
    let manager = user
        .get(Field::ManagerId)
        .map(|id| json!({"value": id, "$ref": format!("/Users/{id}"), "displayName": store.user(id).map(User::name)}));
    let approver = user.get(Field::DelegatedApproverId).map(|id| json!({"delegatedApproverId": id}));
    without_nulls(json!({
        "organization": store.org_id,
        "employeeNumber": user.get(Field::EmployeeNumber),
        "division": user.get(Field::Division),
        "department": user.get(Field::Department),
        "manager": manager,
        "delegatedApprover": approver,
    }))
}

/// `meta`; Salesforce has no entity tags, but a version that changes with the record.
pub(super) fn meta(
    site: Site<'_>,
    kind: &str,
    id: &str,
    created: Option<DateTime<Utc>>,
    modified: DateTime<Utc>,
) -> Value {
    let time = |at: DateTime<Utc>| site.time(at);
    let plural = if kind == "ServiceProviderConfig" { "ServiceProviderConfigs".to_owned() } else { format!("{kind}s") };
    let tail = if id.is_empty() { String::new() } else { format!("/{id}") };
    without_nulls(json!({
        "created": created.map(time),
        "lastModified": time(modified),
        "location": format!("{}{BASE}/{plural}{tail}", site.base_url),
        "resourceType": kind,
        "version": version(&format!("{id}{}", time(modified))),
    }))
}

/// 40 hexadecimal digits, as the SHA-1 of Salesforce has.
fn version(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| !value.is_null());
    }
    value
}

/// Drops members that are null, an empty array or an empty object.
fn drop_empty(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, value| match value {
            Value::Null => false,
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => true,
        });
    }
}
