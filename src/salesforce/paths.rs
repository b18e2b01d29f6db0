//! Where the calls go.

use super::transport::encoded;

/// Users over SCIM.
pub(super) const USERS: &str = "/services/scim/v2/Users";

/// The paths of an org's calls about users, for those who make them and for those who say which will be made.
#[derive(Debug, Clone, Copy)]
pub struct Paths<'a> {
    /// Version of the REST interface, `v66.0`.
    pub api_version: &'a str,
}

impl Paths<'_> {
    /// All users, over SCIM.
    pub fn users(self) -> String {
        USERS.to_owned()
    }

    /// A user, over SCIM.
    pub fn user(self, id: &str) -> String {
        format!("{USERS}/{}", encoded(id))
    }

    /// Other resources over SCIM: `Entitlements`, `Roles`, `Groups`.
    pub fn scim(self, resource: &str) -> String {
        format!("/services/scim/v2/{resource}")
    }

    /// Records of an object, over REST.
    pub fn objects(self, object: &str) -> String {
        format!("/services/data/{}/sobjects/{object}", self.api_version)
    }

    /// A record, over REST.
    pub fn record(self, object: &str, id: &str) -> String {
        format!("{}/{}", self.objects(object), encoded(id))
    }

    /// A query, over REST.
    pub fn query(self) -> String {
        format!("/services/data/{}/query/", self.api_version)
    }

    /// Several requests in one call, over REST.
    pub fn composite(self) -> String {
        format!("/services/data/{}/composite", self.api_version)
    }
}
