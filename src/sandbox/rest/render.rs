//! Records as JSON and as CSV.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::schema::Slot;
use super::soql::{Catalogue, Datum, Plan};
use super::world::{Row, World};

/// A number that has no fraction is written without one.
#[expect(clippy::cast_possible_truncation, reason = "only numbers that an i64 holds exactly get there")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn moment(at: &DateTime<Utc>, zone: &str) -> String {
    format!("{}{zone}", at.format("%Y-%m-%dT%H:%M:%S%.3f"))
}

/// A value in a JSON record.
pub(super) fn json_of(datum: &Datum<'_>) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Id(text) | Datum::Text(text) => json!(text),
        Datum::Boolean(value) => json!(value),
        Datum::Number(number) => whole(*number).map_or_else(|| json!(number), |number| json!(number)),
        Datum::Moment(at) => json!(moment(at, "+0000")),
        Datum::Date(day) => json!(day.to_string()),
    }
}

/// A value in a CSV record.
pub(super) fn csv_of(datum: &Datum<'_>) -> String {
    match datum {
        Datum::Null => String::new(),
        Datum::Id(text) | Datum::Text(text) => text.to_string(),
        Datum::Boolean(value) => value.to_string(),
        Datum::Number(number) => whole(*number).map_or_else(|| number.to_string(), |number| number.to_string()),
        Datum::Moment(at) => moment(at, "Z"),
        Datum::Date(day) => day.to_string(),
    }
}

/// `attributes` of a record. `base` is `/services/data/vN.0`.
pub(super) fn attributes(base: &str, object: &str, id: &str) -> Value {
    json!({"type": object, "url": format!("{base}/sobjects/{object}/{id}")})
}

/// A record with the columns that were asked for; those over a relationship stand in an object of its name, or `null`
/// stands there if it leads nowhere.
pub(super) fn record(world: &World<'_>, base: &str, plan: &Plan<Slot>, row: Row<'_>) -> Value {
    let mut out = Map::new();
    out.insert("attributes".to_owned(), attributes(base, plan.object, row.id()));
    for column in &plan.columns {
        let mut place = Some((&mut out, row));
        for (relationship, object) in &column.hops {
            let Some((inside, row)) = place.take() else { break };
            let related = world.follow(row, relationship);
            let entry = inside.entry(*relationship).or_insert_with(|| match related {
                Some(related) => json!({"attributes": attributes(base, object, related.id())}),
                None => Value::Null,
            });
            place = related.and_then(|related| Some((entry.as_object_mut()?, related)));
        }
        if let Some((inside, row)) = place {
            inside.insert(column.name.clone(), json_of(&world.datum(row, &column.slot)));
        }
    }
    Value::Object(out)
}
