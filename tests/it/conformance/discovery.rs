//! Discovery, media types, addresses.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::app::{Answer, answer, user};
use super::{Directory, ENTERPRISE, GROUP, LIST, USER, encoded, finds, group_body, http, id_of, keys, names, refused};

const ENDPOINTS: [&str; 5] = [
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
];

/// Without a token.
async fn without_token(base: &str, path: &str) -> Answer {
    answer(http().get(format!("{base}{path}"))).await
}

/// The attribute of this name among attributes.
fn attribute<'a>(of: &'a Value, name: &str) -> &'a Value {
    let key = if of.get("subAttributes").is_some() { "subAttributes" } else { "attributes" };
    let attributes = of[key].as_array().expect("attributes");
    attributes.iter().find(|attribute| attribute["name"] == name).unwrap_or_else(|| panic!("no attribute {name}"))
}

/// Checks that an attribute and its sub-attributes have all characteristics of RFC 7643 section 7, with values of it.
fn is_described(attribute: &Value, path: &str) {
    for (name, allowed) in [
        ("type", &["string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"][..]),
        ("mutability", &["readOnly", "readWrite", "immutable", "writeOnly"]),
        ("returned", &["always", "never", "default", "request"]),
        ("uniqueness", &["none", "server", "global"]),
    ] {
        // Uniqueness and case are no matter of a complex attribute.
        let given = attribute[name].as_str();
        assert!(given.is_some_and(|given| allowed.contains(&given)), "{path}: {name}: {attribute}");
    }
    for name in ["multiValued", "required", "caseExact"] {
        assert!(
            attribute[name].is_boolean() || name == "caseExact" && attribute["type"] == "complex",
            "{path}: {name}"
        );
    }
    assert!(attribute["description"].is_string(), "{path}");
    assert_eq!(attribute["type"] == "complex", attribute["subAttributes"].is_array(), "{path}");
    if attribute["type"] == "reference" {
        assert!(attribute["referenceTypes"].as_array().is_some_and(|types| !types.is_empty()), "{path}");
    }
    for sub in attribute["subAttributes"].as_array().into_iter().flatten() {
        // Only the schema of schemas has complex attributes in complex ones (RFC 7643 8.7.2).
        assert!(sub["type"] != "complex" || path.starts_with("attributes"), "{path}");
        is_described(sub, &format!("{path}.{}", sub["name"].as_str().expect("a name")));
    }
}

