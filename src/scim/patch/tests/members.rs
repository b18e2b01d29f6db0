use super::*;

fn split(operations: Value) -> Result<(Vec<Operation>, Vec<MemberChange>), Error> {
    split_as(operations, Strictness::Lenient)
}

fn split_as(operations: Value, strictness: Strictness) -> Result<(Vec<Operation>, Vec<MemberChange>), Error> {
    split_members(parse(&group(), message(operations), strictness).expect("parses"), strictness)
}

fn of(ids: &[&str]) -> Selected {
    Selected::Ids(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn matching(filter: &str) -> Selected {
    Selected::Matching(Filter::parse(&group(), filter).expect("a filter"))
}

fn member(value: &str) -> MemberValue {
    MemberValue { value: value.into(), kind: None }
}

#[test]
fn changes_of_members() {
    use MemberChange::{Add, Remove, RemoveAll, ReplaceAll};
    let a_user = MemberValue { value: "a".into(), kind: Some("User".into()) };
    let cases = [
        (
            json!({"op": "add", "path": "members", "value": [{"$ref": null, "value": "a"}, {"value": "b", "display": "B"}, {"value": "a"}]}),
            vec![Add(vec![member("a"), member("b")])],
        ),
        (
            json!({"op": "add", "path": "Members", "value": {"value": "a", "type": "User"}}),
            vec![Add(vec![a_user.clone()])],
        ),
        (json!({"op": "add", "path": "members", "value": []}), vec![]),
        (json!({"op": "replace", "path": "members", "value": [{"value": "a"}]}), vec![ReplaceAll(vec![member("a")])]),
        (json!({"op": "replace", "path": "members", "value": []}), vec![ReplaceAll(vec![])]),
        (json!({"op": "remove", "path": "members"}), vec![RemoveAll]),
        (json!({"op": "remove", "path": "members", "value": null}), vec![RemoveAll]),
        (json!({"op": "remove", "path": "members", "value": []}), vec![]),
        (
            json!({"op": "remove", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}),
            vec![Remove(of(&["a", "b"]))],
        ),
        (json!({"op": "remove", "path": "members[value eq \"a\"]"}), vec![Remove(of(&["a"]))]),
        (json!({"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}), vec![Remove(of(&["a", "b"]))]),
        (json!({"op": "remove", "path": "members[type eq \"User\"]"}), vec![Remove(matching("type eq \"User\""))]),
        (
            json!({"op": "add", "path": "members[value eq \"a\"]", "value": {"display": "A"}}),
            vec![Add(vec![member("a")])],
        ),
        (
            json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "b"}}),
            vec![Remove(of(&["a"])), Add(vec![member("b")])],
        ),
        (
            json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "a"}}),
            vec![Add(vec![member("a")])],
        ),
        (json!({"op": "replace", "path": "members[value eq \"a\"].display", "value": "A"}), vec![]),
        (json!({"op": "replace", "value": {"members": [{"value": "a"}]}}), vec![ReplaceAll(vec![member("a")])]),
        (json!({"op": "add", "value": {"MEMBERS": [{"value": "a"}]}}), vec![Add(vec![member("a")])]),
        (
            json!({"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": ["a"]}),
            vec![Add(vec![member("a")])],
        ),
    ];
    for (operation, expected) in cases {
        let (rest, changes) = split(json!([operation])).unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!((rest, changes), (vec![], expected), "{operation}");
    }
}

/// RFC 7644 3.5.2.3: of a `replace`, and of nothing else.
#[test]
fn what_a_strict_client_replaces_must_be_there() {
    use MemberChange::{Add, Remove, Require};
    let b = json!({"value": "b"});
    for (op, path, value, expected) in [
        (
            "replace",
            "members[value eq \"a\"]",
            b.clone(),
            vec![Require(of(&["a"])), Remove(of(&["a"])), Add(vec![member("b")])],
        ),
        ("replace", "members[value eq \"b\"]", b.clone(), vec![Require(of(&["b"])), Add(vec![member("b")])]),
        ("replace", "members[value eq \"a\"]", Value::Null, vec![Require(of(&["a"])), Remove(of(&["a"]))]),
        (
            "replace",
            "members[type eq \"User\"]",
            b.clone(),
            vec![Require(matching("type eq \"User\"")), Remove(matching("type eq \"User\"")), Add(vec![member("b")])],
        ),
        ("replace", "members", json!([b]), vec![MemberChange::ReplaceAll(vec![member("b")])]),
        ("add", "members[value eq \"a\"]", b.clone(), vec![Add(vec![member("b")])]),
        ("remove", "members[value eq \"a\"]", Value::Null, vec![Remove(of(&["a"]))]),
    ] {
        let operation = json!({"op": op, "path": path, "value": value});
        let (_, changes) = split_as(json!([operation]), Strictness::Strict).expect("splits");
        assert_eq!(changes, expected, "{operation}");
    }
}

#[test]
fn the_rest_of_a_group_stays_in_order() {
    let (rest, changes) = split(json!([
        {"op": "replace", "value": {"displayName": "X", "members": [{"value": "a"}]}},
        {"op": "remove", "path": "members[value eq \"a\"]"},
        {"op": "replace", "path": "externalId", "value": "e"},
        {"op": "add", "path": "members", "value": [{"value": "b"}]},
    ]))
    .expect("splits");
    assert_eq!(
        changes,
        [
            MemberChange::ReplaceAll(vec![member("a")]),
            MemberChange::Remove(of(&["a"])),
            MemberChange::Add(vec![member("b")]),
        ]
    );
    assert_eq!(rest.len(), 2);
    assert_eq!(rest[0], Operation { op: Op::Replace, path: None, value: Some(json!({"displayName": "X"})) });
}

#[test]
fn members_are_not_changed_in_place() {
    for operation in [
        json!({"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}),
        json!({"op": "replace", "path": "members.type", "value": "Group"}),
        json!({"op": "remove", "path": "members[value eq \"a\"].type"}),
    ] {
        let error = split(json!([operation])).expect_err("immutable");
        assert_eq!(error.scim_type, Some(ScimType::Mutability), "{error}");
        assert!(error.detail.starts_with("Operations[0] members: "), "{error}");
    }
    for value in [json!([{"display": "x"}]), json!([7]), json!([{"value": ""}])] {
        let error = split(json!([{"op": "add", "path": "members", "value": value}])).expect_err("no id");
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{error}");
    }
}

#[test]
fn members_of_a_body() {
    let take = |body: Value| take_members(&mut body.as_object().expect("an object").clone());
    assert_eq!(take(json!({"displayName": "x"})), Ok(None));
    assert_eq!(take(json!({"Members": []})), Ok(Some(vec![])));
    assert_eq!(take(json!({"members": [{"value": "a"}, {"value": "a"}]})), Ok(Some(vec![member("a")])));
    take(json!({"members": [{}]})).expect_err("no id");
}
