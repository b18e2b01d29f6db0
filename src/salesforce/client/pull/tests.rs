use serde_json::json;

use super::*;
use crate::salesforce::testing::{Org, Reply};

const JOB: &str = "/services/data/v66.0/jobs/query";

fn fields() -> Vec<String> {
    ["Username", "IsActive", "Level__c", "x' OR"].map(str::to_owned).to_vec()
}

fn id(n: usize) -> String {
    format!("005{n:012}AAA")
}

/// Everything that a pull gives, and how many chunks that took.
async fn all(mut accounts: Accounts) -> (Vec<Pulled>, usize) {
    let (mut found, mut chunks) = (Vec::new(), 0);
    while let Some(chunk) = accounts.next().await.unwrap() {
        found.extend(chunk.accounts);
        chunks += 1;
    }
    (found, chunks)
}

#[tokio::test]
async fn a_bulk_job_takes_a_handful_of_calls() {
    let org = Org::start(|n, seen| {
        let page = |from: usize, to: usize| {
            let row = |n: usize| format!("{},u{n}@b.co,{},{}\n", id(n), n.is_multiple_of(2), n % 7);
            format!("Id,Username,IsActive,Level__c\n{}", (from..to).map(row).collect::<Vec<_>>().concat())
        };
        match n {
            0 => Reply::ok(json!({"id": "750x", "state": "UploadComplete"}).to_string()),
            1 => Reply::ok(json!({"id": "750x", "state": "InProgress"}).to_string()),
            2 => Reply::ok(json!({"id": "750x", "state": "JobComplete"}).to_string()),
            3 => Reply::Answer(200, "Sforce-Locator: abc\r\n", page(0, 2_500)),
            4 => Reply::Answer(200, "Sforce-Locator: null\r\n", page(2_500, 4_000)),
            _ => Reply::status(204, if seen.line.starts_with("DELETE") { "" } else { "too many" }),
        }
    })
    .await;
    let (found, _) = all(org.client().accounts(Way::Bulk, &fields(), None)).await;
    assert_eq!(found.len(), 4_000);
    assert_eq!(
        found[3].record,
        Record::new().with("Username", "u3@b.co").with("IsActive", false).with("Level__c", "3")
    );
    let calls = org.calls();
    let wanted = [
        format!("POST {JOB}"),
        format!("GET {JOB}/750x"),
        format!("GET {JOB}/750x"),
        format!("GET {JOB}/750x/results?maxRecords=20000"),
        format!("GET {JOB}/750x/results?maxRecords=20000&locator=abc"),
        format!("DELETE {JOB}/750x"),
    ];
    assert_eq!(calls, wanted);
    let seen = org.seen.lock().unwrap();
    let start = seen.iter().find(|seen| seen.line.starts_with("POST /services/data")).unwrap();
    // A name that is no field's never gets into a query.
    assert_eq!(start.json()["query"], "SELECT Id, Username, IsActive, Level__c FROM User WHERE UserType = 'Standard'");
    assert!(seen.iter().any(|seen| seen.head.to_lowercase().contains("accept: text/csv")));
}

