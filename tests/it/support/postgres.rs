//! A throw-away PostgreSQL cluster, one for each test process.
//!
//! It is started by the first test that wants a database and ends with the process, however that ends: a shell beside
//! the server waits for the end of its standard input, whose other end the test process holds, and cleans up.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

/// How long the server may take to start. It takes a second; a busy machine with many test processes takes longer.
const START: Duration = Duration::from_mins(2);

/// Makes and starts a server; stops it and removes its folder when standard input ends. `INT` is what a terminal's
/// Ctrl-C sends to all. The server is told to quit more than once, since it does not listen while it starts.
const KEEPER: &str = r#"
trap '' INT TERM HUP
programs=$1 folder=$2 port=$3
"$programs/initdb" -D "$folder/data" --username=bridge --auth=trust --encoding=UTF8 --locale=C --no-sync \
    </dev/null >"$folder/log" 2>&1 || exit 1
"$programs/postgres" -D "$folder/data" -F -p "$port" -h 127.0.0.1 -k "$folder" -c max_connections=400 \
    -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=64MB -c autovacuum=off \
    -c ssl=on -c ssl_cert_file="$folder/server.pem" -c ssl_key_file="$folder/server.key" \
    -c log_min_messages=fatal </dev/null >"$folder/log" 2>&1 &
server=$!
cat >/dev/null
(while kill -QUIT "$server" 2>/dev/null; do sleep 0.1; done) &
wait "$server"
rm -rf "$folder"
"#;

/// A running server. Dropping it stops the server and removes its folder.
#[derive(Debug)]
struct Cluster {
    keeper: Child,
    folder: PathBuf,
    port: u16,
    made: AtomicUsize,
    /// The database that new ones are copies of.
    template: Mutex<Option<String>>,
}

/// The cluster of this test process, once a test has wanted it.
static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();

/// URL of a fresh database: empty, or a copy of the [`template`]. `None` where PostgreSQL's server programs are not
/// installed; with `CI` set that is a failure, since a test that did not run must not look like one that passed.
pub(crate) fn database() -> Option<String> {
    cluster().map(Cluster::database)
}

/// The authority that signed the server's certificate, and another that did not, as files.
pub(crate) fn authorities() -> Option<(PathBuf, PathBuf)> {
    cluster().map(|cluster| (cluster.folder.join("ca.pem"), cluster.folder.join("other.pem")))
}

/// Makes every later [`database`] a copy of one that `init` has filled. Only the first call does anything: migrations
/// take longer than copying what they made.
#[expect(dead_code, reason = "for the tests that store something: take this line out with the first")]
pub(crate) fn template(init: impl FnOnce(&str)) {
    if let Some(cluster) = cluster() {
        cluster.template(init);
    }
}

fn cluster() -> Option<&'static Cluster> {
    let start = || {
        let Some(programs) = programs() else {
            let words = "PostgreSQL's server programs (initdb, postgres) were not found on PATH or in \
                         /usr/lib/postgresql/*/bin";
            assert!(std::env::var_os("CI").is_none(), "{words}; with CI set, tests may not be left out");
            // Not `eprintln!`: the test harness keeps what a passing test prints to itself.
            let _ = writeln!(std::io::stderr(), "\nNOT RUN: the PostgreSQL tests. {words}.");
            return None;
        };
        Some(Cluster::start(&programs))
    };
    CLUSTER.get_or_init(start).as_ref()
}

impl Cluster {
    fn start(programs: &Path) -> Self {
        let user = unprivileged();
        let folder = folder(user);
        write_certificates(&folder, user).expect("certificates");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "sh"])
            .args([programs, folder.as_path()])
            .arg(port.to_string())
            .current_dir(&folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((uid, gid)) = user {
            keeper.uid(uid).gid(gid);
        }
        let keeper = keeper.spawn().expect("sh runs");
        let mut cluster = Self { keeper, folder, port, made: AtomicUsize::new(0), template: Mutex::new(None) };
        cluster.wait_until_ready();
        cluster
    }

    fn wait_until_ready(&mut self) {
        let begun = Instant::now();
        while let Err(wrong) = PgConnection::establish(&self.url("postgres")) {
            let ended = self.keeper.try_wait().expect("the keeper is a child").is_some();
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(!ended && begun.elapsed() < START, "PostgreSQL does not start: {wrong}\n{log}");
            pause();
        }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://bridge@127.0.0.1:{}/{database}", self.port)
    }

    fn database(&self) -> String {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        let template = self.template.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {}", template.as_deref().unwrap_or("template0")));
        self.url(&name)
    }

    fn template(&self, init: impl FnOnce(&str)) {
        let mut template = self.template.lock().unwrap_or_else(PoisonError::into_inner);
        if template.is_none() {
            self.execute("CREATE DATABASE template_of_tests");
            init(&self.url("template_of_tests"));
            *template = Some("template_of_tests".to_owned());
        }
    }

    fn execute(&self, statement: &str) {
        let mut connection = PgConnection::establish(&self.url("postgres")).expect("connects");
        let begun = Instant::now();
        while let Err(wrong) = connection.batch_execute(statement) {
            // The server ends the session that filled the template a moment after the client closed it.
            let busy = wrong.to_string().contains("being accessed by other users");
            assert!(busy && begun.elapsed() < Duration::from_secs(10), "{statement}: {wrong}");
            pause();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("the keeper ends");
    }
}

