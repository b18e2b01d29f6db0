//! From Salesforce's code words to what they mean, what is to be done, and how to say it.

use std::fmt;
use std::time::Duration;

use super::{Disposition, Refusal, WaitFor};

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The username is taken, in this org or any other in the world.
    DuplicateUsername,
    /// Another user of the org has the nickname.
    DuplicateNickname,
    /// Another user of the org has the federation id.
    DuplicateFederationId,
    /// Another unique value is taken.
    DuplicateValue,
    /// A required field has no value.
    MissingField,
    /// No profile was named, or none that can be understood.
    MissingProfile,
    /// The profile id is none of this org.
    InvalidProfile,
    /// More than one e-mail, address, telephone number, role or profile.
    TooMany,
    /// Salesforce's SCIM does not take the attribute.
    UnsupportedField,
    /// A value has the wrong JSON type.
    WrongType,
    /// No user licence is left.
    LicenceExhausted,
    /// Profile, permission set or group need another kind of licence than the user has.
    LicenceMismatch,
    /// Something in the org points to the user, who therefore cannot be deactivated.
    InUse,
    /// A value that the org's picklist does not have.
    BadPicklist,
    /// A value is too long.
    TooLong,
    /// An e-mail address, or a username that must look like one, does not.
    InvalidEmail,
    /// A validation rule of the org.
    CustomValidation,
    /// A trigger or flow of the org failed.
    Automation,
    /// Somebody else writes the same record.
    RowLock,
    /// A trigger or flow of the org mixes users with other records.
    MixedDml,
    /// An id that points at nothing, or at the wrong kind of record.
    InvalidReference,
    /// A rule of the platform about the field's value.
    Integrity,
    /// A group that would contain itself.
    Circular,
    /// A member that already is in the group, or one that is not in it, or one whose licence does not allow it.
    MembershipMismatch,
    /// The integration user may not do this.
    NoAccess,
    /// A field that does not exist, or that the integration user may not write.
    NoSuchField,
    /// An approval process holds the record.
    Locked,
    /// The resource does not exist.
    Absent,
    /// Something is not there, and nobody says what: it need not be Salesforce that answered.
    Unsaid,
    /// A condition of the request does not hold; the bridge sends none.
    Conditional,
    /// The address or the headers of the call are too long.
    TooLarge,
    /// The session is not valid, even after it was renewed.
    Session,
    /// The calls of the day are used up.
    Quota,
    /// Too many long calls at once.
    Concurrency,
    /// The API is off for the org or the user.
    ApiDisabled,
    /// The org is too busy.
    Busy,
    /// The org is being maintained.
    Maintenance,
    /// A query took too long.
    QueryTimeout,
    /// An error that Salesforce itself did not expect.
    Unexpected,
    /// Something between the bridge and Salesforce answered: whether the call was done is not known.
    Gateway,
    /// The org answers at another address.
    Moved,
    /// The call itself is wrong.
    Malformed,
    /// Refused for a reason that is not known to the bridge.
    Other,
}

