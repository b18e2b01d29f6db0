//! Extensions of a tenant's own, by configuration: published, checked, stored, found, changed and answered like the
//! standard ones, to this tenant alone (RFC 7643 3.3, RFC 7644 3.10).

use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use scim_bridge::config::{Config, Extended, Extension};
use scim_bridge::scim::extension;
use serde_json::{Value, json};

use super::support::app::{Answer, TestApp, answer, user};
use super::support::urn::GROUP;

const BADGE: &str = "urn:ietf:params:scim:schemas:extension:Acme:2.0:User";
const TEAM: &str = "urn:acme:schemas:Team";

fn schema(id: &str, attributes: &Value) -> scim_bridge::scim::schema::Schema {
    extension::read(json!({ "id": id, "name": "Acme", "attributes": attributes })).expect("a schema")
}

/// The tenant of the tests has badges for people; another, `other`, has teams, which must come with every group.
fn configure(config: &mut Config) {
    let badge = schema(
        BADGE,
        &json!([
            { "name": "badgeNumber", "type": "string", "caseExact": true },
            { "name": "floor", "type": "integer", "canonicalValues": ["1", "2"] },
            { "name": "hired", "type": "dateTime", "mutability": "immutable" },
            { "name": "region", "type": "string", "canonicalValues": ["EMEA", "APAC"] },
            { "name": "languages", "multiValued": true },
            { "name": "desk", "type": "complex", "subAttributes": [{ "name": "room" }, { "name": "shared", "type": "boolean" }] },
            { "name": "score", "type": "decimal", "returned": "request" },
            { "name": "computed", "mutability": "readOnly" },
        ]),
    );
    let team = schema(TEAM, &json!([{ "name": "lead", "required": true }, { "name": "budget", "type": "integer" }]));
    let mut other = config.tenant["sandbox"].clone();
    other.extensions = vec![Extension::new(Extended::Group, true, team)];
    config.tenant.insert("other".into(), other);
    let tenant = config.tenant.get_mut("sandbox").expect("the tenant");
    tenant.extensions = vec![Extension::new(Extended::User, false, badge)];
}

/// A request of the tenant `other`.
async fn other(app: &TestApp, token: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let mut request = reqwest::Client::builder()
        .build()
        .expect("a client")
        .request(method, format!("{}{path}", app.base()))
        .bearer_auth(token);
    if let Some(body) = body {
        request = request.header("Content-Type", "application/scim+json").body(body.to_string());
    }
    answer(request).await
}

fn ids(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().expect("a list").iter().filter_map(|schema| schema["id"].as_str()).collect()
}

async fn found(app: &TestApp, filter: &str) -> u64 {
    let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let answer = app.get(&format!("/Users?filter={query}")).await;
    assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
    answer.body["totalResults"].as_u64().expect("a number")
}

