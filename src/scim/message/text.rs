//! A resource answered from the text in which it is stored. Reading it into values and writing those again is most of
//! what a look-up would cost, and a page of 100 resources would pay it a hundred times.

use std::borrow::Cow;

use serde_json::Value;

use crate::scim::projection::{Projection, Share};
use crate::scim::schema::ResourceType;

/// What an answer is made of, each part JSON already but for the id.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The resource's id.
    pub id: &'a str,
    /// Its document as `serde_json` wrote it, `schemas` first. These name the extensions that it has, as validation
    /// leaves it; some may be of a former configuration.
    pub document: &'a str,
    /// What is kept beside the document and answered after it: `groups`, `members`, the delivery extension. Never in the
    /// document itself.
    pub beside: Vec<(&'a str, String)>,
    /// `meta`.
    pub meta: String,
}

/// Writes the answer, as far as it is asked for: the same as [`Projection::apply`] on the whole resource. `None`, and
/// something unfinished, where the document is no JSON object.
pub fn resource(
    out: &mut String,
    resource_type: &ResourceType,
    projection: &Projection,
    parts: &Parts<'_>,
) -> Option<()> {
    match unopened(resource_type, projection, parts) {
        Some((schemas, rest)) => {
            write_unopened(out, projection, resource_type, parts, schemas, rest);
            Some(())
        }
        None => write_opened(out, resource_type, projection, parts),
    }
}

/// The `schemas` of a document of which everything is answered, and what follows them: most answers. It is not looked
/// into, and so costs no more than to copy it.
fn unopened<'a>(
    resource_type: &ResourceType,
    projection: &Projection,
    parts: &Parts<'a>,
) -> Option<(&'a str, &'a str)> {
    let (schemas, rest) = parts.document.strip_prefix("{\"schemas\":[")?.split_once(']')?;
    let mut urns = schemas.split(',').map(|urn| urn.trim_matches('"'));
    let whole = |urn: &str| urn == resource_type.schema.id || projection.share(resource_type, urn) == Share::Whole;
    let mut beside = parts.beside.iter().map(|(name, _)| *name).chain(["meta"]);
    let uncut = projection.keeps_documents()
        && urns.all(whole)
        && beside.all(|name| projection.share(resource_type, name) != Share::Part);
    (uncut && rest.ends_with('}')).then_some((schemas, rest))
}

fn write_unopened(
    out: &mut String,
    projection: &Projection,
    resource_type: &ResourceType,
    parts: &Parts<'_>,
    schemas: &str,
    rest: &str,
) {
    out.push_str("{\"schemas\":[");
    out.push_str(schemas);
    let kept = |name: &str| projection.share(resource_type, name) != Share::None;
    for (name, _) in parts.beside.iter().filter(|(name, _)| name.contains(':') && kept(name)) {
        out.push(',');
        push_text(out, name);
    }
    out.push_str("],\"id\":");
    push_text(out, parts.id);
    out.push_str(rest.strip_suffix('}').unwrap_or(rest));
    let beside = parts.beside.iter().map(|(name, text)| (*name, text.as_str()));
    for (name, text) in beside.chain([("meta", parts.meta.as_str())]).filter(|(name, _)| kept(name)) {
        push_member(out, name, text);
    }
    out.push('}');
}

fn write_opened(
    out: &mut String,
    resource_type: &ResourceType,
    projection: &Projection,
    parts: &Parts<'_>,
) -> Option<()> {
    let mut id = String::with_capacity(parts.id.len() + 2);
    push_text(&mut id, parts.id);
    let mut kept: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(24);
    let stored = members(parts.document);
    let beside = parts.beside.iter().map(|(name, text)| Some((*name, text.as_str())));
    for member in
        [Some(("id", id.as_str()))].into_iter().chain(stored).chain(beside).chain([Some(("meta", parts.meta.as_str()))])
    {
        let (name, text) = member?;
        // Made below, of what is left.
        if name == "schemas" {
            continue;
        }
        let text = match projection.share(resource_type, name) {
            Share::None => continue,
            Share::Whole => Cow::Borrowed(text),
            Share::Part => match projection.part(resource_type, name, serde_json::from_str::<Value>(text).ok()?) {
                None => continue,
                Some(part) => Cow::Owned(part.to_string()),
            },
        };
        kept.push((name, text));
    }
    out.push_str("{\"schemas\":[");
    push_text(out, &resource_type.schema.id);
    // In the order of the resource type, whatever the order in the document.
    for extension in resource_type.extensions.iter().filter(|e| kept.iter().any(|(name, _)| *name == e.schema.id)) {
        out.push(',');
        push_text(out, &extension.schema.id);
    }
    out.push(']');
    for (name, text) in kept {
        push_member(out, name, &text);
    }
    out.push('}');
    Some(())
}

/// Writes one more member of an object.
fn push_member(out: &mut String, name: &str, json: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    out.push_str(json);
}