statements! {
    57, "RFC 7644 4", "/ServiceProviderConfig is one object; /Schemas and /ResourceTypes are lists, and an object each by name or URN, in any case.",
    async fn documents_and_lists(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        let config = app.get("/ServiceProviderConfig").await;
        assert_eq!(config.status, 200);
        assert_eq!(config.body["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
        assert!(config.body.get("Resources").is_none() && config.body.get("totalResults").is_none());
        for (endpoint, key, wanted) in [("/Schemas", "id", vec![USER, GROUP, ENTERPRISE]), ("/ResourceTypes", "name", vec!["User", "Group"])] {
            let list = app.get(endpoint).await.body;
            assert_eq!(list["schemas"], json!([LIST]));
            let resources = list["Resources"].as_array().expect("a list");
            assert_eq!(list["totalResults"], json!(resources.len()));
            for wanted in wanted {
                assert!(resources.iter().any(|resource| resource[key] == wanted), "{wanted}");
            }
            for resource in resources {
                let name = resource[key].as_str().expect("a name");
                for name in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
                    let one = app.get(&format!("{endpoint}/{name}")).await;
                    assert_eq!((one.status.as_u16(), &one.body), (200, resource), "{endpoint}/{name}");
                }
                let location = resource["meta"]["location"].as_str().expect("an address");
                assert_eq!(&app.get(location).await.body, resource, "{location}");
            }
            refused(&app.get(&format!("{endpoint}/nothing")).await, 404, "", endpoint);
        }
    }

    58, "RFC 7644 4", "A filter on discovery is refused with 403, parameters for sorting and paging are ignored, other methods are 405.",
    async fn discovery_is_read_only(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        for path in ENDPOINTS {
            for filter in ["name eq \"User\"", "id pr", "nonsense", ""] {
                refused(&app.get(&format!("{path}?filter={}", encoded(filter))).await, 403, "", path);
            }
            let plain = app.get(path).await.body;
            for query in ["sortBy=id&sortOrder=descending", "startIndex=2&count=1", "count=0", "cursor=", "unknown=1"] {
                let answer = app.get(&format!("{path}?{query}")).await;
                assert_eq!((answer.status.as_u16(), &answer.body), (200, &plain), "{path}?{query}");
            }
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let answer = app.send(method.clone(), path, Some(&json!({}))).await;
                refused(&answer, 405, "", path);
                assert!(answer.headers["allow"].to_str().is_ok_and(|allow| allow.contains("GET") && !allow.contains(method.as_str())));
            }
        }
    }

    59, "RFC 7643 5; RFC 7644 4", "/ServiceProviderConfig has all of its features with their limits, and authentication schemes of known types; discovery can be read without credentials, and wrong ones are refused.",
    async fn service_provider_config(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        let config = app.get("/ServiceProviderConfig").await.body;
        for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
            assert!(config[feature]["supported"].is_boolean(), "{feature}: {config}");
        }
        for (feature, limit) in [("bulk", "maxOperations"), ("bulk", "maxPayloadSize"), ("filter", "maxResults")] {
            assert!(config[feature][limit].as_u64().is_some_and(|limit| limit > 0), "{feature}.{limit}: {config}");
        }
        assert_eq!(config["changePassword"]["supported"], json!(false), "a password is thrown away");
        let schemes = config["authenticationSchemes"].as_array().expect("schemes");
        assert!(!schemes.is_empty());
        for scheme in schemes {
            let kind = scheme["type"].as_str().expect("a type");
            assert!(["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"].contains(&kind), "{kind}");
            for member in ["name", "description"] {
                assert!(scheme[member].as_str().is_some_and(|text| !text.is_empty()), "{scheme}");
            }
        }
        let meta = &config["meta"];
        assert_eq!(meta["resourceType"], "ServiceProviderConfig");
        assert_eq!(meta["location"], json!(format!("{}/ServiceProviderConfig", app.base())));
        // Each member is one that the schema of it describes.
        let schema = app.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig").await.body;
        for name in keys(&config).into_iter().filter(|name| !matches!(*name, "schemas" | "meta" | "id")) {
            let described = attribute(&schema, name);
            for sub in config[name].as_object().into_iter().flatten() {
                attribute(described, sub.0);
            }
        }
        for path in ENDPOINTS {
            assert_eq!(without_token(app.base(), path).await.body, app.get(path).await.body, "{path}");
            let wrong = http().get(format!("{}{path}", app.base())).bearer_auth("nonsense");
            refused(&answer(wrong).await, 401, "", path);
        }
        refused(&without_token(app.base(), "/Users").await, 401, "", "no more than discovery");
    }

    60, "RFC 7643 6, 7; errata 5607, 7522, 8417", "A resource type has its endpoint, schema and extensions; schemas have the true characteristics, those of the errata too, and are resources with schemas and meta.",
    note "The delivery extension is no part of what a client may write; it stands in `/Schemas` alone.",
    async fn true_characteristics(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        let kind = app.get("/ResourceTypes/User").await.body;
        assert_eq!((&kind["endpoint"], &kind["schema"], &kind["id"], &kind["name"]), (&json!("/Users"), &json!(USER), &json!("User"), &json!("User")));
        assert_eq!(kind["schemaExtensions"], json!([{ "schema": ENTERPRISE, "required": false }]));
        assert_eq!(kind["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ResourceType"]));
        let group = app.get("/ResourceTypes/Group").await.body;
        assert_eq!((&group["endpoint"], &group["schema"]), (&json!("/Groups"), &json!(GROUP)));

        let list = app.get("/Schemas").await.body;
        for schema in list["Resources"].as_array().expect("schemas") {
            let id = schema["id"].as_str().expect("a URN");
            assert_eq!(schema["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:Schema"]), "{id}");
            assert_eq!(schema["meta"]["resourceType"], "Schema", "{id}");
            assert!(schema["meta"]["location"].as_str().is_some_and(|location| location.ends_with(id)), "{id}");
            for one in schema["attributes"].as_array().expect("attributes") {
                is_described(one, one["name"].as_str().expect("a name"));
            }
        }
        let schema = app.get(&format!("/Schemas/{USER}")).await.body;
        for (path, wanted) in [
            ("userName", json!({ "type": "string", "required": true, "caseExact": false, "uniqueness": "server", "mutability": "readWrite", "multiValued": false })),
            ("password", json!({ "mutability": "writeOnly", "returned": "never" })),
            ("groups", json!({ "mutability": "readOnly", "multiValued": true, "type": "complex" })),
            ("groups.value", json!({ "mutability": "readOnly" })),
            ("groups.$ref", json!({ "type": "reference", "caseExact": true })),
            ("active", json!({ "type": "boolean", "required": false })),
            ("emails", json!({ "type": "complex", "multiValued": true })),
            ("emails.primary", json!({ "type": "boolean" })),
            ("emails.value", json!({ "caseExact": false })),
            ("x509Certificates.value", json!({ "type": "binary", "caseExact": true })),
            ("photos.value", json!({ "type": "reference", "referenceTypes": ["external"] })),
            ("profileUrl", json!({ "type": "reference", "referenceTypes": ["external"] })),
        ] {
            let described = path.split('.').fold(&schema, |of, name| attribute(of, name));
            for (name, value) in wanted.as_object().expect("an object") {
                assert_eq!(&described[name], value, "{path}.{name}");
            }
        }
        let schema = app.get(&format!("/Schemas/{GROUP}")).await.body;
        assert_eq!(attribute(&schema, "displayName")["required"], json!(true));
        for sub in ["value", "$ref", "type"] {
            assert_eq!(attribute(attribute(&schema, "members"), sub)["mutability"], "immutable", "{sub}");
        }
        let schema = app.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:ResourceType").await.body;
        assert_eq!(attribute(&schema, "schemaExtensions")["multiValued"], json!(true));
        let schema = app.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Schema").await.body;
        assert_eq!(attribute(attribute(&schema, "attributes"), "referenceTypes")["multiValued"], json!(true));
        // What the schema says is how it is: each attribute that a resource has is described.
        let user = app.get("/Users?count=1").await.body["Resources"][0].clone();
        let schema = app.get(&format!("/Schemas/{USER}")).await.body;
        for name in keys(&user).into_iter().filter(|name| !["schemas", "id", "externalId", "meta", ENTERPRISE].contains(name)) {
            attribute(&schema, name);
        }
    }

    61, "RFC 7644 3.1, 3.8", "Requests may be application/scim+json or application/json, in UTF-8; answers are application/scim+json.",
    async fn media_types(engine: Engine) {
        let Directory { app, ada, .. } = Directory::new(&engine).await;
        let path = format!("/Users/{ada}");
        for (n, kind) in ["application/scim+json", "application/json", "application/scim+json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON"].into_iter().enumerate() {
            let title = format!("Gr\u{e4}fin \u{4f2f}\u{7235}\u{592b}\u{4eba} \u{1f451} {n}");
            let mut body = user("ada");
            body["title"] = json!(title);
            let mut new = user(&format!("new{n}"));
            new["title"] = json!(title);
            let change = super::patch(json!([{ "op": "replace", "path": "title", "value": title }]));
            for (method, to, body) in [(Method::PUT, path.as_str(), &body), (Method::PATCH, &path, &change), (Method::POST, "/Users", &new)] {
                let request = app.request(method.clone(), to).header("Content-Type", kind).body(body.to_string());
                let answer = answer(request).await;
                assert!(answer.status.is_success(), "{method} {kind}: {}", answer.body);
                assert_eq!(answer.headers["content-type"], "application/scim+json");
                assert_eq!(answer.body["title"], json!(title));
            }
            finds(&app, "/Users", &[(&format!("title eq {}", json!(title)), &["ada", &format!("new{n}")])]).await;
        }
        for accept in ["application/scim+json", "application/json", "*/*", "application/json, application/scim+json;q=0.5", "text/html, */*;q=0.1"] {
            for to in ["/Users", path.as_str(), "/Schemas", "/ServiceProviderConfig"] {
                let answer = answer(app.request(Method::GET, to).header("Accept", accept)).await;
                assert_eq!(answer.status, 200, "{accept}");
                let kind = answer.headers["content-type"].to_str().expect("text");
                assert!(kind == "application/scim+json" || accept == "application/json" && kind == "application/json", "{accept}: {kind}");
            }
        }
        for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
            let request = app.request(Method::PUT, &path).header("Content-Type", kind).body(user("ada").to_string());
            refused(&answer(request).await, 415, "", kind);
        }
        refused(&answer(app.request(Method::GET, "/Users").header("Accept", "text/html")).await, 406, "", "Accept");
        // What is no UTF-8 is no JSON.
        let request = app.request(Method::PUT, &path).header("Content-Type", "application/json");
        refused(&answer(request.body(b"{\"userName\":\"\xe4\"}".to_vec())).await, 400, "invalidSyntax", "latin-1");
    }

    62, "RFC 7644 3.13; RFC 7643 2.4", "Addresses with the version of the protocol and without it are the same.",
    async fn versions_in_the_address(engine: Engine) {
        let Directory { app, ada, sales, .. } = Directory::new(&engine).await;
        let bare = app.base().replace("/scim/v2", "/scim");
        assert_ne!(bare, app.base());
        for path in [format!("/Users/{ada}"), format!("/Groups/{sales}"), "/Users?filter=userName%20sw%20%22ada%22".into(), "/Groups".into(), "/ServiceProviderConfig".into(), "/Schemas".into()] {
            let with = app.get(&path).await;
            let without = app.get(&format!("{bare}{path}")).await;
            assert_eq!((without.status.as_u16(), &without.body), (200, &with.body), "{path}: the same, with the same location");
        }
        let created = app.post(&format!("{bare}/Users"), &user("new")).await;
        let id = id_of(&created);
        let location = created.headers["location"].to_str().expect("an address");
        assert_eq!(location, created.body["meta"]["location"].as_str().expect("an address"));
        assert_eq!(app.get(location).await.body, created.body);
        assert_eq!(app.get(&format!("/Users/{id}")).await.body, created.body);
        let path = format!("{bare}/Users/{id}");
        assert_eq!(app.patch(&path, json!([{ "op": "add", "path": "title", "value": "T" }])).await.body["title"], "T");
        assert_eq!(app.put(&path, &user("new")).await.status, 200);
        assert_eq!(app.delete(&path).await.status, 204);
        refused(&app.get(&format!("/Users/{id}")).await, 404, "", "deleted there, gone here");
        refused(&app.get(&app.base().replace("/v2", "/v1")).await, 404, "", "another version");
    }

    63, "RFC 7644 3.10", "URN:attribute.sub-attribute is read everywhere, in any case: the URN's own dots and colons part nothing.",
    async fn urns_everywhere(engine: Engine) {
        let Directory { app, ada, bob, .. } = Directory::new(&engine).await;
        let path = format!("/Users/{ada}");
        for urn in [ENTERPRISE.to_owned(), ENTERPRISE.to_uppercase(), ENTERPRISE.to_lowercase()] {
            for (manager, department) in [("manager.value", "department"), ("MANAGER.Value", "Department")] {
                let (manager, department) = (format!("{urn}:{manager}"), format!("{urn}:{department}"));
                let cleared = app.patch(&path, json!([{ "op": "remove", "path": ENTERPRISE }])).await;
                assert_eq!(cleared.body["schemas"], json!([USER]), "{}", cleared.body);
                // The path of a PATCH, its value, a filter, attributes, excludedAttributes, sortBy.
                let written = app.patch(&path, json!([{ "op": "add", "path": manager, "value": bob }, { "op": "replace", "path": department, "value": "Zoo" }])).await.body;
                assert_eq!(written[ENTERPRISE], json!({ "manager": { "value": bob }, "department": "Zoo" }), "{manager}");
                finds(&app, "/Users", &[(&format!("{manager} eq \"{bob}\" and {department} eq \"zoo\""), &["ada"]), (&format!("{urn}:manager[value eq \"{bob}\"]"), &["ada"])]).await;
                let only = app.get(&format!("{path}?attributes={manager}")).await.body;
                assert_eq!(only[ENTERPRISE], json!({ "manager": { "value": bob } }), "{manager}");
                assert_eq!(keys(&only), ["id", "schemas", ENTERPRISE].into());
                let rest = app.get(&format!("{path}?excludedAttributes={department}")).await.body;
                assert_eq!(rest[ENTERPRISE], json!({ "manager": { "value": bob } }), "{department}");
                let sorted = names(&app.get(&format!("/Users?sortBy={department}&filter=department%20pr")).await.body);
                assert_eq!(sorted, ["bob", "ada"], "{department}");
                let gone = app.patch(&path, json!([{ "op": "remove", "path": manager }])).await.body;
                assert_eq!(gone[ENTERPRISE], json!({ "department": "Zoo" }), "{manager}");
            }
        }
        for (urn, name) in [(USER, "name.givenName"), (USER, "NAME.GIVENNAME")] {
            let attribute = format!("{urn}:{name}");
            let written = app.patch(&path, json!([{ "op": "replace", "path": attribute, "value": "G" }])).await.body;
            assert_eq!(written["name"], json!({ "familyName": "ada", "givenName": "G" }), "{attribute}");
            finds(&app, "/Users", &[(&format!("{attribute} eq \"G\""), &["ada"])]).await;
            let typed = format!("{urn}:emails[type eq \"work\"].display");
            let written = app.patch(&path, json!([{ "op": "replace", "path": typed, "value": "D" }])).await.body;
            assert_eq!(written["emails"][0]["display"], "D", "{typed}");
        }
        let group = format!("/Groups/{}", id_of(&app.post("/Groups", &group_body("New")).await));
        let added = app.patch(&group, json!([{ "op": "add", "path": format!("{GROUP}:members"), "value": [{ "value": ada }] }])).await.body;
        assert_eq!(added["members"][0]["value"], json!(ada));
        let removed = app.patch(&group, json!([{ "op": "remove", "path": format!("{}:members[value eq \"{ada}\"]", GROUP.to_uppercase()) }])).await.body;
        assert!(removed.get("members").is_none(), "{removed}");
    }

    66, "RFC 9967", "Prefer: respond-async may be ignored, and is: the answer comes at once, without Preference-Applied, and securityEvents is not announced.",
    note "Optional, and not supported.",
    async fn no_asynchronous_answers(engine: Engine) {
        let Directory { app, ada, .. } = Directory::new(&engine).await;
        let asked = |method: Method, path: &str| app.request(method, path).header("Prefer", "respond-async").header("Content-Type", "application/scim+json");
        let path = format!("/Users/{ada}");
        for (status, request) in [
            (200, asked(Method::GET, "/Users")),
            (201, asked(Method::POST, "/Users").body(user("new").to_string())),
            (200, asked(Method::PUT, &path).body(user("ada").to_string())),
            (204, asked(Method::DELETE, &path)),
        ] {
            let answer = answer(request).await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
            assert!(!answer.headers.contains_key("preference-applied"));
        }
        assert_eq!(app.get("/Users").await.body["totalResults"], 3);
        assert!(app.get("/ServiceProviderConfig").await.body.get("securityEvents").is_none());
    }
}
