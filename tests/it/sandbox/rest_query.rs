use scim_bridge::sandbox::{CustomFieldSeed, CustomType, RestSettings, Settings};
use serde_json::{Value, json};

use super::{Answer, Org, short};

const BASE: &str = "/services/data/v66.0";

impl Org {
    /// A call below the REST version.
    pub(crate) async fn rest(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(method, &format!("{BASE}{path}"), body).await
    }

    /// The first page of a query.
    pub(crate) async fn soql(&self, soql: &str) -> Answer {
        let encoded: String = url::form_urlencoded::byte_serialize(soql.as_bytes()).collect();
        self.rest("GET", &format!("/query/?q={encoded}"), Value::Null).await
    }

    /// The records of a query that one page holds, without their `attributes`.
    pub(crate) async fn records(&self, soql: &str) -> Vec<Value> {
        let answer = self.soql(soql).await;
        assert_eq!((answer.status, &answer.body["done"]), (200, &json!(true)), "{soql}: {answer:?}");
        let mut records = answer.body["records"].as_array().expect("records").clone();
        records.iter_mut().for_each(strip);
        assert_eq!(answer.body["totalSize"], records.len(), "{soql}");
        records
    }
}

/// Takes `attributes` away, also of what is below.
fn strip(record: &mut Value) {
    if let Value::Object(members) = record {
        members.shift_remove("attributes");
        members.values_mut().for_each(strip);
    }
}

#[tokio::test]
async fn users_with_what_they_are_related_to() {
    let settings = Settings {
        custom_fields: vec![
            CustomFieldSeed { api_name: "Badge__c".to_owned(), kind: CustomType::Number, ..CustomFieldSeed::default() },
            CustomFieldSeed { api_name: "Vip__c".to_owned(), kind: CustomType::Checkbox, ..CustomFieldSeed::default() },
            CustomFieldSeed { api_name: "Since__c".to_owned(), kind: CustomType::Date, ..CustomFieldSeed::default() },
        ],
        ..Settings::default()
    };
    let org = Org::with(settings).await;
    let (ada, boss) = (org.add("ada").await, org.add("boss").await);
    let changes = json!({
        "ManagerId": boss, "UserRoleId": org.id("Roles", "Sales Rep"), "Badge__c": 12.5, "Vip__c": true,
        "Since__c": "2026-01-31", "EmailPreferencesAutoBcc": true,
    });
    assert_eq!(org.rest("PATCH", &format!("/sobjects/User/{ada}"), changes).await.status, 204);
    let soql = "SELECT id, USERNAME, Name, FirstName, Title, IsActive, UserType, Profile.Name, Profile.UserLicense.Name, \
                UserRole.Name, UserRole.ParentRole.Name, Manager.Username, badge__c, Vip__c, Since__c, \
                EmailPreferencesAutoBcc, UserPermissionsMarketingUser FROM User WHERE FederationIdentifier = 'EXT-ada'";
    let answer = org.soql(soql).await;
    let record = &answer.body["records"][0];
    assert_eq!(
        *record,
        json!({
            "attributes": {"type": "User", "url": format!("{BASE}/sobjects/User/{ada}")},
            "Id": ada, "Username": "ada@acme.example", "Name": "Test ada", "FirstName": "Test", "Title": null,
            "IsActive": true, "UserType": "Standard",
            "Profile": {
                "attributes": {
                    "type": "Profile", "url": format!("{BASE}/sobjects/Profile/{}", org.id("Profiles", "Standard User"))
                },
                "Name": "Standard User",
                "UserLicense": {"attributes": record["Profile"]["UserLicense"]["attributes"], "Name": "Salesforce"},
            },
            "UserRole": {
                "attributes": record["UserRole"]["attributes"], "Name": "Sales Rep",
                "ParentRole": {"attributes": record["UserRole"]["ParentRole"]["attributes"], "Name": "CEO"},
            },
            "Manager": {"attributes": record["Manager"]["attributes"], "Username": "boss@acme.example"},
            "Badge__c": 12.5, "Vip__c": true, "Since__c": "2026-01-31", "EmailPreferencesAutoBcc": true,
            "UserPermissionsMarketingUser": false,
        }),
        "the names are the org's spelling, whatever the query's"
    );
    let boss_is =
        org.records("SELECT UserRole.Name, Manager.Name FROM User WHERE Username = 'BOSS@acme.example'").await;
    assert_eq!(boss_is, [json!({"UserRole": null, "Manager": null})]);
    for (condition, found) in [
        (format!("Id = '{}'", short(&ada)), 1),
        (format!("Id IN ('{ada}', '{}', '{boss}')", short(&ada)), 2),
        (format!("ManagerId = '{boss}' AND Badge__c > 12"), 1),
        ("Profile.UserLicense.Name = 'salesforce' AND IsActive = true".to_owned(), 3),
        ("Since__c < 2026-02-01 AND Vip__c = true".to_owned(), 1),
        ("CreatedDate > 2000-01-01T00:00:00Z AND SystemModstamp > 2000-01-01T00:00:00Z".to_owned(), 3),
        ("LastModifiedDate > 2100-01-01T00:00:00Z".to_owned(), 0),
        ("Username LIKE 'b%@acme.example'".to_owned(), 1),
        ("FederationIdentifier IN ('ext-boss', 'nobody')".to_owned(), 1),
        (format!("Id > '{ada}'"), 1),
        (format!("Id > '{}' AND IsActive = true ORDER BY Id LIMIT 1", short(&ada)), 1),
    ] {
        let count = org.soql(&format!("SELECT COUNT() FROM User WHERE {condition}")).await.body;
        assert_eq!(count, json!({"totalSize": found, "done": true, "records": []}), "{condition}");
        assert_eq!(org.records(&format!("SELECT Id FROM User WHERE {condition}")).await.len(), found, "{condition}");
    }
}

