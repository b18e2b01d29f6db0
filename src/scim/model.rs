//! The messages and resources as types. The doc comments are what `openapi.yaml` and `schema/` say about them; the
//! server itself works on documents, because clients may add attributes by extension.

mod bulk;
mod common;
mod configuration;
mod group;
mod message;
mod user;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

pub use bulk::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult};
pub use common::{Delivery, DeliveryState, Meta, MultiValue};
pub use configuration::{
    AuthenticationScheme, BulkSupport, ExtensionReference, FilterSupport, Pagination, ResourceTypeDocument,
    SchemaDocument, ServiceProviderConfig, Support,
};
pub use group::{Group, Member};
pub use message::{ErrorMessage, ListResponse, PatchOp, PatchOperation, PatchRequest, SearchRequest, SortOrder};
pub use user::{Address, EnterpriseUser, GroupReference, Manager, Name, User};

/// A list of users, as a type of its own so that it has a schema.
pub type UserList = ListResponse<User>;
/// A list of groups.
pub type GroupList = ListResponse<Group>;

macro_rules! models {
    ($($name:literal => $model:ty),+ $(,)?) => {
        /// Every model with its JSON Schema (draft 2020-12); each stands alone, what it refers to is in its `$defs`.
        pub fn json_schemas() -> Vec<(&'static str, Value)> {
            vec![$(($name, SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<$model>().to_value())),+]
        }

        /// Every model and every type in them as JSON Schemas that refer to each other below `path`
        /// (`/components/schemas` in an OpenAPI document), by name.
        pub fn components(path: &str) -> Map<String, Value> {
            let path = path.to_owned();
            let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = path.into());
            let mut generator = settings.into_generator();
            $(let _ = generator.subschema_for::<$model>();)+
            generator.take_definitions(true)
        }
    };
}

models! {
    "User" => User,
    "Name" => Name,
    "MultiValue" => MultiValue,
    "Address" => Address,
    "GroupReference" => GroupReference,
    "EnterpriseUser" => EnterpriseUser,
    "Manager" => Manager,
    "Group" => Group,
    "Member" => Member,
    "Meta" => Meta,
    "Delivery" => Delivery,
    "PatchRequest" => PatchRequest,
    "PatchOperation" => PatchOperation,
    "SearchRequest" => SearchRequest,
    "BulkRequest" => BulkRequest,
    "BulkResponse" => BulkResponse,
    "UserList" => UserList,
    "GroupList" => GroupList,
    "Error" => ErrorMessage,
    "ServiceProviderConfig" => ServiceProviderConfig,
    "ResourceType" => ResourceTypeDocument,
    "Schema" => SchemaDocument,
    "ResourceTypeList" => ListResponse<ResourceTypeDocument>,
    "SchemaList" => ListResponse<SchemaDocument>,
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
