//! `openapi.yaml`, derived: paths from the route table, component schemas from the models. The file in the repository
//! is what this makes; `scim-bridge schema --check` and a test fail where it is not.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::access::Scope;
use crate::delivery::State;
use crate::delivery::hand::{self, DeliveryList};
use crate::delivery::preview::UserPlan;
use crate::scim::discovery::SCHEMA_SCHEMA;
use crate::scim::schema::Registry;
use crate::scim::{DELIVERY_SCHEMA, ENTERPRISE_SCHEMA, given, model};
use crate::shadow::Kind;

use super::resources::PAGE;
use super::routes::{Operation, ROUTES, Route};
use super::wire::SCIM_JSON;

/// Where the schemas of the description stand, as a reference names it.
const COMPONENTS: &str = "#/components/schemas";

/// The whole description.
pub fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        paths.entry(route.path).or_default().insert(route.method.to_ascii_lowercase(), operation(route));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "scim-bridge",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "A SCIM 2.0 service provider (RFC 7643, RFC 7644) that brings a Salesforce org to the state \
                the identity provider asked for. A success says that the change is on disk; its delivery to Salesforce \
                follows, and `attributes=urn:scim-bridge:schemas:extension:delivery:1.0` or `/admin/v1/status` tell \
                where it stands. Every refusal is a SCIM error that names what was wrong.",
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token made with `scim-bridge token create`. It belongs to one tenant and sees no other.",
            } },
            "schemas": schemas(),
        },
    })
}

/// Name of the schema of an answer: with `attributes` or `excludedAttributes` a resource is answered without what it
/// must have when it is sent.
fn answered(kind: Kind) -> String {
    format!("{kind}Answer")
}

/// A resource of which only what is always answered is sure, and a page of them.
fn answers(schemas: &Map<String, Value>, kind: Kind) -> Vec<(String, Value)> {
    let pick = |name: &str| schemas.get(name).cloned().unwrap_or_default();
    let (mut one, mut page) = (pick(kind.as_str()), pick(&format!("{kind}List")));
    if let Some(members) = one.as_object_mut() {
        members.insert("required".into(), json!(["schemas", "id"]));
    }
    if let Some(items) = page.pointer_mut("/properties/Resources/items") {
        *items = schema(&answered(kind));
    }
    vec![(answered(kind), one), (format!("{kind}List"), page)]
}

/// A page of users and groups.
fn mixed(schemas: &Map<String, Value>) -> Value {
    let mut page = schemas.get("UserList").cloned().unwrap_or_default();
    if let Some(items) = page.pointer_mut("/properties/Resources/items") {
        *items = json!({ "anyOf": [schema(&answered(Kind::User)), schema(&answered(Kind::Group))] });
    }
    page
}

fn schemas() -> Map<String, Value> {
    let mut schemas = model::components("/components/schemas");
    for kind in [Kind::User, Kind::Group] {
        schemas.extend(answers(&schemas, kind));
    }
    schemas.insert("ResourceList".into(), mixed(&schemas));
    schemas.insert("Status".into(), status_schema());
    let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let _ = generator.subschema_for::<UserPlan>();
    let _ = generator.subschema_for::<DeliveryList>();
    schemas.extend(generator.take_definitions(true));
    // The built-in documents parse, as a test sees to.
    schemas.extend(Registry::standard().map(|known| given::components(&known, COMPONENTS)).unwrap_or_default());
    schemas.sort_keys();
    schemas
}

fn status_schema() -> Value {
    let counts: Map<String, Value> = State::ALL
        .into_iter()
        .map(|state| (state.as_str().to_owned(), json!({ "type": "integer", "minimum": 0 })))
        .collect();
    let names: Vec<&String> = counts.keys().collect();
    json!({
        "description": "Resources of the token's tenant, counted by the state of their delivery.",
        "type": "object",
        "required": ["tenants", "salesforceCalls"],
        "properties": {
            "tenants": {
                "type": "object",
                "additionalProperties": { "type": "object", "required": names, "properties": counts },
            },
            "salesforceCalls": {
                "description": "API calls of the org in the last 24 hours, by all its integrations, as far as it told.",
                "type": "object",
                "additionalProperties": { "type": "object", "required": ["held"], "properties": {
                    "held": {
                        "type": "boolean",
                        "description": "Whether deliveries other than deactivations wait for calls to come back.",
                    },
                    "used": { "type": "integer", "minimum": 0 },
                    "limit": { "type": "integer", "minimum": 0 },
                } },
            },
        },
    })
}

