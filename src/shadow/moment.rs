//! Times as they are read from a row.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::Pg;
use diesel::sql_types::{Text, Timestamp};
use diesel::sqlite::Sqlite;

/// A time in UTC. On SQLite, where times are texts, it is read without trying each of the forms that SQLite knows: a page
/// of resources has hundreds of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
#[diesel(sql_type = Timestamp)]
pub(super) struct Moment(pub(super) DateTime<Utc>);

impl FromSql<Timestamp, Pg> for Moment {
    fn from_sql(value: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
        <NaiveDateTime as FromSql<Timestamp, Pg>>::from_sql(value).map(|time| Self(time.and_utc()))
    }
}

impl FromSql<Timestamp, Sqlite> for Moment {
    fn from_sql(value: <Sqlite as diesel::backend::Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        let time = own_form(&text).or_else(|| text.parse().ok()).ok_or_else(|| format!("{text} is no time"))?;
        Ok(Self(time.and_utc()))
    }
}

/// `2026-11-22 15:04:05.678901`, with as many decimals as there are: what diesel writes.
fn own_form(text: &str) -> Option<NaiveDateTime> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let is = |at: usize, mark: u8| text.as_bytes().get(at) == Some(&mark);
    let marked = is(4, b'-') && is(7, b'-') && (is(10, b' ') || is(10, b'T')) && is(13, b':') && is(16, b':');
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 7)?, number(8, 10)?)?;
    let micros = match text.get(19..)? {
        "" => 0,
        _ if is(19, b'.') && text.len() <= 26 => {
            let decimals = u32::try_from(text.len() - 20).ok()?;
            number(20, text.len())?.checked_mul(10_u32.checked_pow(6_u32.checked_sub(decimals)?)?)?
        }
        _ => return None,
    };
    date.and_hms_micro_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, micros).filter(|_| marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_chrono_reads_them() {
        for text in [
            "2026-11-22 15:04:05.678901",
            "2026-11-22 15:04:05.6",
            "2026-11-22 15:04:05",
            "2026-11-22T15:04:05.000001",
            "1970-01-01 00:00:00.000000",
        ] {
            let expected: NaiveDateTime = text.replace(' ', "T").parse().unwrap();
            assert_eq!(own_form(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "2026-11-22",
            "2026-13-22 15:04:05",
            "2026-11-22 15:04:05.",
            "2026-11-22 15:04:05.1234567",
            "2026-11-22 15:04:05Z",
            "2026-11-22 25:04:05",
            "2026-1x-22 15:04:05",
            "2026/11/22 15:04:05",
            "2026-11-22 15:04:05.+1",
        ] {
            assert_eq!(own_form(text), None, "{text}");
        }
    }
}
