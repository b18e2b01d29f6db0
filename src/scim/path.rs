//! Attribute paths: `userName`, `name.givenName`, `urn:…:User:department`, `emails[type eq "work"].value`.

use std::fmt::{self, Display, Formatter};

use super::Strictness;
use super::error::Error;
use super::filter::{Filter, parse};
use super::schema::{Attribute, DataType, Resolved, ResourceType};

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

impl AttributePath {
    /// Reads an attribute path (RFC 7644 3.10).
    ///
    /// # Errors
    /// `invalidPath`, with the position and what was expected there. A name that no schema has is no error.
    pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Self, Error> {
        parse::attribute_path(resource_type, text)
    }
}

impl PatchPath {
    /// Reads the path of a PATCH operation (RFC 7644 3.5.2 figure 7).
    ///
    /// # Errors
    /// `invalidPath`; `invalidFilter` where the value filter in it is malformed. A name that no schema has is no error.
    pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Self, Error> {
        Self::parse_with(resource_type, text, Strictness::Lenient)
    }

    /// [`PatchPath::parse`] as strict about literals in a value filter as is asked.
    pub fn parse_with(resource_type: &ResourceType, text: &str, strictness: Strictness) -> Result<Self, Error> {
        parse::patch_path(resource_type, text, strictness)
    }
}

impl Display for AttributePath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.schema {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

impl Display for PatchPath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(urn) => f.write_str(urn),
            Self::Attribute(path) => write!(f, "{path}"),
            Self::Values { attribute, filter, sub } => {
                write!(f, "{attribute}[{filter}]")?;
                sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
            }
        }
    }
}

/// What a path names. An attribute of an extension is found without its URN too, unless the core schema has one of the
/// same name: clients write `department eq "Sales"`, and nothing else can be meant.
pub fn find<'t>(resource_type: &'t ResourceType, path: &AttributePath) -> Option<Resolved<'t>> {
    resource_type.resolve(path).or_else(|| {
        if path.schema.is_some() {
            return None;
        }
        resource_type.extensions.iter().find_map(|extension| {
            let attribute = extension.schema.attribute(&path.name)?;
            let sub = match &path.sub {
                None => None,
                Some(name) => Some(attribute.sub(name)?),
            };
            Some(Resolved { extension: Some(&extension.schema.id), attribute, sub })
        })
    })
}

/// What a path inside a value filter names, seen from the attribute before the bracket. The values of a simple
/// multi-valued attribute are called `value`. `emails[emails.type eq "work"]` is read as if it were relative.
pub fn find_relative<'t>(attribute: &'t Attribute, path: &AttributePath) -> Option<&'t Attribute> {
    let name = match &path.sub {
        None => &path.name,
        Some(sub) if path.name.eq_ignore_ascii_case(&attribute.name) => sub,
        Some(_) => return None,
    };
    if attribute.data_type == DataType::Complex {
        attribute.sub(name)
    } else {
        name.eq_ignore_ascii_case("value").then_some(attribute)
    }
}

#[cfg(test)]
mod tests;
