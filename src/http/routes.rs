//! The route table, as a value: the server, `openapi.yaml` and the tests read the same one.

use std::sync::LazyLock;

use crate::access::Scope;
use crate::delivery::hand::Order;
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
    UserPlan,
    Deliveries,
    Order(Order),
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

const fn admin(method: &'static str, path: &'static str, operation: Operation, summary: &'static str) -> Route {
    Route { method, path, operation, scope: Some(Scope::Admin), summary }
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
    admin("GET", "/admin/v1/status", Operation::Status, "Count the tenant's resources by the state of their delivery"),
    admin(
        "GET",
        "/admin/v1/users/{id}/plan",
        Operation::UserPlan,
        "What a delivery of a user would do now, and why: fields, grants, calls",
    ),
    admin("GET", "/admin/v1/deliveries", Operation::Deliveries, "List deliveries by the state that they stand in"),
    admin("POST", "/admin/v1/deliveries/{id}/retry", Operation::Order(Order::Retry), "Try a delivery again now"),
    admin(
        "POST",
        "/admin/v1/deliveries/{id}/release",
        Operation::Order(Order::Release),
        "Let a held delivery go on, and agree to what it asks",
    ),
    admin(
        "POST",
        "/admin/v1/deliveries/{id}/discard",
        Operation::Order(Order::Discard),
        "Give up a delivery: Salesforce stays as it is until the resource changes again",
    ),
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

/// A path of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'p> {
    /// As the table spells it.
    pub path: &'static str,
    /// What a request has in the place of `{id}`; empty where there is none.
    pub id: &'p str,
}

impl Found<'_> {
    /// The routes on it.
    pub fn routes(self) -> impl Iterator<Item = &'static Route> {
        ROUTES.iter().filter(move |route| route.path == self.path)
    }

    /// The route of a method. `HEAD` is served where `GET` is (RFC 9110 9.3.2); the server leaves the body out.
    pub fn route(self, method: &str) -> Option<&'static Route> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.routes().find(|route| route.method == method)
    }

    /// The methods that are possible, as `Allow` lists them (RFC 9110 10.2.1).
    pub fn allow(self) -> String {
        let names = self.routes().flat_map(|route| match route.method {
            "GET" => ["GET", "HEAD"].as_slice(),
            _ => std::slice::from_ref(&route.method),
        });
        names.copied().collect::<Vec<_>>().join(", ")
    }
}

/// What a request's path means. Endpoint names compare without regard to case, and one slash at the end does not count
/// (HelloID asks for `/users`, Microsoft's samples for `/Users/?filter=`); a SCIM path without a version means the one
/// version there is (RFC 7644 3.13).
pub fn find(path: &str) -> Option<Found<'_>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut asked: Vec<&str> = Vec::with_capacity(8);
    asked.extend(path.split('/'));
    if let ["", first, second, ..] = asked.as_slice()
        && first.eq_ignore_ascii_case("scim")
        && !second.eq_ignore_ascii_case("v2")
    {
        asked.insert(2, "v2");
    }
    let mut found = None;
    for (path, wanted) in PATHS.iter().filter(|(_, wanted)| wanted.len() == asked.len()) {
        match fit(wanted, &asked) {
            // `/Users/.search` is no user's.
            Some("") => return Some(Found { path, id: "" }),
            Some(id) => found = Some(Found { path, id }),
            None => {}
        }
    }
    found
}

/// The paths of the table, once each, with their parts.
static PATHS: LazyLock<Vec<(&'static str, Vec<&'static str>)>> = LazyLock::new(|| {
    let mut paths: Vec<_> = ROUTES.iter().map(|route| (route.path, route.path.split('/').collect())).collect();
    paths.dedup();
    paths
});

/// What a path has in the place of `{id}` where it fits a path of the table; empty where that has none.
fn fit<'p>(wanted: &[&str], asked: &[&'p str]) -> Option<&'p str> {
    let mut id = "";
    // From the end: that is where paths differ.
    for (wanted, asked) in wanted.iter().zip(asked).rev() {
        if wanted.starts_with('{') && !asked.is_empty() {
            id = asked;
        } else if !wanted.eq_ignore_ascii_case(asked) {
            return None;
        }
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_as_they_are_meant() {
        for (asked, meant) in [
            ("/scim/v2/Users", Some(("/scim/v2/Users", ""))),
            ("/scim/v2/users", Some(("/scim/v2/Users", ""))),
            ("/scim/v2/Users/", Some(("/scim/v2/Users", ""))),
            ("/scim/v2/Users/1", Some(("/scim/v2/Users/{id}", "1"))),
            ("/SCIM/V2/GROUPS/AbC", Some(("/scim/v2/Groups/{id}", "AbC"))),
            ("/scim/v2/serviceproviderconfig", Some(("/scim/v2/ServiceProviderConfig", ""))),
            ("/scim/Users", Some(("/scim/v2/Users", ""))),
            ("/SCIM/users/AbC/", Some(("/scim/v2/Users/{id}", "AbC"))),
            ("/scim/v2/users/.SEARCH", Some(("/scim/v2/Users/.search", ""))),
            ("/scim/.search", Some(("/scim/v2/.search", ""))),
            ("/Scim/v2/.Search/", Some(("/scim/v2/.search", ""))),
            ("/scim/v2/", Some(("/scim/v2", ""))),
            ("/scim/v2", Some(("/scim/v2", ""))),
            ("/healthz", Some(("/healthz", ""))),
            ("/admin/v1/users/AbC/plan", Some(("/admin/v1/users/{id}/plan", "AbC"))),
            ("/admin/v1/users//plan", None),
            ("/admin/v1/users/AbC", None),
            ("/scim", None),
            ("/scim/", None),
            ("/scim/v1/Users", None),
            ("/scim/v2/v2/Users", None),
            ("/Users", None),
            ("/scim/v2/Nothing", None),
            ("/scim/v2/Users/1/emails", None),
            ("/scim/v2/Users//", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(find(asked).map(|found| (found.path, found.id)), meant, "{asked}");
        }
    }

    #[test]
    fn methods_are_those_of_the_path() {
        let users = find("/scim/v2/Users").unwrap();
        assert_eq!(users.allow(), "GET, HEAD, POST");
        assert_eq!(users.route("HEAD").map(|route| route.operation), Some(Operation::List(Kind::User)));
        assert_eq!(users.route("POST").map(|route| route.operation), Some(Operation::Create(Kind::User)));
        assert!(users.route("PUT").is_none() && users.route("get").is_none());
    }

    #[test]
    fn no_route_stands_twice() {
        let mut keys: Vec<_> = ROUTES.iter().map(|r| (r.method, r.path)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ROUTES.len());
    }
}
