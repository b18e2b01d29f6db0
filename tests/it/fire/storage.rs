//! A database that goes away and comes back, and a disk that is full.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use scim_bridge::sandbox::{self, Faults};
use serde_json::json;

use crate::crash::{Bridge, configuration, settled, token};
use crate::support::app::{OrgState, user};
use crate::support::engine::Engine;

async fn org() -> sandbox::Running {
    let settings = sandbox::Settings {
        client_secret: "secret".into(),
        listen: "127.0.0.1:0".into(),
        faults: Faults { latency_ms: 3, ..Faults::default() },
        ..sandbox::Settings::default()
    };
    sandbox::start(settings).await.expect("the org listens")
}

/// Pushes somebody with a long title; answers the status.
async fn push(client: &reqwest::Client, base: &str, token: &str, name: &str) -> u16 {
    let mut body = user(name);
    body["title"] = json!("x".repeat(60));
    body["displayName"] = json!("y".repeat(2_000));
    let answer = client.post(format!("{base}/Users")).bearer_auth(token).json(&body).send().await.expect("an answer");
    let status = answer.status().as_u16();
    if status != 201 {
        let retry = answer.headers().get("retry-after").cloned();
        let body: serde_json::Value = answer.json().await.expect("a SCIM error");
        assert!(matches!(status, 500 | 503), "{body}");
        assert_eq!(body["status"], status.to_string());
        assert_eq!(retry.is_some(), status == 503, "{body}");
        let told = body["detail"].as_str().expect("words");
        assert!(!told.contains('/') && !told.contains("bridge.db"), "no path is told: {told}");
    }
    status
}

/// Waits until somebody can be pushed again; answers who it was.
async fn comes_back(client: &reqwest::Client, base: &str, token: &str, round: usize) -> String {
    let (begun, name) = (Instant::now(), format!("r{round}back"));
    while push(client, base, token, &name).await != 201 {
        assert!(begun.elapsed() < Duration::from_mins(1), "it does not come back");
    }
    name
}

/// Everybody who was acknowledged has an account, and nobody has two.
async fn everybody_arrived(org: &sandbox::Running, base: &str, token: &str, acknowledged: &[String]) {
    let status = settled(base, token).await;
    assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "{status}");
    let state = OrgState(org.org().state());
    for name in acknowledged {
        assert!(state.user(&format!("{name}@example.com")).is_some(), "{name} never arrived");
    }
    let ids: BTreeSet<&str> = state.users().iter().filter_map(|user| user["FederationIdentifier"].as_str()).collect();
    assert_eq!(ids.len(), state.users().len(), "somebody has two accounts");
}

/// A small disk of its own. Taken off when it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir_all(at).expect("a folder");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).status();
        assert!(mounted.expect("mount runs").success(), "this test needs to mount a small tmpfs: run it as root");
        Self(at.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Takes the database away from everybody else, for as long as the value lives.
enum Away {
    Sqlite(SqliteConnection),
    Postgres(PgConnection, String),
}

impl Away {
    fn take(engine: &Engine) -> Self {
        if let Some(path) = engine.url().strip_prefix("sqlite:") {
            let mut conn = SqliteConnection::establish(path).expect("opens");
            conn.batch_execute("PRAGMA busy_timeout = 30000; BEGIN EXCLUSIVE").expect("locked");
            return Self::Sqlite(conn);
        }
        let (server, name) = engine.url().rsplit_once('/').expect("a name");
        let name = name.split('?').next().expect("a name").to_owned();
        let mut conn = PgConnection::establish(&format!("{server}/postgres")).expect("connects");
        conn.batch_execute(&format!(
            "ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
        .expect("taken away");
        Self::Postgres(conn, name)
    }

    fn give_back(self) {
        match self {
            Self::Sqlite(mut conn) => conn.batch_execute("ROLLBACK").expect("given back"),
            Self::Postgres(mut conn, name) => {
                conn.batch_execute(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true")).expect("given back");
            }
        }
    }
}

both_engines! {
    /// While the database is away requests are told to come back, and the process lives; nothing acknowledged is lost.
    async fn a_database_that_goes_away_comes_back(engine: Engine) {
        let org = org().await;
        let config = configuration(&engine, &org);
        let (bridge, token) = (Bridge::start(&config), token(&config));
        let client = reqwest::Client::builder().timeout(Duration::from_mins(1)).build().expect("a client");
        let mut acknowledged = Vec::new();
        for round in 0..2 {
            for n in 0..15 {
                let name = format!("r{round}n{n}");
                assert_eq!(push(&client, &bridge.base, &token, &name).await, 201);
                acknowledged.push(name);
            }
            // In the midst of their deliveries.
            let away = Away::take(&engine);
            let name = format!("r{round}away");
            let status = push(&client, &bridge.base, &token, &name).await;
            assert_eq!(status, 503, "nothing is acknowledged that is not on disk");
            let alive = reqwest::get(bridge.base.replace("/scim/v2", "/healthz")).await.expect("an answer");
            assert_eq!(alive.status(), 200);
            away.give_back();
            acknowledged.push(comes_back(&client, &bridge.base, &token, round).await);
        }
        everybody_arrived(&org, &bridge.base, &token, &acknowledged).await;
    }
}

/// PostgreSQL's disk is PostgreSQL's: what it answers then is an error like others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_acknowledges_nothing_and_loses_nothing() {
    let who = Command::new("id").arg("-u").output().expect("id runs").stdout;
    if String::from_utf8_lossy(&who).trim() != "0" {
        // As where PostgreSQL is missing: not left out where it counts.
        assert!(std::env::var_os("CI").is_none(), "to mount a small disk this test must be run as root");
        return;
    }
    let engine = Engine::sqlite();
    let org = org().await;
    let folder = engine.folder().join("disk");
    let disk = Disk::mount(&folder, "6m");
    let config = configuration(&engine, &org);
    let own = format!("sqlite:{}", folder.join("bridge.db").display());
    let text = std::fs::read_to_string(&config).expect("the file").replace(engine.url(), &own);
    std::fs::write(&config, text).expect("written");
    let (bridge, token) = (Bridge::start(&config), token(&config));
    let client = reqwest::Client::builder().timeout(Duration::from_mins(1)).build().expect("a client");
    let mut acknowledged = Vec::new();
    let filler = folder.join("filler");
    for round in 0..2 {
        let free = String::from_utf8(
            Command::new("df").args(["--output=avail", "-k"]).arg(&folder).output().expect("df runs").stdout,
        )
        .expect("text");
        let free: usize = free.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number");
        std::fs::write(&filler, vec![0_u8; free.saturating_sub(150) * 1024]).expect("filled");
        let mut refused = 0;
        for n in 0..400 {
            let name = format!("r{round}n{n}");
            if push(&client, &bridge.base, &token, &name).await == 201 {
                acknowledged.push(name);
            } else {
                refused += 1;
            }
            if refused > 5 {
                break;
            }
        }
        assert!(refused > 5, "the disk was never full");
        let found =
            client.get(format!("{}/Users?count=1", bridge.base)).bearer_auth(&token).send().await.expect("an answer");
        assert_eq!(found.status(), 200, "what is there is still answered");
        std::fs::remove_file(&filler).expect("freed");
        acknowledged.push(comes_back(&client, &bridge.base, &token, round).await);
        everybody_arrived(&org, &bridge.base, &token, &acknowledged).await;
    }
    drop(bridge);
    drop(disk);
}
