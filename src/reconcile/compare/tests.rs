use proptest::prelude::*;
use serde_json::json;

use super::*;

const FIELDS: [&str; 6] = ["Title", "Department", "Phone", "LastName", "Level__c", "Remote__c"];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        "[a-c]{1,2}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (0..9).prop_map(Value::from)
    ]
}

fn record() -> impl Strategy<Value = Record> {
    proptest::collection::vec((0..FIELDS.len(), value()), 0..6)
        .prop_map(|fields| fields.into_iter().map(|(field, value)| (FIELDS[field].to_owned(), value)).collect())
}

/// As a page of a bulk query has it.
fn as_text(record: &Record) -> Record {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    record.iter().filter(|(_, value)| !value.is_null()).map(|(f, value)| (f.to_owned(), json!(text(value)))).collect()
}

fn all() -> Shown {
    Shown::Fields(FIELDS.iter().chain(&["Email", "IsActive"]).map(ToString::to_string).collect())
}

fn compare(wish: &Record, observed: &Record, held: &Record) -> Compared {
    let observed = ObservedUser { record: observed.clone(), ..ObservedUser::default() };
    account(wish, &observed, Held { record: held, shown: &all(), frozen: false, frozen_is_known: true })
}

fn fields(compared: &Compared) -> Vec<&str> {
    compared.differences.iter().map(|difference| difference.field.as_str()).collect()
}

proptest! {
    /// Whatever was there before: once the wish is carried out, nothing differs.
    #[test]
    fn what_was_carried_out_has_not_drifted(wish in record(), before in record(), observed in record()) {
        let mut held = before;
        held.apply(&wish);
        let compared = compare(&wish, &observed, &as_text(&held));
        prop_assert_eq!(fields(&compared), Vec::<&str>::new());
    }

    /// What is observed from now on leaves to a delivery just what was reported.
    #[test]
    fn what_is_observed_then_tells_the_plan_the_same(wish in record(), held in record(), observed in record()) {
        let compared = compare(&wish, &observed, &as_text(&held));
        let now = compared.observed.clone().map_or(observed, |now| now.record);
        let changes = wish.changes_since(&now);
        let planned: Vec<&str> = changes.iter().map(|(field, _)| field).collect();
        prop_assert_eq!(fields(&compared), planned);
        // And once more there is no news.
        prop_assert_eq!(compare(&wish, &now, &as_text(&held)).observed, None);
    }
}

#[test]
fn a_field_that_nobody_asked_for_is_the_orgs_own() {
    let wish = Record::new().with("Title", "a").with("Phone", Value::Null).with("Department", Value::Null);
    let observed = Record::new().with("Title", "a").with("Department", "x");
    let held = Record::new().with("Title", "a").with("Phone", "1").with("Department", "y").with("Fax", "2");
    let compared = compare(&wish, &observed, &held);
    // The department was the bridge's before the wish for it ended; the telephone number never was.
    assert_eq!(fields(&compared), ["Department"]);
    assert!(!compared.observed.unwrap().record.mentions("Phone"));
}

#[test]
fn what_the_reading_does_not_show_is_neither_drift_nor_news() {
    let wish = Record::new().with("Level__c", 5).with("Title", "a");
    let observed = ObservedUser { record: wish.clone(), ..ObservedUser::default() };
    let held = Record::new().with("Title", "a");
    let over =
        |shown: &Shown| account(&wish, &observed, Held { record: &held, shown, frozen: false, frozen_is_known: true });
    assert_eq!(over(&Shown::Scim), Compared::default());
    assert_eq!(fields(&over(&all())), ["Level__c"]);
    let held = held.with("Level__c", 4);
    let shown =
        account(&wish, &observed, Held { record: &held, shown: &Shown::Scim, frozen: false, frozen_is_known: true });
    assert_eq!(fields(&shown), ["Level__c"], "a custom field is shown where it has a value");
}

#[test]
fn an_address_that_waits_for_its_confirmation_has_not_drifted() {
    let wish = Record::new().with("Email", "new@b.co");
    let compare = |pending: Option<&str>, held: &str| {
        let (record, pending_email) = (wish.clone(), pending.map(str::to_owned));
        let observed = ObservedUser { record, pending_email, ..ObservedUser::default() };
        let held = Record::new().with("Email", held);
        let compared =
            account(&wish, &observed, Held { record: &held, shown: &all(), frozen: false, frozen_is_known: true });
        (compared.differences.len(), compared.observed.map(|now| now.pending_email))
    };
    assert_eq!(compare(Some("New@b.co"), "old@b.co"), (0, None), "it waits on");
    assert_eq!(compare(Some("new@b.co"), "New@b.co"), (0, Some(None)), "it was confirmed");
    assert_eq!(compare(None, "old@b.co"), (1, Some(None)), "one that waits for nothing was changed by hand");
    assert_eq!(compare(Some("older@b.co"), "old@b.co").0, 1, "another one waits");
    assert_eq!(compare(None, "new@b.co"), (0, None));
}

#[test]
fn a_user_whom_the_bridge_froze_is_as_good_as_an_inactive_one() {
    let wish = Record::new().with("IsActive", false);
    let held = Record::new().with("IsActive", true);
    let over = |by_us: bool, frozen, frozen_is_known| {
        let record = Record::new().with("IsActive", true);
        let observed = ObservedUser { record, frozen: by_us, ..ObservedUser::default() };
        let compared = account(&wish, &observed, Held { record: &held, shown: &all(), frozen, frozen_is_known });
        (compared.differences.len(), compared.observed.map(|now| now.frozen))
    };
    assert_eq!(over(true, true, true), (0, None));
    assert_eq!(over(true, false, true), (1, Some(false)), "somebody let them in again");
    assert_eq!(over(true, false, false), (1, None), "nobody can say");
    assert_eq!(over(false, true, true), (1, None), "frozen by hand: Salesforce may well deactivate them");
}

#[test]
fn memberships() {
    let seen = |desired, observed, unsure, present| {
        let stored = Membership { member: "1".into(), salesforce_id: "005".into(), desired, observed, unsure };
        let Seen { drifted, news } = membership(&stored, present);
        (drifted, news)
    };
    assert_eq!(seen(true, true, false, true), (false, None));
    assert_eq!(seen(true, true, false, false), (true, Some(false)), "taken out by hand");
    assert_eq!(seen(true, false, false, true), (false, Some(true)), "put in by hand, and asked for");
    assert_eq!(seen(false, true, false, true), (true, None), "still to leave");
    assert_eq!(seen(false, true, false, false), (false, Some(false)));
    assert_eq!(seen(true, true, true, true), (false, Some(true)), "no longer in question");
}
