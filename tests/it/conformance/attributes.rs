//! Schemas, types and characteristics of attributes.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::app::{Answer, TestApp, user};
use super::{Client, Directory, ENTERPRISE, GROUP, USER, finds, group_body, id_of, refused, user_with};

/// A user's body with another value of one attribute.
fn with(name: &str, attribute: &str, value: Value) -> Value {
    let mut body = user(name);
    body[attribute] = value;
    body
}

/// Sends a body as a create and as a replacement of a user.
async fn written(client: &Client, path: &str, body: &Value) -> [Answer; 2] {
    [client.post("/Users", body).await, client.put(path, body).await]
}

statements! {
    34, "RFC 7643 3, 3.3", "schemas is required, is not empty, repeats nothing and names known schemas only; attributes of an extension stand under its URN, which is in schemas while it is in use.",
    by default "schemas may be missing, and unknown URNs beside a known one are dropped; an attribute of an extension at the top level goes into the extension.",
    strict "400 invalidValue.",
    async fn schemas(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let strict = Client::strict(&app).await;
        let path = format!("/Users/{}", app.user("old").await);
        let mut bodies = vec![
            with("new", "schemas", json!(null)),
            with("new", "schemas", json!([])),
            with("new", "schemas", json!([USER, USER])),
            with("new", "schemas", json!([USER, "urn:example:unknown:2.0:User"])),
            with("new", "schemas", json!([ENTERPRISE])),
            with("new", ENTERPRISE, json!({ "department": "Sales" })),
            with("new", "department", json!("Sales")),
        ];
        let mut none = user("new");
        none.as_object_mut().expect("an object").remove("schemas");
        bodies.push(none);
        for body in &bodies {
            for answer in written(&strict, &path, body).await {
                refused(&answer, 400, "invalidValue", &body.to_string());
            }
        }
        for (n, body) in bodies.iter_mut().enumerate() {
            body["userName"] = json!(format!("new{n}"));
            let created = app.post("/Users", body).await;
            assert_eq!(created.status, 201, "{body}: {}", created.body);
            let extended = body.to_string().contains("department");
            let wanted = if extended { json!([USER, ENTERPRISE]) } else { json!([USER]) };
            assert_eq!(created.body["schemas"], wanted, "{body}");
            assert_eq!(created.body[ENTERPRISE]["department"].is_string(), extended, "{}", created.body);
            assert!(created.body.get("department").is_none(), "{}", created.body);
        }
        // Whoever is asked for another kind of resource, or for none that is known, refuses.
        let default = Client::of(&app, super::TENANT).await;
        for schemas in [json!([GROUP]), json!(["urn:example:unknown:2.0:User"]), json!([5]), json!({ "a": 1 })] {
            for client in [&default, &strict] {
                for answer in written(client, &path, &with("new", "schemas", schemas.clone())).await {
                    refused(&answer, 400, "invalidValue", &schemas.to_string());
                }
            }
        }
        // In use is what has a value.
        let mut body = with("full", ENTERPRISE, json!({ "department": "Sales" }));
        body["schemas"] = json!([USER, ENTERPRISE]);
        let created = strict.post("/Users", &body).await;
        assert_eq!(created.body["schemas"], json!([USER, ENTERPRISE]), "{}", created.body);
        let path = format!("/Users/{}", id_of(&created));
        body.as_object_mut().expect("an object").remove(ENTERPRISE);
        let replaced = strict.put(&path, &body).await;
        assert_eq!((replaced.status.as_u16(), &replaced.body["schemas"]), (200, &json!([USER])), "{}", replaced.body);
        assert_eq!(app.get(&path).await.body["schemas"], json!([USER]));
    }

    35, "RFC 7643 2.1", "Names of attributes and URNs of schemas in a body count without regard to case, and are answered as their schema spells them.",
    async fn names_in_any_case(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, super::TENANT).await;
        for (n, client) in [&default, &strict].into_iter().enumerate() {
            let name = format!("ada{n}@example.com");
            let body = json!({
                "SCHEMAS": [USER.to_uppercase(), ENTERPRISE.to_uppercase()], "USERNAME": name, "externalID": "x",
                "Name": { "GIVENNAME": "Ada", "familyname": "Lovelace" },
                "EMAILS": [{ "VALUE": name, "TYPE": "work", "Primary": true }],
                ENTERPRISE.to_uppercase(): { "DEPARTMENT": "Sales", "Manager": { "VALUE": "m" } },
            });
            let created = client.post("/Users", &body).await;
            let path = format!("/Users/{}", id_of(&created));
            let mut wanted = json!({
                "schemas": [USER, ENTERPRISE], "id": created.body["id"], "externalId": "x", "userName": name,
                "name": { "familyName": "Lovelace", "givenName": "Ada" },
                "emails": [{ "value": name, "type": "work", "primary": true }],
                ENTERPRISE: { "department": "Sales", "manager": { "value": "m" } },
                "meta": created.body["meta"],
            });
            assert_eq!(created.body, wanted);
            assert_eq!(client.put(&path, &body).await.body, wanted);
            let patched = client.patch(&path, json!([
                { "op": "add", "path": "NAME.MIDDLENAME", "value": "M" },
                { "op": "replace", "path": "Emails[TYPE eq \"work\"].DISPLAY", "value": "D" },
                { "op": "add", "path": format!("{}:COSTCENTER", ENTERPRISE.to_uppercase()), "value": "4" },
                { "op": "add", "value": { "TITLE": "Countess" } },
            ])).await;
            assert_eq!(patched.status, 200, "{}", patched.body);
            wanted["name"]["middleName"] = json!("M");
            wanted["emails"][0]["display"] = json!("D");
            wanted[ENTERPRISE]["costCenter"] = json!("4");
            wanted["title"] = json!("Countess");
            wanted["meta"] = patched.body["meta"].clone();
            assert_eq!(patched.body, wanted);
            assert_eq!(app.get(&path).await.body, wanted);
        }
        let created = app.post("/Groups", &json!({ "Schemas": [GROUP.to_uppercase()], "DISPLAYNAME": "Sales", "Members": [] })).await;
        assert_eq!((created.status.as_u16(), &created.body["displayName"], &created.body["schemas"]), (201, &json!("Sales"), &json!([GROUP])));
    }

    36, "RFC 7643 2.4", "At most one value of an attribute is primary; a pair of type and value is not repeated.",
    async fn primary_and_pairs(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, super::TENANT).await;
        let path = format!("/Users/{}", app.user("old").await);
        let mail = |value: &str, kind: &str, primary: bool| json!({ "value": value, "type": kind, "primary": primary });
        let before = app.get(&path).await.body;
        for client in [&default, &strict] {
            for attribute in ["emails", "phoneNumbers", "roles"] {
                let two = json!([mail("a", "work", true), mail("b", "home", true)]);
                for answer in written(client, &path, &with("new", attribute, two.clone())).await {
                    refused(&answer, 400, "invalidValue", attribute);
                }
                for op in ["add", "replace"] {
                    let answer = client.patch(&path, json!([{ "op": op, "path": attribute, "value": two }])).await;
                    refused(&answer, 400, "invalidValue", attribute);
                }
            }
        }
        assert_eq!(app.get(&path).await.body, before);
        let repeated = json!([mail("a@x", "work", false), mail("A@x", "WORK", true), mail("a@x", "home", false), mail("b@x", "work", false)]);
        for (n, client) in [&default, &strict].into_iter().enumerate() {
            let created = client.post("/Users", &with(&format!("new{n}"), "emails", repeated.clone())).await;
            assert_eq!(created.status, 201, "{}", created.body);
            let kept = json!([mail("a@x", "work", true), mail("a@x", "home", false), mail("b@x", "work", false)]);
            assert_eq!(created.body["emails"], kept);
            let path = format!("/Users/{}", id_of(&created));
            let added = client.patch(&path, json!([{ "op": "add", "path": "emails", "value": [{ "value": "B@x", "type": "work" }, { "value": "c@x", "type": "home" }] }])).await;
            assert_eq!(added.body["emails"].as_array().map(Vec::len), Some(4), "{}", added.body);
            let primaries = added.body["emails"].as_array().expect("a list").iter().filter(|mail| mail["primary"] == true).count();
            assert_eq!(primaries, 1);
        }
    }

    37, "RFC 7643 2.3, 4.1.2", "Values are of the type of their attribute: texts, booleans, base64, references, objects, lists, countries by their ISO 3166-1 code. Others are refused with invalidValue.",
    by default "Text that reads as the type (`\"True\"`), a single object for a list and a country by its name are taken.",
    strict "400 invalidValue.",
    async fn types(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, super::TENANT).await;
        let path = format!("/Users/{}", app.user("old").await);
        // What nobody can read is refused to all.
        for (attribute, value) in [
            ("active", json!("maybe")), ("active", json!({ "a": 1 })), ("active", json!(7)), ("userName", json!({ "a": 1 })),
            ("userName", json!(["a", "b"])), ("name", json!({ "givenName": { "a": 1 } })), ("emails", json!([{ "value": ["a", "b"] }])),
            ("emails", json!([{ "value": "a@b", "primary": "perhaps" }])), ("x509Certificates", json!([{ "value": "no base64!" }])),
            (ENTERPRISE, json!("Sales")), (ENTERPRISE, json!({ "department": { "a": 1 } })),
        ] {
            for client in [&default, &strict] {
                let mut body = with("new", attribute, value.clone());
                body["schemas"] = json!([USER, ENTERPRISE]);
                for answer in written(client, &path, &body).await {
                    refused(&answer, 400, "invalidValue", &format!("{attribute} {value}"));
                }
            }
        }
        // What has another form and yet one meaning is refused to the strict.
        for (attribute, value, read) in [
            ("active", json!("True"), json!(true)),
            ("active", json!("false"), json!(false)),
            ("title", json!(7), json!("7")),
            ("displayName", json!({ "value": "Ada" }), json!("Ada")),
            ("emails", json!({ "value": "a@b" }), json!([{ "value": "a@b" }])),
            ("emails", json!([{ "value": "a@b", "primary": "True" }]), json!([{ "value": "a@b", "primary": true }])),
            ("addresses", json!([{ "country": "Germany" }]), json!([{ "country": "Germany" }])),
            ("addresses", json!([{ "country": "XX" }]), json!([{ "country": "XX" }])),
            ("profileUrl", json!("not a reference"), json!("not a reference")),
        ] {
            let body = with("new", attribute, value.clone());
            for answer in written(&strict, &path, &body).await {
                refused(&answer, 400, "invalidValue", &format!("{attribute} {value}"));
            }
            let operations = json!([{ "op": "replace", "path": attribute, "value": value }]);
            // One value of several without brackets is the RFC's own in a PATCH (RFC 7644 3.5.2.1).
            if read.is_array() != value.is_object() {
                refused(&strict.patch(&path, operations.clone()).await, 400, "invalidValue", &format!("{attribute} {value}"));
            }
            for answer in [default.put(&path, &body).await, default.patch(&path, operations).await] {
                assert_eq!((answer.status.as_u16(), &answer.body[attribute]), (200, &read), "{attribute} {value}: {}", answer.body);
            }
        }
        for country in ["DE", "US", "GB"] {
            let body = with("old", "addresses", json!([{ "country": country, "type": "work" }]));
            assert_eq!(strict.put(&path, &body).await.body["addresses"][0]["country"], country);
        }
        let certificate = with("old", "x509Certificates", json!([{ "value": "QUJD" }]));
        assert_eq!(strict.put(&path, &certificate).await.status, 200);
    }

    38, "RFC 7643 4.1.2, 4.2", "A user's groups are read-only and follow from the groups; a group must have a displayName; what is said of a member is immutable: it is added or removed, never altered.",
    async fn groups_and_members(engine: Engine) {
        let Directory { app, ada, bob, eve, sales } = Directory::new(&engine).await;
        let (user_path, path) = (format!("/Users/{eve}"), format!("/Groups/{sales}"));
        let id = user_with(&app, "joiner", json!({ "groups": [{ "value": sales }] })).await;
        assert!(app.get(&format!("/Users/{id}")).await.body.get("groups").is_none(), "ignored");
        for op in ["add", "replace"] {
            let operations = json!([{ "op": op, "path": "groups", "value": [{ "value": sales }] }]);
            refused(&app.patch(&user_path, operations).await, 400, "mutability", op);
        }
        let one = format!("groups[value eq \"{sales}\"]");
        for target in ["groups", &one] {
            let answer = app.patch(&format!("/Users/{ada}"), json!([{ "op": "remove", "path": target }])).await;
            refused(&answer, 400, "mutability", target);
        }
        let groups = |body: &Value| body["groups"].as_array().map_or(0, Vec::len);
        assert_eq!((groups(&app.get(&user_path).await.body), groups(&app.get(&format!("/Users/{ada}")).await.body)), (0, 1));
        // Through the group it goes.
        app.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": eve }] }])).await;
        let joined = &app.get(&user_path).await.body["groups"][0];
        assert_eq!((&joined["value"], &joined["display"], &joined["type"]), (&json!(sales), &json!("Sales"), &json!("direct")));
        assert_eq!(joined["$ref"], json!(format!("{}{path}", app.base())));
        app.patch(&path, json!([{ "op": "remove", "path": format!("members[value eq \"{eve}\"]") }])).await;
        assert_eq!(groups(&app.get(&user_path).await.body), 0);

        let before = app.get(&path).await.body;
        for body in [json!({ "schemas": [GROUP] }), json!({ "schemas": [GROUP], "displayName": "" }), json!({ "schemas": [GROUP], "displayName": null })] {
            for (method, to) in [(Method::POST, "/Groups"), (Method::PUT, path.as_str())] {
                refused(&app.send(method, to, Some(&body)).await, 400, "invalidValue", &body.to_string());
            }
        }
        refused(&app.patch(&path, json!([{ "op": "remove", "path": "displayName" }])).await, 400, "mutability", "remove");

        for sub in ["value", "type"] {
            let target = format!("members[value eq \"{ada}\"].{sub}");
            let operations = json!([{ "op": "replace", "path": target, "value": if sub == "value" { eve.as_str() } else { "Group" } }]);
            refused(&app.patch(&path, operations).await, 400, "mutability", &target);
        }
        assert_eq!(app.get(&path).await.body, before);
        let swapped = app.patch(&path, json!([
            { "op": "remove", "path": format!("members[value eq \"{bob}\"]") },
            { "op": "add", "path": "members", "value": [{ "value": eve }] },
        ])).await;
        assert_eq!(swapped.status, 200, "{}", swapped.body);
        finds(&app, "/Groups", &[(&format!("members.value eq \"{eve}\""), &["Sales"]), (&format!("members.value eq \"{bob}\""), &[])]).await;
        let mut replaced = group_body("Sales");
        replaced["members"] = json!([{ "value": ada, "type": "User" }]);
        assert_eq!(app.put(&path, &replaced).await.body["members"].as_array().map(Vec::len), Some(1));
    }
}
