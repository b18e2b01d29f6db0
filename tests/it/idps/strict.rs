//! What a strict token is answered, and a lenient one, to the same request: a table.

use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Idp, PATCH_OP, Style, USER, has, refused, without_token};
use crate::support::app::{Answer, TENANT, answer};

const STYLE: Style = Style { content_type: Some("application/scim+json"), headers: &[] };

/// A request, on a user or group that was made for it.
enum Ask {
    Create(Value),
    Replace(Value),
    Patch(Value),
    Message(Value),
    Find(&'static str),
    CreateGroup(Value),
    PatchGroup(Value),
}

/// What comes of it.
enum Comes {
    /// Success; the answer holds this.
    Of(Value),
    /// A refusal, which changes nothing.
    Refused(u16, &'static str),
}

use Ask::{Create, CreateGroup, Find, Message, Patch, PatchGroup, Replace};
use Comes::{Of, Refused};

/// What stands in for the id of a member, and what in bodies for a name that nobody else has.
const MEMBER: &str = "{member}";
const NAME: &str = "{name}";

fn user(changes: Value) -> Value {
    let mut body = json!({ "schemas": [USER], "userName": NAME });
    merge(&mut body, changes);
    body
}

fn merge(body: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { panic!("an object") };
    for (name, value) in changes {
        body[name] = value;
    }
}

/// Shape, request, for a lenient client, for a strict one.
#[rustfmt::skip]
fn bodies() -> Vec<(&'static str, Ask, Comes, Comes)> {
    let manager = json!({ (ENTERPRISE): { "manager": { "value": "9" } } });
    vec![
        ("no schemas", Create(json!({ "userName": NAME })), Of(json!({ "schemas": [USER] })), Refused(400, "invalidValue")),
        ("a URN that the type has not", Create(user(json!({ "schemas": [USER, "urn:x"] }))), Of(json!({ "schemas": [USER] })), Refused(400, "invalidValue")),
        ("an extension that schemas does not name", Create(user(json!({ (ENTERPRISE): { "division": "x" } }))), Of(json!({ (ENTERPRISE): { "division": "x" } })), Refused(400, "invalidValue")),
        ("an unknown attribute", Create(user(json!({ "colour": "green" }))), Of(json!({ "colour": null })), Refused(400, "invalidValue")),
        ("an unknown attribute in a PUT", Replace(user(json!({ "colour": "green" }))), Of(json!({ "colour": null })), Refused(400, "invalidValue")),
        ("an unknown sub-attribute", Create(user(json!({ "name": { "familyNamePrefix": "van" } }))), Of(json!({ "name": null })), Refused(400, "invalidValue")),
        ("an unknown extension", Create(user(json!({ "urn:x:2.0": { "y": 1 } }))), Of(json!({ "urn:x:2.0": null })), Refused(400, "invalidValue")),
        ("a boolean as text", Create(user(json!({ "active": "True" }))), Of(json!({ "active": true })), Refused(400, "invalidValue")),
        ("one object for a list", Create(user(json!({ "emails": { "value": "a" } }))), Of(json!({ "emails": [{ "value": "a" }] })), Refused(400, "invalidValue")),
        ("a complex value as text", Create(user(json!({ "schemas": [USER, ENTERPRISE], (ENTERPRISE): { "manager": "9" } }))), Of(manager.clone()), Refused(400, "invalidValue")),
        ("an attribute of an extension outside of it", Create(user(json!({ "division": "x" }))), Of(json!({ (ENTERPRISE): { "division": "x" } })), Refused(400, "invalidValue")),
        ("a path as a key", Create(user(json!({ "name.givenName": "Ada" }))), Of(json!({ "name": { "givenName": "Ada" } })), Refused(400, "invalidValue")),
        ("a name with its URN", Create(user(json!({ (format!("{USER}:title")): "x" }))), Of(json!({ "title": "x" })), Refused(400, "invalidValue")),
        ("a name with its URN in a PUT", Replace(user(json!({ (format!("{USER}:title")): "x" }))), Of(json!({ "title": "x" })), Refused(400, "invalidValue")),
        ("a name with its URN beside the bare name", Create(user(json!({ "title": "y", (format!("{USER}:title")): "x" }))), Refused(400, "invalidValue"), Refused(400, "invalidValue")),
        ("the core schema as an object", Create(user(json!({ (USER): { "title": "x", (ENTERPRISE): { "division": "d" } } }))), Of(json!({ "title": "x", (ENTERPRISE): { "division": "d" } })), Refused(400, "invalidValue")),
        ("the core schema as an object in a PUT", Replace(user(json!({ (USER): { "active": "False", "name.givenName": "x" } }))), Of(json!({ "active": false, "name": { "givenName": "x" } })), Refused(400, "invalidValue")),
        ("an object of the core schema that says something else", Create(user(json!({ "active": true, (USER): { "active": false } }))), Refused(400, "invalidValue"), Refused(400, "invalidValue")),
        ("a country that is none", Create(user(json!({ "addresses": [{ "country": "Gibraltar" }] }))), Of(json!({ "addresses": [{ "country": "Gibraltar" }] })), Refused(400, "invalidValue")),
        ("a reference that is none", Create(user(json!({ "profileUrl": "RQ" }))), Of(json!({ "profileUrl": "RQ" })), Refused(400, "invalidValue")),
        ("JSON text in a role", Create(user(json!({ "roles": [{ "value": "{\"value\":\"Admin\"}" }] }))), Of(json!({ "roles": [{ "value": "Admin" }] })), Of(json!({ "roles": [{ "value": "{\"value\":\"Admin\"}" }] }))),
        ("an empty text", Create(user(json!({ "title": "" }))), Of(json!({ "title": null })), Of(json!({ "title": "" }))),
        ("id, meta and groups", Create(user(json!({ "id": "7", "meta": {}, "groups": [{ "value": "7" }] }))), Of(json!({ "groups": null, "meta": { "resourceType": "User" } })), Of(json!({ "groups": null, "meta": { "resourceType": "User" } }))),
        ("null and empty lists", Create(user(json!({ "title": null, "emails": [], "name": {} }))), Of(json!({ "title": null, "emails": null })), Of(json!({ "title": null, "emails": null }))),
        ("names in other letters", Create(user(json!({ "TITLE": "x" }))), Of(json!({ "title": "x" })), Of(json!({ "title": "x" }))),
        ("a first draft's schema", Create(user(json!({ "schemas": ["urn:scim:schemas:core:2.0"] }))), Of(json!({ "schemas": [USER] })), Refused(400, "invalidValue")),
        ("another type's schema", Create(user(json!({ "schemas": [GROUP] }))), Refused(400, "invalidValue"), Refused(400, "invalidValue")),
        ("a number for a text", Create(user(json!({ "title": 7 }))), Of(json!({ "title": "7" })), Refused(400, "invalidValue")),
        ("a number for the name", Create(json!({ "schemas": [USER], "userName": 7 })), Refused(400, "invalidValue"), Refused(400, "invalidValue")),
        ("a value as a list", Create(user(json!({ "title": [{ "$ref": null, "value": "x" }] }))), Of(json!({ "title": "x" })), Refused(400, "invalidValue")),
        ("two primary values", Create(user(json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }))), Refused(400, "invalidValue"), Refused(400, "invalidValue")),
        ("a type that says nothing", Create(user(json!({ "active": "maybe" }))), Refused(400, "invalidValue"), Refused(400, "invalidValue")),
        ("a password", Create(user(json!({ "password": "s3cret" }))), Of(json!({ "password": null })), Of(json!({ "password": null }))),
        ("a locale that is none", Create(user(json!({ "locale": "HN" }))), Of(json!({ "locale": "HN" })), Of(json!({ "locale": "HN" }))),
        ("no userName", Create(json!({ "schemas": [USER] })), Refused(400, "invalidValue"), Refused(400, "invalidValue")),
        ("members as texts", CreateGroup(json!({ "schemas": [GROUP], "displayName": NAME, "members": [MEMBER] })), Of(json!({ "members": [{ "value": MEMBER }] })), Refused(400, "invalidValue")),
        ("a displayName that is taken", CreateGroup(json!({ "schemas": [GROUP], "displayName": "taken" })), Refused(409, "uniqueness"), Refused(409, "uniqueness")),
    ]
}

