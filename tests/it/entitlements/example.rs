//! The example of docs/examples/entitlements.md, played as it is written: its configuration, its requests, and what it says
//! that the org holds and that `plan` prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use scim_bridge::config::Config;

use super::*;
use crate::support::app::TENANT;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The code blocks of a document: language and text.
fn blocks(document: &str) -> Vec<(String, String)> {
    let (mut blocks, mut open): (Vec<(String, String)>, bool) = (Vec::new(), false);
    for line in document.lines() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(language) => {
                open = true;
                blocks.push((language.to_owned(), String::new()));
            }
            None if open => {
                let (_, text) = blocks.last_mut().expect("a block");
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// What stands behind `before` up to `end`.
fn between<'t>(text: &'t str, before: &str, end: char) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(end).map(|(found, _)| found)
}

/// Plays the commands of a document.
struct Reader<'a> {
    app: &'a TestApp,
    /// The configuration, for commands.
    file: PathBuf,
    variables: BTreeMap<String, String>,
    /// What the next block says, where it says something.
    said: Option<Said>,
    requests: usize,
    compared: usize,
}

enum Said {
    Json(Value),
    Text(String),
}

impl Reader<'_> {
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.variables {
            text = text.replace(&format!("${name}"), value);
        }
        text
    }

    async fn shell(&mut self, text: &str) {
        let joined = text.replace("\\\n", " ");
        // What the shell is told first, for later.
        if joined.contains("() {") || joined.contains("scim-bridge serve") {
            return;
        }
        let mut rest = joined.as_str();
        while let Some((head, tail)) = rest.split_once("curl -sS") {
            let own = tail.split_once("\ncurl").or_else(|| tail.split_once("=$(curl")).map_or(tail, |(own, _)| own);
            let name = head.trim_end().strip_suffix("=$(").and_then(|head| head.lines().last()).map(str::to_owned);
            self.curl(own, name).await;
            rest = tail;
        }
        for line in joined.lines() {
            if let Some(username) = line.strip_prefix("org ") {
                self.said = Some(Said::Json(self.held(username.trim()).await));
            } else if let Some(arguments) = line.strip_prefix("scim-bridge plan ") {
                self.said = Some(Said::Text(self.plan(arguments).await));
            }
        }
    }

    async fn curl(&mut self, text: &str, capture: Option<String>) {
        let url = between(text, "\"$", '"').expect("a URL").to_owned();
        let mut url = self.filled(&format!("${url}"));
        if let Some((name, value)) = between(text, "--data-urlencode '", '\'').and_then(|pair| pair.split_once('=')) {
            url = reqwest::Url::parse_with_params(&url, [(name, value)]).expect("a URL").into();
        }
        let here = text.split_once("<<BODY\n").and_then(|(_, rest)| rest.split_once("\nBODY")).map(|(body, _)| body);
        let body: Option<Value> = here
            .or_else(|| between(text, "-d '", '\''))
            .map(|body| serde_json::from_str(&self.filled(body)).unwrap_or_else(|e| panic!("{e}: {body}")));
        let method = match between(text, "-X ", ' ') {
            Some(method) => method.parse::<Method>().expect("a method"),
            None if body.is_some() => Method::POST,
            None => Method::GET,
        };
        let mut request = self.app.request(method.clone(), &url);
        if let Some(body) = &body {
            request = request.header("Content-Type", "application/scim+json; charset=utf-8").body(body.to_string());
        }
        let answer = crate::support::app::answer(request).await;
        assert!(answer.status.is_success(), "{method} {url}: {} {}", answer.status, answer.body);
        self.requests += 1;
        if let Some(name) = capture {
            let id = answer.body["id"].as_str().unwrap_or_else(|| panic!("{url}: no id")).to_owned();
            self.variables.insert(name, id);
        } else if let Some(member) = text.split_once("| jq .").map(|(_, member)| member.trim()) {
            self.said = Some(Said::Json(answer.body[member].clone()));
        }
    }

    /// What `org` of the document prints.
    async fn held(&self, username: &str) -> Value {
        let state = all_delivered(self.app).await;
        let user = state.user(username).unwrap_or_else(|| panic!("no account {username}"));
        let sorted = |value: &Value| {
            let mut list: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            list.sort_unstable();
            json!(list)
        };
        let all = state.0["Groups"].as_array().expect("groups");
        let of = all.iter().filter(|group| group["Members"].as_array().is_some_and(|ids| ids.contains(&user["Id"])));
        let groups: Vec<&Value> = of.map(|group| &group["Name"]).collect();
        json!({
            "IsActive": user["IsActive"], "IsFrozen": user["IsFrozen"], "Title": user["Title"],
            "Profile": user["Profile"], "Role": user["Role"], "PermissionSets": sorted(&user["PermissionSets"]),
            "PermissionSetGroups": sorted(&user["PermissionSetGroups"]), "Groups": sorted(&json!(groups)),
        })
    }

    async fn plan(&self, arguments: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scim-bridge"));
        command.arg("plan");
        let mut arguments = arguments.split_whitespace();
        while let Some(argument) = arguments.next() {
            match argument {
                "--config" => {
                    assert_eq!(arguments.next(), Some("docs/examples/entitlements.toml"));
                    command.arg("--config").arg(&self.file);
                }
                "acme" => drop(command.arg(TENANT)),
                other => drop(command.arg(other)),
            }
        }
        all_delivered(self.app).await;
        let run = move || command.output().expect("the binary runs");
        let done = tokio::task::spawn_blocking(run).await.expect("no panic");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    }

    /// Compares what was just played with what the document says of it.
    fn compare(&mut self, language: &str, text: &str) {
        match self.said.take() {
            Some(Said::Json(held)) => {
                assert_eq!(language, "json");
                let told: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
                assert_eq!(held, told, "block {}", self.compared);
            }
            Some(Said::Text(printed)) => {
                let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
                let printed: Vec<String> = printed.lines().map(plain).collect();
                let mut from = 0;
                for told in text.lines().map(plain).filter(|told| !told.is_empty() && told != "…") {
                    let at = printed.iter().skip(from).position(|line| fits(&told, line));
                    from += 1 + at.unwrap_or_else(|| panic!("nothing like {told:?} follows in {printed:#?}"));
                }
            }
            None => panic!("nothing was played that says {text}"),
        }
        self.compared += 1;
    }
}

