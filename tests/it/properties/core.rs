//! The resource types of the properties, and the steps of a request through the pure core.

use std::sync::{Arc, LazyLock};

use scim_bridge::scim::patch::{self, Operation};
use scim_bridge::scim::schema::{Registry, ResourceType, Schema};
use scim_bridge::scim::{Attributes, Error, Strictness, dialect, validate};
use serde_json::{Value, json};

/// URN of an extension that has what the built-in schemas lack: every type, lists of simple values, and attributes that
/// are always or never returned.
pub(super) const EXAMPLE: &str = "urn:example:properties:2.0:User";

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let registry = Registry::standard().expect("the built-in schemas");
    registry.with_extension(example(), "User", false).expect("a sound extension")
});

/// Users, with the enterprise extension and [`EXAMPLE`].
pub(super) fn user() -> Arc<ResourceType> {
    Arc::clone(&REGISTRY.user)
}

/// Groups.
pub(super) fn group() -> Arc<ResourceType> {
    Arc::clone(&REGISTRY.group)
}

/// Users as they are without configuration.
pub(super) fn plain_user() -> Arc<ResourceType> {
    Registry::standard().expect("the built-in schemas").user
}

/// Users as [`user`] has them, after the operator has taken most attributes of [`EXAMPLE`] away.
pub(super) fn reduced_user() -> Arc<ResourceType> {
    let mut schema = example();
    schema.attributes.retain(|attribute| ["level", "tags", "spot"].contains(&attribute.name.as_str()));
    for attribute in &mut schema.attributes {
        attribute.sub_attributes.retain(|sub| sub.name == "value");
    }
    let registry = Registry::standard().expect("the built-in schemas");
    registry.with_extension(schema, "User", false).expect("a sound extension").user
}

fn example() -> Schema {
    let attribute = |name: &str, kind: &str, multi_valued: bool, returned: &str| {
        json!({
            "name": name, "type": kind, "multiValued": multi_valued, "description": name, "required": false,
            "caseExact": name.ends_with("Exact"), "mutability": "readWrite", "returned": returned,
        })
    };
    let mut spot = attribute("spot", "complex", false, "default");
    spot["subAttributes"] = json!([
        attribute("value", "string", false, "default"),
        attribute("pin", "string", false, "never"),
        attribute("mark", "string", false, "always"),
        attribute("level", "integer", false, "request"),
    ]);
    let document = json!({
        "id": EXAMPLE, "name": "Example", "description": "Example",
        "attributes": [
            attribute("flag", "boolean", false, "default"),
            attribute("level", "integer", false, "default"),
            attribute("ratio", "decimal", false, "default"),
            attribute("seen", "dateTime", false, "default"),
            attribute("times", "dateTime", true, "request"),
            attribute("tags", "string", true, "default"),
            attribute("codesExact", "string", true, "default"),
            attribute("levels", "integer", true, "default"),
            attribute("link", "reference", false, "default"),
            attribute("blob", "binary", false, "default"),
            attribute("badge", "string", false, "always"),
            attribute("secret", "string", false, "never"),
            spot,
        ],
    });
    serde_json::from_value(document).expect("a schema")
}

/// A body as an identity provider sends it, in the form of the strict core.
pub(super) fn resource(kind: &ResourceType, body: Value, strict: bool) -> Result<Attributes, Error> {
    dialect::resource(kind, body, strictness(strict))
}

/// The operations of a PATCH message.
pub(super) fn operations(kind: &ResourceType, body: Value, strict: bool) -> Result<Vec<Operation>, Error> {
    dialect::patch(kind, body, strictness(strict))
}

/// Operations on a group without those on its members.
pub(super) fn split_members(operations: Vec<Operation>, strict: bool) -> Result<Vec<Operation>, Error> {
    patch::split_members(operations, strictness(strict)).map(|(operations, _)| operations)
}

/// What operations make of a resource, before it is checked.
pub(super) fn apply(
    kind: &ResourceType,
    resource: &Attributes,
    operations: &[Operation],
    strict: bool,
) -> Result<Attributes, Error> {
    patch::apply(kind, resource, operations, strictness(strict))
}

fn strictness(strict: bool) -> Strictness {
    if strict { Strictness::Strict } else { Strictness::Lenient }
}

/// A checked body.
pub(super) fn create(kind: &ResourceType, body: Attributes, strict: bool) -> Result<Attributes, Error> {
    validate::create(kind, body, strictness(strict))
}

/// A checked resource after a PATCH, as if all of it had been changed.
pub(super) fn check(kind: &ResourceType, patched: Attributes, strict: bool) -> Result<Attributes, Error> {
    validate::check(kind, &Attributes::new(), patched, strictness(strict))
}
