use scim_bridge::sandbox::{CustomFieldSeed, CustomType, Settings};
use serde_json::{Value, json};

use super::{Org, short, with};

/// A whole user as `POST /sobjects/User` takes it.
pub(super) fn whole_user(org: &Org, name: &str) -> Value {
    json!({
        "Username": format!("{name}@acme.example"), "LastName": name, "Email": format!("{name}@acme.example"),
        "Alias": name, "TimeZoneSidKey": "Europe/Amsterdam", "LocaleSidKey": "nl_NL", "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US", "ProfileId": org.id("Profiles", "Standard User"),
    })
}

fn id_of(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("no id in {body}")).to_owned()
}

#[tokio::test]
async fn a_user_is_made_in_one_call_and_without_mail() {
    let custom = CustomFieldSeed {
        api_name: "Vip__c".to_owned(),
        kind: CustomType::Checkbox,
        default: Some("true".to_owned()),
        ..CustomFieldSeed::default()
    };
    let org = Org::with(Settings { custom_fields: vec![custom], ..Settings::default() }).await;
    let body = with(
        whole_user(&org, "ada"),
        json!({
            "FederationIdentifier": "ext-ada", "Phone": "1", "MobilePhone": "2", "vip__c": false,
            "UserPermissionsMarketingUser": true, "attributes": {"type": "User"},
        }),
    );
    let answer = org.rest("POST", "/sobjects/User", body).await;
    let id = id_of(&answer.body);
    assert_eq!((answer.status, answer.body), (201, json!({"id": id, "success": true, "errors": []})));
    let path = format!("/services/data/v66.0/sobjects/User/{id}");
    assert_eq!(answer.headers["location"], path);
    let record = org.call("GET", &path, Value::Null).await.body;
    for (field, value) in [
        ("Username", json!("ada@acme.example")),
        ("Phone", json!("1")),
        ("MobilePhone", json!("2")),
        ("IsActive", json!(true)),
        ("UserType", json!("Standard")),
        ("Vip__c", json!(false)),
        ("UserPermissionsMarketingUser", json!(true)),
        ("Title", Value::Null),
        ("Email", json!("ada@acme.example")),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
    assert!(record["CommunityNickname"].as_str().is_some_and(|name| name.starts_with("User")), "{record}");
    let state = org.running.org().state();
    assert_eq!((&state["Mails"]["PasswordReset"], &state["Mails"]["EmailChange"]), (&json!(0), &json!(0)));
    let some = org.call("GET", &format!("{path}?fields=Alias,email"), Value::Null).await.body;
    let attributes = json!({"type": "User", "url": path});
    assert_eq!(some, json!({"attributes": attributes, "Id": id, "Alias": "ada", "Email": "ada@acme.example"}));
    // An address of somebody who is there already waits for the person.
    let changed = org.call("PATCH", &path, json!({"Email": "new@acme.example"})).await;
    assert_eq!((changed.status, org.user(&id)["Email"].clone()), (204, json!("ada@acme.example")));
    assert_eq!(org.user(&id)["PendingEmail"], "new@acme.example");
    let counters = org.running.org().counters();
    assert_eq!(counters["calls"]["user_create_rest"], 1);
}

#[tokio::test]
async fn a_user_is_refused_with_the_fields_at_fault() {
    let org = Org::new().await;
    org.add("eve").await;
    let missing = "Required fields are missing: [Username, LastName, Email, Alias, LanguageLocaleKey, LocaleSidKey, \
                   TimeZoneSidKey, EmailEncodingKey, ProfileId]";
    let empty = org.rest("POST", "/sobjects/User", json!({})).await;
    assert_eq!(
        (empty.status, empty.code(), &empty.body[0]["message"]),
        (400, "REQUIRED_FIELD_MISSING", &json!(missing))
    );
    for (changes, status, code, fields) in [
        (json!({"LastName": ""}), 400, "REQUIRED_FIELD_MISSING", json!(["LastName"])),
        (json!({"Username": "EVE@acme.example"}), 400, "DUPLICATE_USERNAME", json!(["Username"])),
        (json!({"Username": "test@gmail.com"}), 400, "DUPLICATE_USERNAME", json!(["Username"])),
        (
            json!({"CommunityNickname": "eve@acme.example"}),
            400,
            "DUPLICATE_COMM_NICKNAME",
            json!(["CommunityNickname"]),
        ),
        (json!({"FederationIdentifier": "ext-eve"}), 400, "DUPLICATE_VALUE", json!(["FederationIdentifier"])),
        (json!({"Alias": "123456789"}), 400, "STRING_TOO_LONG", json!(["Alias"])),
        (json!({"LocaleSidKey": "nl-NL"}), 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", json!(["LocaleSidKey"])),
        (json!({"Email": "x"}), 400, "INVALID_EMAIL_ADDRESS", json!(["Email"])),
        (json!({"ProfileId": "00eAA0000000000"}), 400, "INVALID_CROSS_REFERENCE_KEY", json!(["ProfileId"])),
        (json!({"Name": "x"}), 400, "INVALID_FIELD_FOR_INSERT_UPDATE", json!(["Name"])),
        (json!({"Shoe__c": "x"}), 400, "INVALID_FIELD", Value::Null),
        (json!({"IsActive": "perhaps"}), 400, "JSON_PARSER_ERROR", Value::Null),
    ] {
        let answer = org.rest("POST", "/sobjects/User", with(whole_user(&org, "ada"), changes.clone())).await;
        assert_eq!((answer.status, answer.code(), &answer.body[0]["fields"]), (status, code, &fields), "{changes}");
    }
    org.running.org().set_licence("Salesforce", 2);
    let answer = org.rest("POST", "/sobjects/User", whole_user(&org, "ada")).await;
    assert_eq!((answer.status, answer.code()), (400, "LICENSE_LIMIT_EXCEEDED"));
    let inactive = with(whole_user(&org, "ada"), json!({"IsActive": false}));
    assert_eq!(org.rest("POST", "/sobjects/User", inactive).await.status, 201, "who is inactive takes none");
    assert_eq!(org.running.org().users().len(), 3);
    let by_field = org.rest("PATCH", "/sobjects/User/FederationIdentifier/ext-eve", json!({})).await;
    assert_eq!((by_field.status, by_field.code()), (404, "NOT_FOUND"));
    let message = "Provided external ID field does not exist or is not accessible: FederationIdentifier";
    assert_eq!(by_field.body[0]["message"], message);
}

#[tokio::test]
async fn assignments_come_and_go() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let set = org.id("PermissionSets", "Sales_Console");
    let group = org.id("PermissionSetGroups", "Sales_Team");
    let path = "/sobjects/PermissionSetAssignment";
    let to_set = json!({"AssigneeId": short(&ada), "PermissionSetId": set});
    let made = org.rest("POST", path, to_set.clone()).await;
    assert_eq!((made.status, &made.body["success"]), (201, &json!(true)));
    let (of_set, twice) = (id_of(&made.body), org.rest("POST", path, to_set).await);
    assert_eq!((twice.status, twice.code()), (400, "DUPLICATE_VALUE"));
    assert!(twice.body[0]["message"].as_str().is_some_and(|text| text.contains(&of_set)), "{twice:?}");
    let made = org.rest("POST", path, json!({"AssigneeId": ada, "PermissionSetGroupId": group})).await;
    let of_group = id_of(&made.body);
    assert_eq!(org.user(&ada)["PermissionSetGroups"], json!(["Sales_Team"]));
    for (body, code) in [
        (json!({"PermissionSetId": set}), "REQUIRED_FIELD_MISSING"),
        (json!({"AssigneeId": ada}), "REQUIRED_FIELD_MISSING"),
        (
            json!({"AssigneeId": ada, "PermissionSetId": set, "PermissionSetGroupId": group}),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (json!({"AssigneeId": ada, "PermissionSetId": group}), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({"AssigneeId": "005AA0000000000", "PermissionSetId": set}), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({"AssigneeId": ada, "PermissionSetId": "0PSAA0000000000"}), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({"AssigneeId": ada, "PermissionSetId": set, "IsActive": false}), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (json!({"AssigneeId": ada, "PermissionSetId": set, "Shoe": 1}), "INVALID_FIELD"),
        (
            json!({"AssigneeId": ada, "PermissionSetId": org.id("PermissionSets", "Analytics_Viewer")}),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
    ] {
        let answer = org.rest("POST", path, body.clone()).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{body}");
    }
    // Nothing but the end of it can be changed.
    let own = format!("{path}/{of_set}");
    let until = json!({"ExpirationDate": "2027-01-31T00:00:00.000Z"});
    assert_eq!(org.rest("PATCH", &own, until).await.status, 204);
    assert_eq!(org.rest("GET", &own, Value::Null).await.body["ExpirationDate"], "2027-01-31T00:00:00.000+0000");
    let moved = org.rest("PATCH", &own, json!({"PermissionSetId": set})).await;
    assert_eq!((moved.status, moved.code()), (400, "INVALID_FIELD_FOR_INSERT_UPDATE"));
    for id in [of_set, of_group] {
        assert_eq!(org.rest("DELETE", &format!("{path}/{id}"), Value::Null).await.status, 204);
        let again = org.rest("DELETE", &format!("{path}/{id}"), Value::Null).await;
        assert_eq!((again.status, again.code()), (404, "ENTITY_IS_DELETED"));
    }
    assert_eq!((&org.user(&ada)["PermissionSets"], &org.user(&ada)["PermissionSetGroups"]), (&json!([]), &json!([])));
    let counters = org.running.org().counters();
    assert_eq!(
        (&counters["calls"]["assignment_create"], &counters["calls"]["assignment_delete"]),
        (&json!(12), &json!(4))
    );
}

#[tokio::test]
async fn licences_and_the_sets_that_need_them() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let licence = org.id("PermissionSetLicenses", "Analytics");
    let body = json!({"AssigneeId": ada, "PermissionSetLicenseId": licence});
    let made = org.rest("POST", "/sobjects/PermissionSetLicenseAssign", body).await;
    let of_licence = format!("/sobjects/PermissionSetLicenseAssign/{}", id_of(&made.body));
    let body = json!({"AssigneeId": ada, "PermissionSetId": org.id("PermissionSets", "Analytics_Viewer")});
    let made = org.rest("POST", "/sobjects/PermissionSetAssignment", body).await;
    let of_set = format!("/sobjects/PermissionSetAssignment/{}", id_of(&made.body));
    let used = org.records("SELECT UsedLicenses FROM PermissionSetLicense").await;
    assert_eq!(used, [json!({"UsedLicenses": 1})]);
    assert_eq!(org.rest("DELETE", &of_licence, Value::Null).await.code(), "FIELD_INTEGRITY_EXCEPTION");
    assert_eq!(org.rest("DELETE", &of_set, Value::Null).await.status, 204);
    assert_eq!(org.rest("DELETE", &of_licence, Value::Null).await.status, 204);
    let soql = format!("SELECT COUNT() FROM PermissionSetLicenseAssign WHERE AssigneeId = '{ada}'");
    assert_eq!(org.soql(&soql).await.body["totalSize"], 0);
    let counters = org.running.org().counters();
    assert_eq!((&counters["calls"]["psl_create"], &counters["calls"]["psl_delete"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn members_come_and_go() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let (west, queue) = (org.id("Groups", "West"), org.id("Groups", "Support Queue"));
    for group in [&west, &queue] {
        let body = json!({"GroupId": short(group), "UserOrGroupId": ada});
        let made = org.rest("POST", "/sobjects/GroupMember", body.clone()).await;
        assert_eq!((made.status, org.members(group)), (201, vec![ada.clone()]));
        assert_eq!(org.rest("POST", "/sobjects/GroupMember", body).await.code(), "DUPLICATE_VALUE");
        let path = format!("/sobjects/GroupMember/{}", id_of(&made.body));
        assert_eq!(org.rest("PATCH", &path, json!({"GroupId": west})).await.code(), "INVALID_TYPE_FOR_OPERATION");
        assert_eq!(org.rest("DELETE", &path, Value::Null).await.status, 204);
        assert_eq!(org.rest("DELETE", &path, Value::Null).await.code(), "ENTITY_IS_DELETED");
        assert_eq!(org.members(group), Vec::<String>::new());
    }
    for body in [
        json!({"GroupId": "00GAA0000000000", "UserOrGroupId": ada}),
        json!({"GroupId": west, "UserOrGroupId": "005AA0000000000"}),
    ] {
        assert_eq!(org.rest("POST", "/sobjects/GroupMember", body).await.code(), "INVALID_CROSS_REFERENCE_KEY");
    }
    let everybody = json!({"GroupId": west, "UserOrGroupId": org.id("Groups", "All Regions")});
    assert_eq!(org.rest("POST", "/sobjects/GroupMember", everybody).await.code(), "CIRCULAR_DEPENDENCY");
}

#[tokio::test]
async fn users_are_frozen_and_thawed() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    let soql = format!("SELECT Id, UserId, IsFrozen, IsPasswordLocked FROM UserLogin WHERE UserId = '{ada}'");
    let login = org.records(&soql).await.remove(0);
    assert_eq!(login, json!({"Id": login["Id"], "UserId": ada, "IsFrozen": false, "IsPasswordLocked": false}));
    let path = format!("/sobjects/UserLogin/{}", login["Id"].as_str().expect("id"));
    for (value, frozen) in [(json!(true), true), (json!("false"), false), (json!(true), true)] {
        let answer = org.rest("PATCH", &path, json!({"IsFrozen": value, "IsPasswordLocked": false})).await;
        assert_eq!((answer.status, &answer.body), (204, &json!("")));
        assert_eq!(org.user(&ada)["IsFrozen"], frozen);
        assert_eq!(org.user(&ada)["IsActive"], true, "a frozen user keeps the licence");
    }
    assert_eq!(org.soql("SELECT COUNT() FROM UserLogin WHERE IsFrozen = true").await.body["totalSize"], 1);
    for (body, code) in [
        (json!({"IsPasswordLocked": true}), "FIELD_INTEGRITY_EXCEPTION"),
        (json!({"UserId": ada}), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (json!({"IsFrozen": 1}), "JSON_PARSER_ERROR"),
        (json!({"Frozen": true}), "INVALID_FIELD"),
    ] {
        assert_eq!(org.rest("PATCH", &path, body.clone()).await.code(), code, "{body}");
    }
    assert_eq!(org.rest("POST", "/sobjects/UserLogin", json!({})).await.code(), "INVALID_TYPE_FOR_OPERATION");
    assert_eq!(org.rest("DELETE", &path, Value::Null).await.code(), "INVALID_TYPE_FOR_OPERATION");
    let nobody = org.rest("PATCH", "/sobjects/UserLogin/0YwAA0000000000", json!({"IsFrozen": true})).await;
    assert_eq!((nobody.status, nobody.code()), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn objects_describe_themselves_truly() {
    let custom = |name: &str, kind: CustomType| CustomFieldSeed {
        api_name: name.to_owned(),
        kind,
        unique: kind == CustomType::Text,
        length: Some(7),
        values: vec!["a".to_owned(), "b".to_owned()],
        ..CustomFieldSeed::default()
    };
    let custom_fields = vec![custom("Badge__c", CustomType::Text), custom("Team__c", CustomType::Picklist)];
    let org = Org::with(Settings { custom_fields, ..Settings::default() }).await;
    let describe = org.rest("GET", "/sobjects/User/describe", Value::Null).await.body;
    assert_eq!(
        (&describe["name"], &describe["deletable"], &describe["keyPrefix"]),
        (&json!("User"), &json!(false), &json!("005"))
    );
    let fields = describe["fields"].as_array().expect("fields");
    let field = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    let values = |name: &str| field(name)["picklistValues"].as_array().expect("values").clone();
    for (name, key, value) in [
        ("Username", "length", json!(80)),
        ("Username", "nillable", json!(false)),
        ("Username", "unique", json!(true)),
        ("Email", "type", json!("email")),
        ("Alias", "length", json!(8)),
        ("Title", "nillable", json!(true)),
        ("Name", "createable", json!(false)),
        ("IsActive", "type", json!("boolean")),
        ("IsActive", "defaultedOnCreate", json!(true)),
        ("CommunityNickname", "defaultedOnCreate", json!(true)),
        ("ProfileId", "referenceTo", json!(["Profile"])),
        ("ProfileId", "relationshipName", json!("Profile")),
        ("LocaleSidKey", "restrictedPicklist", json!(true)),
        ("CreatedDate", "updateable", json!(false)),
        ("Badge__c", "custom", json!(true)),
        ("Badge__c", "unique", json!(true)),
        ("Badge__c", "length", json!(7)),
        ("Team__c", "type", json!("picklist")),
    ] {
        assert_eq!(field(name)[key], value, "{name}.{key}");
    }
    assert!(
        values("TimeZoneSidKey").iter().any(|entry| entry["value"] == "Europe/Amsterdam" && entry["active"] == true)
    );
    assert_eq!(values("Team__c").len(), 2);
    // What is said to be required is required, and what is said to be written is written.
    let mut whole = whole_user(&org, "ada");
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| {
            field["createable"] == true && field["nillable"] == false && field["defaultedOnCreate"] == false
        })
        .map(|field| field["name"].as_str().expect("name"))
        .collect();
    let mut given: Vec<&str> = whole.as_object().expect("object").keys().map(String::as_str).collect();
    given.sort_unstable();
    let mut sorted = required.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, given);
    for field in fields.iter().filter(|field| field["type"] == "boolean" && field["createable"] == true) {
        whole[field["name"].as_str().expect("name")] = json!(true);
    }
    for field in fields.iter().filter(|field| field["type"] == "picklist" && field["createable"] == true) {
        let last = field["picklistValues"].as_array().and_then(|values| values.last()).expect("a value");
        whole[field["name"].as_str().expect("name")] = last["value"].clone();
    }
    let made = org.rest("POST", "/sobjects/User", whole.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let names: Vec<&str> = fields.iter().map(|field| field["name"].as_str().expect("name")).collect();
    let soql = format!("SELECT {} FROM User WHERE Id = '{}'", names.join(", "), id_of(&made.body));
    let record = org.records(&soql).await.remove(0);
    for (name, value) in whole.as_object().expect("object") {
        assert_eq!(record[name], *value, "{name}");
    }
    for object in ["Group", "GroupMember", "PermissionSetAssignment", "PermissionSetLicenseAssign", "UserLogin"] {
        let describe = org.rest("GET", &format!("/sobjects/{object}/describe"), Value::Null).await;
        assert_eq!((describe.status, &describe.body["name"]), (200, &json!(object)));
        let names: Vec<String> = describe.body["fields"]
            .as_array()
            .expect("fields")
            .iter()
            .map(|field| field["name"].as_str().expect("name").to_owned())
            .collect();
        let soql = format!("SELECT {} FROM {object}", names.join(", "));
        assert_eq!(org.soql(&soql).await.status, 200, "{soql}");
    }
    let all = org.rest("GET", "/sobjects", Value::Null).await.body;
    assert!(
        all["sobjects"].as_array().is_some_and(|objects| objects.iter().any(|object| object["name"] == "UserLogin"))
    );
    assert_eq!(org.rest("GET", "/sobjects/Pet/describe", Value::Null).await.status, 404);
}

#[tokio::test]
async fn versions_limits_and_the_caller() {
    let org = Org::new().await;
    let url = format!("{}/services/data", org.running.url());
    let versions: Value = org.client.get(url).send().await.expect("answer").json().await.expect("json");
    let newest = versions.as_array().and_then(|versions| versions.last()).expect("a version").clone();
    assert_eq!(newest["url"], "/services/data/v66.0", "told without a login");
    let below = org.rest("GET", "/", Value::Null).await.body;
    assert_eq!(below["query"], "/services/data/v66.0/query");
    let limits = org.rest("GET", "/limits", Value::Null).await.body;
    assert_eq!(limits["DailyBulkV2QueryJobs"], json!({"Max": 10_000, "Remaining": 10_000}));
    let caller = org.call("GET", "/services/oauth2/userinfo", Value::Null).await.body;
    assert_eq!(
        (&caller["preferred_username"], &caller["user_type"]),
        (&json!("integration@acme.example"), &json!("STANDARD"))
    );
}
