use scim_bridge::sandbox::Faults;
use serde_json::{Value, json};

use super::Org;

async fn order(org: &Org, faults: Value) -> u16 {
    let url = format!("{}/sandbox/faults", org.running.url());
    org.client.post(url).body(faults.to_string()).send().await.expect("answer").status().as_u16()
}

async fn post(org: &Org, name: &str) -> reqwest::Result<super::Answer> {
    org.try_call("POST", "/services/scim/v2/Users", Some(org.person(name).to_string())).await
}

fn people(org: &Org) -> usize {
    org.running.org().users().len() - 1
}

#[tokio::test]
async fn an_answer_is_lost_after_the_work_is_done() {
    let org = Org::new().await;
    assert_eq!(order(&org, json!({"lost_answer_next": 1})).await, 200);
    assert_eq!(org.get("/Users").await.status, 200, "reads are spared when answers are lost by count");
    let lost = post(&org, "ada").await.expect_err("the connection breaks");
    assert!(lost.status().is_none(), "not an HTTP answer: {lost:?}");
    assert_eq!(people(&org), 1, "and the user is there");
    let again = post(&org, "ada").await.expect("answer");
    assert!(again.status == 409 && again.detail().contains("DUPLICATE_USERNAME"));
    let journal = org.running.org().journal();
    let faults: Vec<&Value> = journal.as_array().expect("calls").iter().map(|call| &call["fault"]).collect();
    assert_eq!(faults, [&Value::Null, &Value::Null, &json!("lost_answer"), &Value::Null]);
}

#[tokio::test]
async fn a_request_is_lost_before_anything_is_done() {
    let org = Org::new().await;
    order(&org, json!({"lost_request_next": 1})).await;
    let lost = post(&org, "ada").await.expect_err("the connection breaks");
    assert!(lost.status().is_none(), "{lost:?}");
    assert_eq!(people(&org), 0);
    assert_eq!(post(&org, "ada").await.expect("answer").status, 201);
}

#[tokio::test]
async fn unavailable_by_chance_and_repeatable() {
    let run = || async {
        let org = Org::new().await;
        order(&org, json!({"seed": 5, "unavailable": 0.33, "lost_answer": 0.1, "lost_request": 0.1})).await;
        let mut seen = Vec::new();
        for number in 0..40 {
            seen.push(post(&org, &format!("u{number}")).await.map_or(0, |answer| answer.status));
        }
        let counters = org.running.org().counters();
        assert_eq!(counters["total"], 41, "nobody tries again behind our back: {counters}");
        (seen, people(&org))
    };
    let (seen, people) = run().await;
    assert!([0, 201, 503].iter().all(|status| seen.contains(status)), "{seen:?}");
    let done = seen.iter().filter(|status| **status == 201).count();
    assert!(people > done, "some answers were lost after the work: {people} of {seen:?}");
    assert_eq!(run().await, (seen, people), "the same seed, the same fates");
}

#[tokio::test]
async fn the_form_of_unavailable_and_what_is_spared() {
    let org = Org::new().await;
    org.running.org().set_faults(Faults { unavailable: 1.0, ..Faults::default() });
    let answer = org.get("/Users").await;
    assert_eq!((answer.status, answer.code()), (503, "SERVER_UNAVAILABLE"));
    assert_eq!(org.token_request(&[]).await.0, 503, "the token endpoint fails with the rest");
    for path in ["/sandbox/state", "/sandbox/faults", "/"] {
        assert_eq!(org.call("GET", path, Value::Null).await.status, 200, "{path}");
    }
    assert_eq!(order(&org, json!({"unavailabel": 1})).await, 400, "a misspelt fault is no fault");
    assert_eq!(order(&org, json!({})).await, 200);
    assert_eq!(org.get("/Users").await.status, 200);
}

#[tokio::test]
async fn row_locks_and_unknown_exceptions_pass() {
    let org = Org::new().await;
    order(&org, json!({"row_locks": 3})).await;
    let create = post(&org, "ada").await.expect("answer");
    assert!(create.status == 409 && create.detail().contains("UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"));
    let west = org.id("Groups", "West");
    let ada = |id: &str| json!([{"op": "add", "path": "members", "value": {"members": [{"value": id}]}}]);
    let member = org.operations(&format!("/Groups/{west}"), ada("005AA000000000000")).await;
    assert!(member.status == 500 && member.detail().contains("UNABLE_TO_LOCK_ROW"));
    let me = org.get("/Me").await.body["id"].as_str().expect("id").to_owned();
    let rest = org.call("PATCH", &format!("/services/data/v66.0/sobjects/User/{me}"), json!({"Title": "x"})).await;
    assert_eq!((rest.status, rest.code()), (400, "UNABLE_TO_LOCK_ROW"));
    assert_eq!(post(&org, "ada").await.expect("answer").status, 201);
    order(&org, json!({"unknown_exceptions": 2})).await;
    let unknown = post(&org, "eve").await.expect("answer");
    assert_eq!((unknown.status, unknown.code()), (500, "UNKNOWN_EXCEPTION"));
    assert_eq!(org.patch(&me, json!({"title": "y"})).await.code(), "UNKNOWN_EXCEPTION");
    assert_eq!(post(&org, "eve").await.expect("answer").status, 201);
}

#[tokio::test]
async fn latency() {
    let org = Org::new().await;
    order(&org, json!({"latency_ms": 150})).await;
    let start = std::time::Instant::now();
    org.get("/Users").await;
    assert!(start.elapsed().as_millis() >= 150);
}

#[tokio::test]
async fn a_call_hangs_until_it_may_go_on() {
    let org = Org::new().await;
    order(&org, json!({"hang": true})).await;
    let hanging = org.get("/Users");
    tokio::pin!(hanging);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(150), &mut hanging).await.is_err(), "no answer yet");
    order(&org, json!({})).await;
    assert_eq!(hanging.await.status, 200);
}
