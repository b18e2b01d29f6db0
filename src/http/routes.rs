//! The route table, as a value: the server, `openapi.yaml` and the tests read the same one.

use crate::access::Scope;
use crate::shadow::Kind;

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is described by its route's summary")]
pub enum Operation {
    List(Kind),
    ListRoot,
    Search(Kind),
    SearchRoot,
    Create(Kind),
    Get(Kind),
    Replace(Kind),
    Patch(Kind),
    Delete(Kind),
    CreateMe,
    GetMe,
    ReplaceMe,
    PatchMe,
    DeleteMe,
    Bulk,
    ServiceProviderConfig,
    ResourceTypes,
    ResourceType,
    Schemas,
    Schema,
    Status,
    Healthz,
    Readyz,
    Metrics,
    OpenapiYaml,
    OpenapiJson,
}

/// A method on a path.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path, with `{id}` for a parameter.
    pub path: &'static str,
    /// What it does.
    pub operation: Operation,
    /// What the bearer token must allow; `None`: no token is needed (RFC 7644 section 4 asks this of discovery). One that
    /// is sent to discovery all the same must be good, and shows its tenant's extensions.
    pub scope: Option<Scope>,
    /// One line for `openapi.yaml`.
    pub summary: &'static str,
}

const fn scim(method: &'static str, path: &'static str, operation: Operation, summary: &'static str) -> Route {
    Route { method, path, operation, scope: Some(Scope::Scim), summary }
}

const fn open(path: &'static str, operation: Operation, summary: &'static str) -> Route {
    Route { method: "GET", path, operation, scope: None, summary }
}

/// Base path of the SCIM endpoints.
pub const SCIM_BASE: &str = "/scim/v2";

/// All routes. What is not here is answered 404, and another method on one of these paths 405. `.search` stands before
/// `{id}`, which would take it for an id.
pub const ROUTES: &[Route] = &[
    scim("GET", "/scim/v2/Users", Operation::List(Kind::User), "List users, or those that match a filter"),
    scim("POST", "/scim/v2/Users", Operation::Create(Kind::User), "Create a user"),
    scim("POST", "/scim/v2/Users/.search", Operation::Search(Kind::User), "Search users by a request body"),
    scim("GET", "/scim/v2/Users/{id}", Operation::Get(Kind::User), "Read a user"),
    scim("PUT", "/scim/v2/Users/{id}", Operation::Replace(Kind::User), "Replace a user"),
    scim("PATCH", "/scim/v2/Users/{id}", Operation::Patch(Kind::User), "Change a user"),
    scim("DELETE", "/scim/v2/Users/{id}", Operation::Delete(Kind::User), "Delete a user"),
    scim("GET", "/scim/v2/Groups", Operation::List(Kind::Group), "List groups, or those that match a filter"),
    scim("POST", "/scim/v2/Groups", Operation::Create(Kind::Group), "Create a group"),
    scim("POST", "/scim/v2/Groups/.search", Operation::Search(Kind::Group), "Search groups by a request body"),
    scim("GET", "/scim/v2/Groups/{id}", Operation::Get(Kind::Group), "Read a group"),
    scim("PUT", "/scim/v2/Groups/{id}", Operation::Replace(Kind::Group), "Replace a group"),
    scim("PATCH", "/scim/v2/Groups/{id}", Operation::Patch(Kind::Group), "Change a group"),
    scim("DELETE", "/scim/v2/Groups/{id}", Operation::Delete(Kind::Group), "Delete a group"),
    scim("GET", "/scim/v2", Operation::ListRoot, "List users and groups, or those that match a filter"),
    scim("POST", "/scim/v2/.search", Operation::SearchRoot, "Search users and groups by a request body"),
    scim("POST", "/scim/v2/Me", Operation::CreateMe, "Not supported: people do not register themselves"),
    scim("GET", "/scim/v2/Me", Operation::GetMe, "Read the user whose token this is"),
    scim("PUT", "/scim/v2/Me", Operation::ReplaceMe, "Replace the user whose token this is"),
    scim("PATCH", "/scim/v2/Me", Operation::PatchMe, "Change the user whose token this is"),
    scim("DELETE", "/scim/v2/Me", Operation::DeleteMe, "Delete the user whose token this is"),
    scim("POST", "/scim/v2/Bulk", Operation::Bulk, "Carry out several operations, which may refer to each other"),
    open("/scim/v2/ServiceProviderConfig", Operation::ServiceProviderConfig, "What this service provider can do"),
    open("/scim/v2/ResourceTypes", Operation::ResourceTypes, "List the resource types"),
    open("/scim/v2/ResourceTypes/{id}", Operation::ResourceType, "Read a resource type"),
    open("/scim/v2/Schemas", Operation::Schemas, "List the schemas"),
    open("/scim/v2/Schemas/{id}", Operation::Schema, "Read a schema"),
    Route {
        method: "GET",
        path: "/admin/v1/status",
        operation: Operation::Status,
        scope: Some(Scope::Admin),
        summary: "Count the tenant's resources by the state of their delivery",
    },
    open("/healthz", Operation::Healthz, "Whether the process lives"),
    open("/readyz", Operation::Readyz, "Whether the database answers"),
    open("/metrics", Operation::Metrics, "Metrics for Prometheus"),
    open("/openapi.yaml", Operation::OpenapiYaml, "This description, as YAML"),
    open("/openapi.json", Operation::OpenapiJson, "This description, as JSON"),
];