/// Code words and phrases in upper case. Of several in one text the *earliest* decides: behind it stand values of the
/// user and nested messages. At the same place the first in this table decides.
const WORDS: &[(&str, Cause)] = &[
    ("DUPLICATE_USERNAME", Cause::DuplicateUsername),
    ("DUPLICATE_COMM_NICKNAME", Cause::DuplicateNickname),
    ("DUPLICATE_VALUE", Cause::DuplicateValue),
    ("DUPLICATES_DETECTED", Cause::DuplicateValue),
    ("REQUIRED_FIELD_MISSING:USER_MUST_HAVE_ONE_ENTITLEMENT", Cause::MissingProfile),
    ("REQUIRED_FIELD_MISSING", Cause::MissingField),
    ("REQUIRED FIELDS ARE MISSING", Cause::MissingField),
    ("PROFILE ID IS INVALID", Cause::InvalidProfile),
    ("ONLY_A_SINGLE_", Cause::TooMany),
    ("USER_MUST_HAVE_ONLY_ONE_ROLE", Cause::TooMany),
    ("CANNOT HAVE MULTIPLE PROFILES", Cause::TooMany),
    ("UNSUPPORTED_FIELD", Cause::UnsupportedField),
    ("EXTERNALID_NOT_AVAILABLE", Cause::UnsupportedField),
    ("BUT FOUND ", Cause::WrongType),
    ("LICENSE_LIMIT_EXCEEDED", Cause::LicenceExhausted),
    ("THE USER LICENSE DOESN'T ALLOW", Cause::LicenceMismatch),
    ("USER'S PROFILE CAN'T BE SET", Cause::LicenceMismatch),
    ("DEPENDENCY_EXISTS", Cause::InUse),
    ("CANNOT DEACTIVATE", Cause::InUse),
    ("CAN'T DEACTIVATE", Cause::InUse),
    ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Cause::BadPicklist),
    ("STRING_TOO_LONG", Cause::TooLong),
    ("INVALID_EMAIL_ADDRESS", Cause::InvalidEmail),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", Cause::CustomValidation),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Cause::Automation),
    ("UNABLE_TO_LOCK_ROW", Cause::RowLock),
    ("MIXED_DML_OPERATION", Cause::MixedDml),
    ("INVALID_CROSS_REFERENCE_KEY", Cause::InvalidReference),
    ("MALFORMED_ID", Cause::InvalidReference),
    ("FIELD_INTEGRITY_EXCEPTIONS LIKELY CAUSED", Cause::MembershipMismatch),
    ("FIELD_INTEGRITY_EXCEPTION", Cause::Integrity),
    ("CIRCULAR_DEPENDENCY", Cause::Circular),
    ("INSUFFICIENT_ACCESS", Cause::NoAccess),
    ("TXN_SECURITY_NO_ACCESS", Cause::NoAccess),
    ("INVALID_FIELD", Cause::NoSuchField),
    ("ENTITY_IS_LOCKED", Cause::Locked),
    ("ENTITY_IS_DELETED", Cause::Absent),
    ("NO SUCH RESOURCE", Cause::Absent),
    // "Resource https://… not found".
    ("RESOURCE HTTP", Cause::Absent),
    ("NOT_FOUND", Cause::Absent),
    ("LIST HAS NO ROWS FOR ASSIGNMENT", Cause::Absent),
    ("INVALID_SESSION_ID", Cause::Session),
    ("REQUEST_LIMIT_EXCEEDED", Cause::Quota),
    ("CONCURRENTPERORGLONGTXN", Cause::Concurrency),
    ("API_CURRENTLY_DISABLED", Cause::ApiDisabled),
    ("API_DISABLED_FOR_ORG", Cause::ApiDisabled),
    ("SERVER_UNAVAILABLE", Cause::Busy),
    ("SERVER TOO BUSY", Cause::Busy),
    ("NOT_ALLOWED_DURING_MAINTENANCE", Cause::Maintenance),
    ("QUERY_TIMEOUT", Cause::QueryTimeout),
    ("UNKNOWN_EXCEPTION", Cause::Unexpected),
    ("UNEXPECTED ERROR OCCURRED", Cause::Unexpected),
    ("MALFORMED_QUERY", Cause::Malformed),
    ("INVALID_TYPE", Cause::Malformed),
    ("JSON_PARSER_ERROR", Cause::Malformed),
    ("METHOD_NOT_ALLOWED", Cause::Malformed),
    ("METHOD NOT SUPPORTED", Cause::Malformed),
    ("IMPROPER ", Cause::Malformed),
    ("INPROPER ", Cause::Malformed),
    ("MISING PATH", Cause::Malformed),
    ("FIELD CANNOT BE NULL", Cause::Malformed),
    ("UNSUPPORTED ATTRIBUTE", Cause::Malformed),
    ("ILLEGAL ", Cause::Malformed),
    ("INVALID ENTITLEMENT ID", Cause::Malformed),
    ("CANNOT REMOVE ALL ENTITLEMENTS", Cause::Malformed),
];

impl Cause {
    /// Reads the cause from the words; the status decides only where no word is known.
    ///
    /// `is_page`: the body is HTML (a 404 of that kind is a wrong URL, not an absent user).
    /// `reading`: the call changes nothing.
    pub(crate) fn of(status: u16, text: &str, is_page: bool, reading: bool) -> Self {
        let text = text.to_uppercase();
        let mut earliest: Option<(usize, Self)> = None;
        for (word, cause) in WORDS {
            if let Some(at) = text.find(word)
                && earliest.is_none_or(|(place, _)| at < place)
            {
                earliest = Some((at, *cause));
            }
        }
        match earliest {
            Some((_, cause)) => cause.refined(&text),
            None => Self::of_status(status, is_page, reading),
        }
    }