#[tokio::test]
async fn the_catalogue_can_be_asked_for() {
    let org = Org::new().await;
    let licences = org.records("SELECT Name, TotalLicenses, UsedLicenses, Status FROM UserLicense LIMIT 1").await;
    assert_eq!(
        licences,
        [json!({"Name": "Salesforce", "TotalLicenses": 5_000, "UsedLicenses": 1, "Status": "Active"})]
    );
    let sets = "SELECT Name, Label, Type, IsOwnedByProfile, Profile.Name, PermissionSetGroup.DeveloperName FROM \
                PermissionSet WHERE Name = 'Analytics_Viewer' OR PermissionSetGroupId != null OR Profile.Name = 'Standard User' \
                ORDER BY Type";
    let rows: Vec<Value> = org
        .records(sets)
        .await
        .iter()
        .map(|row| {
            json!([
                row["Type"],
                row["IsOwnedByProfile"],
                row["Profile"]["Name"],
                row["PermissionSetGroup"]["DeveloperName"]
            ])
        })
        .collect();
    assert_eq!(
        rows,
        [
            json!(["Group", false, null, "Sales_Team"]),
            json!(["Profile", true, "Standard User", null]),
            json!(["Regular", false, null, null]),
        ]
    );
    let groups = org.records("SELECT DeveloperName, MasterLabel, Status FROM PermissionSetGroup").await;
    assert_eq!(groups, [json!({"DeveloperName": "Sales_Team", "MasterLabel": "Sales Team", "Status": "Updated"})]);
    let licences = org.records("SELECT DeveloperName, TotalLicenses, UsedLicenses FROM PermissionSetLicense").await;
    assert_eq!(licences, [json!({"DeveloperName": "Analytics", "TotalLicenses": 100, "UsedLicenses": 0})]);
    let roles = org.records("SELECT Name FROM UserRole WHERE ParentRole.Name = 'CEO' ORDER BY Name").await;
    assert_eq!(roles, [json!({"Name": "Sales Rep"}), json!({"Name": "Support Agent"})]);
    let groups = org.records("SELECT Name, DeveloperName, Type, RelatedId FROM Group WHERE Type = 'Queue'").await;
    let queue = json!({"Name": "Support Queue", "DeveloperName": "Support_Queue", "Type": "Queue", "RelatedId": null});
    assert_eq!(groups, [queue]);
    let organization = org.records("SELECT Id, Name, IsSandbox, OrganizationType FROM Organization").await;
    assert_eq!(organization[0]["Id"], org.running.org().state()["OrganizationId"]);
    assert_eq!(organization[0]["IsSandbox"], false);
    let profiles = org.records("SELECT Name, UserLicense.MasterLabel FROM Profile WHERE Name = 'Identity User'").await;
    assert_eq!(profiles, [json!({"Name": "Identity User", "UserLicense": {"MasterLabel": "Identity"}})]);
}

