//! What an org holds, read whole: accounts, public groups and their members, page by page and never all at once.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{Csv, Row, records};
use super::{Client, PAGE};
use crate::salesforce::dialect::{self, field};
use crate::salesforce::error::{Disposition, Result};
use crate::salesforce::transport::Call;
use crate::salesforce::{PublicGroup, Record};

/// Records of one page of a query over REST.
const SOQL_PAGE: usize = 2_000;
/// Records of a bulk job's results that are handed on at once.
const CHUNK: usize = 1_000;
/// Ids that are named in one query: its URL may have 16,384 bytes.
pub(super) const IDS: usize = 300;

/// How accounts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// SCIM, 200 accounts a call.
    Scim,
    /// SOQL over REST, 2,000 accounts a call.
    Soql,
    /// A query job of the Bulk API 2.0, 20,000 accounts a call beside the few for the job.
    Bulk,
}

/// Where a pull of accounts goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Behind this id, over SCIM.
    Scim(String),
    /// Behind this id, over SOQL.
    Soql(String),
    /// In the results of a job.
    Bulk {
        /// Its id.
        job: String,
        /// When it was started: what it answers is of no earlier time.
        began: DateTime<Utc>,
        /// The page; `None` is the first.
        locator: Option<String>,
        /// Records of the page that were handed on already.
        skip: usize,
    },
}

/// An account of the org.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// Salesforce id, 18 characters.
    pub id: String,
    /// Its fields; those without a value are left out. `IsActive` is a boolean; over REST all others are texts.
    pub record: Record,
    /// Whether it is an employee's (`UserType` is `Standard`).
    pub standard: bool,
}

/// Which fields a way of reading shows. Of one that it does not show nobody knows whether it has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Those of Salesforce's SCIM user. Custom fields are there only where they have a value and may be seen.
    Scim,
    /// These.
    Fields(Vec<String>),
}

impl Shown {
    /// Whether the value of `field` in `record` is known, be it none.
    pub fn shows(&self, record: &Record, name: &str) -> bool {
        match self {
            Self::Scim => field::find(name).is_some() || record.mentions(name),
            Self::Fields(fields) => fields.iter().any(|field| field == name),
        }
    }
}

/// Some accounts.
#[derive(Debug)]
pub struct Chunk {
    /// No account is as it was before this time.
    pub began: DateTime<Utc>,
    /// The accounts.
    pub accounts: Vec<Pulled>,
    /// Where the next chunk is; `None`: this was the last.
    pub next: Option<Place>,
}

/// A pull of all accounts. After an error the same chunk can be asked for again.
pub struct Accounts {
    client: Client,
    fields: Vec<String>,
    /// `None` at the end.
    place: Option<Place>,
    /// The page of a job's results that is being read, by its locator.
    page: Option<(Option<String>, Csv, Option<String>)>,
    /// The job whose results were read to the end.
    spent: Option<String>,
}

/// The first 15 characters of an id; the other three only repeat which of them are upper case.
pub(super) type ShortId = [u8; 15];

pub(super) fn short(id: &str) -> ShortId {
    let mut short = [0; 15];
    for (to, from) in short.iter_mut().zip(id.bytes()) {
        *to = from;
    }
    short
}

/// Members of public groups, users and groups, in little memory: a million take 15 MB.
#[derive(Debug, Default)]
pub struct Memberships(HashMap<ShortId, HashSet<ShortId>>);

impl Memberships {
    /// The members that one group has.
    pub fn of(group: &str, members: &[String]) -> Self {
        let mut all = Self::default();
        for member in members {
            all.add(group, member);
        }
        all
    }

    fn add(&mut self, group: &str, member: &str) {
        self.0.entry(short(group)).or_default().insert(short(member));
    }

    /// Whether `member` is directly in `group`.
    pub fn has(&self, group: &str, member: &str) -> bool {
        self.0.get(&short(group)).is_some_and(|members| members.contains(&short(member)))
    }
}

const EMPLOYEES: &str = "FROM User WHERE UserType = 'Standard'";
pub(super) const REGULAR: &str = "FROM GroupMember WHERE Group.Type = 'Regular'";

impl Client {
    /// Whether the configuration lets queries go over REST.
    pub fn may_query(&self) -> bool {
        self.settings().rest
    }

    /// How many employees' accounts the org has, active and inactive.
    pub async fn count_accounts(&self) -> Result<u64> {
        self.count("count-users", &format!("SELECT COUNT() {EMPLOYEES}")).await
    }

    /// All accounts with these fields, from `place` on (`None`: from the beginning).
    pub fn accounts(&self, way: Way, fields: &[String], place: Option<Place>) -> Accounts {
        let begin = || match way {
            Way::Scim => Place::Scim(String::new()),
            Way::Soql => Place::Soql(String::new()),
            Way::Bulk => Place::Bulk { job: String::new(), began: self.clock().now(), locator: None, skip: 0 },
        };
        let place = Some(place.unwrap_or_else(begin));
        Accounts { client: self.clone(), fields: fields.to_vec(), place, page: None, spent: None }
    }

