//! What is not known of production, one switch at a time.

use chrono::DateTime;
use scim_bridge::sandbox::{DefaultAlias, Faults, OddPatch, Settings, Switches};
use serde_json::{Value, json};

use super::{Org, with};

async fn switched(change: impl FnOnce(&mut Switches)) -> Org {
    let mut switches = Switches::default();
    change(&mut switches);
    Org::with(Settings { switches, ..Settings::default() }).await
}

#[tokio::test]
async fn paths_come_and_go() {
    let search = json!({"filter": "userName pr"});
    let org = Org::new().await;
    assert_eq!(org.get("/Me").await.status, 200);
    assert_eq!(org.scim("POST", "/Users/.search", search.clone()).await.status, 200);
    let org = switched(|switches| (switches.me, switches.search) = (false, false)).await;
    assert_eq!(org.get("/Me").await.status, 405);
    assert_eq!(org.scim("POST", "/Users/.search", search).await.status, 405);
    assert_eq!(
        switched(|switches| switches.singular_config = true).await.get("/ServiceProviderConfig").await.status,
        200
    );
}

#[tokio::test]
async fn rights() {
    let org = switched(|switches| switches.api_enabled = false).await;
    let refused = org.get("/Users").await;
    assert_eq!((refused.status, refused.code()), (403, "API_CURRENTLY_DISABLED"));
    let org = switched(|switches| switches.manage_users = false).await;
    assert_eq!(org.get("/Users").await.status, 200);
    let refused = org.scim("POST", "/Users", org.person("ada")).await;
    assert_eq!((refused.status, refused.code()), (403, "INSUFFICIENT_ACCESS"));
    let composite = |method: &str| {
        let part = json!({ "method": method, "referenceId": "one", "url": "/services/data/v66.0/limits" });
        json!({ "allOrNone": false, "compositeRequest": [part] })
    };
    assert_eq!(org.rest("POST", "/composite", composite("GET")).await.status, 200, "it only reads");
    assert_eq!(org.rest("POST", "/composite", composite("PATCH")).await.status, 403);
}

#[tokio::test]
async fn aliases() {
    let alias = async |rule, document: fn(Value) -> Value| {
        let org = switched(|switches| switches.default_alias = rule).await;
        let answer = org.scim("POST", "/Users", document(org.person("Lovelace"))).await;
        (answer.status, answer.body["urn:salesforce:schemas:extension:1.0"]["alias"].clone())
    };
    let (_, time) = alias(DefaultAlias::Time, |person| person).await;
    assert!(time.as_str().is_some_and(|alias| alias.len() == 8 && alias.parse::<u32>().is_ok()), "{time}");
    assert_eq!(alias(DefaultAlias::Name, |person| person).await, (201, json!("tlove")));
    assert_eq!(alias(DefaultAlias::Missing, |person| person).await.0, 409);
    let given = |person: Value| with(person, json!({"urn:salesforce:schemas:extension:1.0": {"alias": "muchtoolong"}}));
    assert_eq!(alias(DefaultAlias::Missing, given).await, (201, json!("muchtool")), "cut in silence");
}

#[tokio::test]
async fn times_of_the_pilot() {
    // Nine in the evening of the 14th in Greenwich; the day before it is still the 14th in Los Angeles at 05:00.
    let times = async |seconds: i64, bug: bool| {
        let at = DateTime::from_timestamp(seconds, 0).expect("a time");
        let switches = Switches { meta_time_bug: bug, ..Switches::default() };
        let org = Org::with(Settings { switches, clock: std::sync::Arc::new(move || at), ..Settings::default() }).await;
        let id = org.add("ada").await;
        org.get(&format!("/Users/{id}")).await.body["meta"]["lastModified"].clone()
    };
    let evening = DateTime::parse_from_rfc3339("2026-10-14T21:05:09Z").expect("a time").timestamp();
    assert_eq!(times(evening, false).await, "2026-10-14T21:05:09Z");
    assert_eq!(times(evening, true).await, "2026-10-14T09:05:09Z", "a clock of twelve hours");
    assert_eq!(times(evening + 8 * 3600, true).await, "2026-10-14T05:05:09Z", "the date of Los Angeles");
}

