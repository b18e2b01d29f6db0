use std::borrow::Cow;

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::{Catalogue, Datum, Kind, parse, resolve};

/// One person: id, name, city, whether active, number, boss.
type Person = (&'static str, &'static str, Option<&'static str>, bool, f64, Option<usize>);

const PEOPLE: &[Person] = &[
    ("005AA0000000001AAA", "Ada", Some("London"), true, 1.0, None),
    ("005AA0000000002AAA", "O'Neil", Some("Berlin"), false, 2.5, Some(0)),
    ("005AA0000000003AAA", "100%_sure", None, true, -3.0, Some(1)),
    ("005AA000000000aAAA", "eve", Some("BERLIN"), true, 2.5, Some(0)),
];

struct Staff;

fn founded() -> DateTime<Utc> {
    "2026-10-14T09:00:00Z".parse().unwrap()
}

impl Catalogue for Staff {
    type Row = usize;
    type Slot = &'static str;

    fn object(&self, name: &str) -> Option<&'static str> {
        name.eq_ignore_ascii_case("Person").then_some("Person")
    }

    fn field(&self, _: &'static str, name: &str) -> Option<(String, Kind, &'static str)> {
        const FIELDS: &[(&str, Kind)] = &[
            ("Id", Kind::Id),
            ("Name", Kind::Text),
            ("City", Kind::Text),
            ("Bio", Kind::LongText),
            ("IsActive", Kind::Boolean),
            ("Size__c", Kind::Number),
            ("BossId", Kind::Id),
            ("Since", Kind::Moment),
            ("Day__c", Kind::Date),
        ];
        let (name, kind) = FIELDS.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(((*name).to_owned(), *kind, name))
    }

    fn relationship(&self, _: &'static str, name: &str) -> Option<(&'static str, &'static str)> {
        name.eq_ignore_ascii_case("Boss").then_some(("Boss", "Person"))
    }

    fn rows(&self, _: &'static str) -> Vec<usize> {
        (0..PEOPLE.len()).collect()
    }

    fn is_ordered(&self, _: &'static str) -> bool {
        true
    }

    fn rows_after(&self, _: &'static str, id: &str) -> Option<Vec<usize>> {
        Some((0..PEOPLE.len()).filter(|row| PEOPLE[*row].0 > id).collect())
    }

    fn rows_with(&self, _: &'static str, field: &str, values: &[&str]) -> Option<Vec<usize>> {
        let found = |row: &usize| values.iter().any(|value| PEOPLE[*row].1.eq_ignore_ascii_case(value));
        (field == "Name").then(|| (0..PEOPLE.len()).filter(found).collect())
    }

    fn follow(&self, row: usize, _: &'static str) -> Option<usize> {
        PEOPLE[row].5
    }

    fn datum<'a>(&'a self, row: usize, slot: &'a &'static str) -> Datum<'a> {
        let (id, name, city, active, size, boss) = PEOPLE[row];
        let text = |text: &'static str| Datum::Text(Cow::Borrowed(text));
        match *slot {
            "Id" => Datum::Id(Cow::Borrowed(id)),
            "Name" => text(name),
            "City" => city.map_or(Datum::Null, text),
            "IsActive" => Datum::Boolean(active),
            "Size__c" => Datum::Number(size),
            "BossId" => boss.map_or(Datum::Null, |boss| Datum::Id(Cow::Borrowed(PEOPLE[boss].0))),
            "Since" => Datum::Moment(founded() + chrono::TimeDelta::hours(i64::try_from(row).unwrap())),
            "Day__c" => Datum::Date(founded().date_naive()),
            _ => Datum::Null,
        }
    }
}

fn find(soql: &str) -> Vec<usize> {
    let query = parse(soql).unwrap_or_else(|complaint| panic!("{soql}: {complaint:?}"));
    resolve(&Staff, &query).unwrap_or_else(|complaint| panic!("{soql}: {complaint:?}")).find(&Staff)
}

fn refused(soql: &str) -> (&'static str, String) {
    let complaint = match parse(soql) {
        Ok(query) => resolve(&Staff, &query).err().unwrap_or_else(|| panic!("{soql} was taken")),
        Err(complaint) => complaint,
    };
    (complaint.code, complaint.message)
}

