//! One row for each row of Salesforce's error tables.

use std::time::Duration;

use chrono::{TimeZone, Utc};

use super::Disposition::{LookFirst, Reject};
use super::{Cause, Disposition, Error, LoginRefusal, WaitFor, retry_after};

const RETRY: Disposition = Disposition::Retry { after: None, at_most: None };
const HICCUP: Disposition = Disposition::Retry { after: Some(Duration::from_secs(30)), at_most: Some(5) };
const DUPLICATE: &str = "DUPLICATE_USERNAME, Duplicate Username.<br>The username already exists in this or another \
                         Salesforce organization. : [Username]";
const LICENCE: Disposition = Disposition::Wait(WaitFor::Licence);

const fn pause(seconds: u64) -> Disposition {
    Disposition::Outage { after: Some(Duration::from_secs(seconds)) }
}

fn scim(status: u16, detail: &str) -> (u16, String) {
    let body = serde_json::json!({
        "schemas": "[\"urn:ietf:params:scim:api:messages:2.0:Error\"]", "detail": detail, "status": status
    });
    (status, body.to_string())
}

fn rest(status: u16, code: &str, message: &str) -> (u16, String) {
    (status, serde_json::json!([{ "message": message, "errorCode": code }]).to_string())
}

type Row = ((u16, String), Cause, Disposition);

fn check(rows: Vec<Row>) {
    for ((status, body), cause, disposition) in rows {
        let error = Error::from_answer(status, None, body.as_bytes(), false);
        assert_eq!(error.cause(), Some(cause), "{status} {body}");
        assert_eq!(error.disposition(), disposition, "{status} {body}");
        assert!(error.to_string().len() > 20, "{status} {body}");
    }
}

fn insert(first_error: &str) -> (u16, String) {
    scim(409, &format!("Insert failed. First exception on row 0; first error: {first_error}"))
}

#[test]
fn refused_creates_have_their_cause_and_disposition() {
    check(vec![
        // SCIM creates
        (scim(409, "REQUIRED_FIELD_MISSING:userName;"), Cause::MissingField, Reject),
        (scim(409, "REQUIRED_FIELD_MISSING:name.familyName;"), Cause::MissingField, Reject),
        (scim(409, "REQUIRED_FIELD_MISSING:email;"), Cause::MissingField, Reject),
        (
            scim(409, "REQUIRED_FIELD_MISSING:user_must_have_one_entitlement_which_must_be_a_profileid;"),
            Cause::MissingProfile,
            Reject,
        ),
        (scim(409, "INVALID:only_a_single_email_is_allowed;"), Cause::TooMany, Reject),
        (scim(409, "INVALID:only_a_single_address_is_allowed;"), Cause::TooMany, Reject),
        (scim(409, "INVALID:only_a_single_phone_is_allowed"), Cause::TooMany, Reject),
        (scim(409, "INVALID:user_must_have_only_one_role;"), Cause::TooMany, Reject),
        (scim(409, "UNSUPPORTED_FIELD:costCenter;"), Cause::UnsupportedField, Reject),
        (scim(409, "INVALID:externalId_not_available_in_your_organization;"), Cause::UnsupportedField, Reject),
        (scim(409, "INVALID: profile id is invalid : 00eAA"), Cause::InvalidProfile, Reject),
        (scim(409, "Expecting VALUE_STRING But Found START_OBJECT while parsing title"), Cause::WrongType, Reject),
        (insert(DUPLICATE), Cause::DuplicateUsername, LookFirst),
        (
            insert("DUPLICATE_COMM_NICKNAME, Duplicate Nickname.<br>Another user has it.: [CommunityNickname]"),
            Cause::DuplicateNickname,
            Reject,
        ),
        (
            insert(
                "DUPLICATE_VALUE, duplicate value found: FederationIdentifier duplicates value on record: 005AA: []",
            ),
            Cause::DuplicateFederationId,
            LookFirst,
        ),
        (insert("LICENSE_LIMIT_EXCEEDED, license limit exceeded: []"), Cause::LicenceExhausted, LICENCE),
        (
            insert("STRING_TOO_LONG, Username: data value too large: UNABLE_TO_LOCK_ROW (max length=80): [Username]"),
            Cause::TooLong,
            Reject,
        ),
        (
            scim(400, "INVALID:The user license doesn't allow the permission: Read Accounts;"),
            Cause::LicenceMismatch,
            Reject,
        ),
    ]);
}