#[tokio::test]
async fn lists() {
    let org = switched(|switches| switches.start_index_max = 3).await;
    assert_eq!(org.get("/Users?startIndex=3").await.status, 200);
    assert!(org.get("/Users?startIndex=4").await.detail().starts_with("Start index too big."));
    let org = switched(|switches| switches.start_index_max = 0).await;
    assert_eq!(org.get("/Users?startIndex=5000").await.status, 200);

    for (shared, shown) in [(true, 0), (false, 1)] {
        let org = switched(|switches| switches.members_share_cap = shared).await;
        let (west, template) = (org.id("Groups", "West"), org.add("template").await);
        org.running.org().with_store(|store| {
            use scim_bridge::sandbox::store::field::Field;
            for number in 0..200 {
                let mut user = store.user(&template).expect("template").clone();
                for (field, value) in [
                    (Field::Username, format!("u{number}@acme.example")),
                    (Field::CommunityNickname, format!("u{number}")),
                    (Field::FederationIdentifier, String::new()),
                ] {
                    user.set(field, &value);
                }
                let id = store.insert_user(user).expect("insert");
                store.add_member(&west, &id).expect("member");
            }
        });
        let listed = org.get("/Groups").await.body;
        assert_eq!(listed["Resources"][0]["members"].as_array().map(Vec::len), Some(200));
        assert_eq!(listed["Resources"][1]["members"].as_array().map(Vec::len), Some(shown), "shared: {shared}");
    }
}

#[tokio::test]
async fn patches() {
    let array = json!([{"op": "replace", "path": "emails", "value": [{"value": "new@acme.example"}]}]);
    for (switch, status) in
        [(OddPatch::Ignore, 200), (OddPatch::Honour, 200), (OddPatch::Refuse, 400), (OddPatch::Fail, 500)]
    {
        let org = switched(|switches| switches.patch_array = switch).await;
        let id = org.add("ada").await;
        assert_eq!(org.operations(&format!("/Users/{id}"), array.clone()).await.status, status, "{switch:?}");
        assert_eq!(org.user(&id)["PendingEmail"] == "new@acme.example", switch == OddPatch::Honour, "{switch:?}");
    }
    let org = switched(|switches| switches.patch_applies_all = true).await;
    let id = org.add("ada").await;
    let value =
        json!({"userName": "new@acme.example", "externalId": "n", "phoneNumbers": [{"type": "work", "value": "1"}]});
    assert_eq!(org.patch(&id, value).await.status, 200);
    let user = org.user(&id);
    assert_eq!(
        (&user["Username"], &user["FederationIdentifier"], &user["Phone"]),
        (&json!("new@acme.example"), &json!("n"), &json!("1"))
    );
    for (switch, status, members) in
        [(OddPatch::Fail, 500, 0), (OddPatch::Refuse, 400, 0), (OddPatch::Ignore, 200, 0), (OddPatch::Honour, 200, 1)]
    {
        let org = switched(|switches| switches.group_patch_array = switch).await;
        let (id, west) = (org.add("ada").await, org.id("Groups", "West"));
        let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
        assert_eq!(org.operations(&format!("/Groups/{west}"), add).await.status, status, "{switch:?}");
        assert_eq!(org.members(&west).len(), members, "{switch:?}");
    }
}

#[tokio::test]
async fn groups_of_a_create_that_has_no_sets() {
    for (needed, held) in [(false, json!(["West"])), (true, json!([]))] {
        let org = switched(|switches| switches.groups_need_sets = needed).await;
        let group = json!({"groups": [{"value": org.id("Groups", "West")}]});
        let answer = org.scim("POST", "/Users", with(org.person("ada"), group)).await;
        assert_eq!(answer.status, 201);
        assert_eq!(org.user(answer.body["id"].as_str().expect("id"))["Groups"], held);
    }
}