    fn refined(self, text: &str) -> Self {
        match self {
            Self::DuplicateValue if text.contains("FEDERATIONIDENTIFIER") => Self::DuplicateFederationId,
            Self::Quota if text.contains("CONCURRENT") => Self::Concurrency,
            // A failing trigger quotes the error that made it fail: a row lock passes, the rest does not.
            Self::Automation if text.contains("UNABLE_TO_LOCK_ROW") => Self::RowLock,
            Self::Automation if text.contains("MIXED_DML_OPERATION") => Self::MixedDml,
            // What Salesforce appends to any failed change of members, whatever the first error was.
            Self::Absent | Self::DuplicateValue | Self::Integrity | Self::InvalidReference
                if text.contains("FIELD_INTEGRITY_EXCEPTIONS LIKELY CAUSED") =>
            {
                Self::MembershipMismatch
            }
            Self::Integrity if text.contains("LICENSE") => Self::LicenceMismatch,
            other => other,
        }
    }

    fn of_status(status: u16, is_page: bool, reading: bool) -> Self {
        match status {
            304 | 412 => Self::Conditional,
            401 => Self::Session,
            403 => Self::NoAccess,
            // Salesforce says what it does not have. Somebody in between, who says nothing, may mean anything by it.
            404 if !is_page => Self::Unsaid,
            300..=399 | 404 => Self::Moved,
            414 | 431 => Self::TooLarge,
            408 | 502 | 504 if reading => Self::Busy,
            408 | 502 | 504 => Self::Gateway,
            429 => Self::Concurrency,
            503 => Self::Busy,
            500..=599 => Self::Unexpected,
            _ => Self::Other,
        }
    }

    /// What is to be done. `asked` is the wait that Salesforce asks for.
    pub(crate) fn disposition(self, asked: Option<Duration>) -> Disposition {
        let outage = |seconds| Disposition::Outage { after: asked.or(Some(Duration::from_secs(seconds))) };
        match self {
            Self::DuplicateUsername
            | Self::DuplicateFederationId
            | Self::MembershipMismatch
            | Self::Absent
            | Self::Unsaid
            | Self::Gateway => Disposition::LookFirst,
            Self::RowLock | Self::QueryTimeout | Self::Conditional => {
                Disposition::Retry { after: asked, at_most: None }
            }
            // Seen for a whole profile ("Is Single Sign-On Enabled"): it comes back as often as it is asked.
            Self::Unexpected => Disposition::Retry { after: asked.or(Some(Duration::from_secs(30))), at_most: Some(5) },
            Self::LicenceExhausted => Disposition::Wait(WaitFor::Licence),
            Self::Locked => Disposition::Wait(WaitFor::Unlock),
            Self::Busy => Disposition::Outage { after: asked },
            Self::Concurrency => outage(30),
            Self::Session => outage(60),
            Self::Maintenance => outage(300),
            Self::ApiDisabled | Self::Moved => outage(600),
            // The limit is over the last 24 hours, so some of it comes back all the time.
            Self::Quota => outage(900),
            Self::DuplicateNickname
            | Self::DuplicateValue
            | Self::MissingField
            | Self::MissingProfile
            | Self::InvalidProfile
            | Self::TooMany
            | Self::UnsupportedField
            | Self::WrongType
            | Self::LicenceMismatch
            | Self::InUse
            | Self::BadPicklist
            | Self::TooLong
            | Self::InvalidEmail
            | Self::CustomValidation
            | Self::Automation
            | Self::MixedDml
            | Self::InvalidReference
            | Self::Integrity
            | Self::Circular
            | Self::NoAccess
            | Self::NoSuchField
            | Self::Malformed
            | Self::TooLarge
            | Self::Other => Disposition::Reject,
        }
    }

