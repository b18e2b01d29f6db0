//! Creation and replacement.

use serde_json::{Value, json};

use super::super::support::app::{TestApp, user};
use super::{Client, Directory, ENTERPRISE, GROUP, USER, encoded, found, group_body, id_of, keys, refused, user_with};

/// A time that an answer has in `meta`.
fn time(resource: &Value, name: &str) -> chrono::DateTime<chrono::Utc> {
    resource["meta"][name].as_str().expect("a time").parse().expect("RFC 3339")
}

statements! {
    26, "RFC 7644 3.3", "A create is answered 201 with a Location header that is meta.location, and the resource with its id and meta.",
    async fn created(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for (endpoint, kind, body) in [("/Users", "User", user("ada")), ("/Groups", "Group", group_body("Sales"))] {
            let answer = app.post(endpoint, &body).await;
            let id = id_of(&answer);
            let location = format!("{}{endpoint}/{id}", app.base());
            assert_eq!(answer.headers["location"], location.as_str());
            assert_eq!(answer.headers["content-type"], "application/scim+json");
            let meta = &answer.body["meta"];
            assert_eq!((&meta["location"], &meta["resourceType"]), (&json!(location), &json!(kind)));
            assert_eq!(keys(meta), ["created", "lastModified", "location", "resourceType", "version"].into());
            for (name, value) in body.as_object().expect("an object") {
                assert_eq!(&answer.body[name], value, "what was sent is what is answered");
            }
            let read = app.get(&location).await;
            assert_eq!((read.status.as_u16(), &read.body), (200, &answer.body), "the address leads there");
        }
    }

    27, "RFC 7644 3.3, 3.5.1", "Read-only attributes in the body of a create or a replacement are ignored, not refused, whatever they hold.",
    async fn read_only_is_ignored(engine: Engine) {
        let Directory { app, sales, eve, ada, .. } = Directory::new(&engine).await;
        let strict = Client::strict(&app).await;
        for (n, client) in [None, Some(&strict)].into_iter().enumerate() {
            let mut body = user(&format!("new{n}"));
            body["schemas"] = json!([USER, ENTERPRISE]);
            body["id"] = json!("mine");
            body["meta"] = json!({ "resourceType": "Group", "created": "1999-01-01T00:00:00Z", "version": "W/\"99\"", "location": "http://x" });
            body["groups"] = json!([{ "value": sales, "display": "Sales" }]);
            body[ENTERPRISE] = json!({ "manager": { "value": ada, "displayName": "Somebody" } });
            let created = match client {
                None => app.post("/Users", &body).await,
                Some(client) => client.post("/Users", &body).await,
            };
            let id = id_of(&created);
            let untouched = |resource: &Value| {
                assert_eq!(resource["id"], json!(id));
                assert_ne!(id, "mine");
                assert_eq!(resource["meta"]["resourceType"], "User");
                assert_ne!(resource["meta"]["version"], "W/\"99\"");
                assert!(!resource.to_string().contains("1999-01-01") && resource.get("groups").is_none(), "{resource}");
                assert!(resource["meta"]["location"].as_str().is_some_and(|location| location.ends_with(&id)));
                assert_eq!(resource[ENTERPRISE]["manager"]["value"], json!(ada));
                assert_ne!(resource[ENTERPRISE]["manager"]["displayName"], "Somebody");
            };
            untouched(&created.body);
            let path = format!("/Users/{id}");
            let replaced = match client {
                None => app.put(&path, &body).await,
                Some(client) => client.put(&path, &body).await,
            };
            assert_eq!(replaced.status, 200, "{}", replaced.body);
            untouched(&replaced.body);
            untouched(&app.get(&path).await.body);
            // Values of the wrong type are ignored with the rest.
            body["userName"] = json!(format!("other{n}"));
            (body["id"], body["meta"], body["groups"]) = (json!(7), json!("x"), json!({ "a": 1 }));
            let answer = match client {
                None => app.post("/Users", &body).await,
                Some(client) => client.post("/Users", &body).await,
            };
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        assert_eq!(app.get(&format!("/Groups/{sales}")).await.body["members"].as_array().map(Vec::len), Some(2));
        let mut group = group_body("New");
        group["id"] = json!("mine");
        group["meta"] = json!({ "created": "1999-01-01T00:00:00Z" });
        group["members"] = json!([{ "value": eve, "display": "Somebody else", "$ref": "http://x" }]);
        let created = app.post("/Groups", &group).await;
        assert_ne!(id_of(&created), "mine");
        let text = created.body.to_string();
        assert!(!text.contains("Somebody else") && !text.contains("1999-01-01"), "{text}");
    }

    28, "RFC 7644 3.3, 3.12 table 9", "A value that another resource has where it must be unique is refused with 409 uniqueness, by POST, PUT and PATCH, and changes nothing.",
    note "userName is unique among the users of a tenant, displayName among its groups.",
    async fn unique(engine: Engine) {
        let directory = Directory::new(&engine).await;
        let (app, eve) = (&directory.app, &directory.eve);
        let group = app.group("Other", &[]).await;
        let before = directory.snapshot().await;
        for name in ["ada@example.com", "ADA@Example.com"] {
            let mut body = user("new");
            body["userName"] = json!(name);
            refused(&app.post("/Users", &body).await, 409, "uniqueness", "POST");
            refused(&app.put(&format!("/Users/{eve}"), &body).await, 409, "uniqueness", "PUT");
            for operations in [
                json!([{ "op": "replace", "path": "userName", "value": name }]),
                json!([{ "op": "add", "path": format!("{USER}:userName"), "value": name }]),
                json!([{ "op": "replace", "value": { "title": "T", "userName": name } }]),
            ] {
                refused(&app.patch(&format!("/Users/{eve}"), operations).await, 409, "uniqueness", "PATCH");
            }
        }
        for name in ["Sales", "SALES"] {
            refused(&app.post("/Groups", &group_body(name)).await, 409, "uniqueness", "POST");
            refused(&app.put(&format!("/Groups/{group}"), &group_body(name)).await, 409, "uniqueness", "PUT");
            let rename = json!([{ "op": "replace", "path": "displayName", "value": name }]);
            refused(&app.patch(&format!("/Groups/{group}"), rename).await, 409, "uniqueness", "PATCH");
        }
        let strict = Client::strict(app).await;
        refused(&strict.post("/Users", &user("ada")).await, 409, "uniqueness", "strict");
        assert_eq!(directory.snapshot().await, before);
        // One's own name is nobody else's, in whatever letters.
        let mut same = user("eve");
        same["userName"] = json!("EVE@example.com");
        assert_eq!(app.put(&format!("/Users/{eve}"), &same).await.body["userName"], "EVE@example.com");
    }

    29, "RFC 7644 3.3.1; RFC 7643 3.1", "meta.resourceType is the service provider's; lastModified is created until the first change, and created stays.",
    async fn meta(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for (endpoint, kind, mut body, other) in [("/Users", "User", user("ada"), "Group"), ("/Groups", "Group", group_body("Sales"), "User")] {
            body["meta"] = json!({ "resourceType": other });
            let created = app.post(endpoint, &body).await;
            let path = format!("{endpoint}/{}", id_of(&created));
            assert_eq!(created.body["meta"]["resourceType"], kind);
            assert_eq!(time(&created.body, "created"), time(&created.body, "lastModified"));
            let same = app.get(&path).await.body;
            assert_eq!(same["meta"], created.body["meta"], "to read is no change");
            app.put(&path, &body).await;
            assert_eq!(app.get(&path).await.body["meta"], created.body["meta"], "nor is what changes nothing");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            let changed = app.patch(&path, json!([{ "op": "add", "path": "externalId", "value": "new" }])).await.body;
            assert_eq!(changed["meta"]["created"], created.body["meta"]["created"]);
            assert!(time(&changed, "lastModified") > time(&created.body, "lastModified"), "{changed}");
            assert_eq!(changed["meta"]["resourceType"], kind);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            body["externalId"] = json!("newer");
            let replaced = app.put(&path, &body).await.body;
            assert_eq!(replaced["meta"]["created"], created.body["meta"]["created"]);
            assert!(time(&replaced, "lastModified") > time(&changed, "lastModified"), "{replaced}");
        }
    }

    30, "RFC 7644 3.2, 3.5.1", "PUT never creates: an id that is not there is answered 404.",
    async fn put_never_creates(engine: Engine) {
        let Directory { app, eve, sales, .. } = Directory::new(&engine).await;
        app.delete(&format!("/Users/{eve}")).await;
        let absent = "01a00000-0000-7000-8000-000000000000";
        for (endpoint, body) in [("/Users", user("new")), ("/Groups", group_body("New"))] {
            for id in [absent, "nonsense", "new@example.com", "bulkId:1", &eve] {
                let path = format!("{endpoint}/{id}");
                refused(&app.put(&path, &body).await, 404, "", &path);
                refused(&app.get(&path).await, 404, "", &path);
            }
            let total = &app.get(endpoint).await.body["totalResults"];
            assert_eq!(total, &json!(2), "{endpoint}: nothing was made");
        }
        refused(&app.put(&format!("/Users/{sales}"), &user("new")).await, 404, "", "a group's id");
        refused(&app.put("/Users", &user("new")).await, 405, "", "without an id");
    }

    31, "RFC 7644 3.5.1", "A replacement must have what is required; read-only attributes in it are ignored; what it leaves out, and what is null or [], is cleared.",
    note "active and externalId keep their value where the body does not name them, which the RFC leaves to the service provider (docs/adr/0009); null clears them.",
    async fn replaced(engine: Engine) {
        let Directory { app, ada, sales, .. } = Directory::new(&engine).await;
        let path = format!("/Users/{ada}");
        let before = app.get(&path).await.body;
        for (name, value) in [("userName", json!(null)), ("userName", json!("")), ("userName", json!([]))] {
            let mut body = user("ada");
            body[name] = value;
            refused(&app.put(&path, &body).await, 400, "invalidValue", "required");
        }
        let mut body = user("ada");
        body.as_object_mut().expect("an object").remove("userName");
        refused(&app.put(&path, &body).await, 400, "invalidValue", "required");
        refused(&app.put(&format!("/Groups/{sales}"), &json!({ "schemas": [GROUP] })).await, 400, "invalidValue", "required");
        assert_eq!(app.get(&path).await.body, before, "a refusal changes nothing");

        // title, displayName, profileUrl and the extension are left out; name and emails are null and [].
        let mut body = user("ada");
        (body["name"], body["emails"], body["id"]) = (json!(null), json!([]), json!("other"));
        let replaced = app.put(&path, &body).await;
        assert_eq!(replaced.status, 200, "{}", replaced.body);
        assert_eq!(keys(&replaced.body), ["active", "externalId", "groups", "id", "meta", "schemas", "userName"].into());
        assert_eq!((&replaced.body["id"], &replaced.body["schemas"]), (&json!(ada), &json!([USER])));
        let strict = Client::strict(&app).await;
        let cleared = strict.put(&path, &json!({ "schemas": [USER], "userName": "ada", "active": null, "externalId": null })).await;
        assert_eq!(keys(&cleared.body), ["groups", "id", "meta", "schemas", "userName"].into(), "{}", cleared.body);
        assert_eq!(app.get(&path).await.body, cleared.body);
        // The members of a group are replaced as any other attribute.
        let emptied = app.put(&format!("/Groups/{sales}"), &group_body("Sales")).await.body;
        assert!(emptied.get("members").is_none(), "{emptied}");
    }

    32, "RFC 7644 3.5.1", "A replacement is answered 200 with the entire resource as it then is.",
    async fn answers_the_whole(engine: Engine) {
        let Directory { app, ada, bob, sales, .. } = Directory::new(&engine).await;
        let mut body = user("ada");
        body["title"] = json!("Baroness");
        body["phoneNumbers"] = json!([{ "value": "+1 555", "type": "mobile" }]);
        body[ENTERPRISE] = json!({ "costCenter": "4" });
        let path = format!("/Users/{ada}");
        let replaced = app.put(&path, &body).await;
        assert_eq!((replaced.status.as_u16(), &replaced.body), (200, &app.get(&path).await.body));
        for name in ["userName", "title", "phoneNumbers", ENTERPRISE, "emails"] {
            assert_eq!(replaced.body[name], body[name], "{name}");
        }
        assert_eq!(replaced.body["groups"][0]["value"], json!(sales), "what the service provider adds is there too");
        assert!(!replaced.headers.contains_key("location") || replaced.headers["location"] == replaced.body["meta"]["location"].as_str().expect("an address"));
        let path = format!("/Groups/{sales}");
        let mut group = group_body("West");
        group["members"] = json!([{ "value": bob }]);
        let replaced = app.put(&path, &group).await;
        assert_eq!((replaced.status.as_u16(), &replaced.body), (200, &app.get(&path).await.body));
        assert_eq!((&replaced.body["displayName"], &replaced.body["members"][0]["value"]), (&json!("West"), &json!(bob)));
    }

    33, "RFC 7643 3.1", "An id is the service provider's and never changes, nor does it hold bulkId; externalId is the client's, is compared exactly and need not be unique.",
    by default "`id` in a PATCH without a path is ignored (Okta sends it back as it read it).",
    strict "400 mutability where it is another.",
    async fn ids(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut ids = std::collections::BTreeSet::new();
        for (n, given) in ["mine", "bulkId:1", "ada@example.com", "00000000-0000-0000-0000-000000000000"].into_iter().enumerate() {
            let id = user_with(&app, &format!("user{n}"), json!({ "id": given, "externalId": "Same" })).await;
            assert!(id != given && !id.is_empty() && !id.to_lowercase().contains("bulkid"), "{id}");
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "an id to be escaped: {id}");
            refused(&app.get(&format!("/Users/{given}")).await, 404, "", given);
            ids.insert(id);
        }
        assert_eq!(ids.len(), 4);
        assert_eq!(found(&app, "/Users", "externalId eq \"Same\"").await.len(), 4);
        assert!(found(&app, "/Users", "externalId eq \"SAME\"").await.is_empty());
        let id = ids.first().expect("an id");
        let path = format!("/Users/{id}");
        let mut body = user("renamed");
        body["id"] = json!("other");
        body["externalId"] = json!("Another");
        for resource in [
            app.put(&path, &body).await.body,
            app.patch(&path, json!([{ "op": "replace", "value": { "id": "other", "title": "T" } }])).await.body,
            app.get(&path).await.body,
        ] {
            assert_eq!((&resource["id"], &resource["externalId"]), (&json!(id), &json!("Another")));
        }
        for op in ["add", "replace"] {
            refused(&app.patch(&path, json!([{ "op": op, "path": "id", "value": "other" }])).await, 400, "mutability", op);
        }
        refused(&app.patch(&path, json!([{ "op": "remove", "path": "id" }])).await, 400, "mutability", "remove");
        let strict = Client::strict(&app).await;
        let pathless = json!([{ "op": "replace", "value": { "id": "other" } }]);
        refused(&strict.patch(&path, pathless).await, 400, "mutability", "strict");
        assert_eq!(app.get(&format!("/Users?filter={}", encoded("id eq \"other\""))).await.body["totalResults"], 0);
        assert_eq!(app.get(&path).await.body["id"], json!(id));
    }
}
