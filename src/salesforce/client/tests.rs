//! The calls over real HTTP, against an org of canned answers.

use std::time::Duration;

use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};

use crate::salesforce::testing::{Org, Reply, client};
use crate::salesforce::{Cause, Disposition, Error, Record, UserKey};

const ID: &str = "005AA000000cccYYAQ";

fn user(fields: &[(&str, Value)]) -> String {
    let mut user = json!({ "id": ID, "userName": "ada@example.com", "emails": [{ "value": "ada@example.com" }] });
    for (name, value) in fields {
        user[*name] = value.clone();
    }
    user.to_string()
}

fn session_expired() -> Reply {
    Reply::status(401, r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
}

#[tokio::test]
async fn many_waiters_log_in_once() {
    let org = Org::start(|_, _| Reply::ok(r#"{"totalResults":0}"#)).await;
    let client = org.client();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.find_users(UserKey::Username("a@b.co")).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(Vec::new()));
    }
    assert_eq!(org.logins(), 1);
    assert_eq!(org.calls().len(), 20);
}

#[tokio::test]
async fn a_refused_login_is_not_repeated_by_those_who_waited_for_it() {
    let refusal = r#"{"error":"invalid_grant","error_description":"authentication failure"}"#;
    let org = Org::with_logins(move |_| Reply::status(400, refusal), |_, _| Reply::ok("")).await;
    let client = org.client();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.user(ID).await })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(Error::Login(_))));
    }
    assert_eq!(org.logins(), 1);
    assert!(matches!(client.user(ID).await, Err(Error::Login(_))));
    assert_eq!(org.logins(), 1, "who comes a little later takes the refusal for an answer");
    client.log_in().await.unwrap_err();
    assert_eq!(org.logins(), 2, "who asks for it tries again");
}

#[tokio::test]
async fn a_refused_login_is_tried_again_in_time() {
    let refusal = r#"{"error":"invalid_grant","error_description":"authentication failure"}"#;
    let org = Org::with_logins(move |_| Reply::status(400, refusal), |_, _| Reply::ok("")).await;
    let (client, clock) = client(org.settings());
    // The last is a clock that was set back.
    for (seconds, logins) in [(0, 1), (9, 1), (1, 2), (9, 2), (-10, 3)] {
        clock.advance(TimeDelta::seconds(seconds));
        assert!(matches!(client.user(ID).await, Err(Error::Login(_))));
        assert_eq!(org.logins(), logins);
    }
}

#[tokio::test]
async fn an_expired_session_is_renewed_once_and_the_call_repeated() {
    let org = Org::start(
        |_, request| {
            if request.head.contains("session-1") { session_expired() } else { Reply::ok(user(&[])) }
        },
    )
    .await;
    let client = org.client();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.user(ID).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().unwrap().id, ID);
    }
    assert_eq!(org.logins(), 2, "five that found it expired renew it once");
}

#[tokio::test]
async fn a_session_that_is_never_accepted_is_given_up() {
    let org = Org::start(|_, _| session_expired()).await;
    let error = org.client().user(ID).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::Session));
    assert_eq!((org.calls().len(), org.logins()), (2, 2));
}

#[tokio::test]
async fn an_old_session_is_renewed_before_it_expires() {
    let org = Org::start(|_, _| Reply::ok(user(&[]))).await;
    let (client, clock) = client(org.settings());
    client.user(ID).await.unwrap();
    clock.advance(TimeDelta::minutes(99));
    client.user(ID).await.unwrap();
    assert_eq!(org.logins(), 1);
    clock.advance(TimeDelta::minutes(2));
    client.user(ID).await.unwrap();
    assert_eq!(org.logins(), 2);
}

#[tokio::test]
async fn a_lost_answer_to_a_change_asks_for_a_look() {
    for reply in [|| Reply::HangUp, || Reply::Stall] {
        let org = Org::start(move |_, _| reply()).await;
        let client = org.client();
        let error = client.create_user(&Record::new(), "00e1").await.unwrap_err();
        assert!(matches!(error, Error::Lost(_)), "{error:?}");
        assert_eq!(error.disposition(), Disposition::LookFirst);
        let error = client.user(ID).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "nothing is lost with a read: {error:?}");
    }
}

