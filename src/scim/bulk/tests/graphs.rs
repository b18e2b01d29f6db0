//! References that form graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::scim::model::BulkResult;

fn group(name: usize, members: &[usize]) -> Value {
    let members: Vec<Value> = members.iter().map(|n| json!({ "value": format!("bulkId:{n}") })).collect();
    post(&name.to_string(), "/Groups", &json!({ "members": members }))
}

fn order(operations: &Value) -> Vec<Vec<usize>> {
    let (steps, _) = run(job(bulk(operations)));
    steps.iter().map(|step| step.iter().map(|ready| ready.index).collect()).collect()
}

#[test]
fn what_is_referred_to_is_brought_forward_and_circles_are_done_together() {
    let delete = json!({ "method": "DELETE", "path": "/Users/7" });
    for (operations, expected) in [
        (json!([group(0, &[]), group(1, &[0])]), vec![vec![0], vec![1]]),
        (json!([group(0, &[2]), delete, group(2, &[])]), vec![vec![2], vec![0], vec![1]]),
        (json!([group(0, &[1]), group(1, &[2]), group(2, &[])]), vec![vec![2], vec![1], vec![0]]),
        // A group that refers to itself.
        (json!([group(0, &[0])]), vec![vec![0]]),
        // RFC 7644 3.7.1.
        (json!([group(0, &[1]), group(1, &[0])]), vec![vec![0, 1]]),
        (
            json!([group(0, &[1]), delete, group(2, &[0]), group(1, &[2, 4]), group(4, &[])]),
            vec![vec![4], vec![0, 2, 3], vec![1]],
        ),
        (json!([delete, group(1, &[2]), group(2, &[1]), group(3, &[1])]), vec![vec![0], vec![1, 2], vec![3]]),
    ] {
        assert_eq!(order(&operations), expected, "{operations}");
    }
}

#[test]
fn one_that_fails_takes_its_circle_along() {
    let circle = json!([group(0, &[1]), group(1, &[2]), group(2, &[0]), group(3, &[]), group(4, &[2])]);
    let mut job = job(bulk(&circle));
    let first = job.advance();
    assert_eq!(first.iter().map(|ready| ready.index).collect::<Vec<_>>(), [0, 1, 2]);
    job.finish(1, Err(Error::uniqueness("taken")));
    let next = job.advance();
    assert_eq!(next.iter().map(|ready| ready.index).collect::<Vec<_>>(), [3]);
    job.finish(3, Ok(done(201)));
    assert!(job.advance().is_empty());
    let details: Vec<_> =
        job.response().operations.into_iter().map(|result| result.response.and_then(|error| error.detail)).collect();
    let refers = |index: usize, to: usize| {
        Some(format!(
            "Operations[{index}]: refers to bulkId \"{to}\", and Operations[{to}], which has it, failed with status 409"
        ))
    };
    assert_eq!(details, [refers(0, 1), Some("taken".into()), refers(2, 0), None, refers(4, 2)]);
}

/// A chain as long as a request may be needs no stack as deep.
#[test]
fn a_long_chain_is_done_from_its_end() {
    let references: Vec<Vec<usize>> = (0..100_000).map(|n| if n < 99_999 { vec![n + 1] } else { vec![] }).collect();
    let steps = super::super::order::steps(&references);
    assert_eq!(steps.len(), 100_000);
    assert_eq!((steps[0].as_slice(), steps[99_999].as_slice()), ([99_999].as_slice(), [0].as_slice()));
}

/// An operation of a random request: whether it creates, what it refers to, and what is wrong with it.
#[derive(Debug, Clone)]
struct Any {
    creates: bool,
    refers: Vec<usize>,
    malformed: bool,
    fails: bool,
}

fn any_operation() -> impl Strategy<Value = Any> {
    (
        prop::bool::weighted(0.7),
        prop::collection::vec(0..14_usize, 0..3),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(creates, refers, malformed, fails)| Any { creates, refers, malformed, fails })
}

fn write(index: usize, any: &Any) -> Value {
    let members: Vec<String> = any.refers.iter().map(|n| format!("bulkId:{n}")).collect();
    let mut operation = if any.creates {
        post(&index.to_string(), "/Groups", &json!({ "members": members }))
    } else {
        json!({ "method": "PUT", "path": "/Groups/there", "data": { "members": members } })
    };
    if any.malformed {
        operation["data"] = Value::Null;
    }
    operation
}

/// The operations that can be done, by another way: all but those that fail, and again those that refer to what is not
/// done, until nothing more falls out.
fn possible(operations: &[Any]) -> BTreeSet<usize> {
    let mut left: BTreeSet<usize> =
        (0..operations.len()).filter(|n| !operations[*n].malformed && !operations[*n].fails).collect();
    loop {
        let stays = |n: &usize| operations[*n].refers.iter().all(|to| left.contains(to) && operations[*to].creates);
        let after: BTreeSet<usize> = left.iter().copied().filter(stays).collect();
        if after == left {
            return left;
        }
        left = after;
    }
}

proptest! {
    #[test]
    fn all_that_can_be_done_is_done_once_and_refers_to_what_is_there(
        operations in prop::collection::vec(any_operation(), 1..14),
        most in prop::option::of(1..4_u64),
    ) {
        let mut body = bulk(&operations.iter().enumerate().map(|(index, any)| write(index, any)).collect());
        body["failOnErrors"] = json!(most);
        let mut job = job(body);
        let (mut handed, mut there) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let ready = job.advance();
            if ready.is_empty() {
                break;
            }
            let made: BTreeSet<String> =
                ready.iter().filter(|one| one.method == BulkMethod::Post).map(|one| one.id.clone()).collect();
            for one in &ready {
                prop_assert!(handed.insert(one.index), "{} again", one.index);
                for member in one.data["members"].as_array().unwrap() {
                    let id = member.as_str().unwrap();
                    prop_assert!(there.contains(id) || made.contains(id), "{} is not there for {}", id, one.index);
                }
            }
            if let Some(failed) = ready.iter().find(|one| operations[one.index].fails) {
                job.finish(failed.index, Err(Error::uniqueness("taken")));
            } else {
                for one in &ready {
                    job.finish(one.index, Ok(done(200)));
                }
                there.extend(made);
            }
        }
        let answered = job.results.clone();
        let good: BTreeSet<usize> = (0..answered.len()).filter(|n| matches!(answered[*n], Some(Ok(_)))).collect();
        let possible = possible(&operations);
        let errors = answered.iter().filter(|result| matches!(result, Some(Err(_)))).count();
        match most {
            Some(most) if u64::try_from(errors).unwrap() >= most => prop_assert!(good.is_subset(&possible)),
            _ => {
                prop_assert_eq!(&good, &possible);
                prop_assert!(answered.iter().all(Option::is_some));
            }
        }
        let response = job.response();
        let results: Vec<&BulkResult> = response.operations.iter().collect();
        prop_assert_eq!(results.len(), answered.iter().flatten().count());
        for result in results.iter().filter(|result| result.status == "200") {
            prop_assert!(!result.location.as_ref().unwrap().contains("bulkId"));
        }
    }
}
