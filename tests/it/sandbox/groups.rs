use scim_bridge::sandbox::{Settings, Switches};
use serde_json::{Value, json};

use super::Org;

fn members(ids: &[&str]) -> Value {
    json!({"members": ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>()})
}

#[tokio::test]
async fn members_change_by_the_object_form_only() {
    let org = Org::new().await;
    let (ada, eve, west) = (org.add("ada").await, org.add("eve").await, org.id("Groups", "West"));
    let path = format!("/Groups/{west}");
    let change = |op: &str, value: Value| org.operations(&path, json!([{"op": op, "path": "members", "value": value}]));
    let added = change("add", members(&[&ada, &eve])).await;
    assert_eq!(added.status, 200, "{added:?}");
    let url = org.running.url();
    assert_eq!(
        added.body["members"][0],
        json!({"value": ada, "type": "User", "$ref": format!("{url}/services/scim/v2/Users/{ada}")})
    );
    assert_eq!((&added.body["displayName"], &added.body["type"]), (&json!("West"), &json!("Regular")));
    assert_eq!(org.user(&ada)["Groups"], json!(["West"]));

    let array = change("add", json!([{"value": ada}])).await;
    assert_eq!((array.status, array.code()), (500, "APEX_ERROR"), "the form of RFC 7644 is not understood");
    let guess = " FIELD_INTEGRITY_EXCEPTIONs likely caused by attempted assignment to wrong User license.";
    let fresh = org.add("fresh").await;
    for (op, ids) in [("add", [&fresh, &ada]), ("remove", [&ada, &fresh])] {
        let answer = change(op, members(&[ids[0], ids[1]])).await;
        assert!(answer.status == 500 && answer.detail().ends_with(guess), "{op}: {answer:?}");
        assert_eq!(org.members(&west), [ada.clone(), eve.clone()], "all or nothing");
    }
    assert_eq!(org.user(&fresh)["Groups"], json!([]));
    assert_eq!(change("move", members(&[])).await.detail(), "Improper Operations");
    assert_eq!(change("remove", members(&[&ada])).await.status, 200);
    assert_eq!(change("replace", members(&[&fresh])).await.status, 200);
    assert_eq!(org.members(&west), [] as [&str; 0], "replace empties and does not add");
    let schema = org.scim("PATCH", &path, json!({"schemas": ["x"], "Operations": []})).await;
    assert_eq!(schema.detail(), "Improper Schema.");
}

#[tokio::test]
async fn groups_are_nested_and_queues_are_hidden() {
    let org = Org::new().await;
    let (west, all, queue) =
        (org.id("Groups", "West"), org.id("Groups", "All Regions"), org.id("Groups", "Support Queue"));
    let group = org.get(&format!("/Groups/{all}")).await;
    assert_eq!(group.body["members"][0]["type"], "Group");
    let circle = org.operations(&format!("/Groups/{west}"), json!([{"op": "add", "value": members(&[&all])}])).await;
    assert!(circle.status == 500 && circle.detail().contains("CIRCULAR_DEPENDENCY"));
    let listed = org.get("/Groups").await;
    let kinds: Vec<&Value> =
        listed.body["Resources"].as_array().expect("list").iter().map(|group| &group["type"]).collect();
    assert_eq!(kinds, ["Regular", "Regular", "Queue"]);
    for path in [format!("/Groups/{queue}"), "/Groups/00GAA000000000000".to_owned()] {
        assert_eq!(org.get(&path).await.detail(), "No such resource.");
    }
    assert_eq!(org.operations(&format!("/Groups/{queue}"), json!([])).await.status, 404);
}

#[tokio::test]
async fn whole_groups_are_written_by_a_switch() {
    let org = Org::new().await;
    let (ada, eve) = (org.add("ada").await, org.add("eve").await);
    let created = org.scim("POST", "/Groups", json!({"displayName": "East", "members": [{"value": ada}]})).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["id"].as_str().expect("id").to_owned();
    let path = format!("/Groups/{id}");
    let replaced = org.scim("PUT", &path, json!({"displayName": "Far East", "members": [{"value": eve}]})).await;
    assert_eq!((replaced.status, replaced.body), (200, json!("")), "an empty body");
    assert_eq!((org.members(&id), &org.get(&path).await.body["displayName"]), (vec![eve], &json!("Far East")));
    let same_name = org.scim("POST", "/Groups", json!({"displayName": "West"})).await;
    assert_eq!(same_name.status, 201, "labels need not be unique");
    for (document, text) in [
        (json!({}), "REQUIRED_FIELD_MISSING"),
        (json!({"displayName": "x".repeat(41)}), "STRING_TOO_LONG"),
        (json!({"displayName": "y", "members": [{"value": "005AA000000000000"}]}), "INVALID_CROSS_REFERENCE_KEY"),
    ] {
        let refused = org.scim("POST", "/Groups", document).await;
        assert!(refused.status == 500 && refused.detail().contains(text), "{refused:?}");
    }
    assert_eq!(
        org.get("/Groups?filter=displayName+eq+%22y%22").await.body["totalResults"],
        0,
        "nothing half made stays"
    );
    assert_eq!(org.scim("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(org.scim("DELETE", &path, Value::Null).await.detail(), "No such resource.");

    let switches = Switches { group_writes: false, ..Switches::default() };
    let org = Org::with(Settings { switches, ..Settings::default() }).await;
    let refused = org.scim("POST", "/Groups", json!({"displayName": "East"})).await;
    assert_eq!((refused.status, refused.code()), (405, "METHOD_NOT_ALLOWED"));
}

#[tokio::test]
async fn an_answer_shows_200_members_at_most() {
    let org = Org::new().await;
    let west = org.id("Groups", "West");
    let template = org.add("template").await;
    org.running.org().with_store(|store| {
        for number in 0..205 {
            let mut user = store.user(&template).expect("template").clone();
            user.set(scim_bridge::sandbox::store::field::Field::Username, &format!("u{number}@acme.example"));
            user.set(scim_bridge::sandbox::store::field::Field::CommunityNickname, &format!("u{number}"));
            user.set(scim_bridge::sandbox::store::field::Field::FederationIdentifier, "");
            let id = store.insert_user(user).expect("insert");
            store.add_member(&west, &id).expect("member");
        }
    });
    let count = |answer: &super::Answer| answer.body["members"].as_array().map(Vec::len);
    assert_eq!(count(&org.get(&format!("/Groups/{west}")).await), Some(200));
    assert_eq!(count(&org.get(&format!("/Groups/{west}?members.startIndex=201")).await), Some(5));
    assert_eq!(count(&org.get(&format!("/Groups/{west}?members.count=3")).await), Some(3));
    assert_eq!(org.get(&format!("/Groups/{west}?members.count=201")).await.detail(), "Illegal count value : 201");
    let lean = org.get(&format!("/Groups/{west}?excludedAttributes=members")).await;
    assert_eq!(lean.body.get("members"), None);
    // `All Regions` comes after `West` on the page, and the cap is shared.
    let listed = org.get("/Groups").await;
    assert_eq!(listed.body["Resources"][0]["members"].as_array().map(Vec::len), Some(200));
    assert_eq!(listed.body["Resources"][1]["members"], json!([]));
}