#[tokio::test]
async fn a_bulk_job_goes_on_in_the_middle_of_a_page() {
    let page = |rows: std::ops::Range<usize>| {
        format!("Id,Username\n{}", rows.map(|n| format!("{},u{n}\n", id(n))).collect::<Vec<_>>().concat())
    };
    let org = Org::start(move |_, seen| {
        if seen.line.contains("/results") { Reply::ok(page(0..1_700)) } else { Reply::ok(r#"{"state":"JobComplete"}"#) }
    })
    .await;
    let began = DateTime::UNIX_EPOCH;
    let place = Place::Bulk { job: "750x".into(), began, locator: None, skip: 1_000 };
    let mut accounts = org.client().accounts(Way::Bulk, &fields(), Some(place));
    let chunk = accounts.next().await.unwrap().unwrap();
    assert_eq!((chunk.accounts.len(), chunk.accounts[0].id.clone(), chunk.began), (700, id(1_000), began));
    assert_eq!(chunk.next, None);
    assert!(
        !org.calls().iter().any(|call| call.starts_with("POST") || call.starts_with("DELETE")),
        "{:?}",
        org.calls()
    );
    assert!(accounts.next().await.unwrap().is_none());
    assert!(org.calls().last().unwrap().starts_with("DELETE"), "its results lie there no longer");
}

#[tokio::test]
async fn a_job_that_fails_says_why() {
    let org = Org::start(|n, _| match n {
        0 => Reply::ok(r#"{"id":"750x"}"#),
        _ => Reply::ok(r#"{"state":"Failed","errorMessage":"InvalidBatch : No such column Level__c"}"#),
    })
    .await;
    let mut accounts = org.client().accounts(Way::Bulk, &fields(), None);
    assert!(accounts.next().await.unwrap().unwrap().accounts.is_empty(), "the job is known before it is waited for");
    let error = accounts.next().await.unwrap_err().to_string();
    assert!(error.contains("750x is Failed") && error.contains("No such column Level__c"), "{error}");
}

#[tokio::test]
async fn soql_pages_begin_behind_the_last_id() {
    let org = Org::start(|n, _| {
        let records = |ids: std::ops::Range<usize>| -> Vec<Value> {
            ids.map(|n| json!({"attributes": {}, "Id": id(n), "IsActive": true, "Level__c": null})).collect()
        };
        // Wide records come in smaller portions than were asked for.
        Reply::ok(match n {
            0 => json!({"done": false, "nextRecordsUrl": "/services/data/v66.0/query/01g-1", "records": records(0..1_500)}),
            1 => json!({"done": true, "records": records(1_500..2_000)}),
            _ => json!({"done": true, "records": records(2_000..2_003)}),
        }
        .to_string())
    })
    .await;
    let (found, chunks) = all(org.client().accounts(Way::Soql, &fields(), None)).await;
    assert_eq!((found.len(), chunks), (2_003, 2));
    assert_eq!(found[0].record, Record::new().with("IsActive", true));
    let select = "GET /services/data/v66.0/query/?q=SELECT Id, Username, IsActive, Level__c FROM User WHERE UserType = \
                  'Standard'";
    let wanted = [
        format!("{select} ORDER BY Id LIMIT 2000"),
        "GET /services/data/v66.0/query/01g-1".to_owned(),
        format!("{select} AND Id > '{}' ORDER BY Id LIMIT 2000", id(1_999)),
    ];
    assert_eq!(org.calls(), wanted);
}

#[tokio::test]
async fn scim_pages_begin_behind_the_last_id_and_an_org_that_repeats_itself_ends_it() {
    let page = |ids: std::ops::Range<usize>| {
        let users: Vec<Value> = ids
            .map(|n| json!({"id": id(n), "userName": "u", "active": true, "userType": if n == 1 { "CsnOnly" } else { "Standard" }}))
            .collect();
        json!({ "Resources": users }).to_string()
    };
    let org = Org::start(move |_, _| Reply::ok(page(0..200))).await;
    let accounts = org.client().accounts(Way::Scim, &fields(), None);
    assert_eq!(accounts.shown(), Shown::Scim);
    let (found, chunks) = all(accounts).await;
    assert_eq!((found.len(), chunks), (400, 2));
    assert!(found[0].standard && !found[1].standard);
    let wanted = ["count=200".to_owned(), format!("filter=id gt \"{}\"&count=200", id(199))];
    assert_eq!(org.calls(), wanted.map(|query| format!("GET /services/scim/v2/Users?{query}")));
}

#[tokio::test]
async fn memberships_of_many_are_one_query() {
    let org = Org::start(|n, _| {
        if n == 0 {
            return Reply::ok(r#"{"totalSize":3,"done":true,"records":[]}"#);
        }
        let member = |group: &str, member: &str| json!({"GroupId": group, "UserOrGroupId": member});
        let group = |n: usize| format!("00G{n:012}AAA");
        let records = [member(&group(1), &id(1)), member(&group(1), &group(2)), member(&group(9), &id(2))];
        Reply::ok(json!({"done": true, "records": records}).to_string())
    })
    .await;
    let (one, two) = ("00G000000000001", "00G000000000002AAA");
    let found = org.client().memberships(&[one.to_owned(), two.to_owned()], 10_000).await.unwrap();
    assert!(found.has(one, &id(1)) && found.has("00G000000000001AAA", two));
    assert!(!found.has(two, &id(1)) && !found.has(one, &id(2)));
    assert!(!found.has("00G000000000009AAA", &id(2)), "nobody asked for that group");
    let only = "FROM GroupMember WHERE Group.Type = 'Regular' AND GroupId IN ('00G000000000001','00G000000000002AAA')";
    let wanted = [format!("SELECT COUNT() {only}"), format!("SELECT GroupId, UserOrGroupId {only}")];
    assert_eq!(org.calls(), wanted.map(|soql| format!("GET /services/data/v66.0/query/?q={soql}")));
    assert_eq!(org.client().memberships(&[], 0).await.unwrap().0.len(), 0);
    assert_eq!(org.calls().len(), 2, "for no group nothing is asked");
}

#[tokio::test]
async fn who_may_start_no_job_reads_page_by_page() {
    let org = Org::start(|n, seen| match n {
        0 => Reply::ok(r#"{"totalSize":90000,"done":true,"records":[]}"#),
        _ if seen.line.starts_with("POST") => {
            Reply::status(403, r#"[{"errorCode":"INSUFFICIENT_ACCESS","message":"not you"}]"#)
        }
        _ => Reply::ok(r#"{"done":true,"records":[]}"#),
    })
    .await;
    org.client().memberships(&["00G000000000001".to_owned()], 10_000).await.unwrap();
    let kinds: Vec<String> = org.calls().iter().map(|call| call.split('?').next().unwrap().to_owned()).collect();
    let query = "GET /services/data/v66.0/query/";
    assert_eq!(kinds, [query, &format!("POST {JOB}"), query]);
    let mut accounts = org.client().accounts(Way::Bulk, &fields(), None);
    assert!(accounts.begins_a_job());
    assert_eq!(accounts.next().await.unwrap_err().disposition(), Disposition::Reject);
    assert!(accounts.begins_a_job(), "and may be asked again");
}

#[tokio::test]
async fn who_is_frozen() {
    let org = Org::start(|_, _| Reply::ok(json!({"done": true, "records": [{"UserId": "0051"}]}).to_string())).await;
    assert_eq!(org.client().frozen_users().await.unwrap(), HashSet::from(["0051".to_owned()]));
}

#[tokio::test]
async fn nothing_is_queried_where_rest_is_forbidden() {
    let org = Org::start(|_, _| Reply::ok("{}")).await;
    let mut settings = org.settings();
    settings.rest = false;
    let client = crate::salesforce::testing::client(settings).0;
    assert!(!client.may_query());
    assert!(client.accounts(Way::Soql, &fields(), None).next().await.is_err());
    assert!(client.accounts(Way::Bulk, &fields(), None).next().await.is_err());
    assert!(client.frozen_users().await.is_err());
    assert!(org.calls().is_empty());
}
