//! Members of a group as a strict client must write them. They are rows and no part of the document, so that validation
//! never sees them.

use serde_json::Value;

use crate::scim::document::is_unassigned;
use crate::scim::error::Error;
use crate::scim::patch::{self, Op, Operation, at};
use crate::scim::path::PatchPath;

/// Refuses what [`patch::split_members`] would make sense of for the sake of a lenient client.
///
/// # Errors
/// `invalidValue` for `remove` with a value, and for a member that is no object with a `value`; `mutability` for a write
/// to a sub-attribute of a member (RFC 7643 4.2).
pub(super) fn check(operations: &[Operation]) -> Result<(), Error> {
    for (index, Operation { op, path, value }) in operations.iter().enumerate() {
        let checked = match (path, value) {
            (Some(path), value) if patch::concerns_members(path) => at_path(*op, path, value.as_ref()),
            (None, Some(Value::Object(attributes))) => attributes
                .iter()
                .filter(|(name, _)| patch::is_members_key(name))
                .try_for_each(|(_, values)| all(values)),
            _ => Ok(()),
        };
        checked.map_err(|error| at(&format!("Operations[{index}] members"), error))?;
    }
    Ok(())
}

fn at_path(op: Op, path: &PatchPath, value: Option<&Value>) -> Result<(), Error> {
    let sub = match path {
        PatchPath::Extension(_) => None,
        PatchPath::Attribute(path) => path.sub.as_ref(),
        PatchPath::Values { sub, .. } => sub.as_ref(),
    };
    if let Some(sub) = sub {
        return Err(Error::mutability(format!("{sub} of a member is immutable: remove the member and add the other")));
    }
    match (op, value) {
        (Op::Remove, Some(value)) if !is_unassigned(value) => {
            Err(Error::invalid_value("remove takes no value, a filter in the path says which values"))
        }
        (Op::Remove, _) | (_, None) => Ok(()),
        (Op::Add | Op::Replace, Some(value)) => all(value),
    }
}

fn all(values: &Value) -> Result<(), Error> {
    let values = match values {
        Value::Array(values) => values.as_slice(),
        // RFC 7644 3.5.2.1 gives one value of several without brackets, too.
        single => std::slice::from_ref(single),
    };
    for (index, member) in values.iter().enumerate().filter(|(_, member)| !is_unassigned(member)) {
        let members = member.as_object().into_iter().flatten();
        if !members.filter(|(name, _)| name.eq_ignore_ascii_case("value")).any(|(_, id)| id.is_string()) {
            return Err(Error::invalid_value(format!(
                "[{index}]: must be an object with the id of a resource as value"
            )));
        }
    }
    Ok(())
}
