use scim_bridge::sandbox::Faults;
use serde_json::{Value, json};

use super::Org;
use super::rest_records::whole_user;

const BASE: &str = "/services/data/v66.0";

impl Org {
    async fn composite(&self, all_or_none: bool, parts: Value) -> Vec<Value> {
        let body = json!({"allOrNone": all_or_none, "compositeRequest": parts});
        let answer = self.rest("POST", "/composite", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["compositeResponse"].as_array().expect("answers").clone()
    }

    fn assignment(&self, reference: &str, user: &str, set: &str) -> Value {
        json!({
            "method": "POST", "url": format!("{BASE}/sobjects/PermissionSetAssignment"), "referenceId": reference,
            "body": {"AssigneeId": user, "PermissionSetId": self.id("PermissionSets", set)},
        })
    }
}

fn statuses(answers: &[Value]) -> Vec<u64> {
    answers.iter().map(|answer| answer["httpStatusCode"].as_u64().expect("status")).collect()
}

fn code(answer: &Value) -> &Value {
    &answer["body"][0]["errorCode"]
}

#[tokio::test]
async fn requests_refer_to_the_answers_before_them() {
    let org = Org::new().await;
    let parts = json!([
        {"method": "POST", "url": format!("{BASE}/sobjects/User"), "referenceId": "ada", "body": whole_user(&org, "ada")},
        org.assignment("set", "@{ada.id}", "Sales_Console"),
        {
            "method": "GET", "referenceId": "login",
            "url": format!("{BASE}/query/?q=SELECT%20Id+FROM+UserLogin+WHERE+UserId='@{{ada.id}}'"),
        },
        {
            "method": "PATCH", "url": format!("{BASE}/sobjects/UserLogin/@{{login.records[0].Id}}"), "referenceId": "freeze",
            "body": {"IsFrozen": true},
        },
        {"method": "GET", "url": format!("{BASE}/sobjects/User/@{{ada.id}}?fields=Alias"), "referenceId": "read"},
    ]);
    let answers = org.composite(true, parts).await;
    assert_eq!(statuses(&answers), [201, 201, 200, 204, 200], "{answers:?}");
    let id = answers[0]["body"]["id"].as_str().expect("id");
    assert_eq!(answers[0]["httpHeaders"]["Location"], format!("{BASE}/sobjects/User/{id}"));
    assert_eq!((&answers[3]["body"], &answers[3]["referenceId"]), (&Value::Null, &json!("freeze")));
    assert_eq!(answers[4]["body"]["Alias"], "ada");
    let user = org.user(id);
    assert_eq!((&user["PermissionSets"], &user["IsFrozen"]), (&json!(["Sales_Console"]), &json!(true)));
    let counters = org.running.org().counters();
    assert_eq!(counters["calls"], json!({"token": 1, "composite": 1}), "one call, whatever is in it");
}

#[tokio::test]
async fn without_all_or_none_each_stands_for_itself() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let parts = json!([
        org.assignment("one", &ada, "Sales_Console"),
        org.assignment("two", &ada, "Sales_Console"),
        org.assignment("three", "@{two.id}", "Knowledge_Reader"),
        org.assignment("four", &ada, "Knowledge_Reader"),
    ]);
    let answers = org.composite(false, parts).await;
    assert_eq!(statuses(&answers), [201, 400, 400, 201]);
    assert_eq!((code(&answers[1]), code(&answers[2])), (&json!("DUPLICATE_VALUE"), &json!("PROCESSING_HALTED")));
    let message = "Invalid reference specified. No value for two.id found in two";
    assert_eq!(answers[2]["body"][0]["message"], message);
    assert_eq!(org.user(&ada)["PermissionSets"], json!(["Sales_Console", "Knowledge_Reader"]));
}

#[tokio::test]
async fn all_or_none_takes_everything_back() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let west = org.id("Groups", "West");
    let before = org.running.org().state();
    let parts = json!([
        {"method": "POST", "url": format!("{BASE}/sobjects/User"), "referenceId": "eve", "body": whole_user(&org, "eve")},
        {"method": "PATCH", "url": format!("{BASE}/sobjects/User/{ada}"), "referenceId": "ada", "body": {
            "Username": "other@acme.example", "FederationIdentifier": "other", "IsActive": false,
        }},
        org.assignment("set", &ada, "Sales_Console"),
        {"method": "POST", "url": format!("{BASE}/sobjects/GroupMember"), "referenceId": "member", "body": {
            "GroupId": west, "UserOrGroupId": "@{eve.id}",
        }},
        org.assignment("wrong", "005AA0000000000", "Sales_Console"),
        org.assignment("after", &ada, "Knowledge_Reader"),
    ]);
    let answers = org.composite(true, parts.clone()).await;
    assert_eq!(statuses(&answers), [400; 6]);
    let codes: Vec<&Value> = answers.iter().map(code).collect();
    let halted = json!("PROCESSING_HALTED");
    let own = json!("INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(codes, [&halted, &halted, &halted, &halted, &own, &halted]);
    let message = "The transaction was rolled back since another operation in the same transaction failed.";
    assert_eq!(answers[0]["body"][0]["message"], message);
    assert_eq!(org.running.org().state(), before);
    // The username that was taken for a moment is free again.
    let made = org.rest("POST", "/sobjects/User", whole_user(&org, "eve")).await;
    assert_eq!(made.status, 201);
    let counters = org.running.org().counters();
    assert_eq!(counters["unchanged"]["composite"], 1);
}

