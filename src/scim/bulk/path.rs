//! The path of an operation.

use percent_encoding::percent_decode_str;

use super::Path;
use crate::scim::error::Error;
use crate::scim::model::BulkMethod;
use crate::scim::schema::Registry;

/// Reads a path below the base URL. A missing slash before it, the base URL itself and its path (`/scim/v2/Users`) are
/// taken, and a query is left out: it would say no more than which attributes to answer, and none are answered.
///
/// # Errors
/// Those that the request would be answered with if it came by itself, and 400 where that would be no operation of a
/// bulk request.
pub(super) fn parse(registry: &Registry, base: &str, method: BulkMethod, text: &str) -> Result<Path, Error> {
    let wrong = |words: String| Error::invalid_syntax(words);
    let shown = || text.chars().take(200).collect::<String>();
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let base = base.trim_end_matches('/');
    let path = if path.contains("://") {
        after(path, base).ok_or_else(|| wrong(format!("{} is not below {base}", shown())))?
    } else {
        let root = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, root)| root);
        after(path.trim_start_matches('/'), root).unwrap_or(path)
    };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (endpoint, id) = match segments.as_slice() {
        [] => return Err(wrong("must name an endpoint, such as /Users".to_owned())),
        [endpoint] => (*endpoint, None),
        [endpoint, id] => (*endpoint, Some(*id)),
        _ => return Err(Error::new(404, format!("there is nothing at {}", shown()))),
    };
    let is = |name: &str| endpoint.eq_ignore_ascii_case(name);
    let Some(resource_type) = registry.at_endpoint(&format!("/{endpoint}")) else {
        return Err(if is("Bulk") {
            wrong("a bulk request cannot hold another".to_owned())
        } else if is("Me") {
            Error::new(501, "/Me is no path of a bulk request; name the resource, such as /Users/ID")
        } else if ["ServiceProviderConfig", "ResourceTypes", "Schemas"].into_iter().any(is) {
            Error::new(405, format!("{} is not possible on {}: it can only be read", method.name(), shown()))
        } else if is(".search") {
            wrong("a search is no operation of a bulk request".to_owned())
        } else {
            Error::new(404, format!("there is nothing at {}", shown()))
        });
    };
    let name = &resource_type.endpoint;
    match (method, id) {
        (BulkMethod::Post, Some(id)) if id.eq_ignore_ascii_case(".search") => {
            Err(wrong("a search is no operation of a bulk request".to_owned()))
        }
        (BulkMethod::Post, Some(_)) => Err(wrong(format!("POST creates at {name}, with no id after it"))),
        (BulkMethod::Post, None) => Ok(Path { resource_type: resource_type.clone(), id: None }),
        (_, None) => Err(wrong(format!("{} needs a resource, such as {name}/ID", method.name()))),
        (_, Some(id)) => {
            let id = percent_decode_str(id).decode_utf8_lossy().into_owned();
            Ok(Path { resource_type: resource_type.clone(), id: Some(id) })
        }
    }
}

/// What follows `head` and a slash, without regard to the case of `head`.
fn after<'t>(text: &'t str, head: &str) -> Option<&'t str> {
    let fits = !head.is_empty() && text.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head));
    let rest = text.get(head.len()..).filter(|_| fits)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