#[tokio::test]
async fn links_are_records_of_their_own() {
    let org = Org::new().await;
    let (ada, eve) = (org.add("ada").await, org.add("eve").await);
    let (set, group) = (org.id("PermissionSets", "Sales_Console"), org.id("Groups", "West"));
    org.operations(&format!("/Users/{ada}"), json!([{"op": "add", "value": {"entitlements": [{"value": set}]}}])).await;
    let body = json!([{"op": "add", "path": "members", "value": {"members": [{"value": ada}, {"value": eve}]}}]);
    assert_eq!(org.operations(&format!("/Groups/{group}"), body).await.status, 200);
    let soql = format!(
        "SELECT Id, PermissionSetId, PermissionSet.Name, PermissionSetGroupId, Assignee.Username FROM \
         PermissionSetAssignment WHERE AssigneeId = '{ada}' AND PermissionSet.IsOwnedByProfile = false"
    );
    let rows = org.records(&soql).await;
    let id = rows[0]["Id"].as_str().expect("id");
    assert!(id.starts_with("0Pa") && rows.len() == 1, "{rows:?}");
    assert_eq!(rows[0]["PermissionSet"]["Name"], "Sales_Console");
    assert_eq!(rows[0]["Assignee"]["Username"], "ada@acme.example");
    let soql = format!("SELECT COUNT() FROM PermissionSetAssignment WHERE AssigneeId = '{ada}'");
    assert_eq!(org.soql(&soql).await.body["totalSize"], 2, "the profile's own set is assigned too");
    let soql = format!("SELECT Id, UserOrGroupId, Group.Name FROM GroupMember WHERE GroupId = '{group}'");
    let rows = org.records(&soql).await;
    assert_eq!(rows.len(), 2);
    let read =
        org.rest("GET", &format!("/sobjects/GroupMember/{}", rows[0]["Id"].as_str().expect("id")), Value::Null).await;
    assert_eq!((read.status, &read.body["GroupId"]), (200, &json!(group)));
    let in_west =
        "SELECT Username FROM User WHERE Id IN (SELECT UserOrGroupId FROM GroupMember WHERE Group.Name = 'west')";
    assert_eq!(org.records(in_west).await.len(), 2);
    assert_eq!(org.soql("SELECT COUNT() FROM GroupMember WHERE Group.Type = 'Regular'").await.body["totalSize"], 3);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let org =
        Org::with(Settings { rest: RestSettings { query_page: 3, ..RestSettings::default() }, ..Settings::default() })
            .await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        org.add(name).await;
    }
    let soql = "SELECT Alias, LastName FROM User ORDER BY LastName DESC";
    let first = org.soql(soql).await.body;
    assert_eq!((&first["totalSize"], &first["done"]), (&json!(7), &json!(false)));
    let mut names: Vec<Value> = Vec::new();
    let mut page = first.clone();
    loop {
        names.extend(page["records"].as_array().expect("records").iter().map(|record| record["LastName"].clone()));
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        assert!(next.starts_with(&format!("{BASE}/query/01g")), "{next}");
        assert_eq!((&page["done"], page["records"].as_array().map(Vec::len)), (&json!(false), Some(3)));
        let again = org.call("GET", next, Value::Null).await;
        page = org.call("GET", next, Value::Null).await.body;
        assert_eq!(
            (again.status, again.body, &page["totalSize"]),
            (200, page.clone(), &json!(7)),
            "a page can be had twice"
        );
    }
    assert_eq!(page["done"], true);
    assert_eq!(json!(names), json!(["User", "f", "e", "d", "c", "b", "a"]));
    let next = first["nextRecordsUrl"].as_str().expect("next");
    for wrong in [format!("{BASE}/query/01g000000000000-3"), next.replace("-3", "-7"), next.replace("-3", "")] {
        let answer = org.call("GET", &wrong, Value::Null).await;
        assert_eq!((answer.status, answer.code()), (400, "INVALID_QUERY_LOCATOR"), "{wrong}");
    }
    // Ten cursors are kept: the first one goes when the eleventh is opened.
    for _ in 0..9 {
        org.soql(soql).await;
    }
    assert_eq!(org.call("GET", next, Value::Null).await.status, 200);
    org.soql(soql).await;
    assert_eq!(org.call("GET", next, Value::Null).await.code(), "INVALID_QUERY_LOCATOR");
}