#[rustfmt::skip]
fn patches() -> Vec<(&'static str, Ask, Comes, Comes)> {
    let manager = format!("{ENTERPRISE}:manager");
    let title = json!({ "op": "replace", "path": "title", "value": "x" });
    vec![
        ("op in capitals", Patch(json!([{ "op": "Replace", "path": "title", "value": "x" }])), Of(json!({ "title": "x" })), Of(json!({ "title": "x" }))),
        ("no op", Patch(json!([{ "path": "title", "value": "x" }])), Of(json!({ "title": "x" })), Refused(400, "invalidSyntax")),
        ("a message without schemas", Message(json!({ "Operations": [title] })), Of(json!({ "title": "x" })), Refused(400, "invalidSyntax")),
        ("a message of another kind", Message(json!({ "schemas": [USER], "Operations": [title] })), Refused(400, "invalidSyntax"), Refused(400, "invalidSyntax")),
        ("operations in small letters", Message(json!({ "schemas": [PATCH_OP], "operations": [title] })), Of(json!({ "title": "x" })), Refused(400, "invalidSyntax")),
        ("a boolean as text", Patch(json!([{ "op": "replace", "path": "active", "value": "False" }])), Of(json!({ "active": false })), Refused(400, "invalidValue")),
        ("an unknown attribute", Patch(json!([{ "op": "replace", "path": "colour", "value": "x" }])), Of(json!({ "colour": null })), Refused(400, "invalidPath")),
        ("an unknown sub-attribute", Patch(json!([{ "op": "replace", "path": "name.prefix", "value": "x" }])), Of(json!({ "name": { "prefix": null } })), Refused(400, "invalidPath")),
        ("an unknown extension", Patch(json!([{ "op": "replace", "path": "urn:x:2.0:User:y", "value": "x" }])), Of(json!({})), Refused(400, "invalidPath")),
        ("an unknown attribute without path", Patch(json!([{ "op": "replace", "value": { "colour": "x" } }])), Of(json!({ "colour": null })), Refused(400, "invalidValue")),
        ("a path as a key", Patch(json!([{ "op": "replace", "value": { "name.givenName": "x" } }])), Of(json!({ "name": { "givenName": "x" } })), Refused(400, "invalidValue")),
        ("a name with its URN as a key", Patch(json!([{ "op": "replace", "value": { (format!("{USER}:title")): "x" } }])), Of(json!({ "title": "x" })), Of(json!({ "title": "x" }))),
        ("the core schema as a path", Patch(json!([{ "op": "replace", "path": USER, "value": { "title": "x" } }])), Of(json!({ "title": "x" })), Of(json!({ "title": "x" }))),
        ("the core schema as a key", Patch(json!([{ "op": "replace", "value": { (USER): { "title": "x" } } }])), Of(json!({ "title": "x" })), Refused(400, "invalidValue")),
        ("a value filter as a key", Patch(json!([{ "op": "replace", "value": { "emails[type eq \"work\"].value": "x" } }])), Of(json!({ "emails": [{ "value": "x" }, { "type": "home" }] })), Refused(400, "invalidValue")),
        ("an attribute of an extension without its URN", Patch(json!([{ "op": "replace", "path": "division", "value": "x" }])), Of(json!({ (ENTERPRISE): { "division": "x" } })), Refused(400, "invalidPath")),
        ("id without path", Patch(json!([{ "op": "replace", "value": { "id": "7", "title": "x" } }])), Of(json!({ "title": "x" })), Refused(400, "mutability")),
        ("id by its path", Patch(json!([{ "op": "replace", "path": "id", "value": "7" }])), Refused(400, "mutability"), Refused(400, "mutability")),
        ("replace where no value matches", Patch(json!([{ "op": "replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": "1" }])), Of(json!({ "phoneNumbers": [{ "type": "fax", "value": "1" }] })), Refused(400, "noTarget")),
        ("add where no value matches", Patch(json!([{ "op": "add", "path": "phoneNumbers[type eq \"fax\"].value", "value": "1" }])), Of(json!({ "phoneNumbers": [{ "type": "fax", "value": "1" }] })), Of(json!({ "phoneNumbers": [{ "type": "fax", "value": "1" }] }))),
        ("remove with values", Patch(json!([{ "op": "remove", "path": "emails", "value": [{ "value": "h@x.example" }] }])), Of(json!({ "emails": [{ "value": "w@x.example" }] })), Refused(400, "invalidValue")),
        ("remove without path", Patch(json!([{ "op": "remove" }])), Refused(400, "noTarget"), Refused(400, "noTarget")),
        ("remove of what is required", Patch(json!([{ "op": "remove", "path": "userName" }])), Refused(400, "mutability"), Refused(400, "mutability")),
        ("JSON text without path", Patch(json!([{ "op": "replace", "value": "{\"title\":\"x\"}" }])), Of(json!({ "title": "x" })), Refused(400, "invalidValue")),
        ("a complex value as text", Patch(json!([{ "op": "add", "path": manager, "value": "9" }])), Of(json!({ (ENTERPRISE): { "manager": { "value": "9" } } })), Refused(400, "invalidValue")),
        ("a complex value as empty text", Patch(json!([{ "op": "replace", "path": manager, "value": "" }])), Of(json!({ (ENTERPRISE): null })), Refused(400, "invalidValue")),
        ("one value as a list", Patch(json!([{ "op": "replace", "path": "title", "value": [{ "$ref": null, "value": "x" }] }])), Of(json!({ "title": "x" })), Refused(400, "invalidValue")),
        ("an empty text", Patch(json!([{ "op": "replace", "path": "displayName", "value": "" }])), Of(json!({ "displayName": null })), Of(json!({ "displayName": "" }))),
        ("null", Patch(json!([{ "op": "replace", "path": "displayName", "value": null }])), Of(json!({ "displayName": null })), Of(json!({ "displayName": null }))),
        ("a sub-attribute of a list", Patch(json!([{ "op": "replace", "path": "emails.display", "value": "x" }])), Of(json!({ "emails": [{ "display": "x" }, { "display": null }] })), Of(json!({ "emails": [{ "display": "x" }, { "display": "x" }] }))),
        ("a value that loses its value", Patch(json!([{ "op": "remove", "path": "emails[type eq \"home\"].value" }])), Of(json!({ "emails": [{ "type": "work" }] })), Of(json!({ "emails": [{ "type": "work" }, { "type": "home", "value": null }] }))),
        ("a literal without quotes", Patch(json!([{ "op": "replace", "path": "emails[type eq work].value", "value": "x" }])), Of(json!({ "emails": [{ "value": "x" }, {}] })), Refused(400, "invalidFilter")),
        ("a boolean that is no JSON", Patch(json!([{ "op": "replace", "path": "emails[primary eq True].value", "value": "x" }])), Of(json!({ "emails": [{ "value": "x" }, {}] })), Refused(400, "invalidFilter")),
        ("remove with members", PatchGroup(json!([{ "op": "remove", "path": "members", "value": [{ "value": MEMBER }] }])), Of(json!({ "members": null })), Refused(400, "invalidValue")),
        ("remove of all members", PatchGroup(json!([{ "op": "remove", "path": "members" }])), Of(json!({ "members": null })), Of(json!({ "members": null }))),
        ("remove of one who is none", PatchGroup(json!([{ "op": "remove", "path": "members[value eq \"7\"]" }])), Of(json!({ "members": [{ "value": MEMBER }] })), Of(json!({ "members": [{ "value": MEMBER }] }))),
        ("replace of one who is none", PatchGroup(json!([{ "op": "replace", "path": "members[value eq \"7\"]", "value": { "value": MEMBER } }])), Of(json!({ "members": [{ "value": MEMBER }] })), Refused(400, "noTarget")),
        ("replace by none of one who is none", PatchGroup(json!([{ "op": "replace", "path": "members[value eq \"a\\u0000b\"]", "value": null }])), Of(json!({ "members": [{ "value": MEMBER }] })), Refused(400, "noTarget")),
        ("replace of one after another is gone", PatchGroup(json!([{ "op": "remove", "path": "members" }, { "op": "replace", "path": format!("members[value eq \"{MEMBER}\"]"), "value": { "value": MEMBER } }])), Of(json!({ "members": [{ "value": MEMBER }] })), Refused(400, "noTarget")),
        ("replace of a kind that has none", PatchGroup(json!([{ "op": "replace", "path": "members[type eq \"Group\"]", "value": { "value": MEMBER } }])), Of(json!({ "members": [{ "value": MEMBER }] })), Refused(400, "noTarget")),
        ("replace of one of two", PatchGroup(json!([{ "op": "replace", "path": format!("members[value eq \"7\" or value eq \"{MEMBER}\"]"), "value": null }])), Of(json!({ "members": null })), Of(json!({ "members": null }))),
        ("replace of a kind", PatchGroup(json!([{ "op": "replace", "path": "members[type eq \"User\"]", "value": { "value": MEMBER } }])), Of(json!({ "members": [{ "value": MEMBER }] })), Of(json!({ "members": [{ "value": MEMBER }] }))),
        ("members as texts", PatchGroup(json!([{ "op": "replace", "path": "members", "value": [MEMBER] }])), Of(json!({ "members": [{ "value": MEMBER }] })), Refused(400, "invalidValue")),
        ("the display of a member", PatchGroup(json!([{ "op": "replace", "path": "members.display", "value": "x" }])), Of(json!({})), Refused(400, "mutability")),
        ("a member who is nobody", PatchGroup(json!([{ "op": "add", "path": "members", "value": [{ "value": "7" }] }])), Of(json!({ "members": [{ "value": MEMBER }] })), Of(json!({ "members": [{ "value": MEMBER }] }))),
    ]
}

