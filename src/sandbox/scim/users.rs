//! `/Users`: create, read, list, replace, deactivate. Patches have their own module.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::filter::{self, Filter, Held, Known};
use super::input::{Input, Unreadable, part};
use super::listing::{Asked, Projection, nobody, user_envelope};
use super::render::{self, BASE, Site};
use super::{ENTERPRISE, body, conflict};
use crate::sandbox::ids;
use crate::sandbox::org::Visit;
use crate::sandbox::settings::DefaultAlias;
use crate::sandbox::store::field::Field;
use crate::sandbox::store::refusal::Refusal;
use crate::sandbox::store::{MailKind, Store, User};
use crate::sandbox::wire::{Reply, Request};

/// Page of a list that asks for no count.
const PAGE_DEFAULT: usize = 10;

/// The user types that SCIM sees.
const SEEN: &[&str] =
    &["Standard", "PowerPartner", "PowerCustomerSuccess", "CustomerSuccess", "SelfService", "CspLitePortal", "CsnOnly"];

/// Names that `attributes` takes.
const ATTRIBUTES: &[&str] = &[
    "id",
    "schemas",
    "userName",
    "externalId",
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "emails",
    "addresses",
    "phoneNumbers",
    "photos",
    "userType",
    "title",
    "preferredLanguage",
    "emailEncodingKey",
    "locale",
    "timezone",
    "active",
    "entitlements",
    "groups",
    "roles",
    "meta",
];

/// `GET /Users/{id}` and `/Me`.
pub(super) fn read(visit: &Visit<'_>, request: &Request, id: &str) -> Reply {
    let projection = match Asked::of_query(request).projection(ATTRIBUTES) {
        Ok(projection) => projection,
        Err(reply) => return reply,
    };
    match visit.inner.store.user(id) {
        // Found, and then filtered out of what is answered.
        Some(user) if !is_seen(user) => nobody(),
        Some(user) => show(visit, user, 200, &projection),
        None => Reply::scim_error(404, "No such resource"),
    }
}

fn is_seen(user: &User) -> bool {
    SEEN.contains(&user.user_type.as_str())
}

/// The user as an answer.
pub(super) fn show(visit: &Visit<'_>, user: &User, status: u16, projection: &Projection) -> Reply {
    let resource = projection.apply(render::user(&visit.inner.store, Site::of(visit), user));
    Reply::json(status, &Value::Object(resource))
        .with_header("Location", format!("{}{BASE}/Users/{}", visit.base_url, user.id))
}

/// `GET /Users`.
pub(super) fn search(visit: &Visit<'_>, request: &Request) -> Reply {
    list(visit, &Asked::of_query(request)).unwrap_or_else(|refused| refused)
}

/// `POST /Users/.search`.
pub(super) fn search_by_post(visit: &Visit<'_>, request: &Request) -> Reply {
    match body(request) {
        Ok(body) => list(visit, &Asked::of_body(&body)).unwrap_or_else(|refused| refused),
        Err(message) => Reply::scim_error(400, message),
    }
}

fn list(visit: &Visit<'_>, asked: &Asked) -> Result<Reply, Reply> {
    let bad = |message: String| Reply::scim_error(400, message);
    let store = &visit.inner.store;
    let projection = asked.projection(ATTRIBUTES)?;
    let page = asked.page(PAGE_DEFAULT, &visit.settings.switches).map_err(bad)?;
    let filter = asked
        .filter
        .as_deref()
        .map(|text| filter::parse(text, &|name| known(store, name), visit.settings.switches.apostrophe_breaks_filter))
        .transpose()
        .map_err(bad)?;
    let mut selected = select(store, filter.as_ref());
    selected.retain(|user| is_seen(user));
    let users: Vec<Value> = selected
        .iter()
        .skip(page.skip)
        .take(page.take)
        .map(|user| Value::Object(projection.apply(render::user(store, Site::of(visit), user))))
        .collect();
    Ok(user_envelope(selected.len(), page, users))
}

/// The users that a filter selects, in the order of ids. What clients look up all the time is found without reading
/// everybody.
fn select<'a>(store: &'a Store, filter: Option<&Filter>) -> Vec<&'a User> {
    let one = |user: Option<&'a User>| user.into_iter().collect();
    match filter {
        None => store.users().collect(),
        Some(Filter::Compare(name, operator, value)) if operator == "eq" && name == "userName" => {
            one(store.user_by_username(value))
        }
        Some(Filter::Compare(name, operator, value)) if operator == "eq" && name == "externalId" => {
            one(store.user_by_federation_id(value))
        }
        Some(Filter::Compare(name, operator, value)) if operator == "gt" && name == "id" => {
            let value = ids::canonical(value).unwrap_or_else(|| value.clone());
            store.users_after(&value).collect()
        }
        Some(filter) => store.users().filter(|user| filter.matches(&|name| held(store, user, name))).collect(),
    }
}

