use serde_json::{Value, json};

use super::{ENTERPRISE, Org, short};

async fn crowd(count: usize) -> Org {
    let org = Org::new().await;
    for number in 0..count {
        org.add(&format!("u{number:02}")).await;
    }
    org
}

#[tokio::test]
async fn pages() {
    let org = crowd(12).await;
    let first = org.get("/Users").await.body;
    assert_eq!(
        (&first["totalResults"], &first["itemsPerPage"], first.get("startIndex")),
        (&json!(13), &json!(10), None)
    );
    let second = org.get("/Users?startIndex=11&count=200").await.body;
    assert_eq!((&second["startIndex"], second["Resources"].as_array().map(Vec::len)), (&json!(11), Some(3)));
    let ids: Vec<&str> =
        first["Resources"].as_array().expect("list").iter().map(|user| user["id"].as_str().expect("id")).collect();
    assert!(ids.is_sorted());
    let after = org.find(&format!("id gt \"{}\"", ids[9])).await.body;
    assert_eq!(after["Resources"], second["Resources"], "keyset paging sees the same");
    let empty = json!({
        "totalResults": 0, "itemsPerPage": 0, "startIndex": 0, "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    });
    assert_eq!(org.find(r#"userName eq "nobody@acme.example""#).await.body, empty, "no Resources at all");
    for (query, detail) in [
        ("count=0", "Illegal count value : 0"),
        ("count=201", "Illegal count value : 201"),
        ("count=x", "Illegal count value : x"),
        ("startIndex=0", "Illegal startIndex value: 0"),
        ("startIndex=-1", "Illegal startIndex value : -1"),
        (
            "startIndex=2002",
            "Start index too big. Consider filtering down your result set, e.g. id gt \"(the last id in the result set)\"",
        ),
        ("attributes=id&excludedAttributes=name", "Cannot provide both attributes and excludedAttributes"),
        ("attributes=username", "Unsupported attribute: username"),
        ("excludedAttributes=shoeSize", "Unsupported attribute: shoeSize"),
        ("filter=active+eq+true", "Argument has to be a quoted string literal : true"),
        ("filter=shoeSize+pr", "Unsupported attribute : shoeSize"),
        ("filter=name+pr", "Complex attribute name. Please specify subattribute."),
        ("filter=(id+pr", "Unbalanced brackets, check your filter"),
        ("filter=title+eq+%22O'Neil%22", "unexpected token: 'Neil'"),
    ] {
        let answer = org.get(&format!("/Users?{query}")).await;
        assert_eq!((answer.status, answer.detail()), (400, detail), "{query}");
    }
    assert_eq!(org.get("/Users?startIndex=2001").await.status, 200);
}

#[tokio::test]
async fn filters_select() {
    let org = crowd(3).await;
    let ids: Vec<String> = org.running.org().users().into_iter().map(|user| user.id).collect();
    org.patch(&ids[1], json!({"department": "Sales", "groups": [{"value": org.id("Groups", "West")}]})).await;
    org.patch(&ids[2], json!({"active": false, "roles": [{"value": org.id("Roles", "CEO")}]})).await;
    let (west, ceo, profile) = (org.id("Groups", "West"), org.id("Roles", "CEO"), org.id("Profiles", "Standard User"));
    for (filter, expected) in [
        (r#"userName eq "U00@ACME.example""#.to_owned(), vec![1]),
        (r#"externalId eq "ext-u01""#.to_owned(), vec![2]),
        (r#"emails.value sw "u0" and active eq "true""#.to_owned(), vec![1, 3]),
        (r#"active eq "false""#.to_owned(), vec![2]),
        (format!("{ENTERPRISE}:department eq \"sales\""), vec![1]),
        (format!("groups eq \"{west}\""), vec![1]),
        (format!("roles eq \"{ceo}\""), vec![2]),
        (format!("entitlements eq \"{}\"", short(&profile)), vec![1, 2, 3]),
        (format!("id eq \"{}\"", short(&ids[3])), vec![3]),
        (r#"meta.lastModified gt "2000-01-01T00:00:00Z" and userName ew "03@acme.example""#.to_owned(), vec![]),
        (r#"(userName sw "u00") or (userName sw "u02")"#.to_owned(), vec![1, 3]),
    ] {
        let answer = org.find(&filter).await;
        let found: Vec<&str> = answer.body["Resources"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|user| user["id"].as_str().expect("id"))
            .collect();
        assert_eq!(
            found,
            expected.iter().map(|at: &usize| ids[*at].as_str()).collect::<Vec<_>>(),
            "{filter}: {:?}",
            answer.body
        );
    }
    let searched = org
        .scim(
            "POST",
            "/Users/.search",
            json!({"filter": r#"userName sw "u0""#, "count": 1, "attributes": ["userName"]}),
        )
        .await;
    assert_eq!(searched.body["totalResults"], 3);
    assert_eq!(searched.body["Resources"][0]["userName"], "u00@acme.example");
}

#[tokio::test]
async fn attributes_are_cut_down() {
    let org = crowd(1).await;
    let keys = |value: &Value| value.as_object().expect("object").keys().cloned().collect::<Vec<_>>();
    let only = org.get("/Users?attributes=userName,name.familyName&startIndex=2").await.body;
    assert_eq!(keys(&only["Resources"][0]), ["schemas", "id", "userName", "name", "meta"]);
    assert_eq!(only["Resources"][0]["name"], json!({"familyName": "u00"}));
    let without =
        org.get(&format!("/Users?excludedAttributes=entitlements,{ENTERPRISE},name.givenName&startIndex=2")).await.body;
    let user = &without["Resources"][0];
    assert!(user.get("entitlements").is_none() && user.get(ENTERPRISE).is_none(), "{user}");
    assert_eq!(user["name"], json!({"formatted": "Test u00", "familyName": "u00"}));
}

#[tokio::test]
async fn discovery_and_catalogue() {
    let org = Org::new().await;
    let config = org.get("/ServiceProviderConfigs").await;
    assert_eq!((&config.body["patch"]["supported"], &config.body["filter"]["maxResults"]), (&json!(true), &json!(200)));
    assert_eq!(org.get("/ServiceProviderConfig").await.status, 404, "plural only");
    assert_eq!(org.get("/Schemas/User").await.body["id"], "urn:ietf:params:scim:schemas:core:2.0:User");
    assert_eq!(org.get(&format!("/Schemas/{ENTERPRISE}")).await.status, 200);
    assert_eq!(org.get("/Schemas/Pet").await.detail(), "Invalid Schema specified");
    assert_eq!(org.get("/ResourceTypes/Group").await.body["endpoint"], "/Groups");
    assert_eq!(org.get("/ResourceTypes").await.body["totalResults"], 4);

    let id = org.add("ada").await;
    let listed = org.get("/Entitlements").await.body;
    let names: Vec<&str> = listed["Resources"]
        .as_array()
        .expect("list")
        .iter()
        .map(|entry| entry["displayName"].as_str().expect("name"))
        .collect();
    assert_eq!(names.len(), 10, "profiles, then sets that no profile owns: {names:?}");
    assert_eq!((names[0], names[5]), ("System Administrator", "Sales_Console"));
    let profile = org.id("Profiles", "Standard User");
    let entitlement = org.get(&format!("/Entitlements/{profile}")).await.body;
    assert_eq!((&entitlement["type"], &entitlement["members"][0]["value"]), (&json!("Profile"), &json!(id)));
    let none = org.get("/Entitlements?filter=displayName+eq+%22x%22").await;
    assert_eq!((none.status, none.body), (200, json!("")), "nothing found, nothing said");
    let role = org.get("/Roles?filter=displayName+eq+%22CEO%22").await.body;
    assert_eq!((&role["totalResults"], role["Resources"][0]["meta"].get("created")), (&json!(1), None));
    assert_eq!(org.get("/Roles?filter=displayName+eq+%22x%22").await.body["Resources"], json!([]));
    for (method, path) in [("POST", "/Entitlements"), ("PUT", "/Roles"), ("DELETE", "/Entitlements")] {
        assert_eq!(org.scim(method, path, json!({})).await.detail(), "Method not supported");
    }
    assert_eq!(org.scim("PUT", "/Users", json!({})).await.status, 405);
    assert_eq!(org.get("/Bulk").await.code(), "NOT_FOUND");
}