fn schema(name: &str) -> Value {
    json!({ "$ref": format!("{COMPONENTS}/{name}") })
}

fn scim_content(name: &str) -> Value {
    json!({ SCIM_JSON: { "schema": schema(name) } })
}

fn answer(description: &str, name: &str) -> Value {
    json!({ "description": description, "content": scim_content(name) })
}

fn query(name: &str, kind: &str, description: &str) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": { "type": kind } })
}

fn projections() -> [Value; 2] {
    [
        query("attributes", "string", "Names of the attributes to answer, with commas between (RFC 7644 3.9)."),
        query("excludedAttributes", "string", "Names of attributes to leave out, with commas between."),
    ]
    .map(|parameter| in_format(parameter, "scim-attributes"))
}

/// Of these, no schema can say which are right: the grammar of filters and lists of names is not regular, and cursors are
/// what the server made.
fn in_format(mut parameter: Value, format: &str) -> Value {
    if let Some(schema) = parameter.pointer_mut("/schema").and_then(Value::as_object_mut) {
        schema.insert("format".into(), json!(format));
    }
    parameter
}

fn filter() -> Value {
    let words = "Which resources (RFC 7644 3.4.2.2): `userName eq \"ada@example.com\"`.";
    let mut parameter = in_format(query("filter", "string", words), "scim-filter");
    if let Some(schema) = parameter.pointer_mut("/schema").and_then(Value::as_object_mut) {
        schema.insert("minLength".into(), json!(1));
    }
    parameter
}

fn id(of: &str) -> Value {
    json!({ "name": "id", "in": "path", "required": true, "description": of, "schema": { "type": "string" } })
}

/// The header that makes an answer depend on the version.
fn condition(name: &str) -> Value {
    let (description, format) = match name {
        "If-Match" => {
            ("Versions (`W/\"3\"`) of which the resource must be one; otherwise 412 (RFC 7644 3.14).", "scim-if-match")
        }
        _ => (
            "Versions that the client has: of one of them a read is answered 304, and a change 412.",
            "scim-if-none-match",
        ),
    };
    let schema = json!({ "type": "string", "format": format });
    json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema })
}

/// An answer with a resource, its version in `ETag`, and its address where that is told.
fn resource(description: &str, kind: Kind, located: bool) -> Value {
    let mut answer = answer(description, &answered(kind));
    let mut headers = Map::new();
    headers.insert("ETag".into(), json!({ "description": "Its version", "schema": { "type": "string" } }));
    if located {
        let location = json!({ "description": "Its address", "schema": { "type": "string", "format": "uri" } });
        headers.insert("Location".into(), location);
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("headers".into(), Value::Object(headers));
    }
    answer
}

fn paging() -> [Value; 3] {
    let most = PAGE.max_count;
    [
        in_format(
            query(
                "cursor",
                "string",
                "Asks for a page by cursor (RFC 9865): empty for the first, then what `nextCursor` of the page before \
                 said. Any other text is refused, and so is a `startIndex` above 1 beside it.",
            ),
            "scim-cursor",
        ),
        query("startIndex", "integer", "Number of the first resource, from 1; less counts as 1."),
        query(
            "count",
            "integer",
            &format!("Resources on the page: {} if absent, {most} at most, 0 for the total alone.", PAGE.default_count),
        ),
    ]
}

/// What a list or search by query string takes.
fn listing() -> Vec<Value> {
    let mut order = query("sortOrder", "string", "The order: ascending where it is absent.");
    if let Some(schema) = order.get_mut("schema") {
        *schema = json!({ "type": "string", "enum": ["ascending", "descending"] });
    }
    let mut parameters = vec![
        filter(),
        in_format(
            query("sortBy", "string", "The attribute by which they are sorted (RFC 7644 3.4.2.3)."),
            "scim-attribute-path",
        ),
        order,
    ];
    parameters.extend(paging());
    parameters.extend(projections());
    parameters
}