#[tokio::test]
async fn half_an_answer_is_a_lost_answer() {
    let org = Org::start(|_, _| Reply::Cut(201)).await;
    let error = org.client().create_user(&Record::new(), "00e1").await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn an_org_that_is_not_there_is_an_outage() {
    let token = r#"{"access_token":"session-1","instance_url":"http://127.0.0.1:1"}"#;
    let org = Org::with_logins(move |_| Reply::ok(token), |_, _| Reply::ok("")).await;
    let error = org.client().create_user(&Record::new(), "00e1").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert_eq!(error.disposition(), Disposition::Outage { after: None });
}

#[tokio::test]
async fn an_org_says_how_long_it_will_be_away() {
    let org = Org::start(|_, _| Reply::Answer(503, "Retry-After: 17\r\n", "busy".to_owned())).await;
    let error = org.client().user(ID).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Outage { after: Some(Duration::from_secs(17)) });
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let org = Org::start(|_, _| Reply::ok("x".repeat(5_000))).await;
    let mut settings = org.settings();
    settings.body_limit = 4_999;
    assert_eq!(client(settings.clone()).0.user(ID).await, Err(Error::TooLarge { limit: 4_999 }));
    settings.body_limit = 5_000;
    assert!(matches!(client(settings).0.user(ID).await, Err(Error::Unreadable { .. })));
}

#[tokio::test]
async fn a_user_is_found_by_a_quoted_encoded_filter() {
    let found = json!({ "Resources": [
        { "id": "0051", "externalId": "O'Neil & co", "active": false },
        { "id": "0052", "externalId": "Onkel & co" }
    ] });
    let org = Org::start(move |_, _| Reply::ok(found.to_string())).await;
    let users = org.client().find_users(UserKey::FederationId("o'neil & co")).await.unwrap();
    assert_eq!(users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["0051"]);
    let line = org.last().line;
    assert!(
        line.contains("?filter=externalId%20sw%20%22o%22%20and%20externalId%20ew%20%22neil%20%26%20co%22&count=200 "),
        "{line}"
    );
}

#[tokio::test]
async fn a_long_list_is_read_by_the_last_id() {
    let page = |from: usize, to: usize| {
        let users: Vec<_> = (from..to).map(|n| json!({ "id": format!("005{n:04}"), "userName": "o'x@b.co" })).collect();
        Reply::ok(json!({ "Resources": users }).to_string())
    };
    let org = Org::start(move |n, _| if n == 0 { page(0, 200) } else { page(200, 230) }).await;
    let users = org.client().find_users(UserKey::Username("o'x@b.co")).await.unwrap();
    assert_eq!(users.len(), 230);
    assert_eq!(
        org.calls()[1],
        r#"GET /services/scim/v2/Users?filter=(userName sw "o" and userName ew "x@b.co") and (id gt "0050199")&count=200"#
    );
}