fn known(store: &Store, name: &str) -> Known {
    match name {
        "name" | "addresses" | "meta" => Known::Complex,
        "groups" | "entitlements" | "roles" => Known::Membership,
        "id" | "active" | "displayName" | "name.formatted" | "meta.created" | "meta.lastModified" | "userType" => {
            Known::Simple
        }
        name if field(name).is_some() || custom_name(store, name).is_some() => Known::Simple,
        _ => Known::Unknown,
    }
}

/// The custom field behind a filter's attribute name.
fn custom_name<'a>(store: &'a Store, name: &str) -> Option<&'a str> {
    let name = name.strip_prefix(&render::custom_urn(store))?.strip_prefix(':')?;
    store.custom_fields.iter().map(|field| field.api_name.as_str()).find(|known| *known == name)
}

/// The field behind a filter's attribute name.
fn field(name: &str) -> Option<Field> {
    Some(match name {
        "userName" => Field::Username,
        "externalId" => Field::FederationIdentifier,
        "name.familyName" => Field::LastName,
        "name.givenName" => Field::FirstName,
        "nickName" => Field::CommunityNickname,
        "emails" | "emails.value" => Field::Email,
        "title" => Field::Title,
        "preferredLanguage" => Field::LanguageLocaleKey,
        "emailEncodingKey" => Field::EmailEncodingKey,
        "locale" => Field::LocaleSidKey,
        "timezone" => Field::TimeZoneSidKey,
        "addresses.streetAddress" => Field::Street,
        "addresses.locality" => Field::City,
        "addresses.region" => Field::State,
        "addresses.postalCode" => Field::PostalCode,
        "addresses.country" => Field::Country,
        _ => match name.strip_prefix(ENTERPRISE)?.strip_prefix(':')? {
            "employeeNumber" => Field::EmployeeNumber,
            "division" => Field::Division,
            "department" => Field::Department,
            "manager" | "manager.value" => Field::ManagerId,
            _ => return None,
        },
    })
}

fn held(store: &Store, user: &User, name: &str) -> Held {
    let time = |at: chrono::DateTime<chrono::Utc>| Held::One(Some(at.to_rfc3339_opts(SecondsFormat::Secs, true)));
    match name {
        "id" => Held::Id(user.id.clone()),
        "active" => Held::One(Some(user.active.to_string())),
        "displayName" | "name.formatted" => Held::One(Some(user.name())),
        "userType" => Held::One(Some(user.user_type.clone())),
        "meta.created" => time(user.created),
        "meta.lastModified" => time(user.modified),
        "groups" => Held::Members(user.groups.keys().cloned().collect()),
        "entitlements" => {
            let profile = user.get(Field::ProfileId).map(ToOwned::to_owned);
            Held::Members(profile.into_iter().chain(store.entitlement_sets(user).cloned()).collect())
        }
        "roles" => Held::Members(user.get(Field::UserRoleId).map(ToOwned::to_owned).into_iter().collect()),
        _ => match custom_name(store, name) {
            Some(name) => Held::One(user.custom.get(name).cloned()),
            None => Held::One(field(name).and_then(|field| user.get(field)).map(ToOwned::to_owned)),
        },
    }
}

/// The document of a POST or PUT; every refusal is a 409.
fn document(request: &Request) -> Result<Input, Reply> {
    let document = body(request).map_err(|message| Reply::scim_error(409, message))?;
    Input::of_document(&document).map_err(|unreadable| match unreadable {
        Unreadable::Type(message) => Reply::scim_error(409, message),
        Unreadable::NestedExtension => Reply::scim_error(409, "Unexpected extension"),
    })
}

