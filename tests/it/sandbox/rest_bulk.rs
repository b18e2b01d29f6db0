use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use scim_bridge::sandbox::{BulkPace, Faults, RestSettings, Settings};
use serde_json::{Value, json};

use super::{Answer, Org};

const BASE: &str = "/services/data/v66.0";

impl Org {
    /// Makes an ingest job with an upload and closes it; answers its path.
    async fn ingest(&self, object: &str, operation: &str, csv: &str) -> String {
        let body = json!({"object": object, "operation": operation, "contentType": "CSV", "lineEnding": "LF"});
        let made = self.rest("POST", "/jobs/ingest", body).await;
        assert_eq!((made.status, &made.body["state"]), (200, &json!("Open")), "{made:?}");
        let path = format!("/jobs/ingest/{}", made.body["id"].as_str().expect("id"));
        let url = format!("services/data/v66.0{path}/batches");
        assert_eq!(made.body["contentUrl"], url);
        assert_eq!(self.upload(&path, csv.to_owned()).await.status, 201);
        let closed = self.rest("PATCH", &path, json!({"state": "UploadComplete"})).await;
        assert_eq!((closed.status, &closed.body["state"]), (200, &json!("UploadComplete")));
        path
    }

    async fn upload(&self, path: &str, csv: String) -> Answer {
        let url = format!("{}{BASE}{path}/batches", self.running.url());
        let request = self.client.put(url).bearer_auth(&self.token).header("content-type", "text/csv");
        let response = request.body(csv).send().await.expect("answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("text");
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    async fn job_state(&self, path: &str) -> String {
        let answer = self.rest("GET", path, Value::Null).await;
        answer.body["state"].as_str().unwrap_or_else(|| panic!("no job: {answer:?}")).to_owned()
    }

    /// Looks at a job until it is over; answers what it tells then.
    async fn finish(&self, path: &str) -> Value {
        assert_eq!(self.job_state(path).await, "InProgress");
        self.rest("GET", path, Value::Null).await.body
    }

    /// A CSV answer as a table.
    async fn table(&self, path: &str) -> Vec<Vec<String>> {
        let answer = self.rest("GET", path, Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "text/csv; charset=UTF-8");
        rows(&answer)
    }
}

fn rows(answer: &Answer) -> Vec<Vec<String>> {
    let text = answer.body.as_str().expect("text");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.expect("CSV").iter().map(ToOwned::to_owned).collect()).collect()
}

#[tokio::test]
async fn a_query_job_goes_from_state_to_state_and_page_to_page() {
    let org = Org::new().await;
    for (username, name) in [("ada", "ada"), ("ohara", "o\"hara"), ("eve", "eve, queen")] {
        let id = org.add(username).await;
        org.rest("PATCH", &format!("/sobjects/User/{id}"), json!({"LastName": name})).await;
    }
    let soql = "SELECT LastName, IsActive, Title, Profile.Name FROM User WHERE UserType = 'Standard' ORDER BY LastName";
    let made = org.rest("POST", "/jobs/query", json!({"operation": "query", "query": soql})).await;
    let id = made.body["id"].as_str().expect("id").to_owned();
    assert!(id.starts_with("750") && made.status == 200, "{made:?}");
    for (key, value) in [
        ("state", json!("UploadComplete")),
        ("object", json!("User")),
        ("jobType", json!("V2Query")),
        ("concurrencyMode", json!("Parallel")),
        ("apiVersion", json!(66.0)),
        ("columnDelimiter", json!("COMMA")),
        ("lineEnding", json!("LF")),
    ] {
        assert_eq!(made.body[key], value, "{key}");
    }
    let path = format!("/jobs/query/{id}");
    let early = org.rest("GET", &format!("{path}/results"), Value::Null).await;
    assert_eq!((early.status, early.code()), (400, "INVALIDJOBSTATE"));
    assert_eq!(org.job_state(&path).await, "InProgress");
    assert_eq!(org.rest("DELETE", &path, Value::Null).await.code(), "INVALIDJOBSTATE");
    let info = org.rest("GET", &path, Value::Null).await.body;
    assert_eq!((&info["state"], &info["numberRecordsProcessed"]), (&json!("JobComplete"), &json!(4)));
    assert_eq!(org.job_state(&path).await, "JobComplete");
    let all = org.rest("GET", &format!("{path}/results"), Value::Null).await;
    assert_eq!(all.headers["sforce-locator"], "null");
    assert_eq!(all.headers["sforce-numberofrecords"], "4");
    assert_eq!(
        all.body.as_str(),
        Some(
            "\"LastName\",\"IsActive\",\"Title\",\"Profile.Name\"\n\
             \"ada\",\"true\",\"\",\"Standard User\"\n\
             \"eve, queen\",\"true\",\"\",\"Standard User\"\n\
             \"o\"\"hara\",\"true\",\"\",\"Standard User\"\n\
             \"User\",\"true\",\"\",\"System Administrator\"\n"
        )
    );
    let (mut names, mut locator) = (Vec::new(), String::new());
    for records in ["3", "1"] {
        let page = org.rest("GET", &format!("{path}/results?maxRecords=3{locator}"), Value::Null).await;
        assert_eq!(page.headers["sforce-numberofrecords"], records);
        names.extend(rows(&page).into_iter().skip(1).map(|row| row[0].clone()));
        locator = format!("&locator={}", page.headers["sforce-locator"].to_str().expect("ascii"));
    }
    assert_eq!((locator.as_str(), names.len()), ("&locator=null", 4));
    for wrong in ["maxRecords=0", "maxRecords=x", "locator=!!", "locator=OTk5"] {
        assert_eq!(org.rest("GET", &format!("{path}/results?{wrong}"), Value::Null).await.status, 400, "{wrong}");
    }
    assert_eq!(org.rest("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(org.rest("GET", &path, Value::Null).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn query_jobs_that_cannot_be_run_are_refused_at_once() {
    let org = Org::new().await;
    for (body, code) in [
        (json!({"operation": "query", "query": "SELECT Shoe FROM User"}), "INVALID_FIELD"),
        (json!({"operation": "query", "query": "SELECT Id FROM"}), "MALFORMED_QUERY"),
        (json!({"operation": "query", "query": "SELECT COUNT() FROM User"}), "INVALIDJOB"),
        (json!({"operation": "query", "query": "SELECT Id FROM User OFFSET 1"}), "INVALIDJOB"),
        (json!({"operation": "insert", "query": "SELECT Id FROM User"}), "INVALIDJOB"),
        (json!({"operation": "query", "query": "SELECT Id FROM User", "columnDelimiter": "SLASH"}), "INVALIDJOB"),
    ] {
        let answer = org.rest("POST", "/jobs/query", body.clone()).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{body}");
    }
    let body = json!({"operation": "queryAll", "query": "SELECT Id, Name FROM Profile", "columnDelimiter": "PIPE",
                      "lineEnding": "CRLF"});
    let made = org.rest("POST", "/jobs/query", body).await;
    let path = format!("/jobs/query/{}", made.body["id"].as_str().expect("id"));
    let aborted = org.rest("PATCH", &path, json!({"state": "Aborted"})).await;
    assert_eq!((aborted.status, &aborted.body["state"]), (200, &json!("Aborted")));
    assert_eq!(org.rest("PATCH", &path, json!({"state": "Aborted"})).await.code(), "INVALIDJOBSTATE");
    assert_eq!(org.job_state(&path).await, "Aborted");
    assert_eq!(org.rest("GET", &path.replace("query", "ingest"), Value::Null).await.status, 404);
    let list = org.rest("GET", "/jobs/query", Value::Null).await.body;
    assert_eq!((&list["done"], list["records"].as_array().map(Vec::len)), (&json!(true), Some(1)));
}

#[tokio::test]
async fn people_come_in_through_a_job() {
    let org = Org::new().await;
    org.add("eve").await;
    let profile = org.id("Profiles", "Standard User");
    let line = |name: &str, locale: &str, active: &str| {
        format!(
            "{name}@acme.example,{name},{name}@acme.example,{name},Europe/Amsterdam,{locale},UTF-8,en_US,{profile},{active}\n"
        )
    };
    let header = "Username,LastName,Email,Alias,TimeZoneSidKey,LocaleSidKey,EmailEncodingKey,LanguageLocaleKey,ProfileId,IsActive\n";
    let csv = [header.to_owned(), line("ada", "nl_NL", "true"), line("eve", "nl_NL", "true"), line("ida", "", "false")]
        .concat();
    let path = org.ingest("User", "insert", &csv).await;
    assert_eq!(org.rest("GET", &format!("{path}/successfulResults"), Value::Null).await.code(), "INVALIDJOBSTATE");
    let info = org.finish(&path).await;
    assert_eq!(
        (&info["state"], &info["numberRecordsProcessed"], &info["numberRecordsFailed"], &info["jobType"]),
        (&json!("JobComplete"), &json!(3), &json!(2), &json!("V2Ingest"))
    );
    let good = org.table(&format!("{path}/successfulResults")).await;
    assert_eq!((&good[0][..3], good.len()), (&["sf__Id", "sf__Created", "Username"].map(ToOwned::to_owned)[..], 2));
    let id = good[1][0].clone();
    assert_eq!((&good[1][1], &good[1][2]), (&"true".to_owned(), &"ada@acme.example".to_owned()));
    assert_eq!(org.user(&id)["Username"], "ada@acme.example");
    let bad = org.table(&format!("{path}/failedResults")).await;
    assert!(bad[1][1].starts_with("DUPLICATE_USERNAME:Duplicate Username.<br>") && bad[1][1].ends_with(":Username --"));
    let missing = "REQUIRED_FIELD_MISSING:Required fields are missing: [LocaleSidKey]:LocaleSidKey --";
    assert_eq!((&bad[2][0], &bad[2][1]), (&String::new(), &missing.to_owned()));
    assert_eq!(org.table(&format!("{path}/unprocessedrecords")).await.len(), 1, "the header alone");

    // What is empty stays as it is, and `#N/A` empties.
    org.rest("PATCH", &format!("/sobjects/User/{id}"), json!({"Title": "Dr", "Department": "R&D"})).await;
    let csv = format!("Id,Title,Department,IsActive\n{id},,#N/A,false\n005AA0000000000,x,y,true\n,x,y,true\n");
    let path = org.ingest("User", "update", &csv).await;
    org.finish(&path).await;
    let user = org.user(&id);
    assert_eq!((&user["Title"], &user["Department"], &user["IsActive"]), (&json!("Dr"), &Value::Null, &json!(false)));
    let bad = org.table(&format!("{path}/failedResults")).await;
    assert_eq!(
        bad[1][..2],
        ["005AA0000000000".to_owned(), "NOT_FOUND:The requested resource does not exist:--".to_owned()]
    );
    assert_eq!(bad[2][1], "MISSING_ARGUMENT:Id not specified in an update call:Id --");
}

#[tokio::test]
async fn links_come_and_go_through_jobs() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let (set, west) = (org.id("PermissionSets", "Sales_Console"), org.id("Groups", "West"));
    let licence = org.id("PermissionSetLicenses", "Analytics");
    for (object, header, csv) in [
        ("PermissionSetAssignment", "AssigneeId,PermissionSetId", format!("{ada},{set}")),
        ("PermissionSetLicenseAssign", "AssigneeId,PermissionSetLicenseId", format!("{ada},{licence}")),
        ("GroupMember", "GroupId,UserOrGroupId", format!("{west},{ada}")),
    ] {
        let csv = format!("{header}\n{csv}\n");
        let path = org.ingest(object, "insert", &csv).await;
        org.running.org().set_faults(Faults { row_locks: 1, ..Faults::default() });
        assert_eq!(org.finish(&path).await["numberRecordsFailed"], 1, "{object}");
        let bad = org.table(&format!("{path}/failedResults")).await;
        let locked = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: ";
        assert!(bad[1][1].starts_with(locked) && bad[1][1].ends_with(":--"), "{bad:?}");
        let path = org.ingest(object, "insert", &csv).await;
        org.finish(&path).await;
        let id = org.table(&format!("{path}/successfulResults")).await[1][0].clone();
        assert_eq!(org.rest("GET", &format!("/sobjects/{object}/{id}"), Value::Null).await.status, 200);
        let path = org.ingest(object, "delete", &format!("Id\n{id}\n{id}\n")).await;
        org.finish(&path).await;
        assert_eq!(org.table(&format!("{path}/successfulResults")).await[1][1], "false");
        assert_eq!(org.table(&format!("{path}/failedResults")).await[1][1], "ENTITY_IS_DELETED:entity is deleted:--");
        assert_eq!(org.rest("GET", &format!("/sobjects/{object}/{id}"), Value::Null).await.status, 404);
    }
    let calls = org.running.org().counters()["calls"].clone();
    assert!(calls["bulk_ingest"].as_u64().is_some_and(|calls| calls > 40), "{calls}");
}

#[tokio::test]
async fn jobs_that_cannot_work_say_so() {
    let org = Org::with(Settings {
        rest: RestSettings { bulk_upload_max: 64, ..RestSettings::default() },
        ..Settings::default()
    })
    .await;
    for (object, operation, code) in [
        ("Pet", "insert", "INVALIDENTITY"),
        ("User", "delete", "INVALIDENTITY"),
        ("UserLogin", "insert", "INVALIDENTITY"),
        ("User", "upsert", "FEATURENOTENABLED"),
        ("User", "query", "INVALIDJOB"),
    ] {
        let answer = org.rest("POST", "/jobs/ingest", json!({"object": object, "operation": operation})).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{operation} {object}");
    }
    let path = org.ingest("User", "update", "Id,Shoe\n005AA0000000000,43\n").await;
    let info = org.finish(&path).await;
    assert_eq!(
        (&info["state"], &info["errorMessage"]),
        (&json!("Failed"), &json!("InvalidBatch : Field name not found : Shoe"))
    );
    let left = org.table(&format!("{path}/unprocessedrecords")).await;
    assert_eq!(left, [["Id", "Shoe"], ["005AA0000000000", "43"]]);
    let path = org.ingest("User", "update", "Id,Title\n005AA0000000000\n").await;
    assert_eq!(org.finish(&path).await["state"], "Failed");

    let made = org.rest("POST", "/jobs/ingest", json!({"object": "User", "operation": "update"})).await;
    let path = format!("/jobs/ingest/{}", made.body["id"].as_str().expect("id"));
    assert_eq!(org.rest("PATCH", &path, json!({"state": "UploadComplete"})).await.code(), "INVALIDJOBSTATE");
    assert_eq!(org.rest("DELETE", &path, Value::Null).await.code(), "INVALIDJOBSTATE");
    let large = org.upload(&path, "x".repeat(65)).await;
    assert_eq!((large.status, large.code()), (413, "REQUEST_ENTITY_TOO_LARGE"));
    assert_eq!(org.upload(&path, "Id\n".to_owned()).await.status, 201);
    assert_eq!(org.upload(&path, "Id\n".to_owned()).await.code(), "INVALIDJOBSTATE", "once for each job");
    assert_eq!(org.rest("PUT", &format!("{path}/batches"), json!({})).await.status, 415);
    let aborted = org.rest("PATCH", &path, json!({"state": "Aborted"})).await;
    assert_eq!(aborted.body["state"], "Aborted");
    assert_eq!(org.upload(&path, "Id\n".to_owned()).await.code(), "INVALIDJOBSTATE");
    assert_eq!(org.rest("DELETE", &path, Value::Null).await.status, 204);
}

#[tokio::test]
async fn jobs_go_by_the_clock_where_the_org_says_so_and_are_counted() {
    let elapsed = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&elapsed);
    let start: DateTime<Utc> = "2026-10-14T09:00:00Z".parse().expect("a time");
    let org = Org::with(Settings {
        clock: Arc::new(move || start + TimeDelta::seconds(clock.load(Ordering::SeqCst))),
        rest: RestSettings { bulk_pace: BulkPace::Seconds(60), bulk_query_jobs_max: 2, ..RestSettings::default() },
        session_idle_seconds: 10_000_000,
        ..Settings::default()
    })
    .await;
    let body = json!({"operation": "query", "query": "SELECT Id FROM User"});
    let made = org.rest("POST", "/jobs/query", body.clone()).await;
    let path = format!("/jobs/query/{}", made.body["id"].as_str().expect("id"));
    for (seconds, state) in
        [(0, "UploadComplete"), (59, "UploadComplete"), (60, "InProgress"), (119, "InProgress"), (120, "JobComplete")]
    {
        elapsed.store(seconds, Ordering::SeqCst);
        assert_eq!(org.job_state(&path).await, state, "after {seconds} seconds");
        assert_eq!(org.job_state(&path).await, state, "looking makes it no faster");
    }
    assert_eq!(org.rest("POST", "/jobs/query", body.clone()).await.status, 200);
    let over = org.rest("POST", "/jobs/query", body.clone()).await;
    assert_eq!((over.status, over.code()), (403, "REQUEST_LIMIT_EXCEEDED"));
    let limits = org.rest("GET", "/limits", Value::Null).await.body;
    assert_eq!(limits["DailyBulkV2QueryJobs"], json!({"Max": 2, "Remaining": 0}));
    elapsed.store(24 * 60 * 60, Ordering::SeqCst);
    let made = org.rest("POST", "/jobs/query", body).await;
    assert_eq!(made.status, 200, "the next day has jobs of its own");
    // Results are kept for seven days.
    elapsed.store(7 * 24 * 60 * 60, Ordering::SeqCst);
    org.rest("POST", "/jobs/query", json!({"operation": "query", "query": "SELECT Id FROM Group"})).await;
    assert_eq!(org.rest("GET", &path, Value::Null).await.status, 404);
}
