//! The protocol as RFC 7643 and RFC 7644 have it, over HTTP.

use std::collections::BTreeSet;

use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use scim_bridge::http::routes::ROUTES;
use serde_json::{Value, json};

use super::support::app::{Answer, TENANT, TestApp, answer, user};
use super::support::urn::{ENTERPRISE, GROUP, PATCH_OP, USER};

fn encoded(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

/// The userName or displayName of each resource of a list.
fn names(list: &Value) -> BTreeSet<&str> {
    let resources = list["Resources"].as_array().expect("Resources");
    let name = |r: &'_ Value| if r["userName"].is_null() { "displayName" } else { "userName" };
    resources.iter().map(|r| r[name(r)].as_str().expect("a name")).collect()
}

fn keys(resource: &Value) -> BTreeSet<&str> {
    resource.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

/// ada (manager of bob, in Sales), bob (in Sales and in Both), eve (in Both, which Sales is in too).
struct People {
    app: TestApp,
    ada: String,
    bob: String,
    sales: String,
}

impl People {
    async fn new(app: TestApp) -> Self {
        let mut ada = user("ada");
        ada["displayName"] = json!("Ada Lovelace");
        ada["title"] = json!("Countess");
        ada[ENTERPRISE] = json!({ "department": "Sales" });
        let ada = id_of(&app.post("/Users", &ada).await);
        let mut bob = user("bob");
        bob["displayName"] = json!("Bob");
        bob["active"] = json!(false);
        bob["emails"] =
            json!([{ "value": "bob@home.example", "type": "home" }, { "value": "B@work.example", "type": "work" }]);
        bob[ENTERPRISE] = json!({ "department": "Support", "manager": { "value": ada } });
        let bob = id_of(&app.post("/Users", &bob).await);
        let eve = app.user("eve").await;
        let sales = app.group("Sales", &[&ada, &bob]).await;
        app.group("Both", &[&bob, &eve, &sales]).await;
        app.group("Empty", &[]).await;
        Self { app, ada, bob, sales }
    }

    async fn found(&self, endpoint: &str, filter: &str) -> (u64, BTreeSet<String>) {
        let answer = self.app.get(&format!("{endpoint}?filter={}", encoded(filter))).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
        let found: BTreeSet<String> = names(&answer.body).into_iter().map(str::to_owned).collect();
        (answer.body["totalResults"].as_u64().expect("a number"), found)
    }
}

fn expected(names: &[&str]) -> (u64, BTreeSet<String>) {
    (names.len() as u64, names.iter().map(|n| (*n).to_owned()).collect())
}

both_engines! {
    /// RFC 7644 3.4.2.4.
    async fn pages(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for n in 1..=5 {
            app.user(&format!("user{n}")).await;
        }
        let scan = encoded("userName co \"user\"");
        for (query, start, page) in [
            ("", 1, 1..6),
            ("startIndex=2", 2, 2..6),
            ("startIndex=0&count=2", 1, 1..3),
            ("startIndex=-7&count=2", 1, 1..3),
            ("startIndex=4&count=2", 4, 4..6),
            ("startIndex=5&count=2", 5, 5..6),
            ("startIndex=6", 6, 6..6),
            ("startIndex=99999999999999999999", i64::MAX, 6..6),
            ("count=0", 1, 1..1),
            ("count=-1", 1, 1..1),
            ("count=99999999999999999999", 1, 1..6),
            ("COUNT=1&STARTINDEX=3", 3, 3..4),
        ] {
            for filter in [String::new(), format!("&filter={scan}")] {
                let body = app.get(&format!("/Users?{query}{filter}")).await.body;
                let wanted: Vec<String> = page.clone().map(|n| format!("user{n}@example.com")).collect();
                let got: Vec<&str> = body["Resources"].as_array().expect("Resources is always there")
                    .iter().filter_map(|r| r["userName"].as_str()).collect();
                assert_eq!(got, wanted, "{query}{filter}");
                assert_eq!(
                    (&body["totalResults"], &body["itemsPerPage"], &body["startIndex"]),
                    (&json!(5), &json!(wanted.len()), &json!(start)),
                    "{query}{filter}"
                );
            }
        }
        let none = app.get("/Users?filter=userName%20eq%20%22nobody%22").await;
        assert_eq!((none.status.as_u16(), &none.body["totalResults"], &none.body["Resources"]), (200, &json!(0), &json!([])));
    }

    /// What an index answers and what a scan answers (`not (not (…))` has no index) is the same, and right.
    async fn filters(engine: Engine) {
        let people = People::new(TestApp::start(&engine).await).await;
        let (ada, bob, eve) = ("ada@example.com", "bob@example.com", "eve@example.com");
        let created = people.app.get(&format!("/Users/{}", people.bob)).await.body["meta"]["created"].clone();
        let created = created.as_str().expect("a time");
        let cases: &[(&str, String, &[&str])] = &[
            ("/Users", "userName eq \"ADA@example.com\"".into(), &[ada]),
            ("/Users", "USERNAME EQ \"ada@example.com\"".into(), &[ada]),
            ("/Users", format!("{USER}:userName eq \"ada@example.com\""), &[ada]),
            ("/Users", format!("{}:USERNAME eq \"ada@example.com\"", USER.to_uppercase()), &[ada]),
            ("/Users", "externalId eq \"ext-ada\"".into(), &[ada]),
            ("/Users", "externalId eq \"EXT-ADA\"".into(), &[]),
            ("/Users", format!("id eq \"{}\"", people.ada), &[ada]),
            ("/Users", format!("id eq \"{}\"", people.ada.to_uppercase()), &[]),
            ("/Users", format!("id eq \"{}\"", people.sales), &[]),
            ("/Users", "displayName eq \"ada lovelace\"".into(), &[ada]),
            ("/Users", "emails eq \"b@WORK.example\"".into(), &[bob]),
            ("/Users", "emails.value eq \"b@work.example\"".into(), &[bob]),
            ("/Users", "emails[value eq \"b@work.example\"]".into(), &[bob]),
            ("/Users", "emails[type eq \"work\" and value eq \"b@work.example\"]".into(), &[bob]),
            ("/Users", "emails[type eq \"home\" and value eq \"b@work.example\"]".into(), &[]),
            ("/Users", "emails[value eq \"bob@home.example\" and value eq \"b@work.example\"]".into(), &[]),
            ("/Users", "emails.value eq \"bob@home.example\" and emails.value eq \"b@work.example\"".into(), &[bob]),
            ("/Users", "emails.type eq \"home\" and emails.value eq \"b@work.example\"".into(), &[bob]),
            ("/Users", "emails[type eq \"work\"].value eq \"b@work.example\"".into(), &[bob]),
            ("/Users", "emails[type eq \"home\"].value eq \"b@work.example\"".into(), &[]),
            ("/Users", format!("{ENTERPRISE}:department eq \"sales\""), &[ada]),
            ("/Users", "department eq \"Sales\"".into(), &[ada]),
            ("/Users", format!("{ENTERPRISE}:manager eq \"{}\"", people.ada), &[bob]),
            ("/Users", format!("{ENTERPRISE}:manager.value eq \"{}\"", people.ada), &[bob]),
            ("/Users", format!("manager eq \"{}\"", people.ada), &[bob]),
            ("/Users", format!("manager[value eq \"{}\"]", people.ada), &[bob]),
            ("/Users", format!("manager.value eq \"{}\"", people.ada.to_uppercase()), &[]),
            ("/Users", format!("groups.value eq \"{}\"", people.sales), &[ada, bob]),
            ("/Users", format!("groups eq \"{}\"", people.sales), &[ada, bob]),
            ("/Users", format!("groups[value eq \"{}\"]", people.sales), &[ada, bob]),
            ("/Users", "groups.display eq \"sales\"".into(), &[ada, bob]),
            ("/Users", "groups pr".into(), &[ada, bob, eve]),
            ("/Users", "groups.type eq \"Direct\"".into(), &[ada, bob, eve]),
            ("/Users", format!("groups[value eq \"{}\" and type eq \"direct\"]", people.sales), &[ada, bob]),
            ("/Users", "groups.type eq \"Group\"".into(), &[]),
            ("/Users", "active eq false".into(), &[bob]),
            ("/Users", "active eq \"False\"".into(), &[bob]),
            ("/Users", "title pr".into(), &[ada]),
            ("/Users", "title eq null".into(), &[bob, eve]),
            ("/Users", "userName eq \"ada@example.com\" and active eq false".into(), &[]),
            ("/Users", "userName eq \"ada@example.com\" or userName eq \"bob@example.com\"".into(), &[ada, bob]),
            ("/Users", "userName eq \"ada@example.com\" or active eq false and title pr".into(), &[ada]),
            ("/Users", "userName ne \"ada@example.com\"".into(), &[bob, eve]),
            ("/Users", "userName sw \"E\"".into(), &[eve]),
            ("/Users", "userName ew \"B@EXAMPLE.COM\"".into(), &[bob]),
            ("/Users", format!("meta.created ge \"{created}\""), &[bob, eve]),
            ("/Users", "meta.resourceType eq \"User\"".into(), &[ada, bob, eve]),
            ("/Users", format!("schemas eq \"{ENTERPRISE}\""), &[ada, bob]),
            ("/Users", "nothing eq \"x\"".into(), &[]),
            ("/Users", "userName eq ada@example.com".into(), &[ada]),
            ("/Groups", "displayName eq \"SALES\"".into(), &["Sales"]),
            ("/Groups", format!("members.value eq \"{}\"", people.bob), &["Both", "Sales"]),
            ("/Groups", format!("members eq \"{}\"", people.bob), &["Both", "Sales"]),
            ("/Groups", format!("members[value eq \"{}\"]", people.ada), &["Sales"]),
            ("/Groups", format!("members[value eq \"{}\" and type eq \"Group\"]", people.sales), &["Both"]),
            ("/Groups", format!("members[value eq \"{}\" and type eq \"Group\"]", people.ada), &[]),
            ("/Groups", format!("members.value eq \"{}\" and displayName eq \"Sales\"", people.bob), &["Sales"]),
            ("/Groups", format!("members[value eq \"{}\" and value eq \"{}\"]", people.ada, people.bob), &[]),
            ("/Groups", "members pr".into(), &["Both", "Sales"]),
            ("/Groups", "not (members pr)".into(), &["Empty"]),
            ("/Groups", format!("{GROUP}:displayName eq \"empty\""), &["Empty"]),
        ];
        for (endpoint, filter, wanted) in cases {
            assert_eq!(people.found(endpoint, filter).await, expected(wanted), "{filter}");
            let scanned = format!("not (not ({filter}))");
            assert_eq!(people.found(endpoint, &scanned).await, expected(wanted), "{scanned}");
        }
    }

    /// RFC 7644 3.9.
    async fn projections_on_every_verb(engine: Engine) {
        let people = People::new(TestApp::start(&engine).await).await;
        let app = &people.app;
        let path = format!("/Users/{}", people.ada);
        let mut body = app.get(&path).await.body;
        body["password"] = json!("secret");
        let mut n = 0;
        for (query, wanted) in [
            ("attributes=userName", vec!["schemas", "id", "userName"]),
            ("attributes=USERNAME,nothing", vec!["schemas", "id", "userName"]),
            ("attributes=name.givenName", vec!["schemas", "id", "name"]),
            ("attributes=password", vec!["schemas", "id"]),
            ("attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", vec!["schemas", "id", ENTERPRISE]),
            ("attributes=groups", vec!["schemas", "id", "groups"]),
            (
                "excludedAttributes=id,name,emails,groups,meta,title",
                vec!["schemas", "id", "externalId", "userName", "displayName", "active", ENTERPRISE],
            ),
        ] {
            n += 1;
            let wanted: BTreeSet<&str> = wanted.into_iter().collect();
            let retitled = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "replace", "path": "title", "value": format!("T{n}") }] });
            let mut new = body.clone();
            new["userName"] = json!(format!("new{n}@example.com"));
            let list = app.get(&format!("/Users?filter={}&{query}", encoded(&format!("id eq \"{}\"", people.ada)))).await;
            let has_groups = query.contains("attributes=groups");
            for (verb, resource) in [
                ("GET", app.get(&format!("{path}?{query}")).await.body),
                ("list", list.body["Resources"][0].clone()),
                ("PUT", app.put(&format!("{path}?{query}"), &body).await.body),
                ("PATCH", app.send(Method::PATCH, &format!("{path}?{query}"), Some(&retitled)).await.body),
                ("POST", app.post(&format!("/Users?{query}"), &new).await.body),
            ] {
                let mut wanted = wanted.clone();
                if verb == "POST" && has_groups {
                    wanted.remove("groups");
                }
                assert_eq!(keys(&resource), wanted, "{verb} {query}: {resource}");
                if query.contains("givenName") {
                    assert_eq!(resource["name"], json!({ "givenName": "T" }), "{verb}");
                }
            }
        }
        let whole = app.get(&path).await.body;
        assert!(whole.get("password").is_none() && whole.get("urn:scim-bridge:schemas:extension:delivery:1.0").is_none());
        assert_eq!(whole["groups"][0]["display"], "Sales");
        app.settled().await;
        assert_eq!(app.delivery(&path).await["state"], "delivered");
    }

    /// What clients write instead of the canonical form of an address or a header.
    async fn spellings(engine: Engine) {
        let people = People::new(TestApp::start(&engine).await).await;
        let app = &people.app;
        for path in [
            "/Users?filter=userName+eq+%22ada@example.com%22",
            "/Users?filter=userName%20eq%20%22ada%40example.com%22",
            "/Users?filter=userName%20eq%20%22ada@example.com%22&",
            "/Users?&filter=userName%20eq%20%22ada@example.com%22&&",
            "/Users/?filter=userName%20eq%20%22ada@example.com%22",
            "/users?FILTER=userName%20eq%20%22ada@example.com%22",
            "/USERS/?filter=userName%20eq%20%22ada@example.com%22&aadOptscim062020",
        ] {
            let answer = app.get(path).await;
            assert_eq!((answer.status.as_u16(), &answer.body["totalResults"]), (200, &json!(1)), "{path}: {}", answer.body);
        }
        for path in [format!("/users/{}", people.ada), format!("/Users/{}?", people.ada), format!("/Users/{}/", people.ada)] {
            let read = app.get(&path).await;
            assert_eq!(read.body["id"], json!(people.ada), "{path}");
            assert_eq!(read.body["meta"]["location"], json!(format!("{}/Users/{}", app.base(), people.ada)), "{path}");
        }
        for path in ["/serviceproviderconfig", "/Schemas/", "/resourcetypes/user", &format!("/schemas/{}", USER.to_uppercase())] {
            assert_eq!(app.get(path).await.status, 200, "{path}");
        }
        for accept in [
            "application/scim+json", "application/json", "application/scim+json; charset=utf-8", "*/*", "application/*;q=0.5",
            "text/html, application/json;q=0.1", "APPLICATION/JSON", "",
        ] {
            let read = answer(app.request(Method::GET, "/Users").header("Accept", accept)).await;
            assert_eq!(read.status, 200, "{accept}");
            assert_eq!(read.headers["content-type"], "application/scim+json", "{accept}");
        }
        for kind in [None, Some("application/json"), Some("application/scim+json;charset=UTF-8"), Some("Application/SCIM+JSON")] {
            let mut request = app.request(Method::PUT, &format!("/Users/{}", people.ada)).body(user("ada").to_string());
            if let Some(kind) = kind {
                request = request.header("Content-Type", kind);
            }
            assert_eq!(answer(request).await.status, 200, "{kind:?}");
        }
    }

    /// RFC 7644 3.3, 3.5.1, 3.5.2.
    async fn creating_and_replacing(engine: Engine) {
        let mut app = TestApp::start(&engine).await;
        let mut body = user("ada");
        body["id"] = json!("mine");
        body["meta"] = json!({ "version": "x", "created": "1999-01-01T00:00:00Z" });
        body["title"] = json!("Countess");
        body["name"]["formatted"] = json!("Ada");
        body["phoneNumbers"] = json!([{ "value": "1", "type": "work" }]);
        body[ENTERPRISE] = json!({ "department": "Sales" });
        let created = app.post("/Users", &body).await;
        let id = id_of(&created);
        let meta = &created.body["meta"];
        assert_ne!(id, "mine");
        assert_eq!(created.headers["location"], meta["location"].as_str().expect("an address"));
        assert_eq!(meta["location"], json!(format!("{}/Users/{id}", app.base())));
        assert_eq!((&meta["resourceType"], &meta["created"]), (&json!("User"), &meta["lastModified"]));
        let path = format!("/Users/{id}");
        assert_eq!(app.get(&path).await.body, created.body, "what was answered is what is read");

        // What is not named goes, but for activity and the federation id.
        app.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await;
        let replaced = app.put(&path, &json!({ "schemas": [USER], "userName": "ada@example.com" })).await;
        assert_eq!(replaced.status, 200);
        let wanted: BTreeSet<&str> = ["schemas", "id", "externalId", "userName", "active", "meta"].into();
        assert_eq!(keys(&replaced.body), wanted);
        assert_eq!((&replaced.body["active"], &replaced.body["externalId"]), (&json!(false), &json!("ext-ada")));
        assert_eq!(replaced.body["meta"]["created"], meta["created"]);
        assert_eq!(replaced.body["schemas"], json!([USER]));
        // `null` clears these too.
        let nulls = json!({ "schemas": [USER], "userName": "ada@example.com", "active": null, "externalId": null });
        let cleared = app.put(&path, &nulls).await;
        let wanted: BTreeSet<&str> = ["schemas", "id", "userName", "meta"].into();
        assert_eq!(keys(&cleared.body), wanted, "{}", cleared.body);
        // However they are named.
        let named = |name: &str, value: Value| {
            let mut body = json!({ "schemas": [USER], "userName": "ada@example.com", "active": true, "externalId": "a" });
            body.as_object_mut().expect("an object").retain(|key, _| !name.to_lowercase().ends_with(&key.to_lowercase()));
            body[name] = value;
            body
        };
        let of_core = format!("{USER}:active");
        for (body, attribute, wanted) in [
            (named(&of_core, json!(false)), "active", json!(false)),
            (named(&of_core.to_uppercase(), json!("True")), "active", json!(true)),
            (named(" active", json!(false)), "active", json!(false)),
            (named(&of_core, Value::Null), "active", Value::Null),
            (named(&format!("{USER}:externalId"), json!("b")), "externalId", json!("b")),
            (named(&format!("{USER}:externalId"), json!("")), "externalId", Value::Null),
            (json!({ "schemas": [USER], (USER): { "userName": "ada@example.com", "ACTIVE": false } }), "active", json!(false)),
            (json!({ "schemas": [USER], "userName": "ada@example.com", (USER): { "externalId": null } }), "externalId", Value::Null),
        ] {
            let set = json!({ "schemas": [USER], "userName": "ada@example.com", "active": true, "externalId": "a" });
            assert_eq!(app.put(&path, &set).await.body["active"], true);
            let replaced = app.put(&path, &body).await;
            assert_eq!((replaced.status.as_u16(), &replaced.body[attribute]), (200, &wanted), "{body}: {}", replaced.body);
        }
        // A name like theirs is not theirs.
        let set = json!({ "schemas": [USER], "userName": "ada@example.com", "active": false, "externalId": "a" });
        app.put(&path, &set).await;
        let body = json!({ "schemas": [USER], "userName": "ada@example.com", (format!("{ENTERPRISE}:active")): true, "urn:x:active": true });
        assert_eq!(app.put(&path, &body).await.body["active"], false);

        // What changes nothing is no change.
        let before = app.get(&path).await.body;
        for operations in [
            json!([{ "op": "replace", "path": "userName", "value": "ada@example.com" }]),
            json!([{ "op": "remove", "path": "title" }]),
            json!([{ "op": "add", "value": { "userName": "ada@example.com" } }]),
            json!([{ "op": "add", "path": "title", "value": "x" }, { "op": "remove", "path": "title" }]),
        ] {
            let patched = app.patch(&path, operations.clone()).await;
            assert_eq!((patched.status.as_u16(), &patched.body), (200, &before), "{operations}");
        }
        assert_eq!(app.put(&path, &before).await.body, before);
        let renamed = app.patch(&path, json!([{ "op": "replace", "path": "title", "value": "x" }])).await.body;
        assert_ne!(renamed["meta"]["version"], before["meta"]["version"]);

        // All of this is on disk.
        app.restart().await;
        let mut read = app.get(&path).await.body;
        read["meta"]["location"] = renamed["meta"]["location"].clone();
        assert_eq!(read, renamed);
        app.stop().await;
        assert!(!app.org().url().is_empty());
    }

    async fn groups(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut ids = Vec::new();
        for n in 0..101 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        let stranger = "01a00000-0000-7000-8000-000000000000";
        let path = format!("/Groups/{}", app.group("Large", &[&ids[0], stranger, &ids[0]]).await);
        let members = |body: &Value| body["members"].as_array().map_or(0, Vec::len);
        let read = app.get(&path).await.body;
        assert_eq!(members(&read), 1, "who is nobody is left out, who is named twice is in once: {read}");
        let member = json!({
            "value": ids[0], "$ref": format!("{}/Users/{}", app.base(), ids[0]), "type": "User",
        });
        let shown = &read["members"][0];
        for (name, value) in member.as_object().expect("an object") {
            assert_eq!(&shown[name], value, "{shown}");
        }
        let values = |ids: &[String]| ids.iter().map(|id| json!({ "value": id })).collect::<Vec<_>>();
        let add = |ids: &[String]| json!([{ "op": "add", "path": "members", "value": values(ids) }]);
        let patched = app.patch(&path, add(&ids[..100])).await;
        assert_eq!((patched.status.as_u16(), members(&patched.body)), (200, 100));
        let large = app.patch(&path, add(&ids[100..])).await;
        assert_eq!((large.status.as_u16(), &large.body), (204, &Value::Null));
        let again = app.patch(&format!("{path}?attributes=displayName"), add(&ids[100..])).await;
        assert_eq!((again.status.as_u16(), &again.body["displayName"]), (200, &json!("Large")));
        assert!(again.body.get("members").is_none());
        let again = app.patch(&format!("{path}?attributes=members"), add(&ids[100..])).await;
        assert_eq!((again.status.as_u16(), members(&again.body)), (200, 101));
        let lean = app.get(&format!("{path}?excludedAttributes=members")).await.body;
        assert!(lean.get("members").is_none() && lean["displayName"] == "Large");
        let list = app.get("/Groups?excludedAttributes=members").await.body;
        assert!(list["Resources"][0].get("members").is_none());
        assert_eq!(members(&app.get("/Groups").await.body["Resources"][0]), 101);

        // Of somebody who is deleted, the group forgets.
        assert_eq!(app.delete(&format!("/Users/{}", ids[0])).await.status, 204);
        let read = app.get(&path).await.body;
        assert_eq!(members(&read), 100);
        assert!(!read.to_string().contains(&ids[0]));
        // A remove with values takes these; an empty one nobody.
        let remove = json!([{ "op": "remove", "path": "members", "value": values(&ids[..3]) }, { "op": "remove", "path": "members", "value": [] }]);
        assert_eq!(members(&app.patch(&path, remove).await.body), 98);
        let by_filter = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", ids[5]) }]);
        assert_eq!(members(&app.patch(&path, by_filter).await.body), 97);
        // A PUT without members empties.
        let emptied = app.put(&path, &json!({ "schemas": [GROUP], "displayName": "Large" })).await;
        assert_eq!((emptied.status.as_u16(), members(&emptied.body)), (200, 0));
        assert_eq!(members(&app.get(&path).await.body), 0);
        // No group is a member of itself.
        let own = path.trim_start_matches("/Groups/").to_owned();
        assert_eq!(members(&app.patch(&path, add(&[own])).await.body), 0);
    }

    /// RFC 7644 3.6.
    async fn deleted_is_gone(engine: Engine) {
        let people = People::new(TestApp::start(&engine).await).await;
        let app = &people.app;
        for (path, name, body) in [
            (format!("/Users/{}", people.ada), "userName eq \"ada@example.com\"", user("ada")),
            (format!("/Groups/{}", people.sales), "displayName eq \"Sales\"", json!({ "schemas": [GROUP], "displayName": "Sales" })),
        ] {
            let (endpoint, id) = path.rsplit_once('/').expect("an id");
            assert_eq!(app.delete(&path).await.status, 204);
            let patch = json!([{ "op": "add", "path": "externalId", "value": "x" }]);
            for gone in [app.get(&path).await, app.put(&path, &body).await, app.patch(&path, patch).await, app.delete(&path).await] {
                assert_eq!((gone.status.as_u16(), &gone.body["status"]), (404, &json!("404")), "{path}");
            }
            for filter in [name.to_owned(), format!("id eq \"{id}\""), format!("not (not (id eq \"{id}\"))")] {
                assert_eq!(people.found(endpoint, &filter).await, expected(&[]), "{filter}");
            }
            let list = app.get(endpoint).await.body;
            assert!(!list["Resources"].to_string().contains(&format!("\"id\":\"{id}\"")));
            let again = id_of(&app.post(endpoint, &body).await);
            assert_ne!(again, id);
            assert_eq!(app.get(&path).await.status, 404, "the old id stays gone");
        }
    }

    /// Two tenants in one bridge: on no route does a token see or touch what is the other's.
    async fn tenants_do_not_meet(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let other = config.tenant[TENANT].clone();
            config.tenant.insert("other".into(), other);
        }).await;
        let people = People::new(app).await;
        let app = &people.app;
        let scopes = vec![Scope::Scim, Scope::Admin];
        // Were it ever bound to another tenant's user, `/Me` would show nothing of them.
        let new = NewToken { user: Some(people.ada.clone()), ..NewToken::new("other", "test", scopes) };
        let (_, token) = app.app().access().create(new).await.expect("a token");
        let client = reqwest::Client::builder().build().expect("a client");
        let before = (app.get("/Users").await.body, app.get("/Groups").await.body);
        let root = app.base().trim_end_matches("/scim/v2").to_owned();
        let ask = |method: Method, path: String, body: Option<Value>| {
            let mut request = client.request(method, format!("{root}{path}")).bearer_auth(&token);
            if let Some(body) = body {
                request = request.header("Content-Type", "application/scim+json").body(body.to_string());
            }
            answer(request)
        };
        let secrets = [people.ada.as_str(), people.bob.as_str(), people.sales.as_str(), "example.com"];
        for route in ROUTES.iter().filter(|route| route.scope.is_some()) {
            let (id, body) = if route.path.contains("Users") || route.path.ends_with("/Me") {
                (&people.ada, json!({ "schemas": [USER], "userName": "taken-over" }))
            } else {
                (&people.sales, json!({ "schemas": [GROUP], "displayName": "Taken over" }))
            };
            let body = match route.method {
                "POST" => continue,
                "PATCH" => Some(json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "externalId", "value": "x" }] })),
                "PUT" => Some(body),
                _ => None,
            };
            let answered = ask(route.method.parse().expect("a method"), route.path.replace("{id}", id), body).await;
            let one = route.path.contains("{id}") || route.path.ends_with("/Me");
            let wanted = if one { 404 } else { 200 };
            assert_eq!(answered.status.as_u16(), wanted, "{} {}: {}", route.method, route.path, answered.body);
            if wanted == 200 {
                let text = answered.body.to_string();
                assert!(!secrets.iter().any(|secret| text.contains(secret)), "{} {}: {text}", route.method, route.path);
            }
        }
        for (endpoint, filter) in [
            ("Users", "userName eq \"ada@example.com\"".to_owned()),
            ("Users", format!("id eq \"{}\"", people.ada)),
            ("Users", format!("not (not (id eq \"{}\"))", people.ada)),
            ("Users", "userName pr".into()),
            ("Users", "emails.value eq \"ada@example.com\"".into()),
            ("Users", "externalId eq \"ext-ada\"".into()),
            ("Users", format!("groups.value eq \"{}\"", people.sales)),
            ("Users", format!("manager eq \"{}\"", people.ada)),
            ("Groups", "displayName eq \"Sales\"".into()),
            ("Groups", format!("members.value eq \"{}\"", people.ada)),
            ("Groups", "displayName pr".into()),
        ] {
            let found = ask(Method::GET, format!("/scim/v2/{endpoint}?filter={}", encoded(&filter)), None).await;
            assert_eq!((found.status.as_u16(), &found.body["totalResults"]), (200, &json!(0)), "{filter}");
        }
        let status = ask(Method::GET, "/admin/v1/status".into(), None).await.body;
        assert_eq!(status["tenants"].as_object().expect("tenants").keys().collect::<Vec<_>>(), ["other"]);
        assert!(status["tenants"]["other"].as_object().expect("counts").values().all(|n| *n == 0), "{status}");

        // Names are free there, and its groups take nobody of ours.
        let mut ada = user("ada");
        ada["emails"] = json!([]);
        let theirs = ask(Method::POST, "/scim/v2/Users".into(), Some(ada)).await;
        assert_eq!(theirs.status, 201, "{}", theirs.body);
        let group = json!({ "schemas": [GROUP], "displayName": "Sales", "members": [{ "value": people.ada }, { "value": theirs.body["id"] }] });
        let group = ask(Method::POST, "/scim/v2/Groups".into(), Some(group)).await;
        assert_eq!((group.status.as_u16(), group.body["members"].as_array().map(Vec::len)), (201, Some(1)));
        assert_eq!(group.body["members"][0]["value"], theirs.body["id"]);
        let path = format!("/scim/v2/Groups/{}", group.body["id"].as_str().expect("an id"));
        let add = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "members", "value": [{ "value": people.bob }] }] });
        let patched = ask(Method::PATCH, path, Some(add)).await;
        assert_eq!(patched.body["members"].as_array().map(Vec::len), Some(1), "{}", patched.body);
        assert_eq!((app.get("/Users").await.body, app.get("/Groups").await.body), before, "nothing of ours has changed");
    }

    /// Few groups are read with their user, many apart: none is lost on either way.
    async fn a_user_of_many_groups_has_them_all(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        for n in 1..=20 {
            app.group(&format!("G{n}"), &[&id]).await;
            if n < 15 {
                continue;
            }
            let groups = app.get(&format!("/Users/{id}")).await.body["groups"].clone();
            let names: BTreeSet<&str> = groups.as_array().expect("groups").iter().filter_map(|g| g["display"].as_str()).collect();
            assert_eq!(names.len(), n, "{groups}");
        }
    }
}
