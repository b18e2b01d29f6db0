//! An extension of the operator's own: characteristics and types that the standard schemas do not have.

use scim_bridge::config::{Config, Extended, Extension};
use scim_bridge::scim::extension;
use serde_json::{Value, json};

use super::super::support::app::{TENANT, TestApp, user};
use super::{Client, USER, encoded, finds, id_of, names, refused, user_with};

/// Dots and colons in it, and the name of a resource type at its end.
const BADGE: &str = "urn:example:badge:1.5:User";

fn badges(config: &mut Config) {
    let schema = extension::read(json!({
        "id": BADGE, "name": "Badge", "description": "What somebody wears",
        "attributes": [
            { "name": "serial", "type": "string", "caseExact": true, "mutability": "immutable" },
            { "name": "number", "type": "integer" },
            { "name": "ratio", "type": "decimal" },
            { "name": "issued", "type": "dateTime" },
            { "name": "picture", "type": "binary", "caseExact": true },
            { "name": "levels", "type": "string", "multiValued": true },
            { "name": "pin", "type": "string", "returned": "request" },
            { "name": "locker", "type": "complex", "subAttributes": [{ "name": "room" }, { "name": "code", "returned": "request" }] },
        ],
    }));
    let extension = Extension::new(Extended::User, false, schema.expect("a schema"));
    config.tenant.get_mut(TENANT).expect("the tenant").extensions.push(extension);
}

async fn start(engine: &super::Engine) -> TestApp {
    TestApp::start_with(engine, |_| {}, badges).await
}

/// A user's body with a badge.
fn with(name: &str, badge: Value) -> Value {
    let mut body = user(name);
    body["schemas"] = json!([USER, BADGE]);
    body[BADGE] = badge;
    body
}