/// What is wrong with a whole document, all of it in one text; empty where nothing is.
fn complaints(store: &Store, input: &Input, id: Option<&str>) -> String {
    let mut out = String::new();
    let sent = input.id.as_deref().filter(|id| !id.is_empty());
    if let (Some(id), Some(sent)) = (id, sent)
        && ids::canonical(sent).as_deref() != Some(id)
    {
        out.push_str("INVALID:id_attribute_is_readonly;");
    }
    let is_missing = |field: Field| input.get(field).unwrap_or_default().is_empty();
    if is_missing(Field::Username) {
        out.push_str("REQUIRED_FIELD_MISSING:userName;");
    }
    if is_missing(Field::LastName) {
        out.push_str("REQUIRED_FIELD_MISSING:name.familyName;");
    }
    for name in input.unsupported.iter().filter(|name| name.starts_with("name.")) {
        out.extend(["UNSUPPORTED_FIELD:", name, ";"]);
    }
    match input.emails.as_deref() {
        Some([email]) if !part(email, "value").is_empty() => {}
        Some([_, _, ..]) => out.push_str("INVALID:only_a_single_email_is_allowed;"),
        _ => out.push_str("REQUIRED_FIELD_MISSING:email;"),
    }
    if input.addresses.as_ref().is_some_and(|list| list.len() > 1) {
        out.push_str("INVALID:only_a_single_address_is_allowed;");
    }
    if input.phones.as_ref().is_some_and(|list| list.len() > 1) {
        // Alone among them without a semicolon.
        out.push_str("INVALID:only_a_single_phone_is_allowed");
    }
    if input.roles.as_ref().is_some_and(|list| list.len() > 1) {
        out.push_str("INVALID:user_must_have_only_one_role;");
    }
    match Input::values(input.entitlements.as_ref(), "00e").last() {
        None => out.push_str("REQUIRED_FIELD_MISSING:user_must_have_one_entitlement_which_must_be_a_profileid;"),
        Some(profile) if !ids::canonical(profile).is_some_and(|id| store.profiles.contains_key(&id)) => {
            out.extend(["INVALID: profile id is invalid : ", profile]);
        }
        Some(_) => {}
    }
    if input.unsupported.contains(&"costCenter") {
        out.push_str("UNSUPPORTED_FIELD:costCenter;");
    }
    out
}

/// Writes what a checked document says into `user`.
fn fill(store: &Store, user: &mut User, input: &Input) {
    input.apply_text(user, &[]);
    input.apply_custom(store, user);
    input.apply_address(user);
    input.apply_phone(user);
    if let Some(email) = input.emails.as_ref().and_then(|list| list.first()) {
        user.set(Field::Email, part(email, "value"));
    }
    if let Some(role) = input.roles.as_ref().and_then(|list| list.first()) {
        user.set(Field::UserRoleId, part(role, "value"));
    }
    if let Some(profile) = Input::values(input.entitlements.as_ref(), "00e").last() {
        user.set(Field::ProfileId, profile);
    }
}

/// The alias of somebody for whom none was sent.
fn default_alias(rule: DefaultAlias, input: &Input, now: DateTime<Utc>) -> String {
    match rule {
        DefaultAlias::Time => {
            let milliseconds = now.timestamp_millis().to_string();
            milliseconds.get(milliseconds.len().saturating_sub(8)..).unwrap_or_default().to_owned()
        }
        DefaultAlias::Name => {
            let first = input.get(Field::FirstName).unwrap_or_default().chars().take(1);
            let last = input.get(Field::LastName).unwrap_or_default().chars().take(4);
            first.chain(last).collect::<String>().to_lowercase()
        }
        DefaultAlias::Missing => String::new(),
    }
}

/// `POST /Users`.
pub(super) fn create(visit: &mut Visit<'_>, request: &Request) -> Reply {
    let mut input = match document(request) {
        Ok(input) => input,
        Err(reply) => return reply,
    };
    let passed_over = &visit.settings.switches.create_passes_over;
    input.text.retain(|(field, _)| !passed_over.iter().any(|name| name == field.name()));
    if passed_over.iter().any(|name| name == Field::UserRoleId.name()) {
        input.roles = None;
    }
    let store = &mut visit.inner.store;
    let complaints = complaints(store, &input, None);
    if !complaints.is_empty() {
        return Reply::scim_error(409, complaints);
    }
    let mut user = store.blank_user(visit.now);
    let alias = default_alias(visit.settings.switches.default_alias, &input, visit.now);
    for (field, value) in [
        (Field::CommunityNickname, input.get(Field::Username).unwrap_or_default()),
        (Field::Alias, alias.as_str()),
        (Field::LanguageLocaleKey, "en_US"),
        (Field::LocaleSidKey, "en_US"),
        (Field::TimeZoneSidKey, "America/Los_Angeles"),
        (Field::EmailEncodingKey, "UTF-8"),
    ] {
        user.set(field, value);
    }
    // An attribute sent empty does not clear a default that the user must have.
    let keep: Vec<Field> = input
        .text
        .iter()
        .filter(|(field, value)| field.is_required() && value.is_empty())
        .map(|(field, _)| *field)
        .collect();
    let defaults: Vec<(Field, String)> =
        keep.iter().filter_map(|field| Some((*field, user.get(*field)?.to_owned()))).collect();
    fill(store, &mut user, &input);
    for (field, value) in defaults {
        user.set(field, &value);
    }
    user.active = input.active.unwrap_or(true);
    let (active, password) = (user.active, input.password);
    let address = user.get(Field::Email).unwrap_or_default().to_owned();
    let id = match store.insert_user(user) {
        Ok(id) => id,
        Err(refusal) => return conflict(&refusal, "Insert", None),
    };
    if active && !password {
        store.send_mail(MailKind::PasswordReset, &address, &id, visit.now);
    }
    // The user is there now, whatever becomes of its assignments and memberships.
    let failed = add_children(store, &id, &input, visit.settings.switches.groups_need_sets);
    // An active user without a password is sent a mail to set one; the status set for that hides what failed before.
    let status = match (active && !password, failed) {
        (true, true) => 200,
        (true, false) if visit.settings.switches.create_answers_200 => 200,
        (false, true) => 400,
        (_, false) => 201,
    };
    match visit.inner.store.user(&id) {
        Some(user) => show(visit, user, status, &Projection::All).wrote(true),
        None => Reply::scim_error(404, "No such resource"),
    }
}