both_engines! {
    async fn each_tenant_is_told_of_its_own_extensions(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, configure).await;
        let (_, token) = app.app().access().create(NewToken::new("other", "o", vec![Scope::Scim])).await.expect("a token");
        let schemas = app.get("/Schemas").await.body;
        assert!(ids(&schemas).contains(&BADGE) && !ids(&schemas).contains(&TEAM), "{schemas}");
        let types = app.get("/ResourceTypes/User").await.body;
        assert!(types["schemaExtensions"].as_array().expect("a list").contains(&json!({ "schema": BADGE, "required": false })));
        let badge = app.get(&format!("/Schemas/{BADGE}")).await;
        assert_eq!(badge.body["attributes"][0]["caseExact"], json!(true), "{}", badge.body);
        assert_eq!(badge.body["attributes"][1]["type"], json!("integer"));

        let theirs = other(&app, &token, Method::GET, "/Schemas", None).await.body;
        assert!(ids(&theirs).contains(&TEAM) && !ids(&theirs).contains(&BADGE), "{theirs}");
        assert_eq!(other(&app, &token, Method::GET, &format!("/Schemas/{BADGE}"), None).await.status, 404);
        let groups = other(&app, &token, Method::GET, "/ResourceTypes/Group", None).await.body;
        assert_eq!(groups["schemaExtensions"], json!([{ "schema": TEAM, "required": true }]));
        // Who does not say whose they are sees what everybody has.
        let public = answer(reqwest::Client::builder().build().expect("a client").get(format!("{}/Schemas", app.base()))).await.body;
        assert!(!ids(&public).contains(&BADGE) && !ids(&public).contains(&TEAM), "{public}");
    }

    async fn another_tenant_s_extension_is_unknown(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, configure).await;
        let (_, token) = app.app().access().create(NewToken::new("other", "o", vec![Scope::Scim])).await.expect("a token");
        let mut eve = user("eve");
        eve[BADGE] = json!({ "badgeNumber": "A1", "floor": "none" });
        eve["schemas"] = json!([eve["schemas"][0], BADGE]);
        let made = other(&app, &token, Method::POST, "/Users", Some(&eve)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert!(made.body.get(BADGE).is_none() && made.body["schemas"].as_array().expect("a list").len() == 1);
        // And what it must have itself is missed.
        let group = json!({ "schemas": [GROUP], "displayName": "West" });
        let refused = other(&app, &token, Method::POST, "/Groups", Some(&group)).await;
        assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!("invalidValue")));
        assert!(refused.body["detail"].as_str().expect("words").contains(TEAM), "{}", refused.body);
        let group = json!({ "schemas": [GROUP, TEAM], "displayName": "West", TEAM: { "budget": 7 } });
        let refused = other(&app, &token, Method::POST, "/Groups", Some(&group)).await;
        assert!(refused.body["detail"].as_str().expect("words").contains(&format!("{TEAM}:lead")), "{}", refused.body);
        let group = json!({ "schemas": [GROUP, TEAM], "displayName": "West", TEAM: { "lead": "Ada", "budget": 7 } });
        let made = other(&app, &token, Method::POST, "/Groups", Some(&group)).await;
        assert_eq!((made.status.as_u16(), &made.body[TEAM]), (201, &group[TEAM]), "{}", made.body);
        assert_eq!(app.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "West" })).await.status, 201);
    }

    async fn values_are_kept_checked_and_answered(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, configure).await;
        let mut ada = user("ada");
        let badge = json!({
            "badgeNumber": "aB7", "floor": 3, "hired": "2026-01-31T12:00:00Z", "region": "Moon", "languages": ["de", "en"],
            "desk": { "room": "R1", "shared": true },
        });
        ada[BADGE] = badge.clone();
        ada[BADGE]["computed"] = json!("no");
        ada[BADGE]["unheardOf"] = json!("no");
        ada[BADGE]["score"] = json!(2.5);
        let made = app.post("/Users", &ada).await;
        assert_eq!(made.status, 201, "{}", made.body);
        // Read-only and unknown ones are gone; a value beside the canonical ones is as good (RFC 7643 7).
        // What is returned on request is returned to who wrote it.
        let mut written = badge.clone();
        written["score"] = json!(2.5);
        assert_eq!(made.body[BADGE], written);
        assert!(made.body["schemas"].as_array().expect("a list").contains(&json!(BADGE)));
        let path = format!("/Users/{}", made.body["id"].as_str().expect("an id"));
        for (name, value) in [("floor", json!("high")), ("floor", json!(1.5)), ("hired", json!("soon")), ("desk", json!(7))] {
            let mut wrong = user("bob");
            wrong[BADGE] = json!({ name: value });
            let refused = app.post("/Users", &wrong).await;
            assert_eq!(refused.status, 400, "{name}: {}", refused.body);
            assert!(refused.body["detail"].as_str().expect("words").contains(&format!("{BADGE}:{name}")), "{}", refused.body);
        }
        // Projection (RFC 7644 3.9).
        assert_eq!(app.get(&path).await.body[BADGE], badge);
        let one = app.get(&format!("{path}?attributes={BADGE}:badgeNumber")).await.body;
        assert_eq!((&one[BADGE], one.get("userName")), (&json!({ "badgeNumber": "aB7" }), None));
        let asked = app.get(&format!("{path}?attributes={BADGE}:score,{BADGE}:desk.room")).await.body;
        assert_eq!(asked[BADGE], json!({ "desk": { "room": "R1" }, "score": 2.5 }));
        let without = app.get(&format!("{path}?excludedAttributes={BADGE}")).await.body;
        assert!(without.get(BADGE).is_none() && without["userName"] == ada["userName"]);
        // An immutable value stays (RFC 7643 7).
        let mut other = ada.clone();
        other[BADGE] = json!({ "hired": "2027-01-31T12:00:00Z" });
        let refused = app.put(&path, &other).await;
        assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!("mutability")), "{}", refused.body);
        // A PUT without the extension takes the rest away.
        let replaced = app.put(&path, &user("ada")).await.body;
        assert_eq!(replaced[BADGE], json!({ "hired": "2026-01-31T12:00:00Z" }));
    }

    async fn values_are_found_by_filters(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, configure).await;
        for (name, badge) in [
            ("ada", json!({ "badgeNumber": "aB7", "floor": 3, "region": "EMEA", "languages": ["de"], "hired": "2026-01-31T12:00:00Z" })),
            ("bob", json!({ "badgeNumber": "ab7", "floor": 20, "region": "emea", "desk": { "room": "R1", "shared": true } })),
            ("eve", Value::Null),
        ] {
            let mut person = user(name);
            person[BADGE] = badge;
            assert_eq!(app.post("/Users", &person).await.status, 201);
        }
        for (filter, expected) in [
            // Case counts where the schema says so, and only there.
            (format!("{BADGE}:badgeNumber eq \"aB7\""), 1),
            (format!("{BADGE}:BADGENUMBER sw \"a\""), 2),
            (format!("{BADGE}:region eq \"Emea\""), 2),
            // Numbers compare as numbers, dates as time.
            (format!("{BADGE}:floor gt 5"), 1),
            (format!("{BADGE}:hired lt \"2026-01-31T11:30:00-01:00\""), 1),
            (format!("{BADGE}:languages eq \"de\""), 1),
            (format!("{BADGE}:desk.shared eq true"), 1),
            (format!("{BADGE}:floor pr"), 2),
            (format!("not ({BADGE}:floor pr)"), 1),
            (format!("{BADGE}:floor eq 3 and userName sw \"ada\""), 1),
            // The extension of another tenant finds nothing.
            (format!("{TEAM}:lead pr"), 0),
        ] {
            assert_eq!(found(&app, &filter).await, expected, "{filter}");
        }
    }

    async fn values_are_changed_by_paths(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, configure).await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        let patched = |operation: Value| {
            let (app, path) = (&app, &path);
            async move { app.patch(path, json!([operation])).await }
        };
        let added = patched(json!({ "op": "add", "path": format!("{BADGE}:badgeNumber"), "value": "B2" })).await;
        assert_eq!((added.status.as_u16(), &added.body[BADGE]), (200, &json!({ "badgeNumber": "B2" })), "{}", added.body);
        assert!(added.body["schemas"].as_array().expect("a list").contains(&json!(BADGE)));
        patched(json!({ "op": "replace", "path": format!("{BADGE}:desk.room"), "value": "R9" })).await;
        patched(json!({ "op": "add", "path": format!("{BADGE}:languages"), "value": ["fr"] })).await;
        // Entra and Okta send whole extensions and paths for names.
        patched(json!({ "op": "add", "value": { (format!("{BADGE}:floor")): "4", BADGE: { "region": "APAC" } } })).await;
        let body = app.get(&path).await.body;
        let all = json!({
            "badgeNumber": "B2", "floor": 4, "region": "APAC", "languages": ["fr"], "desk": { "room": "R9" },
        });
        assert_eq!(body[BADGE], all);
        for (operation, kind) in [
            (json!({ "op": "replace", "path": format!("{BADGE}:floor"), "value": "high" }), "invalidValue"),
            (json!({ "op": "replace", "path": format!("{BADGE}:computed"), "value": "x" }), "mutability"),
        ] {
            let refused = patched(operation).await;
            assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!(kind)), "{}", refused.body);
        }
        // One that nobody has configured is passed over.
        assert_eq!(patched(json!({ "op": "add", "path": format!("{TEAM}:lead"), "value": "x" })).await.status, 200);
        assert_eq!(app.get(&path).await.body, body);
        let removed = patched(json!({ "op": "remove", "path": BADGE })).await;
        assert!(removed.body.get(BADGE).is_none(), "{}", removed.body);
        assert_eq!(removed.body["schemas"].as_array().expect("a list").len(), 1);
        app.settled().await;
    }
}