#[tokio::test]
async fn a_composite_that_makes_no_sense_is_refused_whole() {
    let org = Org::new().await;
    let get = |reference: &str| json!({"method": "GET", "url": format!("{BASE}/limits"), "referenceId": reference});
    let many: Vec<Value> = (0..26).map(|n| get(&format!("r{n}"))).collect();
    let query = |n: usize| json!({"method": "GET", "url": format!("{BASE}/query?q=x"), "referenceId": format!("q{n}")});
    for (body, code) in [
        (json!({"compositeRequest": many}), "LIMIT_EXCEEDED"),
        (json!({"compositeRequest": (0..6).map(query).collect::<Vec<_>>()}), "LIMIT_EXCEEDED"),
        (json!({"compositeRequest": [get("a"), get("a")]}), "INVALID_INPUT"),
        (json!({"compositeRequest": [get("1a")]}), "INVALID_INPUT"),
        (
            json!({"compositeRequest": [{"method": "GET", "url": "/services/data/v65.0/limits", "referenceId": "a"}]}),
            "INVALID_INPUT",
        ),
        (json!({"compositeRequest": [{"method": "GET", "referenceId": "a"}]}), "JSON_PARSER_ERROR"),
        (json!({}), "JSON_PARSER_ERROR"),
    ] {
        let answer = org.rest("POST", "/composite", body.clone()).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{body}");
    }
    let within = json!({"method": "POST", "url": format!("{BASE}/composite"), "referenceId": "a", "body": {}});
    assert_eq!(statuses(&org.composite(false, json!([within, get("b")])).await), [400, 200]);
    assert_eq!(org.rest("GET", "/composite", Value::Null).await.code(), "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn collections_tell_what_became_of_each_record() {
    let org = Org::new().await;
    let record = |name: &str| super::with(whole_user(&org, name), json!({"attributes": {"type": "User"}}));
    let records = json!([record("ada"), record("ada"), record("eve")]);
    let body = json!({"allOrNone": false, "records": records});
    let made = org.rest("POST", "/composite/sobjects", body).await;
    assert_eq!(made.status, 200);
    let (ada, eve) = (made.body[0]["id"].as_str().expect("id"), made.body[2]["id"].as_str().expect("id"));
    assert_eq!(made.body[0], json!({"id": ada, "success": true, "errors": []}));
    let error = &made.body[1]["errors"][0];
    assert_eq!((&error["statusCode"], &error["fields"]), (&json!("DUPLICATE_USERNAME"), &json!(["Username"])));
    assert_eq!((&made.body[1]["success"], &made.body[1]["id"]), (&json!(false), &Value::Null));

    let change = |id: &str, name: &str, value: Value| json!({"attributes": {"type": "User"}, "id": id, name: value});
    let records = json!([change(ada, "Title", json!("Dr")), change(eve, "LastName", Value::Null)]);
    let body = json!({"allOrNone": true, "records": records});
    let changed = org.rest("PATCH", "/composite/sobjects", body.clone()).await.body;
    assert_eq!(changed[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(changed[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(org.user(ada)["Title"], Value::Null);
    let changed = org.rest("PATCH", "/composite/sobjects", super::with(body, json!({"allOrNone": false}))).await.body;
    assert_eq!((&changed[0]["success"], &changed[1]["success"]), (&json!(true), &json!(false)));
    assert_eq!(org.user(ada)["Title"], "Dr");

    let west = org.id("Groups", "West");
    let member = |id: &str| json!({"attributes": {"type": "GroupMember"}, "GroupId": west, "UserOrGroupId": id});
    let body = json!({"allOrNone": true, "records": [member(ada), member(eve)]});
    let made = org.rest("POST", "/composite/sobjects", body).await.body;
    let ids: Vec<&str> = made.as_array().expect("list").iter().map(|done| done["id"].as_str().expect("id")).collect();
    assert_eq!(org.members(&west).len(), 2);
    let path = format!("/composite/sobjects?ids={},011AA0000000000&allOrNone=", ids.join(","));
    let gone = org.rest("DELETE", &format!("{path}true"), Value::Null).await.body;
    assert_eq!(gone[2]["errors"][0]["statusCode"], "ENTITY_IS_DELETED");
    assert_eq!(org.members(&west).len(), 2);
    let gone = org.rest("DELETE", &format!("{path}false"), Value::Null).await.body;
    assert_eq!((&gone[0]["success"], &gone[2]["success"]), (&json!(true), &json!(false)));
    assert_eq!(org.members(&west), Vec::<String>::new());

    let records: Vec<Value> = (0..201).map(|_| member(ada)).collect();
    let many = org.rest("POST", "/composite/sobjects", json!({"records": records})).await;
    assert_eq!((many.status, many.code()), (400, "EXCEEDED_ID_LIMIT"));
    for (record, code) in [
        (json!({"Title": "x"}), "INVALID_TYPE"),
        (json!({"attributes": {"type": "Pet"}}), "INVALID_TYPE"),
        (json!({"attributes": {"type": "UserLogin"}}), "INVALID_TYPE_FOR_OPERATION"),
    ] {
        let made = org.rest("POST", "/composite/sobjects", json!({"records": [record]})).await.body;
        assert_eq!(made[0]["errors"][0]["statusCode"], code, "{record}");
    }
}

#[tokio::test]
async fn people_and_ordinary_records_do_not_mix() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let account = json!({
        "method": "POST", "url": format!("{BASE}/sobjects/Account"), "referenceId": "account", "body": {"Name": "Acme"},
    });
    let parts = json!([account, org.assignment("set", &ada, "Sales_Console")]);
    let answers = org.composite(true, parts.clone()).await;
    assert_eq!((code(&answers[0]), code(&answers[1])), (&json!("PROCESSING_HALTED"), &json!("MIXED_DML_OPERATION")));
    let message = answers[1]["body"][0]["message"].as_str().expect("message");
    assert!(message.ends_with("PermissionSetAssignment, original object: Account"), "{message}");
    assert_eq!(org.soql("SELECT COUNT() FROM Account").await.body["totalSize"], 0, "it was taken back");
    let answers = org.composite(false, parts).await;
    assert_eq!(statuses(&answers), [201, 201], "each is a transaction of its own");
    assert_eq!(org.records("SELECT Name FROM Account").await, [json!({"Name": "Acme"})]);
    let records = json!([
        {"attributes": {"type": "User"}, "id": ada, "Title": "Dr"},
        {"attributes": {"type": "Account"}, "id": answers[0]["body"]["id"], "Name": "Other"},
    ]);
    let done = org.rest("PATCH", "/composite/sobjects", json!({"records": records})).await.body;
    assert_eq!(done[1]["errors"][0]["statusCode"], "MIXED_DML_OPERATION");
    assert_eq!(org.user(&ada)["Title"], "Dr");
}

#[tokio::test]
async fn faults_reach_into_a_composite() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    org.running.org().set_faults(Faults { row_locks: 1, ..Faults::default() });
    let parts = json!([org.assignment("one", &ada, "Sales_Console"), org.assignment("two", &ada, "Knowledge_Reader")]);
    let answers = org.composite(false, parts.clone()).await;
    assert_eq!((statuses(&answers), code(&answers[0])), (vec![400, 201], &json!("UNABLE_TO_LOCK_ROW")));
    // Everything done, and nobody told: what was done before is refused now.
    org.running.org().set_faults(Faults { lost_answer_next: 1, ..Faults::default() });
    let body = json!({"compositeRequest": parts});
    assert!(org.try_call("POST", &format!("{BASE}/composite"), Some(body.to_string())).await.is_err());
    let answers = org.composite(false, parts).await;
    assert_eq!(statuses(&answers), [400, 400]);
    assert_eq!(org.user(&ada)["PermissionSets"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_composite_call_loses_a_child_and_does_the_rest() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let faults = |n| Faults { child_failure_next: n, ..Faults::default() };
    org.running.org().set_faults(faults(2));
    let read = json!({"method": "GET", "url": format!("{BASE}/sobjects/User/{ada}"), "referenceId": "read"});
    assert_eq!(statuses(&org.composite(false, json!([read])).await), [200], "which has no children loses none");
    let parts =
        || json!([read, org.assignment("a", &ada, "Sales_Console"), org.assignment("b", &ada, "Knowledge_Reader")]);
    let answers = org.composite(false, parts()).await;
    assert_eq!(statuses(&answers), [200, 400, 201], "{answers:?}");
    assert_eq!(code(&answers[1]), "UNABLE_TO_LOCK_ROW");
    assert_eq!(org.user(&ada)["PermissionSets"], json!(["Knowledge_Reader"]));
    let answers = org.composite(true, json!([org.assignment("a", &ada, "Sales_Console")])).await;
    assert_eq!(code(&answers[0]), "UNABLE_TO_LOCK_ROW");
    assert_eq!(org.running.org().counters()["faults"], json!({"child_failure": 2}));
    assert_eq!(statuses(&org.composite(false, json!([org.assignment("a", &ada, "Sales_Console")])).await), [201]);
}