#[tokio::test]
async fn a_client_may_ask_for_smaller_pages() {
    let org = Org::new().await;
    org.running.org().with_store(|store| {
        let base = store.users().next().expect("the integration user").clone();
        for number in 0..450 {
            let mut user = base.clone();
            user.set(scim_bridge::sandbox::store::field::Field::Username, &format!("u{number}@acme.example"));
            user.set(scim_bridge::sandbox::store::field::Field::CommunityNickname, &format!("u{number}"));
            store.insert_user(user).expect("insert");
        }
    });
    let url = format!("{}{BASE}/query/?q=SELECT+Id+FROM+User", org.running.url());
    for (options, records) in
        [("", 451), ("batchSize=200", 200), ("batchSize=1", 200), ("batchSize=300", 300), ("x", 451)]
    {
        let request = org.client.get(&url).bearer_auth(&org.token).header("Sforce-Query-Options", options);
        let body: Value = request.send().await.expect("answer").json().await.expect("json");
        assert_eq!(body["records"].as_array().map(Vec::len), Some(records), "{options}");
    }
}

#[tokio::test]
async fn queries_are_refused_in_salesforces_words() {
    let org = Org::new().await;
    for (soql, code, words) in [
        ("SELECT Id FROM User WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        (
            "SELECT Shoe FROM User",
            "INVALID_FIELD",
            "No such column 'Shoe' on entity 'User'. If you are attempting to use",
        ),
        ("SELECT Id FROM User WHERE Profile.Shoe = 'x'", "INVALID_FIELD", "No such column 'Shoe' on entity 'Profile'"),
        ("SELECT Id FROM Pet", "INVALID_TYPE", "sObject type 'Pet' is not supported."),
        ("SELECT Id FROM User OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("", "MALFORMED_QUERY", "A query string has to be specified"),
    ] {
        let answer = org.soql(soql).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{soql}");
        let message = answer.body[0]["message"].as_str().expect("message");
        assert!(message.contains(words), "{soql}: {message}");
    }
    let long = org.soql(&format!("SELECT Id FROM User WHERE Name = '{}'", "x".repeat(17_000))).await;
    assert_eq!((long.status, long.code()), (414, "URI_TOO_LONG"));
    assert_eq!(org.rest("POST", "/query", json!({})).await.code(), "METHOD_NOT_ALLOWED");
    let counters = org.running.org().counters();
    assert_eq!((&counters["calls"]["query"], &counters["refused"]["query"]), (&json!(7), &json!(7)));
}

#[tokio::test]
async fn rights_that_are_lacking_are_told_and_kept() {
    let lacking = ["PermissionsFreezeUsers", "PermissionsAssignPermissionSets"].map(ToOwned::to_owned).to_vec();
    let rest = RestSettings { integration_permissions: lacking, ..RestSettings::default() };
    let org = Org::with(Settings { rest, ..Settings::default() }).await;
    let access =
        "SELECT PermissionsApiEnabled, PermissionsFreezeUsers, PermissionsManageUsers FROM UserPermissionAccess";
    let told = json!({"PermissionsApiEnabled": true, "PermissionsFreezeUsers": false, "PermissionsManageUsers": true});
    assert_eq!(org.records(access).await, [told]);
    let id = org.add("ada").await;
    let login = &org.records(&format!("SELECT Id FROM UserLogin WHERE UserId = '{id}'")).await[0]["Id"];
    let path = format!("/sobjects/UserLogin/{}", login.as_str().expect("id"));
    let frozen = org.rest("PATCH", &path, json!({"IsFrozen": true})).await;
    assert_eq!((frozen.status, frozen.code()), (403, "INSUFFICIENT_ACCESS_OR_READONLY"));
    let body = json!({"AssigneeId": id, "PermissionSetId": org.id("PermissionSets", "Sales_Console")});
    assert_eq!(
        org.rest("POST", "/sobjects/PermissionSetAssignment", body).await.code(),
        "INSUFFICIENT_ACCESS_OR_READONLY"
    );
    assert_eq!(org.user(&id)["IsFrozen"], false);

    let rest =
        RestSettings { integration_permissions: vec!["PermissionsApiEnabled".to_owned()], ..RestSettings::default() };
    let org = Org::with(Settings { rest, ..Settings::default() }).await;
    let answer = org.soql("SELECT Id FROM User").await;
    assert_eq!((answer.status, answer.code()), (403, "API_DISABLED_FOR_ORG"));
}