#[test]
fn refused_updates_have_their_cause_and_disposition() {
    let update = |first: &str| {
        let text =
            format!("System.DmlException: Update failed. First exception on row 0 with id 005AA; first error: {first}");
        rest(500, "APEX_ERROR", &text)
    };
    let picklist =
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST, bad value for restricted picklist field: xx: [LocaleSidKey]";
    let lock = "UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record or 1 records: 005AA: []";
    let profile = "User's Profile can't be set to 'Identity User' because it's derived from a license that doesn't \
                   require the following permission(s): X";
    let mixed = "MIXED_DML_OPERATION, DML operation on setup object is not permitted after you have updated a \
                 non-setup object (or vice versa): Account: []";
    check(vec![
        (scim(409, profile), Cause::LicenceMismatch, Reject),
        (update(profile), Cause::LicenceMismatch, Reject),
        (
            update("DEPENDENCY_EXISTS, Cannot deactivate user: this user is the default case owner: [IsActive]"),
            Cause::InUse,
            Reject,
        ),
        (update("FIELD_INTEGRITY_EXCEPTION, You can't deactivate this user: [IsActive]"), Cause::Integrity, Reject),
        (insert(picklist), Cause::BadPicklist, Reject),
        (insert(lock), Cause::RowLock, RETRY),
        (update(lock), Cause::RowLock, RETRY),
        (insert(mixed), Cause::MixedDml, Reject),
        (update(DUPLICATE), Cause::DuplicateUsername, LookFirst),
        (update("LICENSE_LIMIT_EXCEEDED, license limit exceeded: []"), Cause::LicenceExhausted, LICENCE),
        // Triggers quote what made them fail.
        (
            insert("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, T: execution of BeforeInsert caused by: null pointer: []"),
            Cause::Automation,
            Reject,
        ),
        (
            insert("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, T: caused by: first error: UNABLE_TO_LOCK_ROW, x: []"),
            Cause::RowLock,
            RETRY,
        ),
        (
            insert("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, T: caused by: first error: MIXED_DML_OPERATION, x: []"),
            Cause::MixedDml,
            Reject,
        ),
    ]);
}

#[test]
fn refused_groups_reads_and_forms_have_their_cause_and_disposition() {
    check(vec![
        (
            scim(500, "x FIELD_INTEGRITY_EXCEPTIONs likely caused by attempted assignment to wrong User license."),
            Cause::MembershipMismatch,
            LookFirst,
        ),
        (
            scim(500, "List has no rows for assignment to SObject FIELD_INTEGRITY_EXCEPTIONs likely caused by x."),
            Cause::MembershipMismatch,
            LookFirst,
        ),
        (
            insert("DUPLICATE_VALUE, duplicate value found: []. FIELD_INTEGRITY_EXCEPTIONs likely caused by x."),
            Cause::MembershipMismatch,
            LookFirst,
        ),
        (insert("UNABLE_TO_LOCK_ROW, x: []. FIELD_INTEGRITY_EXCEPTIONs likely caused by x."), Cause::RowLock, RETRY),
        (insert("CIRCULAR_DEPENDENCY, group cannot contain itself: []"), Cause::Circular, Reject),
        (scim(404, "No such resource"), Cause::Absent, LookFirst),
        (scim(404, "Resource https://x/services/scim/v2/Users/005 not found"), Cause::Absent, LookFirst),
        (scim(400, "Improper Schema."), Cause::Malformed, Reject),
        (scim(400, "INPROPER Operation: x"), Cause::Malformed, Reject),
        (scim(400, "FIELD CANNOT BE NULL: emails"), Cause::Malformed, Reject),
        (scim(400, "MISING PATH"), Cause::Malformed, Reject),
        (scim(400, "Unsupported attribute : x"), Cause::Malformed, Reject),
        (scim(400, "Illegal count value : 0"), Cause::Malformed, Reject),
        (scim(400, "INVALID entitlement id: x"), Cause::Malformed, Reject),
        (scim(400, "INVALID: Cannot remove all entitlements. Use replace"), Cause::Malformed, Reject),
        (scim(400, "INVALID: cannot have multiple profiles: (00e)"), Cause::TooMany, Reject),
        (scim(501, "Method not supported"), Cause::Malformed, Reject),
    ]);
}