#[tokio::test]
async fn an_absent_user_is_none_and_a_wrong_url_is_an_error() {
    let org = Org::start(|n, _| match n {
        0 => Reply::status(404, r#"{"schemas":"[]","detail":"No such resource","status":404}"#),
        1 => Reply::ok(r#"{"totalResults":0,"itemsPerPage":0,"startIndex":0}"#),
        _ => Reply::status(404, "<html>no such page</html>"),
    })
    .await;
    let client = org.client();
    assert_eq!(client.user(ID).await, Ok(None));
    assert_eq!(client.user(ID).await, Ok(None), "a kind of user that SCIM does not show");
    assert_eq!(client.user(ID).await.unwrap_err().cause(), Some(Cause::Moved));
}

#[tokio::test]
async fn a_created_user_is_seen_whatever_the_status() {
    let org = Org::start(|n, _| match n {
        0 => Reply::status(201, user(&[])),
        1 => Reply::ok(user(&[])),
        2 => Reply::status(400, user(&[])),
        3 => Reply::status(409, r#"{"schemas":"[]","detail":"x; first error: DUPLICATE_USERNAME, y","status":409}"#),
        _ => Reply::status(201, "{}"),
    })
    .await;
    let (client, record) = (org.client(), Record::new().with("Username", "ada@example.com"));
    assert_eq!(client.create_user(&record, "00e1").await.unwrap().notes.len(), 0);
    assert_eq!(client.create_user(&record, "00e1").await.unwrap().notes.len(), 0);
    let partly = client.create_user(&record, "00e1").await.unwrap();
    assert_eq!((partly.id.as_str(), partly.notes.len()), (ID, 1));
    assert_eq!(client.create_user(&record, "00e1").await.unwrap_err().cause(), Some(Cause::DuplicateUsername));
    let error = client.create_user(&record, "00e1").await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::LookFirst, "{error:?}");
    assert_eq!(org.last().json()["entitlements"], json!([{ "value": "00e1" }]));
}

#[tokio::test]
async fn an_update_is_one_call() {
    let org = Org::start(|_, request| {
        let scim = request.line.starts_with("PATCH /services/scim");
        if scim { Reply::ok(user(&[("title", json!("Countess"))])) } else { Reply::status(204, "") }
    })
    .await;
    let client = org.client();
    assert_eq!(client.update_user(ID, &Record::new()).await.unwrap().echoed, None);
    assert_eq!(org.calls().len(), 0, "no change, no call");
    let changes = Record::new().with("Title", "Countess").with("Email", "new@example.com");
    let echoed = client.update_user(ID, &changes).await.unwrap().echoed.unwrap();
    assert_eq!(echoed.record.text("Email"), Some("ada@example.com"), "waits for the person's confirmation");
    assert_eq!(org.calls(), [format!("PATCH /services/scim/v2/Users/{ID}")]);
    let changes = Record::new().with("Username", "new@example.com").with("Fax", Value::Null);
    assert_eq!(client.update_user(ID, &changes).await.unwrap().echoed, None);
    assert_eq!(org.calls()[1..], [format!("PATCH /services/data/v66.0/sobjects/User/{ID}")]);
    assert_eq!(org.last().json(), json!({ "Fax": null, "Username": "new@example.com" }));
}

#[tokio::test]
async fn what_a_patch_did_not_apply_goes_over_rest() {
    let org = Org::start(|n, _| if n == 0 { Reply::ok(user(&[])) } else { Reply::status(204, "") }).await;
    let changes = Record::new().with("Title", "Countess").with("IsActive", false);
    assert_eq!(org.client().update_user(ID, &changes).await.unwrap().echoed, None);
    assert_eq!(org.last().json(), json!({ "IsActive": false, "Title": "Countess" }));
    assert!(org.last().line.contains("/sobjects/User/"));
}

#[tokio::test]
async fn an_update_of_an_absent_user_says_that_it_is_gone() {
    let org = Org::start(|_, _| Reply::status(404, r#"[{"message":"x","errorCode":"NOT_FOUND"}]"#)).await;
    for field in ["Title", "Phone"] {
        let error = org.client().update_user(ID, &Record::new().with(field, "x")).await.unwrap_err();
        assert!(matches!(&error, Error::Gone { id, .. } if id == ID), "{error:?}");
    }
}

#[tokio::test]
async fn a_profile_is_found_among_entitlements() {
    let found = json!({ "Resources": [
        { "id": "0PS1", "displayName": "Standard User", "type": "Permission Set" },
        { "id": "00e1", "displayName": "standard user", "type": "Profile" },
        { "id": "00e2", "displayName": "Standard User 2", "type": "Profile" }
    ] });
    let org = Org::start(move |n, _| if n == 0 { Reply::ok(found.to_string()) } else { Reply::ok("") }).await;
    let client = org.client();
    let profiles = client.find_profile("Standard User").await.unwrap();
    assert_eq!(profiles.iter().map(|profile| profile.id.as_str()).collect::<Vec<_>>(), ["00e1"]);
    assert_eq!(client.find_profile("None").await, Ok(Vec::new()), "an empty list of entitlements has no body");
}

#[tokio::test]
async fn queues_are_no_public_groups() {
    let found = json!({ "Resources": [
        { "id": "00G1", "displayName": "West", "type": "Queue" }, { "id": "00G2", "displayName": "West", "type": "Regular" }
    ] });
    let org = Org::start(move |_, _| Reply::ok(found.to_string())).await;
    let groups = org.client().find_groups("West").await.unwrap();
    assert_eq!(groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>(), ["00G2"]);
}

#[tokio::test]
async fn groups_are_made_and_deleted_over_rest_where_scim_does_not_offer_it() {
    let org = Org::start(|_, request| match request.line.split(' ').collect::<Vec<_>>()[..] {
        ["POST", path, _] if path.ends_with("/sobjects/Group") => Reply::status(201, r#"{"id":"00G7","success":true}"#),
        ["DELETE", path, _] if path.contains("/sobjects/Group/") => Reply::status(204, ""),
        ["POST", ..] => Reply::status(405, r#"[{"message":"x","errorCode":"METHOD_NOT_ALLOWED"}]"#),
        _ => Reply::status(501, r#"{"schemas":"[]","detail":"Method not supported","status":501}"#),
    })
    .await;
    let client = org.client();
    assert_eq!(client.create_group("West").await.unwrap().id, "00G7");
    assert_eq!(org.last().json(), json!({ "Name": "West", "Type": "Regular" }));
    client.delete_group("00G7").await.unwrap();
    assert_eq!(org.calls().len(), 4);
}

#[tokio::test]
async fn groups_are_renamed_deleted_and_filled() {
    let org = Org::start(|_, request| match request.line.split(' ').next() {
        Some("DELETE") => Reply::status(404, r#"{"schemas":"[]","detail":"No such resource.","status":404}"#),
        Some("POST") => Reply::status(201, r#"{"id":"00G1","displayName":"West"}"#),
        _ if request.line.contains("/sobjects/") => Reply::status(204, ""),
        _ => Reply::ok(r#"{"id":"00G1"}"#),
    })
    .await;
    let client = org.client();
    assert_eq!(client.create_group("West").await.unwrap().id, "00G1");
    client.rename_group("00G1", "East").await.unwrap();
    assert_eq!(org.last().json(), json!({ "Name": "East" }));
    client.delete_group("00G1").await.unwrap();
    client.change_members("00G1", &[], &[]).await.unwrap();
    assert_eq!(org.calls().len(), 3, "no change of members, no call");
    client.change_members("00G1", &["0051".to_owned()], &["0052".to_owned()]).await.unwrap();
    assert_eq!(org.calls()[3], "PATCH /services/scim/v2/Groups/00G1");
}

#[tokio::test]
async fn members_are_read_page_by_page() {
    let page = |from: usize, to: usize| {
        let members: Vec<_> = (from..to).map(|n| json!({ "value": format!("005{n}"), "type": "User" })).collect();
        Reply::ok(json!({ "id": "00G1", "members": members }).to_string())
    };
    let org = Org::start(move |n, _| if n == 0 { page(0, 200) } else { page(200, 203) }).await;
    assert_eq!(org.client().group_members("00G1").await.unwrap().len(), 203);
    assert_eq!(org.calls()[1], "GET /services/scim/v2/Groups/00G1?members.startIndex=201&members.count=200");
    let deaf = Org::start(move |_, _| page(0, 200)).await;
    assert_eq!(deaf.client().group_members("00G1").await.unwrap().len(), 200, "an org that ignores the paging");
    assert_eq!(deaf.calls().len(), 2);
}

#[tokio::test]
async fn members_beyond_the_last_page_are_found_among_the_users() {
    let org = Org::start(|_, request| {
        let target = request.target();
        let page = |key: &str, ids: std::ops::Range<usize>, name: &str| {
            let entries: Vec<_> = ids.map(|n| json!({ name: format!("005{n:05}") })).collect();
            Reply::ok(json!({ "id": "00G1", key: entries }).to_string())
        };
        if let Some((_, rest)) = target.split_once("members.startIndex=") {
            let start: usize = rest.split('&').next().unwrap().parse().unwrap();
            return page("members", start - 1..start + 199, "value");
        }
        assert!(target.contains(r#"filter=groups eq "00G1"&"#) || target.contains("id gt"), "{target}");
        let from = target
            .split("id gt \"005")
            .nth(1)
            .map_or(0, |rest| rest.split('"').next().unwrap().parse::<usize>().unwrap() + 1);
        page("Resources", from..(from + 200).min(2_345), "id")
    })
    .await;
    let members = org.client().group_members("00G1").await.unwrap();
    assert_eq!(members.len(), 2_345);
    assert_eq!(org.calls().len(), 11 + 12);
}

#[tokio::test]
async fn calls_are_counted_by_tenant_and_kind() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let guard = metrics::set_default_local_recorder(&recorder);
    let org = Org::start(|_, _| Reply::ok(user(&[]))).await;
    let client = org.client();
    client.user(ID).await.unwrap();
    client.user(ID).await.unwrap();
    drop(guard);
    let text = recorder.handle().render();
    for line in [
        r#"scim_bridge_salesforce_calls_total{tenant="acme",kind="read-user"} 2"#,
        r#"scim_bridge_salesforce_calls_total{tenant="acme",kind="login"} 1"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}

/// Whoever reads `kind` in the metrics finds it in the runbook.
#[test]
fn the_runbook_lists_every_kind_of_call() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut kinds) = (vec![root.join("src/salesforce/client")], std::collections::BTreeSet::new());
    let is_kind = |text: &&str| {
        let plain = text.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !text.starts_with('-');
        plain && (text.contains('-') || ["catalogue", "discovery", "limits", "freeze"].contains(text))
    };
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            // Of a line in quotes, every second piece is a text.
            let texts = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let texts = texts.flat_map(|line| line.split('"').skip(1).step_by(2));
            kinds.extend(texts.filter(is_kind).map(str::to_owned));
        }
    }
    kinds.insert("login".to_owned());
    assert!(kinds.len() > 30, "{kinds:?}");
    let runbook = std::fs::read_to_string(root.join("docs/runbook.md")).unwrap();
    let (_, listed) = runbook.split_once("calls, `login` among them. Kinds: ").unwrap();
    let listed =
        listed.lines().next().unwrap().trim_end_matches(" |").split(", ").map(|kind| kind.trim_matches('`').to_owned());
    assert_eq!(listed.collect::<std::collections::BTreeSet<_>>(), kinds);
}

#[tokio::test]
async fn without_rest_the_org_s_own_fields_go_under_the_urn_that_it_names() {
    let urn = "urn:salesforce:schemas:extension:00DAA0000001aaaYAA";
    let org = Org::start(move |_, request| {
        let target = request.target();
        if target.contains("/Schemas") {
            return Reply::ok(json!({"Resources": [{"id": "urn:salesforce:schemas:extension:2.0"}]}).to_string());
        }
        if target.contains("/ResourceTypes") {
            return Reply::ok(json!({"Resources": [{"schemaExtensions": [{"schema": urn}]}]}).to_string());
        }
        Reply::ok(json!({"id": ID, urn: {"Badge__c": "7", "Desk__c": "d"}}).to_string())
    })
    .await;
    let mut settings = org.settings();
    settings.rest = false;
    let client = client(settings).0;
    let changes = Record::new().with("Badge__c", "7").with("Desk__c", "d").with("Gone__c", Value::Null);
    client.update_user(ID, &changes).await.unwrap();
    let operations = json!([
        {"op": "replace", "value": {format!("{urn}:Badge__c"): "7"}},
        {"op": "replace", "value": {format!("{urn}:Desk__c"): "d"}},
        {"op": "remove", "path": format!("{urn}:Gone__c")},
    ]);
    assert_eq!(org.last().json()["Operations"], operations, "one operation each: of several in one the last survives");
    client.update_user(ID, &changes).await.unwrap();
    assert_eq!(org.calls().len(), 4, "the URNs are asked for once");
    // A change that only REST can make is not sent at all.
    let refused = client.update_user(ID, &Record::new().with("Username", "b@c.de")).await.unwrap_err();
    assert!(refused.to_string().contains("REST"), "{refused}");
}
