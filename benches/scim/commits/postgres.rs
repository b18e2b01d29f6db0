//! Commits to PostgreSQL: `pgbench`, which comes with its server, with scripts of the same statements.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

use super::{Change, SPARE, TENANT};
use crate::load::Tally;

/// A new user. The number is random: a window follows another.
const CREATE: &str = r"\set n random(1000000000, 9000000000000000)
BEGIN;
INSERT INTO resources (id, tenant, kind, unique_key, external_id, document, version, created_at, modified_at)
    VALUES (CONCAT('user-', :n::text), 'bench', 'User', CONCAT(:n::text, '@example.com'), CONCAT('external-', :n::text),
        :document, 1, LOCALTIMESTAMP, LOCALTIMESTAMP);
INSERT INTO resource_values (resource_id, path, value, tenant, kind) VALUES
    (CONCAT('user-', :n::text), 'username', CONCAT(:n::text, '@example.com'), 'bench', 'User'),
    (CONCAT('user-', :n::text), 'externalid', CONCAT('external-', :n::text), 'bench', 'User'),
    (CONCAT('user-', :n::text), 'displayname', CONCAT('Given Family ', :n::text), 'bench', 'User'),
    (CONCAT('user-', :n::text), 'emails.value', CONCAT(:n::text, '@example.com'), 'bench', 'User'),
    (CONCAT('user-', :n::text), 'emails.value', CONCAT(:n::text, '@home.example.net'), 'bench', 'User');
INSERT INTO deliveries (resource_id, tenant, kind, state, wanted, attempts, unexpected, taken, due_at, updated_at, urgent)
    VALUES (CONCAT('user-', :n::text), 'bench', 'User', 'pending', 1, 0, 0, 0, LOCALTIMESTAMP, LOCALTIMESTAMP, FALSE);
COMMIT;
";

const PATCH: &str = r"\set n random(1, :users)
BEGIN;
UPDATE resources SET document = :document, version = version + 1, modified_at = LOCALTIMESTAMP
    WHERE id = CONCAT('user-', :n::text);
UPDATE deliveries SET wanted = wanted + 1, state = 'pending', due_at = LOCALTIMESTAMP, updated_at = LOCALTIMESTAMP
    WHERE resource_id = CONCAT('user-', :n::text);
COMMIT;
";

/// In and out again: two transactions. The group's row first, as in the bridge.
const MEMBER: &str = r"\set n :client_id + 1
BEGIN;
UPDATE resources SET version = version + 1, modified_at = LOCALTIMESTAMP WHERE id = 'group';
INSERT INTO members (group_id, member_id, desired, observed, unsure)
    VALUES ('group', CONCAT('user-', :n::text), TRUE, FALSE, FALSE);
UPDATE deliveries SET wanted = wanted + 1, updated_at = LOCALTIMESTAMP WHERE resource_id = 'group';
COMMIT;
BEGIN;
UPDATE resources SET version = version + 1, modified_at = LOCALTIMESTAMP WHERE id = 'group';
DELETE FROM members WHERE group_id = 'group' AND member_id = CONCAT('user-', :n::text);
UPDATE deliveries SET wanted = wanted + 1, updated_at = LOCALTIMESTAMP WHERE resource_id = 'group';
COMMIT;
";

/// `pgbench` with the script of a change.
pub(crate) struct Pgbench {
    url: String,
    script: PathBuf,
    /// Transactions in the script.
    transactions: u64,
    users: usize,
    workers: usize,
    document: String,
}

impl Pgbench {
    /// On a database with the bridge's schema, which is filled with so many users.
    pub(super) fn new(
        url: &str,
        folder: &Path,
        (change, users, workers): (Change, usize, usize),
        document: &str,
    ) -> Result<Self> {
        let users = users.max(SPARE);
        fill(url, users, document)?;
        let (text, transactions) = match change {
            Change::Create => (CREATE, 1),
            Change::Patch => (PATCH, 1),
            Change::Member => (MEMBER, 2),
        };
        let script = folder.join("script.sql");
        std::fs::write(&script, text)?;
        Ok(Self { url: url.to_owned(), script, transactions, users, workers, document: document.to_owned() })
    }

    /// So many clients, for so long.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "transactions of a few seconds"
    )]
    pub(super) fn run(&self, clients: usize, length: Duration) -> Result<Tally> {
        // It counts in whole seconds.
        let seconds = length.as_secs().max(1);
        let mut command = Command::new("pgbench");
        command.args(["--no-vacuum", "--protocol=prepared"]);
        command.arg(format!("--client={clients}")).arg(format!("--jobs={}", self.workers.min(clients)));
        command.arg(format!("--time={seconds}")).arg("--file").arg(&self.script);
        command.arg(format!("--define=users={}", self.users)).arg(format!("--define=document={}", self.document));
        let told =
            command.arg(&self.url).output().context("pgbench, which comes with PostgreSQL, cannot be started")?;
        let text = String::from_utf8_lossy(&told.stdout);
        let number = |name: &str| -> Option<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let (Some(rate), Some(latency)) = (number("tps = "), number("latency average = ")) else {
            bail!("pgbench: {text}{}", String::from_utf8_lossy(&told.stderr));
        };
        let mut tally = Tally::new()?;
        tally.answers = (rate * seconds as f64) as u64 * self.transactions;
        tally.elapsed = Duration::from_secs(seconds);
        // Its average stands for the median, which it does not tell.
        let micros = (latency * 1000.0) as u64 / self.transactions;
        tally.latencies.record_n(micros.max(1), tally.answers.max(1))?;
        Ok(tally)
    }
}

fn fill(url: &str, users: usize, document: &str) -> Result<()> {
    let document = document.replace('\'', "''");
    PgConnection::establish(url)?.batch_execute(&format!(
        "INSERT INTO resources (id, tenant, kind, unique_key, external_id, document, version, created_at, modified_at)
             SELECT 'user-' || n, '{TENANT}', 'User', n || '@example.com', 'external-' || n, '{document}', 1,
                 LOCALTIMESTAMP, LOCALTIMESTAMP FROM generate_series(1, {users}) n;
         INSERT INTO resource_values (resource_id, path, value, tenant, kind)
             SELECT 'user-' || n, path, n || path, '{TENANT}', 'User' FROM generate_series(1, {users}) n,
                 unnest(ARRAY['username', 'externalid', 'displayname', 'emails.value']) path;
         INSERT INTO deliveries
                 (resource_id, tenant, kind, state, wanted, attempts, unexpected, taken, due_at, updated_at, urgent)
             SELECT 'user-' || n, '{TENANT}', 'User', 'pending', 1, 0, 0, 0, LOCALTIMESTAMP, LOCALTIMESTAMP, FALSE
                 FROM generate_series(1, {users}) n;
         INSERT INTO resources (id, tenant, kind, unique_key, document, version, created_at, modified_at)
             VALUES ('group', '{TENANT}', 'Group', 'group', '{{}}', 1, LOCALTIMESTAMP, LOCALTIMESTAMP);
         INSERT INTO deliveries
                 (resource_id, tenant, kind, state, wanted, attempts, unexpected, taken, due_at, updated_at, urgent)
             VALUES ('group', '{TENANT}', 'Group', 'pending', 1, 0, 0, 0, LOCALTIMESTAMP, LOCALTIMESTAMP, FALSE);"
    ))?;
    Ok(())
}