/// What a token must allow to be told that there is nothing at a path; `None` where anybody may know.
pub fn scope_below(path: &str) -> Option<Scope> {
    let first = path.split('/').nth(1).unwrap_or_default();
    [("scim", Scope::Scim), ("admin", Scope::Admin)]
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(first))
        .map(|(_, scope)| scope)
}

/// Whether a path is one of the table as the table spells it.
fn is_spelt_so(path: &str) -> bool {
    ROUTES.iter().any(|route| {
        let (mut wanted, mut asked) = (route.path.split('/'), path.split('/'));
        loop {
            match (wanted.next(), asked.next()) {
                (None, None) => return true,
                (Some(wanted), Some(asked)) if fits(wanted, asked, |one, other| one == other) => {}
                _ => return false,
            }
        }
    })
}

/// Whether a part of a path is what the table has there.
fn fits(wanted: &str, asked: &str, same: impl Fn(&str, &str) -> bool) -> bool {
    if wanted.starts_with('{') { !asked.is_empty() } else { same(wanted, asked) }
}

/// The path with the spelling of the table: endpoint names compare without regard to case, and one slash at the end
/// does not count (HelloID asks for `/users`, Microsoft's samples for `/Users/?filter=`); a SCIM path without a version
/// means the one version there is (RFC 7644 3.13). `None` where nothing differs.
pub fn canonical(path: &str) -> Option<String> {
    // Nearly every request: nothing is made for it.
    if is_spelt_so(path) {
        return None;
    }
    let trimmed = path.strip_suffix('/').filter(|p| !p.is_empty()).unwrap_or(path);
    let mut segments: Vec<&str> = trimmed.split('/').collect();
    if let ["", scim, next, ..] = segments.as_slice()
        && scim.eq_ignore_ascii_case("scim")
        && !next.eq_ignore_ascii_case("v2")
    {
        segments.insert(2, "v2");
    }
    let same = |pattern: &str| -> Option<String> {
        let wanted: Vec<&str> = pattern.split('/').collect();
        if wanted.len() != segments.len() {
            return None;
        }
        let fitted = wanted.iter().zip(&segments).map(|(wanted, segment)| {
            let spelt = if wanted.starts_with('{') { *segment } else { *wanted };
            fits(wanted, segment, str::eq_ignore_ascii_case).then_some(spelt)
        });
        fitted.collect::<Option<Vec<&str>>>().map(|fitted| fitted.join("/"))
    };
    ROUTES.iter().find_map(|route| same(route.path)).filter(|canonical| canonical != path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_get_the_table_s_spelling() {
        for (asked, meant) in [
            ("/scim/v2/users", Some("/scim/v2/Users")),
            ("/scim/v2/Users/", Some("/scim/v2/Users")),
            ("/SCIM/V2/GROUPS/AbC", Some("/scim/v2/Groups/AbC")),
            ("/scim/v2/serviceproviderconfig", Some("/scim/v2/ServiceProviderConfig")),
            ("/scim/Users", Some("/scim/v2/Users")),
            ("/SCIM/users/AbC/", Some("/scim/v2/Users/AbC")),
            ("/scim/v1/Users", None),
            ("/Users", None),
            ("/scim/v2/users/.SEARCH", Some("/scim/v2/Users/.search")),
            ("/Scim/v2/.Search/", Some("/scim/v2/.search")),
            ("/scim/v2/", Some("/scim/v2")),
            ("/scim/v2", None),
            ("/scim/v2/Users", None),
            ("/scim/v2/Users/1", None),
            ("/scim/v2/Nothing", None),
            ("/scim/v2/Users//", None),
            ("/", None),
        ] {
            assert_eq!(canonical(asked).as_deref(), meant, "{asked}");
        }
    }

    #[test]
    fn no_route_stands_twice() {
        let mut keys: Vec<_> = ROUTES.iter().map(|r| (r.method, r.path)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ROUTES.len());
    }
}