#[rustfmt::skip]
fn filters() -> Vec<(&'static str, Ask, Comes, Comes)> {
    let (none, all) = (json!({ "totalResults": 0 }), json!({}));
    vec![
        ("a literal without quotes", Find("userName eq nobody"), Of(none.clone()), Refused(400, "invalidFilter")),
        ("a boolean that is no JSON", Find("active eq True"), Of(all.clone()), Refused(400, "invalidFilter")),
        ("a boolean as text", Find("active eq \"True\""), Of(all.clone()), Of(all)),
        ("an address as a whole", Find("emails eq \"nobody\""), Of(none.clone()), Of(none.clone())),
        ("an unknown attribute", Find("colour eq \"x\""), Of(none.clone()), Of(none)),
    ]
}

async fn send(idp: &Idp, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    let url = format!("{}{path}", idp.app.base());
    let mut request = without_token().request(method, url).bearer_auth(token);
    if !body.is_null() {
        request = request.header("Content-Type", "application/scim+json").body(body.to_string());
    }
    answer(request).await
}

/// Asks as one client, for whom a user or group is made, and compares what comes of it.
async fn ask(idp: &Idp, token: &str, name: &str, ask: &Ask, comes: &Comes) {
    let member = idp.somebody(name).await;
    let fill = |value: &Value| -> Value {
        let text = value.to_string().replace(MEMBER, &member).replace(NAME, &format!("n-{name}@x.example"));
        serde_json::from_str(&text).expect("JSON")
    };
    // Its profile is none, as a lenient client may store it: a strict one answers for what it changes alone.
    let person = json!({
        "schemas": [USER], "userName": format!("p-{name}@x.example"), "displayName": "Ada", "profileUrl": "RQ", "name": { "familyName": "L" },
        "emails": [{ "value": "w@x.example", "type": "work", "primary": true }, { "value": "h@x.example", "type": "home" }]
    });
    let (method, path, body) = match ask {
        Create(body) => (Method::POST, "/Users".to_owned(), body.clone()),
        CreateGroup(body) => (Method::POST, "/Groups".to_owned(), body.clone()),
        Replace(body) => (Method::PUT, format!("/Users/{}", idp.create("/Users", &person).await), body.clone()),
        Message(body) => (Method::PATCH, format!("/Users/{}", idp.create("/Users", &person).await), body.clone()),
        Find(filter) => (Method::GET, format!("/Users?filter={filter}"), Value::Null),
        Patch(operations) => {
            let path = format!("/Users/{}", idp.create("/Users", &person).await);
            (Method::PATCH, path, json!({ "schemas": [PATCH_OP], "Operations": operations }))
        }
        PatchGroup(operations) => {
            let path = format!("/Groups/{}", idp.app.group(&format!("g-{name}"), &[&member]).await);
            (Method::PATCH, path, json!({ "schemas": [PATCH_OP], "Operations": operations }))
        }
    };
    let one = method == Method::PUT || method == Method::PATCH;
    let before = if one { idp.stored(&path, &json!({})).await } else { Value::Null };
    let answer = send(idp, token, method, &path, &fill(&body)).await;
    match comes {
        Of(expected) => {
            assert!(answer.status.is_success(), "{}", answer.body);
            has(&answer.body, &fill(expected));
            if one {
                idp.stored(&path, &fill(expected)).await;
            }
        }
        Refused(status, kind) => {
            refused(&answer, *status, Some(kind));
            if one {
                assert_eq!(idp.stored(&path, &json!({})).await, before);
            }
        }
    }
}

async fn compare(idp: &Idp, rows: Vec<(&'static str, Ask, Comes, Comes)>) {
    let new = NewToken { strict: true, ..NewToken::new(TENANT, "strict", vec![Scope::Scim]) };
    let (_, strict) = idp.app.app().access().create(new).await.expect("a token");
    for (n, (shape, request, lenient, with_strict)) in rows.into_iter().enumerate() {
        println!("{shape}");
        ask(idp, idp.app.token(), &format!("l{n}"), &request, &lenient).await;
        ask(idp, &strict, &format!("s{n}"), &request, &with_strict).await;
    }
}

both_engines! {
    async fn bodies_of_strict_and_lenient_clients(engine: Engine) {
        let idp = Idp::start(&engine, &STYLE).await;
        idp.app.group("taken", &[]).await;
        compare(&idp, bodies()).await;
    }

    async fn patches_of_strict_and_lenient_clients(engine: Engine) {
        compare(&Idp::start(&engine, &STYLE).await, patches()).await;
    }

    async fn filters_of_strict_and_lenient_clients(engine: Engine) {
        compare(&Idp::start(&engine, &STYLE).await, filters()).await;
    }
}