/// What a list of deliveries takes.
fn deliveries() -> Vec<Value> {
    let with = |mut parameter: Value, schema: Value| {
        if let Some(place) = parameter.get_mut("schema") {
            *place = schema;
        }
        parameter
    };
    let states: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
    let mut state = with(
        query("state", "array", "The states, with commas between; without it, all but `delivered`."),
        json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": states } }),
    );
    if let Some(state) = state.as_object_mut() {
        state.insert("explode".into(), json!(false));
    }
    vec![
        query("tenant", "string", "The token's own; another is refused."),
        state,
        query("after", "string", "What `next` of the page before said."),
        with(
            query("count", "integer", &format!("Deliveries on the page: {} if absent.", super::admin::PAGE)),
            json!({ "type": "integer", "minimum": 1, "maximum": hand::PAGE }),
        ),
    ]
}

/// Name of the schema of a page.
fn page_of(operation: Operation) -> &'static str {
    match operation {
        Operation::List(Kind::User) | Operation::Search(Kind::User) => "UserList",
        Operation::List(Kind::Group) | Operation::Search(Kind::Group) => "GroupList",
        _ => "ResourceList",
    }
}

/// An answer that is no SCIM message.
fn other(description: &str, media_type: &str, kind: &str) -> Value {
    json!({ "description": description, "content": { media_type: { "schema": { "type": kind } } } })
}

/// What one route takes and answers.
#[derive(Default)]
struct Described {
    parameters: Vec<Value>,
    /// Name of the model of its body.
    body: Option<String>,
    responses: Map<String, Value>,
    /// Statuses of its refusals, beside those that every guarded route has.
    errors: Vec<u16>,
}

fn described(route: &Route) -> Described {
    let Described { mut parameters, mut body, mut responses, mut errors } = Described::default();
    if route.path.contains("{id}") {
        parameters.push(id(match route.operation {
            Operation::Schema => "URN of the schema",
            Operation::ResourceType => "Name of the resource type",
            _ => "Id of the resource, as this server gave it",
        }));
    }
    let is_me = route.path == "/scim/v2/Me";
    let kind = kind_of(route.operation);
    if is_me {
        errors.push(501);
    }
    let mut respond = |status: u16, answer: Value| drop(responses.insert(status.to_string(), answer));
    match route.operation {
        Operation::List(_) | Operation::ListRoot => {
            parameters.extend(listing());
            respond(200, answer("A page of the result", page_of(route.operation)));
            errors.push(400);
        }
        Operation::Search(_) | Operation::SearchRoot => {
            body = Some("GivenSearchRequest".to_owned());
            respond(200, answer("A page of the result", page_of(route.operation)));
            errors.extend([400, 413, 415]);
        }
        Operation::Create(kind) => {
            parameters.extend(projections());
            body = Some(format!("{kind}Request"));
            respond(201, resource("Created, and on disk", kind, true));
            errors.extend([400, 409, 413, 415]);
        }
        Operation::Get(_) | Operation::GetMe => {
            parameters.extend(projections());
            parameters.extend(["If-Match", "If-None-Match"].map(condition));
            respond(200, resource("The resource", kind, is_me));
            respond(304, json!({ "description": "The client has this version" }));
            errors.extend([400, 404, 412]);
        }
        Operation::Replace(_) | Operation::ReplaceMe => {
            parameters.extend(projections());
            parameters.extend(["If-Match", "If-None-Match"].map(condition));
            body = Some(format!("{kind}Request"));
            respond(200, resource("Replaced, and on disk", kind, is_me));
            errors.extend([400, 404, 409, 412, 413, 415]);
        }
        Operation::Patch(_) | Operation::PatchMe => {
            parameters.extend(projections());
            parameters.extend(["If-Match", "If-None-Match"].map(condition));
            body = Some(format!("{kind}Patch"));
            respond(200, resource("Changed, and on disk", kind, is_me));
            if kind == Kind::Group {
                let most = crate::provisioning::MEMBERS_ANSWERED;
                let why = format!(
                    "Changed, and on disk: a group of more than {most} members is answered only where `attributes` asks"
                );
                respond(204, json!({ "description": why }));
            }
            errors.extend([400, 404, 409, 412, 413, 415]);
        }
        Operation::Delete(_) | Operation::DeleteMe => {
            parameters.extend(["If-Match", "If-None-Match"].map(condition));
            respond(204, json!({ "description": "Deleted; the account in Salesforce becomes inactive" }));
            errors.extend([400, 404, 412]);
        }
        Operation::CreateMe => {}
        Operation::Bulk => {
            body = Some("GivenBulkRequest".to_owned());
            respond(200, answer("What became of each operation; some or all may have failed", "BulkResponse"));
            errors.extend([400, 413, 415]);
        }
        Operation::ServiceProviderConfig => respond(200, answer("What works", "ServiceProviderConfig")),
        Operation::ResourceTypes => respond(200, answer("All of them", "ResourceTypeList")),
        Operation::Schemas => respond(200, answer("All of them", "SchemaList")),
        Operation::ResourceType => respond(200, answer("The resource type", "ResourceType")),
        Operation::Schema => respond(200, answer("The schema", "Schema")),
        Operation::Status | Operation::UserPlan | Operation::Deliveries | Operation::Order(_) => {
            let (more, answer, statuses) = administered(route.operation);
            parameters.extend(more);
            respond(200, answer);
            errors.extend(statuses);
        }
        Operation::Healthz | Operation::Readyz | Operation::Metrics => {
            respond(200, other("It does", "text/plain", "string"));
        }
        Operation::OpenapiYaml => respond(200, other("YAML", "application/yaml", "object")),
        Operation::OpenapiJson => respond(200, other("JSON", "application/json", "object")),
    }
    if matches!(route.operation, Operation::ResourceType | Operation::Schema) {
        errors.push(404);
    }
    Described { parameters, body, responses, errors }
}