    /// Id of the user that the bridge acts as; `None` where Salesforce does not say.
    pub async fn own_account(&self) -> Result<Option<String>> {
        match self.call(Call::get("read-me", "/services/scim/v2/Me".to_owned())).await {
            Ok(answer) => Ok(answer.json().ok().and_then(|me| dialect::parse_user(&me)).map(|me| me.id)),
            Err(error) if error.disposition() == Disposition::Reject => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Which of these accounts the org has. Over SCIM a call for each.
    pub async fn present_accounts(&self, ids: &[String]) -> Result<HashSet<String>> {
        let mut found = HashSet::new();
        if !self.may_query() {
            for id in ids {
                found.extend(self.user(id).await?.map(|_| id.clone()));
            }
            return Ok(found);
        }
        for chunk in ids.chunks(IDS) {
            let soql = format!("SELECT Id FROM User WHERE Id IN ({})", literals(chunk));
            let mut there = HashSet::new();
            self.each("find-users", &soql, false, |rows| {
                there.extend(rows.iter().filter_map(|row| row.get("Id").map(|id| short(id))));
            })
            .await?;
            found.extend(chunk.iter().filter(|id| there.contains(&short(id))).cloned());
        }
        Ok(found)
    }

    /// All public groups, without their members.
    pub async fn public_groups(&self) -> Result<Vec<PublicGroup>> {
        let mut found = Vec::new();
        if self.may_query() {
            self.each("pull-groups", "SELECT Id, Name FROM Group WHERE Type = 'Regular'", false, |rows| {
                for mut row in rows {
                    if let (Some(id), Some(name)) = (row.remove("Id"), row.remove("Name")) {
                        found.push(PublicGroup { id, name });
                    }
                }
            })
            .await?;
            return Ok(found);
        }
        let mut after = String::new();
        loop {
            let (page, last) = self.scim_page("pull-groups", "Groups", &after, "&excludedAttributes=members").await?;
            let regular = page.iter().filter_map(dialect::parse_named).filter(|group| group.kind != "Queue");
            found.extend(regular.map(|group| PublicGroup { id: group.id, name: group.name }));
            match last {
                Some(last) => after = last,
                None => return Ok(found),
            }
        }
    }

    /// The members of these public groups, through a bulk job where there are more than `bulk_above`. Over REST alone:
    /// SCIM reads them group by group ([`Client::group_members`]).
    pub async fn memberships(&self, groups: &[String], bulk_above: u64) -> Result<Memberships> {
        let mut found = Memberships::default();
        if groups.is_empty() {
            return Ok(found);
        }
        let asked: HashSet<ShortId> = groups.iter().map(|id| short(id)).collect();
        // More than fit into a query are picked out here.
        let only = if groups.len() > IDS { String::new() } else { format!(" AND GroupId IN ({})", literals(groups)) };
        let count = self.count("count-members", &format!("SELECT COUNT() {REGULAR}{only}")).await?;
        let soql = format!("SELECT GroupId, UserOrGroupId {REGULAR}{only}");
        self.each("pull-members", &soql, count > bulk_above, |rows| {
            for row in &rows {
                if let (Some(group), Some(member)) = (row.get("GroupId"), row.get("UserOrGroupId"))
                    && asked.contains(&short(group))
                {
                    found.add(group, member);
                }
            }
        })
        .await?;
        Ok(found)
    }

    /// Ids of the users who are frozen: they may not log in, and keep their licence.
    pub async fn frozen_users(&self) -> Result<HashSet<String>> {
        let mut found = HashSet::new();
        self.each("pull-frozen", "SELECT UserId FROM UserLogin WHERE IsFrozen = true", false, |rows| {
            found.extend(rows.into_iter().filter_map(|mut row| row.remove("UserId")));
        })
        .await?;
        Ok(found)
    }

    /// One page of a SCIM list, from behind the id `after` on, and the id that the next page is behind.
    async fn scim_page(
        &self,
        kind: &'static str,
        resource: &str,
        after: &str,
        more: &str,
    ) -> Result<(Vec<Value>, Option<String>)> {
        // Only an id that Salesforce gave stands here: letters and digits.
        let filter = if after.is_empty() { String::new() } else { format!("filter=id%20gt%20%22{after}%22&") };
        let path = format!("/services/scim/v2/{resource}?{filter}count={PAGE}{more}");
        let answer = self.call(Call::get(kind, path)).await?.json()?;
        let page = dialect::resources(&answer).to_vec();
        let last = page.last().and_then(|entry| entry.get("id")).and_then(Value::as_str).map(str::to_owned);
        // The order is by id. An org that ignores `id gt` would give the same page for ever.
        let goes_on = page.len() >= PAGE && last.as_deref().is_some_and(|last| last > after && is_id(last));
        Ok((page, last.filter(|_| goes_on)))
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Ids as a list of SOQL.
pub(super) fn literals(ids: &[String]) -> String {
    ids.iter().filter(|id| is_id(id)).map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",")
}

impl Accounts {
    /// Which fields its accounts show.
    pub fn shown(&self) -> Shown {
        match self.place {
            Some(Place::Scim(_)) => Shown::Scim,
            _ => Shown::Fields(self.fields.clone()),
        }
    }

    /// Whether the next chunk starts a bulk job.
    pub fn begins_a_job(&self) -> bool {
        matches!(&self.place, Some(Place::Bulk { job, .. }) if job.is_empty())
    }

    /// The next accounts; `None` when there are no more.
    pub async fn next(&mut self) -> Result<Option<Chunk>> {
        let Some(place) = self.place.clone() else {
            // Only now is the last chunk known to have been taken.
            if let Some(job) = self.spent.take() {
                self.client.drop_job(&job).await;
            }
            return Ok(None);
        };
        let chunk = match place {
            Place::Scim(after) => self.by_scim(&after).await?,
            Place::Soql(after) => self.by_soql(&after).await?,
            Place::Bulk { job, began, locator, skip } => self.by_bulk(job, began, locator, skip).await?,
        };
        self.place.clone_from(&chunk.next);
        Ok(Some(chunk))
    }

    async fn by_scim(&self, after: &str) -> Result<Chunk> {
        let began = self.client.clock().now();
        let (page, last) = self.client.scim_page("pull-users", "Users", after, "").await?;
        let accounts = page.iter().filter_map(dialect::parse_user).map(|account| Pulled {
            standard: account.user_type.as_deref().is_none_or(|kind| kind == "Standard"),
            id: account.id,
            record: account.record,
        });
        Ok(Chunk { began, accounts: accounts.collect(), next: last.map(Place::Scim) })
    }

    fn columns(&self) -> String {
        let named = self.fields.iter().filter(|field| *field != "Id" && is_field(field));
        ["Id"].into_iter().chain(named.map(String::as_str)).collect::<Vec<_>>().join(", ")
    }

    async fn by_soql(&self, after: &str) -> Result<Chunk> {
        let began = self.client.clock().now();
        // By the id, and not by the place that an answer names for the next page: that one is forgotten by and by.
        let behind = if is_id(after) { format!(" AND Id > '{after}'") } else { String::new() };
        let soql = format!("SELECT {} {EMPLOYEES}{behind} ORDER BY Id LIMIT {SOQL_PAGE}", self.columns());
        let mut answer = self.client.soql("pull-users", &soql).await?;
        let mut rows = records(&answer)?;
        // Wide records come in smaller portions.
        while let Some(next) = answer.get("nextRecordsUrl").and_then(Value::as_str)
            && next.starts_with("/services/data/")
            && rows.len() < SOQL_PAGE
        {
            answer = self.client.call(Call::get("pull-users", next.to_owned())).await?.json()?;
            rows.extend(records(&answer)?);
        }
        let last = rows.last().and_then(|row| row.get("Id")).filter(|_| rows.len() >= SOQL_PAGE).cloned();
        let next = last.filter(|last| last != after).map(Place::Soql);
        Ok(Chunk { began, accounts: rows.into_iter().filter_map(pulled).collect(), next })
    }

    async fn by_bulk(
        &mut self,
        mut job: String,
        mut began: DateTime<Utc>,
        locator: Option<String>,
        skip: usize,
    ) -> Result<Chunk> {
        if job.is_empty() {
            began = self.client.clock().now();
            job = self.client.start_job(&format!("SELECT {} {EMPLOYEES}", self.columns())).await?;
            // Noted before it is waited for: whoever goes on here asks for no second one.
            let next = Place::Bulk { job, began, locator, skip };
            return Ok(Chunk { began, accounts: Vec::new(), next: Some(next) });
        }
        if self.page.as_ref().is_none_or(|(of, ..)| *of != locator) {
            if locator.is_none() {
                self.client.job_done(&job).await?;
            }
            let page = self.client.job_page(&job, locator.as_deref()).await?;
            let mut csv = Csv::new(page.csv)?;
            csv.skip(skip)?;
            self.page = Some((locator.clone(), csv, page.next));
        }
        let Some((_, csv, following)) = &mut self.page else {
            return Ok(Chunk { began, accounts: Vec::new(), next: None });
        };
        let rows = csv.next(CHUNK)?.unwrap_or_default();
        let next = if rows.len() >= CHUNK {
            Some(Place::Bulk { job: job.clone(), began, locator, skip: skip + rows.len() })
        } else {
            let following = following.clone().filter(|next| locator.as_deref() != Some(next));
            following.map(|next| Place::Bulk { job: job.clone(), began, locator: Some(next), skip: 0 })
        };
        if next.is_none() {
            self.spent = Some(job);
        }
        Ok(Chunk { began, accounts: rows.into_iter().filter_map(pulled).collect(), next })
    }
}

/// Whether a configured name can stand in a query.
fn is_field(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn pulled(mut row: Row) -> Option<Pulled> {
    let id = row.remove("Id").filter(|id| !id.is_empty())?;
    let mut record = Record::new();
    for (field, text) in row {
        match field.as_str() {
            "IsActive" => record.set(&field, text.eq_ignore_ascii_case("true")),
            _ => record.set(&field, text),
        }
    }
    Some(Pulled { id, record, standard: true })
}

#[cfg(test)]
mod tests;
