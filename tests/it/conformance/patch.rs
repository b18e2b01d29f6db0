//! PATCH.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::app::TestApp;
use super::{Client, Directory, ENTERPRISE, PATCH_OP, USER, keys, refused, user_with};

statements! {
    39, "RFC 7644 3.5.2", "A PATCH has the schema PatchOp and Operations, at least one, each an add, remove or replace; else it is refused with invalidSyntax.",
    note "op may be in any case (`Replace`: sent by Entra ID).",
    by default "schemas and op may be missing (op is then replace), and the members of the message may be in any case (`operations`).",
    strict "400 invalidSyntax.",
    async fn message(engine: Engine) {
        let Directory { app, ada, .. } = Directory::new(&engine).await;
        let (path, strict) = (format!("/Users/{ada}"), Client::strict(&app).await);
        let before = app.get(&path).await.body;
        let title = |op: &str| json!({ "op": op, "path": "title", "value": "T" });
        let message = |operations: Value| json!({ "schemas": [PATCH_OP], "Operations": operations });
        for body in [
            json!({ "schemas": [PATCH_OP] }),
            message(json!([])),
            message(json!(title("add"))),
            message(json!("add")),
            message(json!(null)),
            message(json!(["add"])),
            message(json!([title("move")])),
            message(json!([title("test")])),
            message(json!([title("")])),
            message(json!([{ "op": 7, "path": "title", "value": "T" }])),
            message(json!([{ "op": "add", "path": 7, "value": "T" }])),
            message(json!([title("add"), title("copy")])),
            json!({ "schemas": [USER], "Operations": [title("add")] }),
            json!({ "schemas": [], "Operations": [title("add")] }),
            json!([title("add")]),
            json!({ "schemas": [USER], "userName": "ada@example.com", "title": "T" }),
        ] {
            refused(&app.send(Method::PATCH, &path, Some(&body)).await, 400, "invalidSyntax", &body.to_string());
            refused(&strict.send(Method::PATCH, &path, &body).await, 400, "invalidSyntax", &body.to_string());
        }
        assert_eq!(app.get(&path).await.body, before);
        for (n, mut body) in [
            json!({ "Operations": [title("add")] }),
            json!({ "schemas": [PATCH_OP], "operations": [title("add")] }),
            message(json!([{ "path": "title", "value": "T" }])),
            message(json!([{ "Op": "add", "Path": "title", "Value": "T" }])),
        ].into_iter().enumerate() {
            refused(&strict.send(Method::PATCH, &path, &body).await, 400, "invalidSyntax", &body.to_string());
            body = serde_json::from_str(&body.to_string().replace("\"T\"", &format!("\"T{n}\""))).expect("JSON");
            let taken = app.send(Method::PATCH, &path, Some(&body)).await;
            assert_eq!((taken.status.as_u16(), &taken.body["title"]), (200, &json!(format!("T{n}"))), "{body}");
        }
        for op in ["add", "replace", "remove", "Add", "REPLACE", "Remove"] {
            let operation = if op.eq_ignore_ascii_case("remove") { json!({ "op": op, "path": "title" }) } else { title(op) };
            assert_eq!(strict.patch(&path, json!([operation])).await.status, 200, "{op}");
        }
    }

    40, "RFC 7644 3.5.2", "Operations run in their order, and a request is atomic: where one fails, none was.",
    async fn ordered_and_atomic(engine: Engine) {
        let directory = Directory::new(&engine).await;
        let (app, path) = (&directory.app, format!("/Users/{}", directory.ada));
        let ordered = app.patch(&path, json!([
            { "op": "add", "path": "nickName", "value": "one" },
            { "op": "replace", "path": "nickName", "value": "two" },
            { "op": "add", "path": "emails", "value": [{ "value": "x@x", "type": "other" }] },
            { "op": "replace", "path": "emails[type eq \"other\"].value", "value": "y@x" },
            { "op": "remove", "path": "title" },
            { "op": "add", "path": "title", "value": "last" },
        ])).await;
        assert_eq!(ordered.status, 200, "{}", ordered.body);
        assert_eq!((&ordered.body["nickName"], &ordered.body["title"]), (&json!("two"), &json!("last")));
        assert_eq!(ordered.body["emails"][1], json!({ "value": "y@x", "type": "other" }));

        let before = directory.snapshot().await;
        let good = [
            json!({ "op": "replace", "path": "title", "value": "lost" }),
            json!({ "op": "add", "path": "phoneNumbers", "value": [{ "value": "1" }] }),
            json!({ "op": "remove", "path": "emails" }),
        ];
        for (bad, scim_type) in [
            (json!({ "op": "remove" }), "noTarget"),
            (json!({ "op": "remove", "path": "userName" }), "mutability"),
            (json!({ "op": "replace", "path": "id", "value": "x" }), "mutability"),
            (json!({ "op": "replace", "path": "emails[type eq", "value": "x" }), "invalidFilter"),
            (json!({ "op": "replace", "path": "name..x", "value": "x" }), "invalidPath"),
            (json!({ "op": "replace", "path": "active", "value": "perhaps" }), "invalidValue"),
            (json!({ "op": "jump", "path": "active", "value": true }), "invalidSyntax"),
        ] {
            for place in 0..=good.len() {
                let mut operations = good.to_vec();
                operations.insert(place, bad.clone());
                refused(&app.patch(&path, json!(operations)).await, 400, scim_type, &bad.to_string());
            }
        }
        let taken = json!([good[0], { "op": "replace", "path": "userName", "value": "bob@example.com" }]);
        refused(&app.patch(&path, taken).await, 409, "uniqueness", "a name that is taken");
        let group = format!("/Groups/{}", directory.sales);
        let members = json!([
            { "op": "add", "path": "members", "value": [{ "value": directory.eve }] },
            { "op": "remove", "path": format!("members[value eq \"{}\"]", directory.ada) },
            { "op": "replace", "path": "displayName", "value": "Empty" },
        ]);
        refused(&app.patch(&group, members).await, 409, "uniqueness", "members go with the rest");
        assert_eq!(directory.snapshot().await, before, "versions and times too");
    }

    41, "RFC 7644 3.5.2", "Setting primary of one value to true clears it on the others.",
    async fn one_primary(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let strict = Client::strict(&app).await;
        let default = Client::of(&app, super::TENANT).await;
        for (n, client) in [&default, &strict].into_iter().enumerate() {
            let mails = json!([{ "value": "w@x", "type": "work", "primary": true }, { "value": "h@x", "type": "home" }]);
            let path = format!("/Users/{}", user_with(&app, &format!("ada{n}"), json!({ "emails": mails })).await);
            for (operation, primary) in [
                (json!({ "op": "replace", "path": "emails[type eq \"home\"].primary", "value": true }), "h@x"),
                (json!({ "op": "add", "path": "emails[type eq \"work\"].primary", "value": true }), "w@x"),
                (json!({ "op": "add", "path": "emails", "value": [{ "value": "n@x", "type": "other", "primary": true }] }), "n@x"),
                (json!({ "op": "add", "value": { "emails": [{ "value": "m@x", "primary": true }] } }), "m@x"),
                (json!({ "op": "replace", "path": "emails[value eq \"h@x\"]", "value": { "value": "h@x", "type": "home", "primary": true } }), "h@x"),
                (json!({ "op": "add", "path": "emails", "value": [{ "value": "w@x", "type": "work", "primary": true }] }), "w@x"),
            ] {
                let answer = client.patch(&path, json!([operation])).await;
                assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
                let mails = answer.body["emails"].as_array().expect("a list");
                let primaries: Vec<&Value> = mails.iter().filter(|mail| mail["primary"] == true).map(|mail| &mail["value"]).collect();
                assert_eq!(primaries, [primary], "{operation}: {}", answer.body);
            }
            assert_eq!(app.get(&path).await.body["emails"].as_array().map(Vec::len), Some(4), "the others are still there");
        }
    }

    42, "RFC 7644 3.5.2", "Writing an attribute of an extension by its URN puts the URN into schemas; with its last value it goes.",
    async fn schemas_follow(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let path = format!("/Users/{}", app.user("ada").await);
        let strict = Client::strict(&app).await;
        let department = format!("{ENTERPRISE}:department");
        for (n, (write, clear)) in [
            (json!({ "op": "add", "path": department, "value": "S" }), json!({ "op": "remove", "path": department })),
            (json!({ "op": "replace", "path": format!("{ENTERPRISE}:manager.value"), "value": "m" }), json!({ "op": "remove", "path": format!("{ENTERPRISE}:manager") })),
            (json!({ "op": "add", "value": { ENTERPRISE: { "department": "S" } } }), json!({ "op": "remove", "path": ENTERPRISE })),
            (json!({ "op": "add", "path": ENTERPRISE, "value": { "costCenter": "4" } }), json!({ "op": "remove", "path": format!("{ENTERPRISE}:costCenter") })),
            (json!({ "op": "replace", "value": { &department: "S" } }), json!({ "op": "replace", "path": department, "value": null })),
        ].into_iter().enumerate() {
            assert_eq!(app.get(&path).await.body["schemas"], json!([USER]));
            let written = if n % 2 == 0 { app.patch(&path, json!([write])).await } else { strict.patch(&path, json!([write])).await };
            assert_eq!((written.status.as_u16(), &written.body["schemas"]), (200, &json!([USER, ENTERPRISE])), "{write}: {}", written.body);
            assert!(written.body[ENTERPRISE].is_object());
            let cleared = if n % 2 == 0 { app.patch(&path, json!([clear])).await } else { strict.patch(&path, json!([clear])).await };
            assert_eq!((&cleared.body["schemas"], cleared.body.get(ENTERPRISE)), (&json!([USER]), None), "{clear}: {}", cleared.body);
        }
    }

    43, "RFC 7644 3.5.2.1", "add without a path merges; it appends to a multi-valued attribute, replaces a single value, and merges into a complex one; to add what is there already succeeds and changes neither lastModified nor version.",
    async fn add(engine: Engine) {
        let Directory { app, bob, ada, sales, .. } = Directory::new(&engine).await;
        let path = format!("/Users/{bob}");
        let before = app.get(&path).await.body;
        let merged = app.patch(&path, json!([{ "op": "add", "value": {
            "title": "Baron", "name": { "givenName": "Robert" }, "emails": [{ "value": "third@x", "type": "other" }],
            ENTERPRISE: { "costCenter": "4" },
        } }])).await.body;
        let mut wanted = before.clone();
        wanted["title"] = json!("Baron");
        wanted["name"]["givenName"] = json!("Robert");
        wanted["emails"].as_array_mut().expect("a list").push(json!({ "value": "third@x", "type": "other" }));
        wanted[ENTERPRISE]["costCenter"] = json!("4");
        wanted["meta"] = merged["meta"].clone();
        assert_eq!(merged, wanted, "all else stays");
        let single = app.patch(&path, json!([{ "op": "add", "path": "title", "value": "Earl" }, { "op": "add", "path": "name", "value": { "familyName": "B" } }])).await.body;
        assert_eq!((&single["title"], &single["name"]), (&json!("Earl"), &json!({ "familyName": "B", "givenName": "Robert" })));
        let appended = app.patch(&path, json!([{ "op": "add", "path": "emails", "value": { "value": "fourth@x" } }])).await.body;
        assert_eq!(appended["emails"].as_array().map(Vec::len), Some(4), "{appended}");
        let before = app.get(&path).await.body;
        for operation in [
            json!({ "op": "add", "path": "title", "value": "Earl" }),
            json!({ "op": "add", "path": "emails", "value": [{ "value": "third@x", "type": "other" }] }),
            json!({ "op": "add", "path": "emails", "value": [{ "value": "fourth@x" }] }),
            json!({ "op": "add", "path": "name.givenName", "value": "Robert" }),
            json!({ "op": "add", "value": { "active": false, ENTERPRISE: { "costCenter": "4" } } }),
            json!({ "op": "add", "path": "emails[type eq \"other\"].value", "value": "third@x" }),
        ] {
            let same = app.patch(&path, json!([operation])).await;
            assert_eq!((same.status.as_u16(), &same.body), (200, &before), "{operation}");
        }
        assert_eq!(app.get(&path).await.body, before);
        let group = format!("/Groups/{sales}");
        let before = app.get(&group).await.body;
        let again = app.patch(&group, json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }])).await;
        assert_eq!((again.status.as_u16(), &again.body), (200, &before), "a member who is one");
    }

    44, "RFC 7644 3.5.2.2", "remove needs a path (noTarget); what is required or read-only cannot be removed (mutability); to remove what is not there succeeds; with its last value an attribute is unassigned.",
    async fn remove(engine: Engine) {
        let Directory { app, ada, bob, eve, sales } = Directory::new(&engine).await;
        let (path, group) = (format!("/Users/{bob}"), format!("/Groups/{sales}"));
        let strict = Client::strict(&app).await;
        for to in [&path, &group] {
            refused(&app.patch(to, json!([{ "op": "remove" }])).await, 400, "noTarget", to);
            refused(&app.patch(to, json!([{ "op": "remove", "value": { "title": "x" } }])).await, 400, "noTarget", to);
            refused(&strict.patch(to, json!([{ "op": "remove" }])).await, 400, "noTarget", to);
            for target in ["id", "meta", "meta.created"] {
                refused(&app.patch(to, json!([{ "op": "remove", "path": target }])).await, 400, "mutability", target);
                refused(&strict.patch(to, json!([{ "op": "remove", "path": target }])).await, 400, "mutability", target);
            }
        }
        for (to, target) in [(&path, "userName"), (&path, "groups"), (&group, "displayName")] {
            refused(&app.patch(to, json!([{ "op": "remove", "path": target }])).await, 400, "mutability", target);
        }
        let before = (app.get(&path).await.body, app.get(&group).await.body);
        for (to, target) in [
            (&path, "title".to_owned()), (&path, "name.middleName".into()), (&path, "phoneNumbers".into()), (&path, "emails[type eq \"other\"]".into()),
            (&path, "emails[type eq \"other\"].display".into()), (&path, format!("{ENTERPRISE}:division")), (&group, format!("members[value eq \"{eve}\"]")),
            (&group, "members[value eq \"nobody\"]".into()),
        ] {
            let answer = app.patch(to, json!([{ "op": "remove", "path": target }])).await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        }
        assert_eq!((app.get(&path).await.body, app.get(&group).await.body), before, "nothing was there, nothing has changed");

        let one = app.patch(&path, json!([{ "op": "remove", "path": "emails[type eq \"home\"]" }, { "op": "remove", "path": "name.givenName" }])).await.body;
        assert_eq!((&one["emails"], &one["name"]), (&json!([{ "value": "b@work.example", "type": "work" }]), &json!({ "familyName": "bob" })));
        let none = app.patch(&path, json!([
            { "op": "remove", "path": "emails[type eq \"work\"]" }, { "op": "remove", "path": "name.familyName" },
            { "op": "remove", "path": "displayName" }, { "op": "remove", "path": ENTERPRISE },
        ])).await.body;
        assert_eq!(keys(&none), ["active", "externalId", "groups", "id", "meta", "schemas", "userName"].into(), "{none}");
        let members = |body: &Value| body["members"].as_array().map_or(0, Vec::len);
        let fewer = app.patch(&group, json!([{ "op": "remove", "path": format!("members[value eq \"{ada}\"]") }])).await.body;
        assert_eq!((members(&fewer), &fewer["members"][0]["value"]), (1, &json!(bob)));
        let empty = app.patch(&group, json!([{ "op": "remove", "path": "members" }])).await.body;
        assert!(empty.get("members").is_none(), "{empty}");
    }

    45, "RFC 7644 3.5.2.3", "replace with a filter that matches nothing is refused with noTarget; of an attribute without a value it adds; sub-attributes that are not mentioned stay; without a filter all values are replaced.",
    by default "A value filter without a match makes the value that its eq terms describe (Entra ID relies on it); a sub-attribute of a multi-valued attribute without a filter is that of the primary, else of the only value.",
    strict "400 noTarget; that of all values.",
    async fn replace(engine: Engine) {
        let Directory { app, ada, bob, eve, sales } = Directory::new(&engine).await;
        let (path, strict) = (format!("/Users/{bob}"), Client::strict(&app).await);
        let before = app.get(&path).await.body;
        for (target, value) in [
            ("emails[type eq \"other\"].value", json!("o@x")),
            ("emails[type eq \"other\"]", json!({ "value": "o@x", "type": "other" })),
            ("phoneNumbers[type eq \"mobile\"].value", json!("1")),
            ("emails[value ew \"@nowhere\"].display", json!("x")),
        ] {
            let operations = json!([{ "op": "replace", "path": target, "value": value }]);
            refused(&strict.patch(&path, operations).await, 400, "noTarget", target);
        }
        // What says nothing of a value to be made has no target by default either.
        let answer = app.patch(&path, json!([{ "op": "replace", "path": "emails[value ew \"@nowhere\"].display", "value": "x" }])).await;
        refused(&answer, 400, "noTarget", "no eq terms");
        assert_eq!(app.get(&path).await.body, before);
        let made = app.patch(&path, json!([{ "op": "replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1" }])).await.body;
        assert_eq!(made["phoneNumbers"], json!([{ "value": "1", "type": "mobile" }]));
        let all = strict.patch(&path, json!([{ "op": "replace", "path": "emails.display", "value": "D" }])).await.body;
        assert!(all["emails"].as_array().is_some_and(|mails| mails.len() == 2 && mails.iter().all(|mail| mail["display"] == "D")), "{all}");
        let only = app.patch(&format!("/Users/{eve}"), json!([{ "op": "replace", "path": "emails.value", "value": "new@x" }])).await.body;
        assert_eq!(only["emails"], json!([{ "value": "new@x", "type": "work", "primary": true }]));

        for (n, client) in [Client::of(&app, super::TENANT).await, strict].iter().enumerate() {
            let added = client.patch(&path, json!([{ "op": "replace", "path": if n == 0 { "title" } else { "nickName" }, "value": "Baron" }])).await.body;
            assert_eq!(added[if n == 0 { "title" } else { "nickName" }], "Baron", "there was none");
            let merged = client.patch(&path, json!([{ "op": "replace", "path": "name", "value": { "givenName": format!("G{n}") } }])).await.body;
            assert_eq!(merged["name"], json!({ "familyName": "bob", "givenName": format!("G{n}") }));
            let extended = client.patch(&path, json!([{ "op": "replace", "value": { ENTERPRISE: { "division": format!("D{n}") }, "title": format!("T{n}") } }])).await.body;
            assert_eq!((&extended[ENTERPRISE]["division"], &extended[ENTERPRISE]["department"]), (&json!(format!("D{n}")), &json!("Support")));
            let matched = client.patch(&path, json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": format!("w{n}@x") }])).await.body;
            assert_eq!((&matched["emails"][0]["value"], &matched["emails"][1]["value"]), (&json!("bob@home.example"), &json!(format!("w{n}@x"))));
        }
        let whole = app.patch(&path, json!([{ "op": "replace", "path": "emails", "value": [{ "value": "all@x" }] }])).await.body;
        assert_eq!(whole["emails"], json!([{ "value": "all@x" }]));
        let group = format!("/Groups/{sales}");
        let members = app.patch(&group, json!([{ "op": "replace", "path": "members", "value": [{ "value": eve }] }])).await.body;
        assert_eq!((members["members"].as_array().map(Vec::len), &members["members"][0]["value"]), (Some(1), &json!(eve)));
        let again = app.patch(&group, json!([{ "op": "replace", "value": { "members": [{ "value": ada }, { "value": bob }] } }])).await.body;
        assert_eq!(again["members"].as_array().map(Vec::len), Some(2));
    }

    46, "RFC 7644 3.5.2", "A malformed path is refused with invalidPath, a malformed filter in it with invalidFilter, a read-only target with mutability; success is 200 with the resource, or 204.",
    note "204 for a group of more than 100 members, unless attributes is given.",
    by default "An operation on an attribute that no schema has is left out, the others are done.",
    strict "400 invalidPath.",
    async fn paths(engine: Engine) {
        let Directory { app, ada, sales, .. } = Directory::new(&engine).await;
        let (path, strict) = (format!("/Users/{ada}"), Client::strict(&app).await);
        let before = app.get(&path).await.body;
        for (target, scim_type) in [
            ("name..givenName", "invalidPath"), (".name", "invalidPath"), ("name.", "invalidPath"), ("emails]", "invalidPath"), ("user Name", "invalidPath"),
            ("emails[type eq \"work\"]value", "invalidPath"), ("emails[type eq \"work\"].", "invalidPath"), ("emails[type eq \"work\"].value.x", "invalidPath"),
            ("emails[", "invalidFilter"), ("emails[]", "invalidFilter"), ("emails[type]", "invalidFilter"), ("emails[type eq]", "invalidFilter"),
            ("emails[type like \"work\"]", "invalidFilter"), ("emails[type eq \"work\"", "invalidFilter"), ("emails[(type eq \"work\"]", "invalidFilter"),
            ("emails[primary gt true]", "invalidFilter"),
            ("id", "mutability"), ("meta", "mutability"), ("meta.created", "mutability"), ("meta.version", "mutability"), ("groups", "mutability"), ("groups.value", "mutability"),
        ] {
            for op in ["add", "replace"] {
                let operations = json!([{ "op": op, "path": target, "value": "x" }]);
                refused(&app.patch(&path, operations.clone()).await, 400, scim_type, target);
                refused(&strict.patch(&path, operations).await, 400, scim_type, target);
            }
        }
        let unknown = json!([{ "op": "replace", "path": "shoeSize", "value": "44" }]);
        for operations in [unknown.clone(), json!([{ "op": "add", "path": "name.shoeSize", "value": "44" }]), json!([{ "op": "add", "path": "urn:example:unknown:2.0:x", "value": "44" }])] {
            refused(&strict.patch(&path, operations).await, 400, "invalidPath", "unknown");
        }
        let dropped = app.patch(&path, unknown).await;
        assert_eq!((dropped.status.as_u16(), &dropped.body), (200, &before));
        // A member's value is immutable.
        let value = format!("members[value eq \"{ada}\"].value");
        let answer = app.patch(&format!("/Groups/{sales}"), json!([{ "op": "replace", "path": value, "value": "x" }])).await;
        refused(&answer, 400, "mutability", &value);
        let answer = app.patch(&path, json!([{ "op": "replace", "path": "title", "value": "T" }])).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &app.get(&path).await.body));
        assert_eq!(answer.headers["content-type"], "application/scim+json");
        for to in ["/Users/nobody", "/Groups/nobody"] {
            refused(&app.patch(to, json!([{ "op": "add", "path": "externalId", "value": "x" }])).await, 404, "", to);
        }
    }
}
