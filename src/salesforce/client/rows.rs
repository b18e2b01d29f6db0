//! Records of a query, chunk by chunk, whichever way they come: SOQL answers or the results of a bulk job.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Client;
use super::bulk::Page;
use crate::salesforce::error::{Disposition, Error, Result};
use crate::salesforce::transport::{Call, encoded};

/// One record: its fields as text, those without a value left out. `Group.Type` of a relationship stands under its path.
pub(super) type Row = BTreeMap<String, String>;

/// Pages of one query at most (2,000 records each): an org that never says `done` must not keep us for ever.
const PAGES: usize = 10_000;

impl Client {
    /// How many records a query finds that begins with `SELECT COUNT() FROM`.
    pub(super) async fn count(&self, kind: &'static str, soql: &str) -> Result<u64> {
        let answer = self.soql(kind, soql).await?;
        answer.get("totalSize").and_then(Value::as_u64).ok_or_else(|| unreadable(&answer))
    }

    /// The first page of a query, as REST answers it.
    pub(super) async fn soql(&self, kind: &'static str, soql: &str) -> Result<Value> {
        self.rest_for("a query")?;
        let path = format!("/services/data/{}/query/?q={}", self.settings().api_version, encoded(soql));
        self.call(Call::get(kind, path)).await?.json()
    }

    /// Gives all records of a query to `take`, page by page: over REST, or (`bulk`) through a job.
    pub(super) async fn each(
        &self,
        kind: &'static str,
        soql: &str,
        bulk: bool,
        mut take: impl FnMut(Vec<Row>),
    ) -> Result<()> {
        let job = match if bulk { Some(self.start_job(soql).await) } else { None } {
            // Not everybody may start jobs; pages of a query show the same.
            Some(Err(error)) if error.disposition() == Disposition::Reject => None,
            job => job.transpose()?,
        };
        if let Some(job) = job {
            let read = self.read_job(&job, &mut take).await;
            // Whatever came of it: whoever tries again starts another one.
            self.drop_job(&job).await;
            return read;
        }
        let mut answer = self.soql(kind, soql).await?;
        for _ in 0..PAGES {
            take(records(&answer)?);
            match answer.get("nextRecordsUrl").and_then(Value::as_str) {
                // Nothing but a page of this very query: the session must not travel anywhere else.
                Some(next) if next.starts_with("/services/data/") => {
                    answer = self.call(Call::get(kind, next.to_owned())).await?.json()?;
                }
                Some(_) => return Err(unreadable(&answer)),
                None => return Ok(()),
            }
        }
        Err(Error::TooLarge { limit: self.settings().body_limit })
    }

    /// Gives the results of a job to `take`, once it has them.
    async fn read_job(&self, job: &str, take: &mut impl FnMut(Vec<Row>)) -> Result<()> {
        self.job_done(job).await?;
        let mut locator: Option<String> = None;
        loop {
            let Page { csv, next } = self.job_page(job, locator.as_deref()).await?;
            let mut reader = Csv::new(csv)?;
            while let Some(rows) = reader.next(1_000)? {
                take(rows);
            }
            match next {
                // The same place again would be read for ever.
                Some(next) if locator.as_deref() != Some(&next) => locator = Some(next),
                _ => return Ok(()),
            }
        }
    }
}

fn unreadable(answer: &Value) -> Error {
    Error::Unreadable { status: 200, text: crate::salesforce::error::bounded(&answer.to_string()) }
}

/// The records of one answer.
pub(super) fn records(answer: &Value) -> Result<Vec<Row>> {
    let records = answer.get("records").and_then(Value::as_array).ok_or_else(|| unreadable(answer))?;
    Ok(records.iter().map(row).collect())
}

fn row(record: &Value) -> Row {
    let mut row = Row::new();
    for (name, value) in record.as_object().into_iter().flatten().filter(|(name, _)| *name != "attributes") {
        match value {
            Value::Null => {}
            Value::String(text) => drop(row.insert(name.clone(), text.clone())),
            Value::Object(related) => {
                for (inner, value) in related.iter().filter(|(inner, value)| *inner != "attributes" && !value.is_null())
                {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    row.insert(format!("{name}.{inner}"), text);
                }
            }
            other => drop(row.insert(name.clone(), other.to_string())),
        }
    }
    row
}

/// A page of a bulk job's results, read a few records at a time.
pub(super) struct Csv {
    header: Vec<String>,
    reader: csv::Reader<std::io::Cursor<Vec<u8>>>,
}

impl Csv {
    /// Reads the header. A page without any is one without records.
    pub(super) fn new(page: Vec<u8>) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().from_reader(std::io::Cursor::new(page));
        let header = reader.headers().map_err(|error| broken(&error))?.iter().map(str::to_owned).collect();
        Ok(Self { header, reader })
    }

    /// Up to `most` further records; `None` at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Vec<Row>>> {
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        while rows.len() < most && self.reader.read_record(&mut record).map_err(|error| broken(&error))? {
            let filled = self.header.iter().zip(&record).filter(|(_, value)| !value.is_empty());
            rows.push(filled.map(|(name, value)| (name.clone(), value.to_owned())).collect());
        }
        Ok((!rows.is_empty()).then_some(rows))
    }

    /// Passes over records that were read before.
    pub(super) fn skip(&mut self, records: usize) -> Result<()> {
        let mut record = csv::StringRecord::new();
        for _ in 0..records {
            if !self.reader.read_record(&mut record).map_err(|error| broken(&error))? {
                break;
            }
        }
        Ok(())
    }
}

fn broken(error: &csv::Error) -> Error {
    Error::Unreadable { status: 200, text: format!("the results of a bulk query are no CSV: {error}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_read_alike_from_json_and_csv() {
        let answer = json!({"records": [{
            "attributes": {"type": "User"}, "Id": "005", "IsActive": true, "Fax": null, "Street": "1\r\nA, \"B\"",
            "Group": {"attributes": {}, "Type": "Regular", "Email": null},
        }]});
        let mut page = Csv::new(
            "Id,IsActive,Fax,Street,Group.Type,Group.Email\n005,true,,\"1\r\nA, \"\"B\"\"\",Regular,\n".into(),
        )
        .unwrap();
        let from_csv = page.next(10).unwrap().unwrap();
        assert_eq!(records(&answer).unwrap(), from_csv);
        assert_eq!(from_csv[0].get("Street").map(String::as_str), Some("1\r\nA, \"B\""));
        assert_eq!(from_csv[0].get("IsActive").map(String::as_str), Some("true"));
        assert_eq!(page.next(10).unwrap(), None);
    }

    #[test]
    fn a_page_goes_on_where_it_was_left() {
        let mut page = Csv::new("Id\n1\n2\n3\n".into()).unwrap();
        page.skip(1).unwrap();
        let ids =
            |rows: Option<Vec<Row>>| rows.unwrap_or_default().into_iter().map(|r| r["Id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(page.next(1).unwrap()), ["2"]);
        assert_eq!(ids(page.next(5).unwrap()), ["3"]);
        assert!(Csv::new(Vec::new()).unwrap().next(5).unwrap().is_none());
    }

    #[test]
    fn an_answer_that_is_no_list_is_an_error() {
        assert!(records(&json!({"totalSize": 1})).is_err());
    }
}