/// What a route of administrators takes, answers, and refuses beside what every route does.
fn administered(operation: Operation) -> (Vec<Value>, Value, &'static [u16]) {
    let (parameters, description, name, errors): (_, _, _, &[u16]) = match operation {
        Operation::UserPlan => (Vec::new(), "What would be done, and why", "UserPlan", &[404]),
        Operation::Deliveries => (deliveries(), "A page of them, in the order of their ids", "DeliveryList", &[400]),
        Operation::Order(_) => (Vec::new(), "Done; how the delivery stands now", "DeliveryEntry", &[404, 409]),
        _ => (Vec::new(), "Counts", "Status", &[]),
    };
    let content = json!({ "application/json": { "schema": schema(name) } });
    (parameters, json!({ "description": description, "content": content }), errors)
}

/// The kind of resource that a route is about.
fn kind_of(operation: Operation) -> Kind {
    match operation {
        Operation::List(kind)
        | Operation::Search(kind)
        | Operation::Create(kind)
        | Operation::Get(kind)
        | Operation::Replace(kind)
        | Operation::Patch(kind)
        | Operation::Delete(kind) => kind,
        _ => Kind::User,
    }
}

/// Whether a route shows more to those who say who they are, and is open to those who do not.
fn is_discovery(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::ServiceProviderConfig
            | Operation::ResourceTypes
            | Operation::ResourceType
            | Operation::Schemas
            | Operation::Schema
    )
}

/// What is said of one route. Statuses: those that it can answer, and no others.
fn operation(route: &Route) -> Value {
    let Described { parameters, body, mut responses, mut errors } = described(route);
    if route.scope.is_some() || is_discovery(route.operation) {
        errors.extend([401, 403, 406, 500, 503]);
        if route.scope.is_some() {
            errors.push(429);
        }
    } else if matches!(route.operation, Operation::Readyz) {
        errors.push(503);
    }
    errors.sort_unstable();
    for status in errors {
        responses.insert(status.to_string(), answer(refusal(status), "Error"));
    }
    responses.sort_keys();
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [tag(route)],
        "summary": route.summary,
        "responses": responses,
    });
    if let Some(map) = operation.as_object_mut() {
        if !parameters.is_empty() {
            map.insert("parameters".into(), Value::Array(parameters));
        }
        if let Some(name) = body {
            let content =
                json!({ SCIM_JSON: { "schema": schema(&name) }, "application/json": { "schema": schema(&name) } });
            map.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
        match route.scope {
            None if is_discovery(route.operation) => {
                let description = "Open to everybody; with a token, what its tenant has beside the standard.";
                map.insert("security".into(), json!([{}, { "bearer": [] }]));
                map.insert("description".into(), json!(description));
            }
            None => drop(map.insert("security".into(), json!([]))),
            Some(scope) => drop(map.insert("description".into(), json!(format!("Needs the scope `{scope}`.")))),
        }
    }
    operation
}

