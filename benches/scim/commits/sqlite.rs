//! Commits to SQLite, on one connection that is set up as the bridge's writer is.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use scim_bridge::clock::{Clock as _, SystemClock};
use scim_bridge::db::schema::{deliveries, members, resource_values, resources};

use super::{Change, SPARE, TENANT};
use crate::load::Tally;

/// Users that are filled in at once.
const FILLED: usize = 1000;
/// The group whose members change.
const GROUP: &str = "group";

/// Commits changes, one after the other.
pub(crate) struct Committer {
    conn: SqliteConnection,
    change: Change,
    users: usize,
    document: String,
    now: NaiveDateTime,
    /// Users made so far.
    made: usize,
    /// Members that were put in or taken out so far.
    moved: usize,
    random: StdRng,
}

impl Committer {
    /// In a file with the bridge's schema, which is filled with so many users.
    pub(super) fn new(file: &str, change: Change, users: usize, document: &str) -> Result<Self> {
        let mut conn = SqliteConnection::establish(file)?;
        conn.batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )?;
        let now = SystemClock.now().naive_utc();
        let random = StdRng::seed_from_u64(3);
        let mut made = Self { conn, change, users, document: document.to_owned(), now, made: 0, moved: 0, random };
        while made.made < users.max(SPARE) {
            made.commit(FILLED, Self::create)?;
        }
        made.commit(1, |made| {
            made.resource(GROUP, "Group", GROUP)?;
            made.delivery(GROUP, "Group")
        })?;
        Ok(made)
    }

    /// Commits so many changes at a time, for so long.
    pub(super) fn run(&mut self, at_once: usize, length: Duration) -> Result<Tally> {
        let mut tally = Tally::new()?;
        let begun = Instant::now();
        while begun.elapsed() < length {
            let one = match self.change {
                Change::Create => Self::create,
                Change::Patch => Self::patch,
                Change::Member => Self::member,
            };
            let before = Instant::now();
            self.commit(at_once, one)?;
            // Each of them would have waited for the commit.
            let micros = u64::try_from(before.elapsed().as_micros())?;
            tally.latencies.record_n(micros.max(1), u64::try_from(at_once)?)?;
            tally.answers += u64::try_from(at_once)?;
        }
        tally.elapsed = begun.elapsed();
        Ok(tally)
    }

    fn commit(&mut self, count: usize, one: impl Fn(&mut Self) -> QueryResult<()>) -> Result<()> {
        self.conn.batch_execute("BEGIN IMMEDIATE")?;
        for _ in 0..count {
            one(self)?;
        }
        self.conn.batch_execute("COMMIT")?;
        Ok(())
    }

    fn create(&mut self) -> QueryResult<()> {
        let number = self.made;
        self.made += 1;
        let (id, key) = (format!("user-{number:030}"), format!("given.family.{number}@example.com"));
        self.resource(&id, "User", &key)?;
        let home = format!("given{number}@home.example.net");
        let values = [
            ("username", key.as_str()),
            ("externalid", id.as_str()),
            ("displayname", key.as_str()),
            ("emails.value", key.as_str()),
            ("emails.value", home.as_str()),
        ];
        for (path, value) in values {
            diesel::insert_into(resource_values::table)
                .values((
                    resource_values::resource_id.eq(&id),
                    resource_values::path.eq(path),
                    resource_values::value.eq(value),
                    resource_values::tenant.eq(TENANT),
                    resource_values::kind.eq("User"),
                ))
                .execute(&mut self.conn)?;
        }
        self.delivery(&id, "User")
    }

    fn patch(&mut self) -> QueryResult<()> {
        let id = format!("user-{:030}", self.random.random_range(0..self.users.max(1)));
        diesel::update(resources::table.find(&id))
            .set((
                resources::document.eq(&self.document),
                resources::version.eq(resources::version + 1),
                resources::modified_at.eq(self.now),
            ))
            .execute(&mut self.conn)?;
        self.enqueue(&id)
    }

    /// Each of some users in, then each of them out again.
    fn member(&mut self) -> QueryResult<()> {
        let id = format!("user-{:030}", self.moved % SPARE);
        let out = (self.moved / SPARE) % 2 == 1;
        self.moved += 1;
        if out {
            diesel::delete(members::table.find((GROUP, &id))).execute(&mut self.conn)?;
        } else {
            diesel::insert_into(members::table)
                .values((
                    members::group_id.eq(GROUP),
                    members::member_id.eq(&id),
                    members::desired.eq(true),
                    members::observed.eq(false),
                    members::unsure.eq(false),
                ))
                .execute(&mut self.conn)?;
        }
        diesel::update(resources::table.find(GROUP))
            .set((resources::version.eq(resources::version + 1), resources::modified_at.eq(self.now)))
            .execute(&mut self.conn)?;
        self.enqueue(GROUP)
    }

    fn resource(&mut self, id: &str, kind: &str, key: &str) -> QueryResult<()> {
        diesel::insert_into(resources::table)
            .values((
                resources::id.eq(id),
                resources::tenant.eq(TENANT),
                resources::kind.eq(kind),
                resources::unique_key.eq(key),
                resources::external_id.eq(id),
                resources::document.eq(&self.document),
                resources::version.eq(1_i64),
                resources::created_at.eq(self.now),
                resources::modified_at.eq(self.now),
            ))
            .execute(&mut self.conn)
            .map(drop)
    }

    fn delivery(&mut self, id: &str, kind: &str) -> QueryResult<()> {
        diesel::insert_into(deliveries::table)
            .values((
                deliveries::resource_id.eq(id),
                deliveries::tenant.eq(TENANT),
                deliveries::kind.eq(kind),
                deliveries::state.eq("pending"),
                deliveries::wanted.eq(1_i64),
                deliveries::attempts.eq(0_i64),
                deliveries::unexpected.eq(0_i64),
                deliveries::taken.eq(0_i64),
                deliveries::due_at.eq(self.now),
                deliveries::updated_at.eq(self.now),
                deliveries::urgent.eq(false),
            ))
            .execute(&mut self.conn)
            .map(drop)
    }

    fn enqueue(&mut self, id: &str) -> QueryResult<()> {
        diesel::update(deliveries::table.find(id))
            .set((
                deliveries::wanted.eq(deliveries::wanted + 1),
                deliveries::state.eq("pending"),
                deliveries::due_at.eq(self.now),
                deliveries::updated_at.eq(self.now),
            ))
            .execute(&mut self.conn)
            .map(drop)
    }
}