#[test]
fn refusals_of_the_framework_have_their_cause_and_disposition() {
    check(vec![
        (rest(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1-2 (-3)"), Cause::Unexpected, HICCUP),
        (rest(500, "APEX_ERROR", "System.NullPointerException"), Cause::Unexpected, HICCUP),
        (
            rest(500, "APEX_ERROR", "System.QueryException: List has no rows for assignment to SObject"),
            Cause::Absent,
            LookFirst,
        ),
        (rest(401, "INVALID_SESSION_ID", "Session expired or invalid"), Cause::Session, pause(60)),
        (rest(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), Cause::Quota, pause(900)),
        (
            rest(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
            Cause::Concurrency,
            pause(30),
        ),
        (rest(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded"), Cause::Concurrency, pause(30)),
        (rest(403, "API_CURRENTLY_DISABLED", "API is currently disabled"), Cause::ApiDisabled, pause(600)),
        (rest(403, "API_DISABLED_FOR_ORG", "API is not enabled"), Cause::ApiDisabled, pause(600)),
        (rest(503, "SERVER_UNAVAILABLE", "server too busy"), Cause::Busy, Disposition::Outage { after: None }),
        (rest(503, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "x"), Cause::Maintenance, pause(300)),
    ]);
}

#[test]
fn refusals_of_rest_have_their_cause_and_disposition() {
    check(vec![
        (rest(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"), Cause::MissingField, Reject),
        (rest(400, "DUPLICATE_USERNAME", "x"), Cause::DuplicateUsername, LookFirst),
        (rest(400, "DUPLICATE_COMM_NICKNAME", "x"), Cause::DuplicateNickname, Reject),
        (rest(400, "DUPLICATE_VALUE", "x"), Cause::DuplicateValue, Reject),
        (
            rest(400, "DUPLICATE_VALUE", "duplicate value found: FederationIdentifier"),
            Cause::DuplicateFederationId,
            LookFirst,
        ),
        (rest(400, "INVALID_FIELD", "No such column 'X__c'"), Cause::NoSuchField, Reject),
        (rest(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "x"), Cause::NoSuchField, Reject),
        (rest(400, "MALFORMED_QUERY", "x"), Cause::Malformed, Reject),
        (rest(400, "INVALID_TYPE", "x"), Cause::Malformed, Reject),
        (rest(400, "JSON_PARSER_ERROR", "x"), Cause::Malformed, Reject),
        (rest(400, "STRING_TOO_LONG", "x"), Cause::TooLong, Reject),
        (rest(400, "INVALID_EMAIL_ADDRESS", "x"), Cause::InvalidEmail, Reject),
        (rest(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "x"), Cause::BadPicklist, Reject),
        (rest(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"), Cause::InvalidReference, Reject),
        (rest(400, "FIELD_INTEGRITY_EXCEPTION", "x"), Cause::Integrity, Reject),
        (rest(400, "FIELD_INTEGRITY_EXCEPTION", "the user license does not fit"), Cause::LicenceMismatch, Reject),
        (rest(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "x"), Cause::CustomValidation, Reject),
        (rest(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "x"), Cause::Automation, Reject),
        (rest(400, "LICENSE_LIMIT_EXCEEDED", "x"), Cause::LicenceExhausted, LICENCE),
        (rest(400, "UNABLE_TO_LOCK_ROW", "x"), Cause::RowLock, RETRY),
        (rest(400, "MIXED_DML_OPERATION", "x"), Cause::MixedDml, Reject),
        (rest(400, "ENTITY_IS_LOCKED", "x"), Cause::Locked, Disposition::Wait(WaitFor::Unlock)),
        (rest(400, "QUERY_TIMEOUT", "x"), Cause::QueryTimeout, RETRY),
        (rest(403, "INSUFFICIENT_ACCESS_OR_READONLY", "x"), Cause::NoAccess, Reject),
        (rest(403, "TXN_SECURITY_NO_ACCESS", "x"), Cause::NoAccess, Reject),
        (rest(404, "NOT_FOUND", "The requested resource does not exist"), Cause::Absent, LookFirst),
        (rest(405, "METHOD_NOT_ALLOWED", "x"), Cause::Malformed, Reject),
    ]);
}

#[test]
fn without_a_known_word_the_status_decides() {
    check(vec![
        ((300, "[]".to_owned()), Cause::Moved, pause(600)),
        ((403, String::new()), Cause::NoAccess, Reject),
        ((304, String::new()), Cause::Conditional, RETRY),
        ((404, String::new()), Cause::Unsaid, LookFirst),
        ((404, "{}".to_owned()), Cause::Unsaid, LookFirst),
        ((404, "page not found".to_owned()), Cause::Unsaid, LookFirst),
        ((409, String::new()), Cause::Other, Reject),
        (rest(409, "CONFLICT", "the request conflicts with the state of the resource"), Cause::Other, Reject),
        ((412, String::new()), Cause::Conditional, RETRY),
        ((414, String::new()), Cause::TooLarge, Reject),
        ((431, String::new()), Cause::TooLarge, Reject),
        ((404, "<html><body>URL No Longer Exists</body></html>".to_owned()), Cause::Moved, pause(600)),
        ((415, "x".to_owned()), Cause::Other, Reject),
        ((429, String::new()), Cause::Concurrency, pause(30)),
        ((502, "<html>Bad gateway</html>".to_owned()), Cause::Gateway, LookFirst),
        ((503, "<html>Down</html>".to_owned()), Cause::Busy, Disposition::Outage { after: None }),
    ]);
}

#[test]
fn a_gateway_that_fails_a_read_has_changed_nothing() {
    let error = Error::from_answer(502, None, b"", true);
    assert_eq!(error.disposition(), Disposition::Outage { after: None });
}

#[test]
fn salesforce_says_how_long_to_wait() {
    let error = Error::from_answer(503, Some(Duration::from_secs(7)), b"", false);
    assert_eq!(error.disposition(), pause(7));
    let now = Utc.with_ymd_and_hms(2026, 10, 14, 9, 0, 0).unwrap();
    for (value, seconds) in [
        ("17", Some(17)),
        (" 0 ", Some(1)),
        ("999999", Some(3600)),
        ("Wed, 14 Oct 2026 09:00:30 GMT", Some(30)),
        ("Wed, 14 Oct 2026 08:00:00 GMT", Some(1)),
        ("Thu, 14 Oct 2027 08:00:00 GMT", Some(3600)),
        ("soon", None),
    ] {
        assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
    }
}

#[test]
fn the_words_are_found_in_every_shape() {
    let broken = br#"{"schemas":"["urn:ietf:params:scim:api:messages:2.0:Error"]","detail":"REQUIRED_FIELD_MISSING:email;","status":409}"#;
    let rows: [(&[u8], &str); 8] = [
        (broken, "REQUIRED_FIELD_MISSING:email;"),
        (br#"{"detail" : "A \"b\" c" , "schemas":"[""]"}"#, "A \"b\" c"),
        (br#"{"Errors":[{"description":"old","code":400}]}"#, "old"),
        (
            br#"[{"message":"a","errorCode":"X","fields":["Email"]},{"message":"b","errorCode":"Y"}]"#,
            "X: a [Email]; Y: b",
        ),
        (br#"{"error":"invalid_grant","error_description":"inactive user"}"#, "invalid_grant: inactive user"),
        (b"<html>\n<b>Down</b> for\n maintenance</html>", "Down for maintenance"),
        (b"plain", "plain"),
        (br#"{"detail":"Duplicate Username.<br>The username"}"#, "Duplicate Username. The username"),
    ];
    for (body, text) in rows {
        assert_eq!(super::readable(body).text, text);
    }
}

#[test]
fn the_words_are_bounded_and_hold_no_session() {
    let long = "é".repeat(5_000);
    let error = Error::from_answer(400, None, long.as_bytes(), false);
    assert!(error.salesforce_text().len() <= 2_003, "{}", error.salesforce_text().len());
    let words = "words ".repeat(5_000);
    let error = Error::from_answer(400, None, words.as_bytes(), false);
    assert!(error.salesforce_text().len() <= 2_003, "{}", error.salesforce_text().len());
    let error = Error::from_answer(400, None, b"bad session 00D5g000004XyZ!AQ8AQ.secret for user", false);
    assert_eq!(error.salesforce_text(), "bad session [session id] for user");
}

#[test]
fn an_absent_user_is_gone() {
    let error = Error::from_answer(404, None, br#"{"detail":"No such resource"}"#, false).about("005AA");
    assert!(matches!(&error, Error::Gone { id, .. } if id == "005AA"), "{error:?}");
    assert_eq!(error.disposition(), LookFirst);
}

#[test]
fn errors_outside_a_refusal_have_their_disposition() {
    let nothing = Disposition::Outage { after: None };
    for (error, disposition) in [
        (Error::Unreachable("x".to_owned()), nothing),
        (Error::Lost("x".to_owned()), LookFirst),
        (Error::Unreadable { status: 201, text: String::new() }, LookFirst),
        (Error::TooLarge { limit: 1 }, LookFirst),
        (Error::Misconfigured("x".to_owned()), pause(600)),
    ] {
        assert_eq!(error.disposition(), disposition, "{error:?}");
    }
}

#[test]
fn every_refused_login_says_what_to_do() {
    for (code, description, advice) in [
        ("invalid_grant", "user hasn't approved this consumer", "pre-authorised"),
        ("invalid_app_access", "user is not admin approved to access this app", "not assigned to the app"),
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_grant", "request not supported on this domain", "My Domain host only"),
        ("invalid_grant", "authentication failure", "locked or frozen"),
        ("invalid_grant", "inactive user", "activate it"),
        ("invalid_grant", "inactive organization", "org is inactive"),
        ("invalid_grant", "ip restricted", "login IP ranges"),
        ("invalid_grant", "expired access/refresh token", "authorise the app again"),
        ("invalid_grant", "expired authorization code", "clock of this machine"),
        ("invalid_grant", "audience is invalid", "https://test.salesforce.com"),
        ("invalid_grant", "invalid assertion", "certificate"),
        ("invalid_client_id", "client identifier invalid", "consumer key is not known"),
        ("invalid_client", "invalid client credentials", "consumer secret is wrong"),
        ("invalid_request", "External client app is not installed in this org", "is not installed"),
        ("unsupported_grant_type", "grant type not supported", "not enabled for the app"),
        ("invalid_grant", "something new", "Login History"),
        ("other", "something new", "does not know"),
    ] {
        let body = serde_json::json!({ "error": code, "error_description": description }).to_string();
        let refusal = LoginRefusal::from_answer(body.as_bytes(), None);
        assert_eq!(refusal.code, code);
        assert!(refusal.advice.contains(advice), "{description}: {}", refusal.advice);
        let place = ["in Setup", "configure", "client_id", "Salesforce support", "set it to", "check"];
        assert!(place.iter().any(|word| refusal.advice.contains(word)), "{description} says what, and not what to do");
        let error = Error::Login(refusal);
        assert!(error.to_string().contains(description), "{error}");
        assert_eq!(error.disposition(), pause(120));
    }
}