    /// One sentence that an administrator can act on.
    fn sentence(self) -> &'static str {
        match self {
            Self::DuplicateUsername => {
                "the Salesforce username is taken; usernames are unique across all Salesforce orgs in the world, so \
                 either adopt the account that has it or map another username"
            }
            Self::DuplicateNickname => {
                "another Salesforce user has this nickname (CommunityNickname), which must be unique in the org; \
                 change the nickName of one of them"
            }
            Self::DuplicateFederationId => {
                "another Salesforce user has this federation id (the externalId); clear it there or change it here"
            }
            Self::DuplicateValue => "another Salesforce record has a value that must be unique in the org",
            Self::MissingField => "Salesforce requires a field that has no value",
            Self::MissingProfile => "Salesforce requires a profile; name a default profile or a rule that gives one",
            Self::InvalidProfile => "the profile is none of this Salesforce org; check the profile names in the rules",
            Self::TooMany => "Salesforce takes only one e-mail, address, telephone number, role and profile in a call",
            Self::UnsupportedField => "Salesforce does not take one of the attributes in this org",
            Self::WrongType => "a value has a type that the Salesforce field does not take",
            Self::LicenceExhausted => {
                "no Salesforce user licence of the profile's kind is left; deactivate a user or buy a licence"
            }
            Self::LicenceMismatch => {
                "the profile, permission set or group needs another kind of Salesforce licence than the user has; \
                 change the rule or the licence"
            }
            Self::InUse => {
                "Salesforce does not deactivate the user, because something in the org points to them; name somebody else \
                 there"
            }
            Self::BadPicklist => {
                "a value is not in the picklist of the Salesforce org (locale, language, time zone, country or state); \
                 map a value that the org has, or enable it in Setup"
            }
            Self::TooLong => "a value is too long for its Salesforce field",
            Self::InvalidEmail => {
                "Salesforce does not accept the e-mail address, or the username, which must look like one"
            }
            Self::CustomValidation => "a validation rule of the Salesforce org refuses the user",
            Self::Automation => "a trigger or flow of the Salesforce org failed; its owner must mend it",
            Self::RowLock => "Salesforce is writing the same record for somebody else at the moment",
            Self::MixedDml => {
                "a trigger or flow of the Salesforce org changes other records together with users (mixed DML), which \
                 Salesforce forbids; its owner must mend it"
            }
            Self::InvalidReference => "a referenced Salesforce record (manager, role, profile or group) does not exist",
            Self::Integrity => "Salesforce refuses the combination of values",
            Self::Circular => {
                "the group would contain itself, directly or through other groups; take one of them out of the other"
            }
            Self::MembershipMismatch => {
                "the group does not have the members that were expected, or the licence of a user does not allow the \
                 membership"
            }
            Self::NoAccess => {
                "the integration user lacks a right; its profile itself needs \"API Enabled\" and \"Manage Users\""
            }
            Self::NoSuchField => {
                "a Salesforce field does not exist, or the integration user may not write it; check the mapping and \
                 the field-level security"
            }
            Self::Locked => "an approval process in Salesforce has locked the record",
            Self::Absent => "Salesforce does not have the record, or the integration user may not see it",
            Self::Unsaid => {
                "the answer was 404 without a word of Salesforce's: the record may be gone, or something in between \
                 answered; it is looked for"
            }
            Self::Conditional => "Salesforce answered as to a conditional request, which this was not",
            Self::TooLarge => "the call is too long for Salesforce, or for something in between",
            Self::Session => {
                "Salesforce does not accept the session even after a new login; check the session policies of the app \
                 (IP ranges) and that the integration user is active"
            }
            Self::Quota => {
                "the API calls of the Salesforce org are used up for the last 24 hours; see \"API Usage\" in Setup for \
                 who uses them"
            }
            Self::Concurrency => "Salesforce has too many long calls at once",
            Self::ApiDisabled => {
                "the API is switched off for the Salesforce org or the integration user; enable \"API Enabled\" in its \
                 profile"
            }
            Self::Busy => "the Salesforce org cannot answer at the moment",
            Self::Maintenance => "the Salesforce org is being maintained",
            Self::QueryTimeout => "Salesforce took too long for a query",
            Self::Unexpected => {
                "Salesforce failed with an error of its own; give the ErrorId in its answer to Salesforce support"
            }
            Self::Gateway => "something between here and Salesforce failed; the change may have been made",
            Self::Moved => "the Salesforce org does not answer at this URL; check the My Domain URL",
            Self::Malformed => "Salesforce does not understand the call, which is a fault of the bridge; report it",
            Self::Other => "Salesforce refused the change",
        }
    }

    /// Writes the sentence, and Salesforce's words where it needs them.
    pub(crate) fn explain(self, f: &mut fmt::Formatter<'_>, refusal: &Refusal) -> fmt::Result {
        f.write_str(self.sentence())?;
        // These sentences need Salesforce's words to name the field or the rule.
        match self {
            Self::MissingField
            | Self::DuplicateValue
            | Self::UnsupportedField
            | Self::WrongType
            | Self::TooLong
            | Self::BadPicklist
            | Self::LicenceMismatch
            | Self::InUse
            | Self::CustomValidation
            | Self::Automation
            | Self::InvalidReference
            | Self::Integrity
            | Self::NoSuchField
            | Self::Malformed
            | Self::TooLarge
            | Self::Unexpected
            | Self::Other => write!(f, " (Salesforce: {}; HTTP {})", refusal.text, refusal.status),
            _ => Ok(()),
        }
    }
}
