//! What a client wrote, for the answer to it: an attribute that is returned on request is returned in response to a POST,
//! PUT or PATCH that specified it (RFC 7643 7).

use serde_json::Value;

use super::{Mode, Name, Projection};
use crate::scim::patch::Operation;
use crate::scim::path::{self, AttributePath, PatchPath};
use crate::scim::schema::{Attribute, Mutability, ResourceType, Returned};
use crate::scim::{Attributes, Strictness, dialect};

impl Projection {
    /// The same for the answer to a POST or PUT of this body. What the body is refused for is not told here.
    #[must_use]
    pub fn after_body(self, resource_type: &ResourceType, body: &Value, strictness: Strictness) -> Self {
        if !self.may_answer_more(resource_type) {
            return self;
        }
        let mut written = Written { resource_type, names: Vec::new() };
        if let Ok(attributes) = dialect::resource(resource_type, body.clone(), strictness) {
            written.members(&attributes);
        }
        Self { written: written.names, ..self }
    }

    /// The same for the answer to a PATCH with this body.
    #[must_use]
    pub fn after_patch(self, resource_type: &ResourceType, body: &Value, strictness: Strictness) -> Self {
        if !self.may_answer_more(resource_type) {
            return self;
        }
        let mut written = Written { resource_type, names: Vec::new() };
        if let Ok(operations) = dialect::patch(resource_type, body.clone(), strictness) {
            for operation in &operations {
                written.operation(operation);
            }
        }
        Self { written: written.names, ..self }
    }

    /// Whether it could matter what is written. A body is read twice for it, and few tenants have such attributes. A client
    /// that names what is to be answered is answered that.
    fn may_answer_more(&self, resource_type: &ResourceType) -> bool {
        let extensions = resource_type.extensions.iter().map(|e| &e.schema);
        let mut attributes =
            std::iter::once(&resource_type.schema).chain(extensions).flat_map(|schema| &schema.attributes);
        self.mode != Mode::Only && attributes.any(counts)
    }

    /// When an attribute, or a sub-attribute of it, is in this answer.
    pub(super) fn returned(&self, extension: Option<&str>, attribute: &Attribute, sub: Option<&Attribute>) -> Returned {
        let is_written = |name: &Name| {
            name.extension.as_deref() == extension
                && name.attribute.as_deref() == Some(&attribute.name)
                && sub.is_none_or(|sub| name.sub.as_deref() == Some(&sub.name))
        };
        match sub.unwrap_or(attribute).returned {
            Returned::Request if self.written.iter().any(is_written) => Returned::Default,
            returned => returned,
        }
    }
}

/// Whether it is told of an attribute that it was written: it, or a part of it, is returned on request and can be written.
fn counts(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly
        && (attribute.returned == Returned::Request || attribute.sub_attributes.iter().any(counts))
}

/// The names of what was written, as far as they matter.
struct Written<'t> {
    resource_type: &'t ResourceType,
    names: Vec<Name>,
}

impl Written<'_> {
    fn operation(&mut self, operation: &Operation) {
        match (&operation.path, &operation.value) {
            (Some(path), value) => self.at(path, value.as_ref()),
            (None, Some(Value::Object(members))) => self.members(members),
            (None, _) => {}
        }
    }

    /// The attributes of a resource, or what an operation without a path has in their place: keys may be paths.
    fn members(&mut self, members: &Attributes) {
        for (key, value) in members {
            if let Ok(path) = PatchPath::parse(self.resource_type, key) {
                self.at(&path, Some(value));
            }
        }
    }

    fn at(&mut self, path: &PatchPath, value: Option<&Value>) {
        let (attribute, sub) = match path {
            PatchPath::Extension(urn) => {
                let Some(Value::Object(members)) = value else { return };
                for (name, value) in members {
                    let path = AttributePath { schema: Some(urn.clone()), name: name.clone(), sub: None };
                    self.at(&PatchPath::Attribute(path), Some(value));
                }
                return;
            }
            PatchPath::Attribute(path) => (path, &path.sub),
            PatchPath::Values { attribute, sub, .. } => (attribute, sub),
        };
        let path = AttributePath { sub: sub.clone(), ..attribute.clone() };
        let Some(target) = path::find(self.resource_type, &path).filter(|target| counts(target.attribute)) else {
            return;
        };
        self.push(target.extension, target.attribute, target.sub);
        if target.sub.is_none() {
            let values = match value {
                Some(Value::Array(values)) => values.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => &[],
            };
            let keys = values.iter().filter_map(Value::as_object).flat_map(|members| members.keys());
            for sub in keys.filter_map(|key| target.attribute.sub(key)) {
                self.push(target.extension, target.attribute, Some(sub));
            }
        }
    }

    fn push(&mut self, extension: Option<&str>, attribute: &Attribute, sub: Option<&Attribute>) {
        let name = Name {
            extension: extension.map(str::to_owned),
            attribute: Some(attribute.name.clone()),
            sub: sub.map(|sub| sub.name.clone()),
        };
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}