/// Adds permission sets and memberships one by one; answers whether any was refused. Salesforce keeps the others.
fn add_children(store: &mut Store, id: &str, input: &Input, groups_need_sets: bool) -> bool {
    let mut sets = Input::values(input.entitlements.as_ref(), "0PS");
    let mut groups = Input::values(input.groups.as_ref(), "");
    if groups_need_sets && sets.is_empty() {
        groups.clear();
    }
    let mut failed = false;
    if !(sets.is_empty() && groups.is_empty()) && store.child_fails() {
        failed = true;
        if sets.is_empty() {
            groups.remove(0);
        } else {
            sets.remove(0);
        }
    }
    for set in sets {
        failed |= store.assign(id, set).is_err();
    }
    for group in groups {
        let group = ids::canonical(group).unwrap_or_default();
        if !store.group(&group).is_some_and(|group| group.members.contains_key(id)) {
            failed |= store.add_member(&group, id).is_err();
        }
    }
    failed
}

/// `PUT /Users/{id}`: what is not sent becomes empty, and what must not be empty then fails.
pub(super) fn replace(visit: &mut Visit<'_>, request: &Request, id: &str) -> Reply {
    let store = &mut visit.inner.store;
    let Some(old) = store.user(id).cloned() else {
        let message = format!("Resource {}{BASE}/Users/{id} not found", visit.base_url);
        return Reply::scim_error(404, message);
    };
    let input = match document(request) {
        Ok(input) => input,
        Err(reply) => return reply,
    };
    let complaints = complaints(store, &input, Some(&old.id));
    if !complaints.is_empty() {
        return Reply::scim_error(409, complaints);
    }
    let mut user = old.clone();
    let kept =
        [Field::TimeZoneSidKey, Field::EmailEncodingKey, Field::Alias, Field::DelegatedApproverId, Field::CompanyName];
    user.text.retain(|field, _| kept.contains(field));
    fill(store, &mut user, &input);
    user.active = input.active.unwrap_or(false);
    store.unassign_all(&old.id);
    if let Err(refusal) = store.update_user(user, visit.now) {
        store.restore_user(old.clone());
        return conflict(&refusal, "Update", Some(&old.id));
    }
    let failed = add_children(store, &old.id, &input, false);
    match visit.inner.store.user(&old.id) {
        Some(user) => {
            let changed = !user.is_like(&old);
            show(visit, user, if failed { 400 } else { 200 }, &Projection::All).wrote(changed)
        }
        None => Reply::scim_error(404, "No such resource"),
    }
}

/// `DELETE /Users/{id}`: deactivates, and by a switch renames the account.
pub(super) fn delete(visit: &mut Visit<'_>, id: &str) -> Reply {
    let store = &mut visit.inner.store;
    let Some(mut user) = store.user(id).filter(|user| user.active).cloned() else {
        let message = format!("Resource {}{BASE}/Users/{id} not found", visit.base_url);
        return Reply::scim_error(404, message);
    };
    user.active = false;
    if visit.settings.switches.delete_renames {
        let username = format!("{}_{}", user.id, user.get(Field::Username).unwrap_or_default());
        user.set(Field::Username, &username);
        let nickname = user.id.clone();
        user.set(Field::CommunityNickname, &nickname);
    }
    let id = user.id.clone();
    match store.update_user(user, visit.now) {
        Ok(changed) => Reply::empty(204).wrote(changed),
        Err(refusal) => uncaught(&refusal, "Update", &id),
    }
}

/// A refusal that Salesforce's own code does not catch.
fn uncaught(refusal: &Refusal, verb: &str, id: &str) -> Reply {
    if refusal.code == "UNKNOWN_EXCEPTION" {
        return Reply::rest_refusal(refusal);
    }
    Reply::apex_error(&format!("System.DmlException: {}", refusal.as_exception(verb, Some(id))))
}
