//! Orgs from a configuration file.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use scim_bridge::sandbox::{Settings, read_config, start_all};
use serde_json::{Value, json};

use super::{Org, client};

fn read(text: &str) -> Vec<Settings> {
    let default = Settings::default();
    let mut orgs = read_config(text, Path::new("docs/examples"), &default.clock, &default.entropy).expect("a file");
    for org in &mut orgs {
        org.listen = "127.0.0.1:0".to_owned();
    }
    orgs
}

fn named<'a>(state: &'a Value, collection: &str, name: &str) -> &'a Value {
    let list = state[collection].as_array().expect("a collection");
    let found = list.iter().find(|entry| entry["Name"] == name || entry["Username"] == name);
    found.unwrap_or_else(|| panic!("no {name} among {collection}"))
}

#[tokio::test]
async fn the_example_is_what_it_says() {
    let text = std::fs::read_to_string("docs/examples/sandbox.toml").expect("the example");
    let mut orgs = start_all(read(&text)).await.expect("both start");
    let uat = orgs.remove(1);
    let running = orgs.remove(0);
    let state = running.org().state();
    assert_eq!(named(&state, "UserLicenses", "Salesforce")["TotalLicenses"], 20);
    assert_eq!(state["Profiles"].as_array().map(Vec::len), Some(3));
    assert_eq!(named(&state, "PermissionSets", "X00e_Standard_User")["IsOwnedByProfile"], true);
    assert_eq!(
        named(&state, "PermissionSetGroups", "Sales_Team")["PermissionSets"],
        json!(["Sales_Console", "Account_Reader"])
    );
    assert_eq!(named(&state, "PermissionSetLicenses", "Analytics")["TotalLicenses"], 5);
    let ada = named(&state, "Users", "ada@acme.example");
    assert_eq!(
        (&ada["Manager"], &ada["Title"], &ada["Badge__c"]),
        (&json!("boss@acme.example"), &json!("Countess"), &json!(7))
    );
    assert_eq!((&ada["PermissionSetGroups"], &ada["Groups"]), (&json!(["Sales_Team"]), &json!(["West"])));
    assert_eq!(ada["Region__c"], "EMEA");
    let partner = named(&state, "Users", "partner@acme.example");
    assert_eq!((&partner["UserType"], &partner["IsActive"]), (&json!("PowerPartner"), &json!(false)));
    assert_eq!(named(&state, "Users", "boss@acme.example")["Role"], "CEO");
    assert_eq!(named(&state, "Groups", "Support Queue")["Type"], "Queue");

    let org = Org { running, client: client(), token: String::new() };
    let form = [("grant_type", "refresh_token"), ("refresh_token", "5Aep861acme"), ("client_id", "acme-app")];
    let (status, body) = org.token_request(&form).await;
    assert_eq!(status, 200, "{body}");
    let org = Org { token: body["access_token"].as_str().expect("token").to_owned(), ..org };
    let taken = org.scim("POST", "/Users", org.person("ada")).await;
    assert!(taken.detail().contains("DUPLICATE_USERNAME"), "{taken:?}");
    let numbered = super::with(org.person("eve"), json!({"employeeNumber": "7"}));
    let refused = org.scim("POST", "/Users", numbered).await;
    assert!(refused.detail().contains("FIELD_CUSTOM_VALIDATION_EXCEPTION, An employee number begins"), "{refused:?}");
    let legacy = org.scim("POST", "/Users", org.person("legacy.x")).await;
    assert!(legacy.detail().contains("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"), "{legacy:?}");

    let order = json!({"username": "ada@acme.example"}).to_string();
    let url = format!("{}/sandbox/users", uat.url());
    let elsewhere = client().post(url).body(order).send().await.expect("answer").text().await.expect("text");
    assert!(elsewhere.contains("DUPLICATE_USERNAME"), "usernames are unique over both: {elsewhere}");
    assert!((uat.org().settings().faults.row_lock - 0.05).abs() < 1e-9);
}

#[tokio::test]
async fn what_cannot_be_in_an_org_is_an_error() {
    let text = "[org.acme]\nlistenn = 1";
    let default = Settings::default();
    let error = read_config(text, Path::new("."), &default.clock, &default.entropy).expect_err("refused").to_string();
    assert!(error.contains("`listenn`; did you mean `listen`?") && error.contains("line 2"), "{error}");
    let text = "[org.acme]\n[[org.acme.users]]\nusername = \"x@y.example\"\npermission_sets = [\"Nothing\"]\n\
                [[org.acme.roles]]\nname = \"Rep\"\nparent = \"CEO\"";
    let error = start_all(read(text)).await.expect_err("refused").to_string();
    assert!(error.contains("role Rep: there is no role CEO before it"), "{error}");
    assert!(error.contains("user x@y.example: no permission set Nothing"), "{error}");
}

#[test]
fn the_command_prints_where_and_how() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("sandbox.toml");
    std::fs::write(folder.path().join("key.pem"), include_str!("jwt_public.pem")).expect("write");
    let text = "[org.acme]\nlisten = \"127.0.0.1:0\"\njwt_public_key_file = \"key.pem\"\n\
                [org.beta]\nlisten = \"127.0.0.1:0\"\nclient_secret = \"hush\"\n";
    std::fs::write(&file, text).expect("write");
    let mut process = Command::new(env!("CARGO_BIN_EXE_scim-bridge"))
        .args(["sandbox", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines: Vec<String> = BufReader::new(process.stdout.take().expect("stdout"))
        .lines()
        .take(10)
        .map(|line| line.expect("a line"))
        .collect();
    process.kill().expect("ends");
    process.wait().expect("ended");
    let printed = lines.join("\n");
    for part in [
        "acme (simulated)\n  Salesforce      http://127.0.0.1:",
        "JWT bearer      yes, as integration@acme.example\nbeta (simulated)",
        "client_secret   hush",
    ] {
        assert!(printed.contains(part), "{part} is missing in {printed}");
    }
    std::fs::write(&file, "[org.acme]\nclient = 1").expect("write");
    let refused = Command::new(env!("CARGO_BIN_EXE_scim-bridge"))
        .args(["sandbox", "--config"])
        .arg(&file)
        .output()
        .expect("runs");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && told.contains("did you mean `client_id`?"), "{told}");
}