statements! {
    6, "RFC 7644 3.4.2.2 table 3; RFC 7643 2.3.5", "Integers and decimals compare as numbers, dates of any attribute as points in time, and binary values have no order.",
    async fn numbers_and_dates(engine: Engine) {
        let app = start(&engine).await;
        for (name, badge) in [
            ("ada", json!({ "number": 9, "ratio": 0.5, "issued": "2026-01-01T00:30:00+01:00", "picture": "QUJD" })),
            ("bob", json!({ "number": 10, "ratio": 10, "issued": "2026-01-01T00:00:00Z" })),
            ("eve", json!({ "number": -1, "ratio": 9.75, "issued": "2025-12-31T23:59:59.5Z" })),
        ] {
            user_with(&app, name, json!({ BADGE: badge })).await;
        }
        for (condition, wanted) in [
            ("number gt 9", vec!["bob"]), ("number ge 9", vec!["ada", "bob"]), ("number lt 0", vec!["eve"]), ("number eq 10", vec!["bob"]), ("number ne 10", vec!["ada", "eve"]),
            ("ratio lt 1", vec!["ada"]), ("ratio gt 9.5", vec!["bob", "eve"]), ("ratio eq 10.0", vec!["bob"]),
            ("issued lt \"2026-01-01T00:00:00Z\"", vec!["ada", "eve"]), ("issued eq \"2025-12-31T23:30:00Z\"", vec!["ada"]), ("issued eq \"2026-01-01T01:00:00+01:00\"", vec!["bob"]),
            ("issued gt \"2026-01-01T00:30:00+01:00\"", vec!["bob", "eve"]), ("picture eq \"QUJD\"", vec!["ada"]), ("picture eq \"qujd\"", vec![]),
        ] {
            finds(&app, "/Users", &[(&format!("{BADGE}:{condition}"), &wanted)]).await;
        }
        for operator in ["gt", "ge", "lt", "le"] {
            let filter = format!("{BADGE}:picture {operator} \"QUJD\"");
            refused(&app.get(&format!("/Users?filter={}", encoded(&filter))).await, 400, "invalidFilter", &filter);
        }
        for (by, wanted) in [("number", ["eve", "ada", "bob"]), ("ratio", ["ada", "eve", "bob"]), ("issued", ["ada", "eve", "bob"])] {
            let sorted = names(&app.get(&format!("/Users?sortBy={}", encoded(&format!("{BADGE}:{by}")))).await.body);
            assert_eq!(sorted, wanted, "{by}");
        }
    }

    23, "RFC 7643 7", "What is returned on request is answered where it is named, and to the POST, PUT or PATCH that wrote it; in no other answer.",
    note "Neither to a write that names other attributes, or takes it out of the answer.",
    async fn returned_on_request(engine: Engine) {
        let app = start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, TENANT).await;
        for (n, client) in [&default, &strict].into_iter().enumerate() {
            let name = format!("ada{n}");
            let full = json!({ "number": 1, "pin": "1234", "locker": { "room": "R1", "code": "77" } });
            let rest = json!({ "number": 1, "locker": { "room": "R1" } });
            let created = client.post("/Users", &with(&name, full.clone())).await;
            assert_eq!(created.body[BADGE], full, "POST");
            let path = format!("/Users/{}", id_of(&created));
            assert_eq!(client.get(&path).await.body[BADGE], rest);
            assert_eq!(client.get(&format!("{path}?attributes={BADGE}")).await.body[BADGE], full);
            let listed = client.get(&format!("/Users?filter={}", encoded(&format!("{BADGE}:pin eq \"1234\"")))).await.body;
            assert!(listed["Resources"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|one| one[BADGE] == rest)), "{listed}");
            for badge in [&full, &rest, &full] {
                let replaced = client.put(&path, &with(&name, badge.clone())).await;
                assert_eq!((replaced.status.as_u16(), &replaced.body[BADGE]), (200, badge), "PUT");
            }
            let (mut pin, mut code) = (rest.clone(), rest.clone());
            pin["pin"] = json!("1234");
            code["locker"]["code"] = json!("77");
            for (operation, wanted) in [
                (json!({ "op": "replace", "path": format!("{BADGE}:pin"), "value": "1234" }), &pin),
                (json!({ "op": "add", "value": { BADGE: { "pin": "1234" } } }), &pin),
                (json!({ "op": "replace", "path": format!("{BADGE}:locker.code"), "value": "77" }), &code),
                (json!({ "op": "add", "path": format!("{BADGE}:locker"), "value": { "code": "77" } }), &code),
                (json!({ "op": "add", "path": format!("{BADGE}:locker"), "value": { "room": "R1" } }), &rest),
                (json!({ "op": "replace", "path": format!("{BADGE}:number"), "value": 1 }), &rest),
                (json!({ "op": "replace", "path": "title", "value": "T" }), &rest),
            ] {
                let changed = client.patch(&path, json!([operation])).await;
                assert_eq!((changed.status.as_u16(), &changed.body[BADGE]), (200, wanted), "PATCH {operation}");
            }
            let write = json!([{ "op": "replace", "path": format!("{BADGE}:pin"), "value": "1234" }]);
            for (query, wanted) in [("attributes=userName".to_owned(), &Value::Null), (format!("excludedAttributes={BADGE}:pin"), &rest)] {
                let changed = client.patch(&format!("{path}?{query}"), write.clone()).await;
                assert_eq!((changed.status.as_u16(), &changed.body[BADGE]), (200, wanted), "PATCH {query}");
            }
            let me = Client::speaks_for(&app, &id_of(&created)).await;
            assert_eq!(me.patch("/Me", write).await.body[BADGE], pin, "PATCH /Me");
            assert_eq!(me.put("/Me", &with(&name, full.clone())).await.body[BADGE], full, "PUT /Me");
            // Of an extension that has nothing else, nothing is answered to others, nor named in schemas.
            let alone = client.put(&path, &with(&name, json!({ "pin": "1" }))).await.body;
            assert_eq!((&alone[BADGE], &alone["schemas"]), (&json!({ "pin": "1" }), &json!([USER, BADGE])));
            let read = client.get(&path).await.body;
            assert_eq!((read.get(BADGE), &read["schemas"]), (None, &json!([USER])));
        }
    }

    31, "RFC 7644 3.5.1", "A replacement with another value of an immutable attribute is refused with mutability; the same value, or none, leaves it as it is, and what had none may get one.",
    async fn immutable_in_a_replacement(engine: Engine) {
        let app = start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, TENANT).await;
        for (n, client) in [&default, &strict].into_iter().enumerate() {
            let name = format!("ada{n}");
            let created = client.post("/Users", &with(&name, json!({ "number": 1 }))).await;
            let path = format!("/Users/{}", id_of(&created));
            let given = client.put(&path, &with(&name, json!({ "number": 1, "serial": "A" }))).await;
            assert_eq!((given.status.as_u16(), &given.body[BADGE]["serial"]), (200, &json!("A")), "{}", given.body);
            for other in ["B", "a"] {
                let answer = client.put(&path, &with(&name, json!({ "number": 2, "serial": other }))).await;
                refused(&answer, 400, "mutability", other);
            }
            assert_eq!(client.get(&path).await.body, given.body, "a refusal changes nothing");
            for badge in [json!({ "number": 3, "serial": "A" }), json!({ "number": 4 })] {
                let kept = client.put(&path, &with(&name, badge.clone())).await;
                assert_eq!((kept.status.as_u16(), &kept.body[BADGE]["serial"], &kept.body[BADGE]["number"]), (200, &json!("A"), &badge["number"]), "{}", kept.body);
            }
        }
    }

    37, "RFC 7643 2.3.4 to 2.3.6", "Integers have no fraction, dates have a time, binary values are base64; others are refused with invalidValue.",
    by default "A number or boolean as text (`\"7\"`) is read as its type.",
    strict "400 invalidValue.",
    async fn types_of_an_extension(engine: Engine) {
        let app = start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, TENANT).await;
        let path = format!("/Users/{}", id_of(&app.post("/Users", &with("ada", json!({ "number": 1 }))).await));
        let before = app.get(&path).await.body;
        for (name, value) in [
            ("number", json!(1.5)), ("number", json!("one")), ("number", json!(true)), ("number", json!([1, 2])), ("number", json!("1.5")),
            ("ratio", json!("half")), ("issued", json!("2026-01-01")), ("issued", json!("yesterday")), ("issued", json!("12:00:00Z")),
            ("issued", json!("2026-02-30T00:00:00Z")), ("issued", json!(20_260_101)), ("picture", json!("no base64!")), ("levels", json!([{ "a": 1 }])),
        ] {
            for client in [&default, &strict] {
                let badge = with("ada", json!({ name: value }));
                refused(&client.put(&path, &badge).await, 400, "invalidValue", &format!("{name} {value}"));
                let operations = json!([{ "op": "replace", "path": format!("{BADGE}:{name}"), "value": value }]);
                refused(&client.patch(&path, operations).await, 400, "invalidValue", &format!("{name} {value}"));
            }
        }
        let text = with("ada", json!({ "number": "7" }));
        refused(&strict.put(&path, &text).await, 400, "invalidValue", "a number as text");
        assert_eq!(app.get(&path).await.body, before);
        assert_eq!(default.put(&path, &text).await.body[BADGE], json!({ "number": 7 }));
        for badge in [
            json!({ "number": -7, "ratio": 0.25, "issued": "2026-01-01T00:00:00+01:00", "picture": "QUJD", "levels": ["a", "b"] }),
            json!({ "number": 9_007_199_254_740_993_i64, "ratio": 3, "issued": "2026-01-01T00:00:00.123Z", "picture": "QQ==" }),
        ] {
            let taken = strict.put(&path, &with("ada", badge.clone())).await;
            assert_eq!((taken.status.as_u16(), &taken.body[BADGE]), (200, &badge), "{}", taken.body);
            assert_eq!(taken.body["schemas"], json!([USER, BADGE]));
        }
    }

    46, "RFC 7644 3.5.2", "An operation may give an immutable attribute the value that it lacks; to change or remove one is refused with mutability.",
    async fn immutable_in_a_patch(engine: Engine) {
        let app = start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, TENANT).await;
        let serial = format!("{BADGE}:serial");
        for (n, (client, op)) in [(&default, "add"), (&strict, "replace")].into_iter().enumerate() {
            let path = format!("/Users/{}", app.user(&format!("ada{n}")).await);
            let given = client.patch(&path, json!([{ "op": op, "path": serial, "value": "A" }])).await;
            assert_eq!((given.status.as_u16(), &given.body[BADGE]), (200, &json!({ "serial": "A" })), "{}", given.body);
            let same = client.patch(&path, json!([{ "op": op, "path": serial, "value": "A" }])).await;
            assert_eq!((same.status.as_u16(), &same.body), (200, &given.body), "no change");
            for operation in [
                json!({ "op": "add", "path": serial, "value": "B" }),
                json!({ "op": "replace", "path": serial, "value": "B" }),
                json!({ "op": "replace", "value": { BADGE: { "serial": "B" } } }),
                json!({ "op": "remove", "path": serial }),
                json!({ "op": "remove", "path": BADGE }),
            ] {
                refused(&client.patch(&path, json!([operation])).await, 400, "mutability", &operation.to_string());
            }
            assert_eq!(app.get(&path).await.body, given.body);
        }
    }

    60, "RFC 7643 6, 7", "An extension of the operator's own stands in /Schemas with its characteristics and in its resource type.",
    async fn described(engine: Engine) {
        let app = start(&engine).await;
        let schema = app.get(&format!("/Schemas/{}", BADGE.to_uppercase())).await;
        assert_eq!((schema.status.as_u16(), &schema.body["id"]), (200, &json!(BADGE)), "{}", schema.body);
        let attributes = schema.body["attributes"].as_array().expect("attributes");
        let of = |name: &str| attributes.iter().find(|attribute| attribute["name"] == name).expect("an attribute").clone();
        assert_eq!((&of("serial")["mutability"], &of("serial")["caseExact"]), (&json!("immutable"), &json!(true)));
        assert_eq!((&of("number")["type"], &of("issued")["type"], &of("levels")["multiValued"]), (&json!("integer"), &json!("dateTime"), &json!(true)));
        let list = app.get("/Schemas").await.body;
        assert!(list["Resources"].as_array().is_some_and(|schemas| schemas.contains(&schema.body)), "in the list too");
        let kind = app.get("/ResourceTypes/User").await.body;
        let announced = json!({ "schema": BADGE, "required": false });
        assert!(kind["schemaExtensions"].as_array().is_some_and(|extensions| extensions.contains(&announced)), "{kind}");
        assert!(!app.get("/ResourceTypes/Group").await.body.to_string().contains(BADGE));
    }
}