#[test]
fn conditions() {
    for (condition, rows) in [
        ("Name = 'ADA'", &[0][..]),
        ("Name = 'O\\'Neil'", &[1]),
        ("Name != 'ada'", &[1, 2, 3]),
        ("Name <> 'ada' AND IsActive = true", &[2, 3]),
        ("City = 'berlin'", &[1, 3]),
        ("City = null", &[2]),
        ("City = ''", &[2]),
        ("City != null", &[0, 1, 3]),
        // A record without a value is not equal, but neither less nor greater.
        ("City != 'London'", &[1, 2, 3]),
        ("City < 'c'", &[1, 3]),
        ("City >= 'a'", &[0, 1, 3]),
        ("Size__c = 2.5", &[1, 3]),
        ("Size__c < 0", &[2]),
        ("Size__c <= 1", &[0, 2]),
        ("Size__c IN (1, -3)", &[0, 2]),
        ("Size__c NOT IN (1, -3)", &[1, 3]),
        ("isactive = FALSE", &[1]),
        ("Id = '005AA0000000001'", &[0]),
        // The case of an id counts: capital A and small a are two people.
        ("Id = '005AA000000000A'", &[]),
        ("Id > '005AA0000000002AAA'", &[2, 3]),
        ("Id IN ('005AA0000000001AAA', '005AA000000000a')", &[0, 3]),
        ("Name IN ('ADA', 'EVE', 'nobody')", &[0, 3]),
        ("Name NOT IN ('ada')", &[1, 2, 3]),
        ("City IN ('London', null)", &[0, 2]),
        ("Name LIKE 'a%'", &[0]),
        ("Name LIKE '%E%'", &[1, 2, 3]),
        ("Name LIKE '_v_'", &[3]),
        ("Name LIKE '100\\%\\_sure'", &[2]),
        ("Name LIKE '1%\\_%e'", &[2]),
        ("Name LIKE 'ad'", &[]),
        ("City LIKE '%'", &[0, 1, 3]),
        ("Boss.Name = 'Ada'", &[1, 3]),
        ("Boss.Boss.Name = 'Ada'", &[2]),
        ("Boss.Name = null", &[0]),
        ("NOT Name = 'Ada'", &[1, 2, 3]),
        ("(NOT Name = 'Ada') AND IsActive = true", &[2, 3]),
        ("Name = 'Ada' OR Name = 'eve' OR Size__c = -3", &[0, 2, 3]),
        ("IsActive = true AND (Name = 'Ada' OR City = 'Berlin')", &[0, 3]),
        ("Since > 2026-10-14T10:30:00Z", &[2, 3]),
        ("Since > 2026-10-14T12:30:00.000+02:00", &[2, 3]),
        ("Since >= 2026-10-14", &[0, 1, 2, 3]),
        ("Day__c = 2026-10-14", &[0, 1, 2, 3]),
        ("Day__c < 2026-10-14", &[]),
        ("Id IN (SELECT BossId FROM Person WHERE City = 'Berlin')", &[0]),
        ("Id NOT IN (SELECT BossId FROM Person)", &[2, 3]),
    ] {
        assert_eq!(find(&format!("SELECT Id FROM Person WHERE {condition}")), rows, "{condition}");
    }
}

#[test]
fn order_limit_and_offset() {
    for (tail, rows) in [
        ("", &[0, 1, 2, 3][..]),
        (" ORDER BY Name", &[2, 0, 3, 1]),
        (" ORDER BY Name DESC", &[1, 3, 0, 2]),
        (" ORDER BY City", &[2, 1, 3, 0]),
        (" order by City asc nulls last, Name asc", &[3, 1, 0, 2]),
        (" ORDER BY City DESC NULLS FIRST", &[2, 0, 1, 3]),
        (" ORDER BY Id DESC LIMIT 2", &[3, 2]),
        (" WHERE Id > '005AA0000000001' ORDER BY Id LIMIT 2", &[1, 2]),
        (" WHERE IsActive = true ORDER BY Id LIMIT 2 OFFSET 1", &[2, 3]),
        (" ORDER BY Id, Name LIMIT 2", &[0, 1]),
        (" ORDER BY IsActive, Id", &[1, 0, 2, 3]),
        (" LIMIT 2 OFFSET 1", &[1, 2]),
        (" LIMIT 0", &[]),
        (" OFFSET 2000", &[]),
    ] {
        assert_eq!(find(&format!("SELECT Id FROM Person{tail}")), rows, "{tail}");
    }
    assert!(parse("select count() from Person").unwrap().is_count());
}