/// Writes a text as JSON. Most have nothing to escape.
pub fn push_text(out: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// The members of a JSON object with their values, still text. Of what `serde_json` wrote this is exact; of other text it
/// is `None` at the place where it stops being an object.
fn members(object: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    let mut rest = object.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    std::iter::from_fn(move || {
        let text = match rest {
            Some("") => return None,
            Some(text) => text,
            None => {
                rest = Some("");
                return Some(None);
            }
        };
        let member = first_member(text);
        rest = member.map(|(_, _, after)| after);
        if rest.is_none() {
            rest = Some("");
        }
        Some(member.map(|(name, value, _)| (name, value)))
    })
}

/// The first member's name and value, and what follows its comma.
fn first_member(text: &str) -> Option<(&str, &str, &str)> {
    let (name, text) = text.strip_prefix('"')?.split_once("\":")?;
    let end = value_end(text.as_bytes());
    let (value, after) = text.split_at_checked(end)?;
    let after = if after.is_empty() { after } else { after.strip_prefix(',')? };
    (!value.is_empty()).then_some((name, value, after))
}

/// Where the value at the beginning of `text` ends: at a comma that is in no string, array or object.
fn value_end(text: &[u8]) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::scim::message::answer;
    use crate::scim::model::Meta;
    use crate::scim::schema::Registry;
    use crate::scim::{Attributes, DELIVERY_SCHEMA, ENTERPRISE_SCHEMA, USER_SCHEMA};

    fn user() -> Attributes {
        let document = json!({
            "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA, "urn:gone"],
            "externalId": "7",
            "userName": "ada, \"the\" {countess} [\\] ü",
            "name": { "givenName": "Ada", "formatted": "a,b\":{" },
            "active": true,
            "emails": [{ "value": "a@x", "type": "work" }, { "value": "b@x", "primary": true }],
            ENTERPRISE_SCHEMA: { "department": "D", "manager": { "value": "1" } },
            "urn:gone": { "left": "over" },
        });
        document.as_object().unwrap().clone()
    }

    fn both(attributes: Option<&str>, excluded: Option<&str>) -> (Value, Value) {
        let (opened, expected) = answers(user(), attributes, excluded);
        assert_eq!(opened, expected, "{attributes:?} {excluded:?}");
        // Without what is configured no more, the document need not be looked into.
        let mut plain = user();
        plain.insert("schemas".into(), json!([USER_SCHEMA, ENTERPRISE_SCHEMA]));
        plain.remove("urn:gone");
        answers(plain, attributes, excluded)
    }

    fn answers(stored: Attributes, attributes: Option<&str>, excluded: Option<&str>) -> (Value, Value) {
        let registry = Registry::standard().unwrap();
        let projection = Projection::parse(&registry.user, attributes, excluded).unwrap();
        let groups = json!([{ "value": "g", "display": "x" }]);
        let delivery = json!({ "state": "pending" });
        let meta = json!({ "resourceType": "User", "version": "W/\"1\"" });
        let mut whole = stored.clone();
        whole.insert("groups".into(), groups.clone());
        whole.insert(DELIVERY_SCHEMA.into(), delivery.clone());
        let model = Meta { resource_type: Some("User".into()), version: Some("W/\"1\"".into()), ..Meta::default() };
        let expected = projection.apply(&registry.user, answer(&registry.user, "u1", whole, &model));
        let document = Value::Object(stored).to_string();
        let beside = vec![("groups", groups.to_string()), (DELIVERY_SCHEMA, delivery.to_string())];
        let parts = Parts { id: "u1", document: &document, beside, meta: meta.to_string() };
        let mut text = String::new();
        resource(&mut text, &registry.user, &projection, &parts).expect("an object");
        (serde_json::from_str(&text).expect("JSON"), Value::Object(expected))
    }

    #[test]
    fn the_text_says_what_the_values_say() {
        let lists = [
            "userName",
            "USERNAME,emails.value",
            "name",
            "name.givenName,emails",
            ENTERPRISE_SCHEMA,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            DELIVERY_SCHEMA,
            "groups",
            "meta.version",
            "meta",
            "meta,groups.display",
            "members",
            USER_SCHEMA,
            "id",
            "password",
            "nonsense",
            "externalId,active,schemas",
        ];
        let (text, values) = both(None, None);
        assert_eq!(text, values);
        assert_eq!(text["groups"][0]["value"], "g");
        assert_eq!(text.get(DELIVERY_SCHEMA), None);
        assert_eq!(text.get("urn:gone"), None, "an extension that is configured no more");
        for list in lists {
            let (text, values) = both(Some(list), None);
            assert_eq!(text, values, "attributes={list}");
            let (text, values) = both(None, Some(list));
            assert_eq!(text, values, "excludedAttributes={list}");
        }
    }

    #[test]
    fn what_is_no_object_has_no_answer() {
        let registry = Registry::standard().unwrap();
        let projection = Projection::standard(&registry.user);
        for document in ["", "[]", "{", "{\"a\"}", "{a:1}", "{\"a\":}", "null"] {
            let parts = Parts { id: "1", document, beside: Vec::new(), meta: "{}".into() };
            assert_eq!(resource(&mut String::new(), &registry.user, &projection, &parts), None, "{document}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![any::<String>().prop_map(Value::from), any::<i64>().prop_map(Value::from), Just(json!(null))];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn members_are_cut_where_they_end(values in prop::collection::vec(("[a-zA-Z:.0-9-]{1,12}", value()), 0..6)) {
            let object: Map<String, Value> = values.into_iter().collect();
            let text = Value::Object(object.clone()).to_string();
            let cut: Option<Vec<(&str, &str)>> = members(&text).collect();
            let read: Map<String, Value> = cut
                .expect("an object")
                .into_iter()
                .map(|(name, text)| (name.to_owned(), serde_json::from_str(text).expect("a value")))
                .collect();
            prop_assert_eq!(read, object);
        }
    }
}