/// Whether a line is as it is told, where `…` stands for anything.
fn fits(told: &str, line: &str) -> bool {
    let mut parts = told.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = first;
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        (rest, last) = (behind, part);
    }
    rest.is_empty() || (last.is_empty() && told.ends_with('…'))
}

both_engines! {
    async fn the_example_of_the_documentation_is_as_it_says(engine: Engine) {
        let text = file("entitlements.toml").replace("tenant.acme", &format!("tenant.{TENANT}"));
        let path = engine.folder().join("entitlements.toml");
        std::fs::write(&path, &text).expect("written");
        let read = Config::load(Some(&path), std::iter::empty::<(String, String)>()).expect("a configuration that is right");
        let app = TestApp::start_with(&engine, |org| (org.client_id, org.client_secret) = ("scim-bridge".into(), "sandbox-secret".into()), |config| {
            let url = tenant(config).salesforce.url.clone();
            let mut example = read.tenant[TENANT].clone();
            example.salesforce.url = url;
            *tenant(config) = example;
        })
        .await;
        // For commands: the same with the addresses of this test.
        let text = text
            .replace("sqlite:scim-bridge-example/bridge.db", engine.url())
            .replace("http://127.0.0.1:8081", app.org().url());
        std::fs::write(&path, text).expect("written");
        let root = app.base().trim_end_matches("/scim/v2").to_owned();
        let variables = [("BASE", app.base().to_owned()), ("ROOT", root), ("ORG", app.org().url().trim_end_matches('/').to_owned())];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut reader = Reader { app: &app, file: path, variables, said: None, requests: 0, compared: 0 };
        let document = file("entitlements.md");
        for (language, text) in blocks(&document) {
            match language.as_str() {
                "sh" => {
                    assert!(reader.said.is_none(), "nothing is said of what precedes {text}");
                    reader.shell(&text).await;
                }
                _ => reader.compare(&language, &text),
            }
        }
        // Nothing was passed over.
        let asked = ["\"$BASE/", "\"$ROOT/", "\"$ORG/sandbox/users"].map(|url| document.matches(url).count());
        assert_eq!(reader.requests, asked.iter().sum::<usize>());
        assert!(reader.requests > 10 && reader.compared > 8, "{} {}", reader.requests, reader.compared);
    }
}