#[test]
fn refusals_point_at_what_is_wrong() {
    let (code, message) = refused("SELECT Id FROM Person WHERE");
    let expected = "\nSELECT Id FROM Person WHERE\n                           ^\nERROR at Row:1:Column:28\nunexpected token: \
                    '<EOF>'";
    assert_eq!((code, message.as_str()), ("MALFORMED_QUERY", expected));
    let (code, message) = refused("SELECT Id,\n Shoe FROM Person");
    let expected = "\n Shoe FROM Person\n ^\nERROR at Row:2:Column:2\nNo such column 'Shoe' on entity 'Person'. If you are \
                    attempting to use a custom field, be sure to append the '__c' after the custom field name. Please \
                    reference your WSDL or the describe call for the appropriate names.";
    assert_eq!((code, message.as_str()), ("INVALID_FIELD", expected));
    let (code, message) = refused("SELECT Id FROM Pet");
    assert!(code == "INVALID_TYPE" && message.contains("sObject type 'Pet' is not supported."), "{message}");
    for (soql, code, words) in [
        ("", "MALFORMED_QUERY", "A query string has to be specified"),
        ("SELECT FROM Person", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id Person", "MALFORMED_QUERY", "unexpected token: 'Person'"),
        ("SELECT Id FROM Person WHERE Name = 'a", "MALFORMED_QUERY", "unexpected token: '''"),
        ("SELECT Id FROM Person WHERE Name = 'a\\q'", "MALFORMED_QUERY", "Invalid string literal"),
        ("SELECT Id FROM Person WHERE Name = \"a\"", "MALFORMED_QUERY", "unexpected token: '\"'"),
        ("SELECT Id FROM Person WHERE Name = ada", "MALFORMED_QUERY", "unexpected token: 'ada'"),
        // No precedence: Salesforce wants parentheses.
        ("SELECT Id FROM Person WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY", "token: 'OR'"),
        ("SELECT Id FROM Person WHERE Name = 'a' AND NOT Name = 'b'", "MALFORMED_QUERY", "token: 'NOT'"),
        ("SELECT Id FROM Person WHERE Name IN ()", "MALFORMED_QUERY", "unexpected token: ')'"),
        ("SELECT Id FROM Person LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
        ("SELECT Id FROM Person LIMIT 1 GROUP BY Id", "MALFORMED_QUERY", "unexpected token: 'GROUP'"),
        ("SELECT Id FROM Person OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Id, id FROM Person", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Chef.Name FROM Person", "INVALID_FIELD", "Didn't understand relationship 'Chef'"),
        ("SELECT Boss.Shoe FROM Person", "INVALID_FIELD", "No such column 'Shoe' on entity 'Person'"),
        ("SELECT Id FROM Person WHERE IsActive = 'true'", "INVALID_FIELD", "must be of type boolean and should not be"),
        ("SELECT Id FROM Person WHERE Name = 3", "INVALID_FIELD", "must be of type string and should be enclosed"),
        (
            "SELECT Id FROM Person WHERE Since > '2026-10-14'",
            "INVALID_FIELD",
            "must be of type dateTime and should not",
        ),
        ("SELECT Id FROM Person WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Person WHERE Id LIKE '005%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on ID field"),
        ("SELECT Id FROM Person WHERE IsActive > false", "INVALID_QUERY_FILTER_OPERATOR", "boolean field"),
        ("SELECT Id FROM Person WHERE Bio = 'x'", "INVALID_FIELD", "field 'Bio' can not be filtered in a query call"),
        ("SELECT Id FROM Person ORDER BY Bio", "INVALID_FIELD", "field 'Bio' can not be filtered"),
        ("SELECT Id FROM Person WHERE Name IN (SELECT Id FROM Person)", "INVALID_FIELD", "cannot use: 'Name'"),
    ] {
        let (found, message) = refused(soql);
        assert!(found == code && message.contains(words), "{soql}: {found} {message}");
    }
    let deep = format!("SELECT Id FROM Person WHERE {}Name = 'a'{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(refused(&deep).0, "MALFORMED_QUERY");
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered(text in "(SELECT |FROM |WHERE |Id|Name|Person|[ -~äöß\n]){0,12}") {
        let _answered = parse(&text).map(|query| resolve(&Staff, &query).map(|plan| plan.find(&Staff)));
    }

    #[test]
    fn a_pattern_of_a_text_finds_it(text in "[a-cA-C%_']{1,8}", from in 0_usize..8) {
        let letters: Vec<char> = text.chars().collect();
        let quoted: String = letters.iter().map(|c| if "%_'".contains(*c) { format!("\\{c}") } else { c.to_string() }).collect();
        let tail: String = letters.iter().skip(from).map(|c| if "%_'".contains(*c) { format!("\\{c}") } else { c.to_string() }).collect();
        for pattern in [quoted, format!("%{tail}"), "_".repeat(letters.len()), "%%".to_owned()] {
            let soql = format!("SELECT Id FROM Person WHERE Name LIKE '{pattern}'");
            let query = parse(&soql).unwrap();
            let super::Condition::Compare { literals, .. } = query.condition.unwrap() else { panic!("{soql}") };
            let [super::Literal::Text { pattern, .. }] = literals.as_slice() else { panic!("{soql}") };
            prop_assert!(super::run::like(&letters, pattern), "{text} {soql}");
        }
    }
}