fn tag(route: &Route) -> &'static str {
    match (route.scope, route.operation) {
        (Some(Scope::Admin), _) => "Admin",
        (None, operation) if is_discovery(operation) => "Discovery",
        (None, _) => "Operations",
        (_, _) if route.path.starts_with("/scim/v2/Me") => "Me",
        (_, Operation::ListRoot | Operation::SearchRoot) => "Users and groups",
        (_, Operation::Bulk) => "Bulk",
        (_, operation) => plural(kind_of(operation)),
    }
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "Users",
        Kind::Group => "Groups",
    }
}

fn operation_id(route: &Route) -> String {
    match route.operation {
        Operation::List(kind) => format!("list{}", plural(kind)),
        Operation::Search(kind) => format!("search{}", plural(kind)),
        Operation::Create(kind) => format!("create{kind}"),
        Operation::Get(kind) => format!("get{kind}"),
        Operation::Replace(kind) => format!("replace{kind}"),
        Operation::Patch(kind) => format!("patch{kind}"),
        Operation::Delete(kind) => format!("delete{kind}"),
        Operation::Order(order) => format!("{}Delivery", format!("{order:?}").to_ascii_lowercase()),
        other => {
            let name = format!("{other:?}");
            let mut letters = name.chars();
            letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
        }
    }
}

fn refusal(status: u16) -> &'static str {
    match status {
        400 => "The request is wrong; `scimType` and `detail` say how",
        401 => "No valid bearer token",
        403 => "The token lacks the scope, or discovery was asked with a filter",
        404 => "There is no such resource",
        406 => "No format that was accepted is possible",
        412 => "The resource is at another version",
        501 => "The token is no user's, or people would register themselves",
        409 => "Another resource has the name, here or in Salesforce; of an order: the delivery is in no state for it",
        413 => "The request is larger than the server takes",
        415 => "The body has another media type than JSON",
        429 => "Too many requests of the tenant are under way; `Retry-After` says when to try again",
        503 => "The database does not answer, or too many requests are under way; `Retry-After` says when to try again",
        _ => "Internal error",
    }
}

/// `openapi.yaml`.
pub fn yaml() -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&document())
}

/// Every file in the repository that is derived from the code, with its text.
pub fn files() -> anyhow::Result<Vec<(String, String)>> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).map(|text| text + "\n");
    let mut files = vec![("openapi.yaml".to_owned(), yaml()?)];
    for (name, schema) in model::json_schemas() {
        files.push((format!("schema/models/{name}.json"), pretty(&schema)?));
    }
    let plan = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<UserPlan>().to_value();
    files.push(("schema/models/UserPlan.json".into(), pretty(&plan)?));
    let list = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<DeliveryList>().to_value();
    files.push(("schema/models/DeliveryList.json".into(), pretty(&list)?));
    files.push(("schema/configuration.json".into(), pretty(&crate::config::Config::json_schema())?));
    for schema in Registry::standard()?.schemas {
        let name = match schema.id.as_str() {
            ENTERPRISE_SCHEMA => "EnterpriseUser",
            DELIVERY_SCHEMA => "Delivery",
            urn => urn.rsplit(':').next().unwrap_or(urn),
        };
        let mut document = Map::from_iter([("schemas".to_owned(), json!([SCHEMA_SCHEMA]))]);
        if let Value::Object(members) = serde_json::to_value(schema.as_ref())? {
            document.extend(members);
        }
        files.push((format!("schema/scim/{name}.json"), pretty(&Value::Object(document))?));
    }
    Ok(files)
}
