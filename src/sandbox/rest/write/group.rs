//! Writes of groups.

use super::{Fields, text};
use crate::sandbox::org::Visit;
use crate::sandbox::rest::fault::Fault;
use crate::sandbox::store::GroupKind;

/// What a write of a group may say.
#[derive(Default)]
struct GroupFields {
    name: Option<String>,
    developer_name: Option<String>,
    kind: Option<GroupKind>,
}

fn read(fields: &Fields) -> Result<GroupFields, Fault> {
    let mut found = GroupFields::default();
    for (name, value) in fields {
        match name.as_str() {
            "Name" => found.name = Some(text(name, value)?),
            "DeveloperName" => found.developer_name = Some(text(name, value)?).filter(|text| !text.is_empty()),
            "Type" => {
                found.kind = Some(match text(name, value)?.as_str() {
                    "Regular" => GroupKind::Regular,
                    "Queue" => GroupKind::Queue,
                    other => {
                        let message = format!("Type: bad value for restricted picklist field: {other}");
                        return Err(Fault::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message).about(&["Type"]));
                    }
                });
            }
            // Taken and not kept.
            "DoesIncludeBosses" | "DoesSendEmailToMembers" | "Email" => {}
            _ => return Err(Fault::no_such_field("Group", name)),
        }
    }
    Ok(found)
}

/// Makes a group; answers the id.
pub(super) fn insert(visit: &mut Visit<'_>, fields: &Fields) -> Result<String, Fault> {
    let fields = read(fields)?;
    let kind = fields.kind.unwrap_or(GroupKind::Regular);
    let name = fields.name.unwrap_or_default();
    Ok(visit.inner.store.insert_group(&name, fields.developer_name.as_deref(), kind, visit.now)?)
}

/// Changes a group; answers whether anything became different.
pub(super) fn update(visit: &mut Visit<'_>, id: &str, fields: &Fields) -> Result<bool, Fault> {
    let group = visit.inner.store.group(id).cloned().ok_or_else(Fault::not_found)?;
    let fields = read(fields)?;
    if fields.kind.is_some_and(|kind| kind != group.kind) {
        return Err(Fault::new("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Type."));
    }
    let name = fields.name.unwrap_or(group.name);
    let developer_name = fields.developer_name.or(group.developer_name);
    Ok(visit.inner.store.rename_group(&group.id, &name, developer_name.as_deref(), visit.now)?)
}
