//! Attribute paths: `userName`, `name.givenName`, `urn:…:User:department`, `emails[type eq "work"].value`.

use super::filter::Filter;

/// An attribute, perhaps of an extension, perhaps a sub-attribute of it (RFC 7644 3.10). Names as the client wrote
/// them; they are looked up without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttributePath {
    /// URN of the schema, where the path began with one.
    pub schema: Option<String>,
    /// Name of the attribute.
    pub name: String,
    /// Name of the sub-attribute.
    pub sub: Option<String>,
}

/// The `path` of a PATCH operation (RFC 7644 3.5.2, figure 7).
#[derive(Debug, Clone, PartialEq)]
pub enum PatchPath {
    /// A whole schema extension, named by its URN.
    Extension(String),
    /// An attribute or sub-attribute.
    Attribute(AttributePath),
    /// Those values of a multi-valued attribute that match a filter, or one sub-attribute of each.
    Values {
        /// The multi-valued attribute; its `sub` is `None`.
        attribute: AttributePath,
        /// Which values.
        filter: Filter,
        /// A sub-attribute of each.
        sub: Option<String>,
    },
}
