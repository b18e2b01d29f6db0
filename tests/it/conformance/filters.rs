//! Filters.

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::support::app::{TestApp, user};
use super::{Client, Directory, ENTERPRISE, GROUP, SEARCH, USER, encoded, finds, found, names, refused, user_with};

statements! {
    1, "RFC 7644 3.4.2.2", "Attribute names and operators compare without regard to case.",
    async fn names_and_operators_in_any_case(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        finds(&app, "/Users", &[
            ("Username Eq \"ada@example.com\"", &["ada"]),
            ("USERNAME EQ \"ada@example.com\"", &["ada"]),
            ("username nE \"ada@example.com\"", &["bob", "eve"]),
            ("uSERnAME Co \"DA@\"", &["ada"]),
            ("username SW \"ada\"", &["ada"]),
            ("USERname eW \"b@example.com\"", &["bob"]),
            ("USERNAME GT \"bob@example.com\"", &["eve"]),
            ("USERNAME gE \"bob@example.com\"", &["bob", "eve"]),
            ("USERNAME Lt \"bob@example.com\"", &["ada"]),
            ("USERNAME lE \"bob@example.com\"", &["ada", "bob"]),
            ("TITLE PR", &["ada"]),
            ("Name.FAMILYNAME eq \"ada\"", &["ada"]),
            ("NAME.familyname eq \"ada\" OR Name.FamilyName eq \"bob\"", &["ada", "bob"]),
            ("USERNAME pr AND NOT (Title Pr)", &["bob", "eve"]),
            ("EMAILS[TYPE eq \"home\" And VALUE pR]", &["bob"]),
            ("META.RESOURCETYPE eq \"User\" and ACTIVE eq false", &["bob"]),
        ]).await;
        finds(&app, "/Groups", &[("DISPLAYNAME EQ \"Sales\"", &["Sales"]), ("MEMBERS.VALUE PR", &["Sales"])]).await;
    }

    2, "RFC 7644 3.4.2.2", "Grouping binds first, then not, then and, then or; and and or group from the left.",
    async fn precedence(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        let (a, b, none) = ("userName sw \"ada\"", "userName sw \"bob\"", "userName sw \"nobody\"");
        for (filter, wanted) in [
            (format!("{a} or {b} and {none}"), vec!["ada"]),
            (format!("({a} or {b}) and {none}"), vec![]),
            (format!("{none} and {a} or {b}"), vec!["bob"]),
            (format!("{none} and ({a} or {b})"), vec![]),
            (format!("not ({a}) and {b}"), vec!["bob"]),
            (format!("not (({a}) and {b})"), vec!["ada", "bob", "eve"]),
            (format!("not ({a}) or {a}"), vec!["ada", "bob", "eve"]),
            (format!("not ({a} or {b})"), vec!["eve"]),
            (format!("{none} and not ({a}) or {a}"), vec!["ada"]),
            (format!("{a} and {none} or {b} and {none} or {b}"), vec!["bob"]),
            (format!("({a} and ({none} or ({b} or {a})))"), vec!["ada"]),
            ("emails[type eq \"home\" or type eq \"work\" and value co \"nowhere\"]".into(), vec!["bob"]),
            ("emails[(type eq \"home\" or type eq \"work\") and value co \"nowhere\"]".into(), vec![]),
            ("emails[not (type eq \"work\") and value pr]".into(), vec!["bob"]),
        ] {
            finds(&app, "/Users", &[(&filter, &wanted)]).await;
        }
    }

    3, "RFC 7644 3.4.2.2; RFC 7643 2.3.7, 3.1", "Strings compare as caseExact says: userName and emails.value fold, id, externalId, meta.version, references and members do not.",
    async fn case_exact(engine: Engine) {
        let Directory { app, ada, sales, .. } = Directory::new(&engine).await;
        let version = app.get(&format!("/Users/{ada}")).await.body["meta"]["version"].as_str().expect("a version").to_owned();
        let quoted = |text: &str| json!(text).to_string();
        for (filter, wanted) in [
            ("userName eq \"ADA@EXAMPLE.COM\"".to_owned(), vec!["ada"]),
            ("userName co \"DA@EX\"".into(), vec!["ada"]),
            ("userName sw \"ADA\"".into(), vec!["ada"]),
            ("userName ew \"EVE@EXAMPLE.com\"".into(), vec!["eve"]),
            ("userName ge \"BOB@EXAMPLE.COM\"".into(), vec!["bob", "eve"]),
            ("userName ne \"ADA@EXAMPLE.COM\"".into(), vec!["bob", "eve"]),
            ("emails.value eq \"B@WORK.EXAMPLE\"".into(), vec!["bob"]),
            ("emails[value eq \"B@WORK.EXAMPLE\" and type eq \"WORK\"]".into(), vec!["bob"]),
            ("displayName eq \"ADA LOVELACE\"".into(), vec!["ada"]),
            (format!("{ENTERPRISE}:department eq \"SALES\""), vec!["ada"]),
            (format!("id eq {}", quoted(&ada)), vec!["ada"]),
            (format!("id eq {}", quoted(&ada.to_uppercase())), vec![]),
            (format!("id sw {}", quoted(&ada.to_uppercase())), vec![]),
            ("externalId eq \"ext-ada\"".into(), vec!["ada"]),
            ("externalId eq \"EXT-ada\"".into(), vec![]),
            ("externalId sw \"EXT\"".into(), vec![]),
            ("externalId co \"ADA\"".into(), vec![]),
            ("externalId lt \"ext\"".into(), vec![]),
            ("externalId gt \"EXT\"".into(), vec!["ada", "bob", "eve"]),
            (format!("meta.version eq {}", quoted(&version)), vec!["ada", "bob", "eve"]),
            (format!("meta.version eq {}", quoted(&version.to_lowercase())), vec![]),
            ("meta.resourceType eq \"user\"".into(), vec![]),
            ("profileUrl eq \"https://example.com/Ada\"".into(), vec!["ada"]),
            ("profileUrl eq \"https://example.com/ada\"".into(), vec![]),
            (format!("{ENTERPRISE}:manager.value eq {}", quoted(&ada)), vec!["bob"]),
            (format!("{ENTERPRISE}:manager.value eq {}", quoted(&ada.to_uppercase())), vec![]),
            (format!("{ENTERPRISE}:manager.$ref eq {}", quoted(&format!("../Users/{ada}"))), vec!["bob"]),
            (format!("{ENTERPRISE}:manager.$ref eq {}", quoted(&format!("../users/{ada}"))), vec![]),
            (format!("groups.value eq {}", quoted(&sales)), vec!["ada", "bob"]),
            (format!("groups.value eq {}", quoted(&sales.to_uppercase())), vec![]),
        ] {
            finds(&app, "/Users", &[(&filter, &wanted)]).await;
        }
    }

    4, "RFC 7644 3.4.2.2", "Any value of a multi-valued attribute may match; conditions inside [ ] speak of one and the same value, outside of it each of any.",
    async fn one_value_or_any(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        finds(&app, "/Users", &[
            ("emails.value co \"@home\"", &["bob"]),
            ("emails.value co \"@work\"", &["bob"]),
            ("emails[type eq \"work\" and value co \"@work\"]", &["bob"]),
            ("emails[type eq \"work\" and value co \"@home\"]", &[]),
            ("emails[type eq \"home\" and value co \"@work\"]", &[]),
            ("emails.type eq \"work\" and emails.value co \"@home\"", &["bob"]),
            ("emails[type eq \"work\"] and emails[value co \"@home\"]", &["bob"]),
            ("emails[value eq \"b@work.example\" and value eq \"bob@home.example\"]", &[]),
            ("emails.value eq \"b@work.example\" and emails.value eq \"bob@home.example\"", &["bob"]),
            ("emails[type eq \"work\" and primary eq true]", &["ada", "eve"]),
            ("emails[not (type eq \"work\")]", &["bob"]),
            ("not (emails[type eq \"work\" and primary eq true])", &["bob"]),
            ("emails[type eq \"home\" or value co \"eve\"] and userName pr", &["bob", "eve"]),
        ]).await;
    }

    5, "RFC 7644 3.4.2.2; RFC 7643 2.5", "pr is false for null, for an empty string, for an empty list and for a complex attribute without a value.",
    async fn present(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let strict = Client::strict(&app).await;
        user_with(&app, "full", json!({
            "title": "T", "nickName": "N", "phoneNumbers": [{ "value": "1" }], "addresses": [{ "locality": "Rome" }],
            ENTERPRISE: { "manager": { "value": "m" }, "department": "D" },
        })).await;
        let empty = json!({
            "title": null, "nickName": "", "phoneNumbers": [], "addresses": [{}], "name": {}, "emails": null,
            ENTERPRISE: { "manager": {}, "department": null },
        });
        user_with(&app, "empty", empty.clone()).await;
        // Whether a string without a character is stored or not, it is no value.
        let mut body = user("strict");
        body.as_object_mut().expect("an object").extend(empty.as_object().expect("an object").clone());
        body["schemas"] = json!([USER, ENTERPRISE]);
        body["name"] = json!({ "familyName": "" });
        let created = strict.post("/Users", &body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        for attribute in [
            "title", "nickName", "phoneNumbers", "phoneNumbers.value", "addresses", "addresses.locality", "name", "name.familyName",
            "emails", "emails.value", &format!("{ENTERPRISE}:manager"), &format!("{ENTERPRISE}:manager.value"),
            &format!("{ENTERPRISE}:department"), "phoneNumbers[value pr]",
        ] {
            let filter = if attribute.contains('[') { attribute.to_owned() } else { format!("{attribute} pr") };
            finds(&app, "/Users", &[(&filter, &["full"]), (&format!("not ({filter})"), &["empty", "strict"])]).await;
        }
        finds(&app, "/Users", &[("nothing pr", &[]), ("active pr", &["empty", "full", "strict"]), ("title eq null", &["empty", "strict"])]).await;
        let group = app.group("Nobody", &[]).await;
        finds(&app, "/Groups", &[("members pr", &[]), ("not (members pr)", &["Nobody"])]).await;
        let cleared = app.patch(&format!("/Groups/{group}"), json!([{ "op": "replace", "path": "members", "value": [] }])).await;
        assert_eq!(cleared.status, 200, "{}", cleared.body);
        assert!(found(&app, "/Groups", "members pr").await.is_empty());
    }

    6, "RFC 7644 3.4.2.2 table 3; RFC 7643 2.3.5", "gt, ge, lt and le on a boolean or binary attribute are refused with invalidFilter; dates compare as points in time, not as text.",
    async fn order_by_type(engine: Engine) {
        let Directory { app, ada, .. } = Directory::new(&engine).await;
        for operator in ["gt", "ge", "lt", "le"] {
            for filter in [
                format!("active {operator} true"),
                format!("active {operator} \"true\""),
                format!("emails.primary {operator} false"),
                format!("emails[primary {operator} true]"),
                format!("x509Certificates.value {operator} \"QQ==\""),
                format!("userName eq \"ada@example.com\" and not (active {operator} true)"),
                format!("meta.created {operator} \"yesterday\""),
                format!("meta.created {operator} 5"),
            ] {
                let answer = app.get(&format!("/Users?filter={}", encoded(&filter))).await;
                refused(&answer, 400, "invalidFilter", &filter);
            }
        }
        let created = app.get(&format!("/Users/{ada}")).await.body["meta"]["created"].as_str().expect("a time").to_owned();
        let created: DateTime<Utc> = created.parse().expect("RFC 3339");
        let zone = |hours: i32| FixedOffset::east_opt(hours * 3600).expect("an offset");
        let text = |time: DateTime<Utc>, hours: i32, digits| json!(time.with_timezone(&zone(hours)).to_rfc3339_opts(digits, false)).to_string();
        for hours in [0, 1, -11, 14] {
            for digits in [SecondsFormat::Millis, SecondsFormat::Nanos] {
                let same = text(created, hours, digits);
                let later = text(created + TimeDelta::minutes(30), hours, digits);
                let earlier = text(created - TimeDelta::minutes(30), hours, digits);
                for (condition, holds) in [
                    (format!("eq {same}"), true), (format!("ne {same}"), false), (format!("ge {same}"), true),
                    (format!("le {same}"), true), (format!("gt {same}"), false), (format!("lt {same}"), false),
                    (format!("lt {later}"), true), (format!("gt {later}"), false), (format!("eq {later}"), false),
                    (format!("gt {earlier}"), true), (format!("le {earlier}"), false),
                ] {
                    let wanted: &[&str] = if holds { &["ada"] } else { &[] };
                    let filter = format!("userName sw \"ada\" and meta.created {condition}");
                    assert_eq!(found(&app, "/Users", &filter).await, wanted, "{filter}");
                }
            }
        }
        finds(&app, "/Users", &[
            ("meta.created gt \"2000-01-01T00:00:00Z\"", &["ada", "bob", "eve"]),
            ("meta.lastModified lt \"2000-01-01T00:00:00+01:00\"", &[]),
        ]).await;
    }

    7, "RFC 7644 3.4.2.2", "An unknown operator and any other malformed filter is refused with invalidFilter, and never answered with an unfiltered list.",
    by default "A literal without quotes (`userName eq ada@example.com`, sent by authentik and in Microsoft's samples) is read as a string.",
    strict "400 invalidFilter.",
    async fn malformed(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        let strict = Client::strict(&app).await;
        for filter in [
            "", " ", "userName", "userName eq", "eq \"x\"", "\"x\" eq userName", "userName like \"x\"", "userName = \"x\"",
            "userName == \"x\"", "userName eq \"x", "userName eq \"a\\x\"", "(userName pr", "userName pr)", "userName pr and", "and",
            "or userName pr", "userName pr userName pr", "userName pr and or title pr", "userName pr xor title pr",
            "not userName pr", "not (userName pr", "emails[type eq \"work\"", "emails[]", "emails[type]", "emails[type xx \"work\"]",
            "emails] pr", "emails[emails[type pr]]", "userName eq \"x\" trailing", "user Name eq \"x\"", "name..givenName pr",
            ".name pr", "userName eq [\"x\"]", "userName eq {\"x\":1}",
        ] {
            // The default reads these two literals as strings that nobody has.
            let read = filter.contains("eq [") || filter.contains("eq {");
            for endpoint in ["/Users", "/Groups"] {
                let path = format!("{endpoint}?filter={}", encoded(filter));
                refused(&strict.get(&path).await, 400, "invalidFilter", filter);
                let answer = app.get(&path).await;
                if read && answer.status == 200 {
                    assert_eq!(answer.body["totalResults"], 0, "{filter}");
                } else {
                    refused(&answer, 400, "invalidFilter", filter);
                }
            }
        }
        let unquoted = format!("/Users?filter={}", encoded("userName eq ada@example.com"));
        assert_eq!(names(&app.get(&unquoted).await.body), ["ada"]);
        refused(&strict.get(&unquoted).await, 400, "invalidFilter", "strict");
        let unquoted = format!("/Users?filter={}", encoded("emails[type eq work and value sw ada]"));
        assert_eq!(names(&app.get(&unquoted).await.body), ["ada"]);
        refused(&strict.get(&unquoted).await, 400, "invalidFilter", "strict");
    }

    8, "RFC 7644 3.4.2.2, 3.10", "Attributes may be named with the URN of their schema, those of extensions too; schemas itself can be asked for.",
    note "An attribute of an extension is found without its URN too (`department eq \"Sales\"`).",
    async fn names_with_a_urn(engine: Engine) {
        let Directory { app, ada, .. } = Directory::new(&engine).await;
        for (filter, wanted) in [
            (format!("{USER}:userName sw \"A\""), vec!["ada"]),
            (format!("{}:USERNAME sw \"a\"", USER.to_uppercase()), vec!["ada"]),
            (format!("{USER}:name.familyName eq \"bob\""), vec!["bob"]),
            (format!("{USER}:emails[type eq \"home\"]"), vec!["bob"]),
            (format!("{USER}:emails.type eq \"home\""), vec!["bob"]),
            (format!("{ENTERPRISE}:department eq \"Sales\""), vec!["ada"]),
            (format!("{}:Department eq \"Sales\"", ENTERPRISE.to_uppercase()), vec!["ada"]),
            (format!("{ENTERPRISE}:manager.value eq \"{ada}\""), vec!["bob"]),
            (format!("{ENTERPRISE}:employeeNumber pr and {USER}:active eq true"), vec!["ada"]),
            (format!("not ({ENTERPRISE}:department pr)"), vec!["eve"]),
            (format!("schemas eq \"{USER}\""), vec!["ada", "bob", "eve"]),
            (format!("schemas eq \"{ENTERPRISE}\""), vec!["ada", "bob"]),
            (format!("not (schemas eq \"{ENTERPRISE}\")"), vec!["eve"]),
            (format!("schemas eq \"{GROUP}\""), vec![]),
            ("urn:example:unknown:1.0:Thing:userName pr".into(), vec![]),
            (format!("{GROUP}:displayName pr"), vec![]),
        ] {
            finds(&app, "/Users", &[(&filter, &wanted)]).await;
        }
        finds(&app, "/Groups", &[
            (&format!("{GROUP}:displayName eq \"sales\""), &["Sales"]),
            (&format!("{GROUP}:members.value eq \"{ada}\""), &["Sales"]),
            (&format!("schemas eq \"{GROUP}\""), &["Empty", "Sales"]),
        ]).await;
        assert_eq!(found(&app, "/Users", "department eq \"Sales\"").await, ["ada"]);
    }

    9, "RFC 7644 3.4.2.2", "Literals are JSON with its escapes, true, false and null stand bare, and blanks are needed only where words would run together.",
    async fn literals(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let odd = "Ada \"the \\ first\" and (last) ] é\u{1f600}\t/";
        user_with(&app, "ada", json!({ "displayName": odd, "title": "null" })).await;
        user_with(&app, "bob", json!({ "displayName": "or", "active": false, "title": "5" })).await;
        finds(&app, "/Users", &[
            (r#"displayName eq "Ada \"the \\ first\" and (last) ] \u00e9\ud83d\ude00\t\/""#, &["ada"]),
            (&format!("displayName eq {}", json!(odd)), &["ada"]),
            (r#"displayName co "\"the \\ f""#, &["ada"]),
            (r#"displayName co "\u00E9""#, &["ada"]),
            (r#"displayName sw "\u0041\u0064a""#, &["ada"]),
            (r#"displayName eq "or""#, &["bob"]),
            ("title eq \"null\"", &["ada"]),
            ("title eq null", &[]),
            ("nickName eq null", &["ada", "bob"]),
            ("nickName ne null", &[]),
            ("active eq true", &["ada"]),
            ("active eq false", &["bob"]),
            ("active ne true", &["bob"]),
            ("title eq \"5\"", &["bob"]),
            ("not (title eq \"5\")", &["ada"]),
            ("not(title eq \"5\")", &["ada"]),
            ("not   (title eq \"5\")", &["ada"]),
            ("userName eq\"ada@example.com\"", &["ada"]),
            ("(userName sw\"ada\")and(active eq true)", &["ada"]),
            ("(userName sw\"ada\")or(active eq false)", &["ada", "bob"]),
            ("emails[type eq\"work\"and value sw\"ada\"]", &["ada"]),
            ("emails[ type eq \"work\" and ( value sw \"ada\" ) ]", &["ada"]),
            ("  userName   eq \t \"ada@example.com\"  ", &["ada"]),
        ]).await;
        let group = app.group("All", &[]).await;
        let ada = &app.get("/Users?filter=userName%20sw%20%22ada%22").await.body["Resources"][0]["id"];
        app.patch(&format!("/Groups/{group}"), json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }])).await;
        // RFC 7644 3.5.2.2 itself writes it without a blank.
        let path = format!("members[value eq{ada}]");
        let removed = app.patch(&format!("/Groups/{group}"), json!([{ "op": "remove", "path": path }])).await;
        assert_eq!((removed.status.as_u16(), removed.body.get("members")), (200, None), "{}", removed.body);
    }

    10, "RFC 7644 3.4.2.1, 3.12", "In a query over several resource types an attribute that a type lacks has no value; a result is never too large, since it is answered in pages.",
    note "tooMany is answered to a PATCH that asks for too much, to more than 1,000 values of one attribute, and to a startIndex too far down a sorted list.",
    async fn across_types(engine: Engine) {
        let Directory { app, ada, sales, .. } = Directory::new(&engine).await;
        let all = ["Empty", "Sales", "ada", "bob", "eve"];
        for (filter, wanted) in [
            ("userName sw \"ada\" or members pr".to_owned(), vec!["Sales", "ada"]),
            ("userName pr".into(), vec!["ada", "bob", "eve"]),
            ("not (userName pr)".into(), vec!["Empty", "Sales"]),
            ("userName eq null".into(), vec!["Empty", "Sales"]),
            ("displayName eq \"sales\" or displayName eq \"bob\"".into(), vec!["Sales", "bob"]),
            ("meta.resourceType eq \"Group\"".into(), vec!["Empty", "Sales"]),
            (format!("id eq \"{ada}\" or id eq \"{sales}\""), vec!["Sales", "ada"]),
            (format!("schemas eq \"{GROUP}\" and members.value eq \"{ada}\""), vec!["Sales"]),
            (format!("{ENTERPRISE}:department pr or displayName sw \"Emp\""), vec!["Empty", "ada", "bob"]),
            ("meta.created pr".into(), all.to_vec()),
        ] {
            assert_eq!(found(&app, "", &filter).await, wanted, "{filter}");
            let body = json!({ "schemas": [SEARCH], "filter": filter });
            let mut searched = names(&app.post("/.search", &body).await.body);
            searched.sort();
            assert_eq!(searched, wanted, "{filter}");
        }
        let mut seen = Vec::new();
        for start in 1..=5 {
            let page = app.get(&format!("?filter=meta.created%20pr&count=1&startIndex={start}")).await.body;
            assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(5), &json!(1)));
            seen.extend(names(&page));
        }
        seen.sort();
        assert_eq!(seen, all);
        refused(&app.get("?filter=userName%20xx").await, 400, "invalidFilter", "the root");
    }

    11, "RFC 7644 3.4.2", "A query without a hit is answered 200 with totalResults 0; unknown query parameters are ignored.",
    async fn no_hit(engine: Engine) {
        let Directory { app, ada, .. } = Directory::new(&engine).await;
        for path in ["/Users?filter=userName%20eq%20%22nobody%22", "/Groups?filter=displayName%20eq%20%22none%22", "/Users?filter=id%20eq%20%22x%22&count=5"] {
            let none = app.get(path).await;
            assert_eq!((none.status.as_u16(), &none.body["totalResults"]), (200, &json!(0)), "{path}");
            let resources = none.body.get("Resources").and_then(Value::as_array).map_or(0, Vec::len);
            assert_eq!(resources, 0, "{path}");
        }
        let unknown = "aadOptscim062020&page=7&select=id&$top=1&limit=0&offset=9&q=%22";
        let plain = app.get("/Users").await.body;
        assert_eq!(app.get(&format!("/Users?{unknown}")).await.body, plain);
        assert_eq!(app.get(&format!("/Users/{ada}?{unknown}")).await.body, plain["Resources"][0]);
        let filtered = app.get(&format!("/Users?{unknown}&filter=userName%20sw%20%22eve%22&x=y")).await;
        assert_eq!(names(&filtered.body), ["eve"]);
    }

    12, "RFC 7644 3.12, 7.5.2", "A filter tells nothing of a password: right and wrong guesses are answered alike.",
    note "Passwords are not stored. Filters on personal data in the URI are answered; `/.search` keeps them out of logs of URIs.",
    async fn no_probing(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = user_with(&app, "ada", json!({ "password": "Correct-Horse-1" })).await;
        app.user("bob").await;
        let urn = format!("{USER}:password");
        for name in ["password", "PASSWORD", &urn] {
            for operator in ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"] {
                for pattern in ["{}", "not ({})", "userName sw \"ada\" and {}", "userName sw \"bob\" or {}"] {
                    let ask = |guess: &str| pattern.replace("{}", &format!("{name} {operator} \"{guess}\""));
                    let (right, wrong) = (ask("Correct-Horse-1"), ask("Wrong-Horse-2"));
                    let right = app.get(&format!("/Users?filter={}", encoded(&right))).await;
                    let wrong = app.get(&format!("/Users?filter={}", encoded(&wrong))).await;
                    assert_eq!((right.status, &right.body), (wrong.status, &wrong.body), "{pattern} {name} {operator}");
                    assert!(!right.body.to_string().contains("Correct"), "{}", right.body);
                }
            }
        }
        // Who has a password is not told either.
        assert!(found(&app, "/Users", "password pr").await.is_empty());
        assert!(found(&app, "/Users", &format!("id eq \"{ada}\" and password pr")).await.is_empty());
        let search = json!({ "schemas": [SEARCH], "filter": "password sw \"C\"", "attributes": ["password"] });
        let searched = app.post("/Users/.search", &search).await;
        assert_eq!((searched.status.as_u16(), &searched.body["totalResults"]), (200, &json!(0)));
        assert_eq!(names(&app.get("/Users?sortBy=password&sortOrder=descending").await.body).len(), 2);
    }
}
