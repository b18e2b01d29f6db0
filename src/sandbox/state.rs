//! The org as JSON, for whoever tests against it.

use serde_json::{Value, json};

use super::store::field::Field;
use super::store::{MailKind, Store, User};
use super::view;

/// The user licences.
pub(super) fn licences(store: &Store) -> Value {
    store
        .licences
        .iter()
        .map(|licence| json!({"Name": licence.name, "TotalLicenses": licence.total, "UsedLicenses": licence.used}))
        .collect()
}

/// Everything in the org: users with REST's field names and with names beside ids, groups, catalogue, licences.
pub(super) fn state(store: &Store) -> Value {
    let users: Vec<Value> = store.users().map(|user| user_state(store, user)).collect();
    let groups: Vec<Value> = store
        .groups()
        .map(|group| {
            json!({
                "Id": group.id, "Name": group.name, "DeveloperName": group.developer_name, "Type": group.kind.name(),
                "Members": group.members.keys().collect::<Vec<_>>(),
            })
        })
        .collect();
    let named = |(id, name): (&String, &String)| json!({"Id": id, "Name": name});
    let profiles: Vec<Value> = store
        .profiles
        .iter()
        .map(|(id, profile)| json!({"Id": id, "Name": profile.name, "UserLicense": profile.licence}))
        .collect();
    json!({
        "OrganizationId": store.org_id,
        "Users": users,
        "Groups": groups,
        "Profiles": profiles,
        "PermissionSets": store.permission_sets.iter().map(|(id, set)| {
            json!({"Id": id, "Name": set.name, "Label": set.label, "IsOwnedByProfile": set.owned_by_profile})
        }).collect::<Vec<_>>(),
        "PermissionSetGroups": store.permission_set_groups.iter().map(|(id, group)| {
            let sets = group.sets.iter().filter_map(|id| store.permission_sets.get(id)).map(|set| &set.name);
            json!({
                "Id": id, "Name": group.developer_name, "Label": group.label,
                "PermissionSets": sets.collect::<Vec<_>>(), "HiddenPermissionSet": group.hidden_set,
            })
        }).collect::<Vec<_>>(),
        "PermissionSetLicenses": store.permission_set_licences.iter().map(|(id, licence)| json!({
            "Id": id, "Name": licence.developer_name, "Label": licence.label,
            "TotalLicenses": licence.total, "UsedLicenses": licence.used,
        })).collect::<Vec<_>>(),
        "Roles": store.roles.iter().map(|(id, role)| named((id, &role.name))).collect::<Vec<_>>(),
        "UserLicenses": licences(store),
        "Mails": mails(store),
    })
}

/// The most mails that are listed.
const MAILS_MAX: usize = 500;

/// The mails that the platform would have sent: how many of each kind, and the last of them.
fn mails(store: &Store) -> Value {
    let mails = store.mails();
    let count = |kind: MailKind| mails.iter().filter(|mail| mail.kind == kind).count();
    json!({
        "PasswordReset": count(MailKind::PasswordReset),
        "EmailChange": count(MailKind::EmailChange),
        "Last": mails.get(mails.len().saturating_sub(MAILS_MAX)..),
    })
}

/// A user, with names beside ids.
pub(super) fn user_state(store: &Store, user: &User) -> Value {
    let mut out = view::user(store, user);
    // Two names of one time; whoever compares states has enough of one.
    out.shift_remove("SystemModstamp");
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("PendingEmail", json!(user.pending_email));
    put(
        "Profile",
        json!(user.get(Field::ProfileId).and_then(|id| store.profiles.get(id)).map(|profile| &profile.name)),
    );
    put("Role", json!(user.get(Field::UserRoleId).and_then(|id| store.roles.get(id)).map(|role| &role.name)));
    put(
        "Manager",
        json!(user.get(Field::ManagerId).and_then(|id| store.user(id)).and_then(|user| user.get(Field::Username))),
    );
    let sets = user.permission_sets.keys().filter_map(|id| store.permission_sets.get(id)).map(|set| json!(set.name));
    put("PermissionSets", sets.collect());
    let groups = user.groups.keys().filter_map(|id| store.group(id)).map(|group| json!(group.name));
    put("Groups", groups.collect());
    let groups = user.set_groups.keys().filter_map(|id| store.permission_set_groups.get(id));
    put("PermissionSetGroups", groups.map(|group| json!(group.developer_name)).collect());
    let licences = user.set_licences.keys().filter_map(|id| store.permission_set_licences.get(id));
    put("PermissionSetLicenses", licences.map(|licence| json!(licence.developer_name)).collect());
    put("IsFrozen", json!(user.frozen));
    put("Undeactivatable", json!(user.undeactivatable));
    put("IsIntegrationUser", json!(user.integration));
    Value::Object(out)
}