#[expect(clippy::disallowed_methods, reason = "outside of the bridge, and of any task of its")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// A folder that the server's user owns.
fn folder(user: Option<(u32, u32)>) -> PathBuf {
    // Root's own temporary folder may be closed to others.
    let parent = if user.is_some() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("scim-bridge-postgres-").tempdir_in(parent).expect("a folder").keep();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).expect("its mode");
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid)).expect("its owner");
    }
    folder
}

/// A certificate for 127.0.0.1 with its key, the authority that signed it, and one that has nothing to do with it.
fn write_certificates(folder: &Path, user: Option<(u32, u32)>) -> Result<(), Box<dyn std::error::Error>> {
    let authority = |name: &str| {
        let mut params = rcgen::CertificateParams::new(Vec::new())?;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate()?)
    };
    let (ours, other) = (authority("ours")?, authority("other")?);
    let key = rcgen::KeyPair::generate()?;
    let server = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &ours)?;
    let files = [
        ("ca.pem", ours.pem()),
        ("other.pem", other.pem()),
        ("server.pem", server.pem()),
        ("server.key", key.serialize_pem()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
        if let Some((uid, gid)) = user {
            chown(&path, Some(uid), Some(gid))?;
        }
    }
    Ok(())
}

/// Whom the server runs as when the tests run as root, which it refuses: `postgres` or else `nobody`, user and group.
fn unprivileged() -> Option<(u32, u32)> {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return None;
    }
    let mut users = String::new();
    let read = std::fs::File::open("/etc/passwd").and_then(|mut file| file.read_to_string(&mut users));
    read.expect("/etc/passwd is readable");
    let ids = |name: &str| {
        let line = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut numbers = line.split(':').skip(1).map_while(|field| field.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).unwrap_or((65534, 65534)))
}

/// The folder with the newest `initdb` and `postgres`.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/local/bin"), PathBuf::from("/usr/local/pgsql/bin")])
        .chain(versions.map(|version| version.path().join("bin")));
    folders.filter_map(|folder| version(&folder).map(|version| (version, folder))).max().map(|(_, folder)| folder)
}

/// Major version of the server programs in `folder`.
fn version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").exists() {
        return None;
    }
    let told = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    told.split(' ').find_map(|word| word.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
}

mod tests {
    use super::*;

    fn run(url: &str, statement: &str) -> Result<(), String> {
        let mut connection = PgConnection::establish(url).map_err(|wrong| wrong.to_string())?;
        connection.batch_execute(statement).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn a_cluster_hands_out_copies_and_goes_when_its_owner_does() {
        let Some(programs) = programs() else { return };
        let mut cluster = Cluster::start(&programs);
        let empty = cluster.database();
        assert_eq!(run(&empty, "CREATE TABLE kept (x INT)"), Ok(()));

        cluster.template(|url| run(url, "CREATE TABLE kept (x INT)").expect("a fresh database"));
        cluster.template(|_| panic!("the template is filled once"));
        let (one, other) = (cluster.database(), cluster.database());
        assert_eq!(run(&one, "INSERT INTO kept VALUES (1)"), Ok(()));
        assert_eq!(run(&other, "CREATE UNIQUE INDEX ON kept ((true)); INSERT INTO kept VALUES (2)"), Ok(()));

        let folder = cluster.folder.clone();
        // What the end of the process does, killed or not.
        drop(cluster.keeper.stdin.take());
        cluster.keeper.wait().expect("the keeper ends");
        assert!(!folder.exists(), "{} is left", folder.display());
        assert!(run(&other, "SELECT 1").is_err());
    }
}