#[tokio::test]
async fn calls_that_count() {
    for counts in [true, false] {
        let org = switched(|switches| switches.scim_counts = counts).await;
        let before = org.get("/Users").await;
        assert_eq!(before.headers.contains_key("sforce-limit-info"), counts);
        let used = |answer: &super::Answer| answer.headers["sforce-limit-info"].to_str().expect("text").to_owned();
        let rest = org.rest("GET", "/limits", Value::Null).await;
        assert_eq!(used(&rest), if counts { "api-usage=2/5000000" } else { "api-usage=1/5000000" });
    }
}

#[tokio::test]
async fn apostrophes_in_filters() {
    let filter = "name.familyName eq \"O'Hara\"";
    for (breaks, status) in [(true, 400), (false, 200)] {
        let org = switched(|switches| switches.apostrophe_breaks_filter = breaks).await;
        let ada = with(org.person("ada"), json!({"name": {"familyName": "O'Hara", "givenName": "Ada"}}));
        assert_eq!(org.scim("POST", "/Users", ada).await.status, 201);
        let found = org.find(filter).await;
        assert_eq!(found.status, status, "{found:?}");
        assert_eq!(found.body["totalResults"].as_u64(), (!breaks).then_some(1), "{found:?}");
    }
}

#[tokio::test]
async fn the_status_of_an_active_create() {
    for (switch, active, status) in [(false, true, 201), (true, true, 200), (true, false, 201)] {
        let org = switched(|switches| switches.create_answers_200 = switch).await;
        let answer = org.scim("POST", "/Users", with(org.person("ada"), json!({"active": active}))).await;
        assert_eq!((answer.status, answer.body["active"].as_bool()), (status, Some(active)), "{answer:?}");
    }
}

/// Of two calls at once that write the same group or role, the later one meets a lock; others do not.
#[tokio::test]
async fn locks_of_shared_rows() {
    for locks in [true, false] {
        let org = switched(|switches| switches.locks_shared_rows = locks).await;
        let people = [org.add("ada").await, org.add("bob").await];
        let (west, north) = (org.id("Groups", "West"), org.id("Groups", "All Regions"));
        let role = org.id("Roles", "CEO");
        org.running.org().set_faults(Faults { latency_ms: 100, ..Faults::default() });
        let join = async |group: &str, user: &str| {
            let part = json!({
                "method": "POST", "url": "/services/data/v66.0/sobjects/GroupMember", "referenceId": "join",
                "body": {"GroupId": group, "UserOrGroupId": user},
            });
            let body = json!({"allOrNone": false, "compositeRequest": [part]});
            org.rest("POST", "/composite", body).await.body["compositeResponse"][0].clone()
        };
        let status = |answer: &Value| answer["httpStatusCode"].as_u64().expect("a status");
        let (one, other) = tokio::join!(join(&west, &people[0]), join(&north, &people[0]));
        assert_eq!((status(&one), status(&other)), (201, 201), "two groups");
        let (one, other) = tokio::join!(join(&north, &people[1]), async {
            let add = json!([{"op": "add", "value": {"members": [{"value": people[1]}]}}]);
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            org.operations(&format!("/Groups/{north}"), add).await
        });
        assert_eq!(status(&one), 201, "the first has the lock");
        assert_eq!(other.body.to_string().contains("UNABLE_TO_LOCK_ROW"), locks, "{other:?}");
        let promote = async |user: &str| {
            let path = format!("/sobjects/User/{user}");
            org.rest("PATCH", &path, json!({"UserRoleId": role})).await.status
        };
        let (one, other) = tokio::join!(promote(&people[0]), promote(&people[1]));
        assert_eq!(one.max(other), if locks { 400 } else { 204 });
        assert_eq!(join(&west, &people[1]).await["httpStatusCode"], 201, "and nothing stays locked");
        let met = org.running.org().counters()["faults"]["row_in_use"].as_u64();
        assert_eq!(met, locks.then_some(2));
    }
}
