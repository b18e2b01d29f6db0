//! What objects there are, and what their fields take.

use serde_json::{Map, Value, json};

use super::Call;
use super::schema::{FieldDef, OBJECTS, Object, Shape};
use crate::sandbox::org::Visit;
use crate::sandbox::wire::Reply;

/// `GET /sobjects`.
pub(super) fn list(call: &Call<'_>) -> Reply {
    let objects: Vec<Value> = OBJECTS.iter().map(|object| Value::Object(head(call, object))).collect();
    Reply::json(200, &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}))
}

/// `GET /sobjects/{object}/describe`.
pub(super) fn object(visit: &Visit<'_>, call: &Call<'_>, object: &'static Object) -> Reply {
    let mut out = head(call, object);
    let fields = object.fields(&visit.inner.store);
    out.insert("fields".to_owned(), fields.iter().map(field).collect());
    out.insert("childRelationships".to_owned(), json!([]));
    out.insert("recordTypeInfos".to_owned(), json!([]));
    Reply::json(200, &Value::Object(out))
}

fn head(call: &Call<'_>, object: &Object) -> Map<String, Value> {
    let url = format!("{}/sobjects/{}", call.base, object.name);
    let head = json!({
        "name": object.name, "label": object.label, "labelPlural": format!("{}s", object.label),
        "keyPrefix": object.prefix, "custom": false, "customSetting": false,
        "createable": object.createable, "updateable": object.updateable, "deletable": object.deletable,
        "undeletable": false, "queryable": true, "retrieveable": true, "searchable": object.name == "User",
        "urls": {
            "sobject": url, "describe": format!("{url}/describe"), "rowTemplate": format!("{url}/{{ID}}"),
        },
    });
    if let Value::Object(head) = head { head } else { Map::new() }
}

fn field(field: &FieldDef) -> Value {
    let (kind, length) = match &field.shape {
        Shape::Id => ("id", 18),
        Shape::Text(length) => ("string", *length),
        Shape::Email(length) => ("email", *length),
        Shape::Phone(length) => ("phone", *length),
        Shape::LongText(length) => ("textarea", *length),
        Shape::Picklist(values) => ("picklist", values.iter().map(String::len).max().unwrap_or(0).max(40)),
        Shape::Reference(..) => ("reference", 18),
        Shape::Boolean => ("boolean", 0),
        Shape::Integer => ("int", 0),
        Shape::Double => ("double", 0),
        Shape::Date => ("date", 0),
        Shape::Moment => ("datetime", 0),
    };
    let (to, relationship) = match field.shape {
        Shape::Reference(to, relationship) => (to, relationship),
        _ => (&[][..], None),
    };
    let values = match &field.shape {
        Shape::Picklist(values) => values.as_slice(),
        _ => &[],
    };
    let values: Vec<Value> = values
        .iter()
        .map(|value| json!({"value": value, "label": value, "active": true, "defaultValue": false, "validFor": null}))
        .collect();
    json!({
        "name": field.name, "label": field.label, "type": kind, "length": length,
        "nillable": field.nillable, "createable": field.createable, "updateable": field.updateable,
        "unique": field.unique, "custom": field.custom, "defaultedOnCreate": field.defaulted,
        "restrictedPicklist": matches!(field.shape, Shape::Picklist(_)), "picklistValues": values,
        "referenceTo": to, "relationshipName": relationship,
        "idLookup": field.shape == Shape::Id || field.name == "Username", "externalId": false,
        "filterable": field.kind() != super::soql::Kind::LongText,
        "sortable": field.kind() != super::soql::Kind::LongText,
        "caseSensitive": false, "calculated": false, "deprecatedAndHidden": false,
    })
}
