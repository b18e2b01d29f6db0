//! The fields of Salesforce's User object that a mapping knows, and the template that each has of itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// When a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// Whenever Salesforce has another value than the mapping gives.
    Always,
    /// Only into an account that is made: afterwards it is Salesforce's.
    OnCreate,
    /// Not at all: it is Salesforce's from the beginning.
    Never,
}

impl Write {
    /// As configured and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::OnCreate => "on-create",
            Self::Never => "never",
        }
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens when somebody else has a value that must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnTaken {
    /// A free one that looks like it takes its place.
    Suffix,
    /// The delivery is rejected.
    Reject,
}

/// What Salesforce takes for a value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// Text, also where it is a date, an id or one of a list.
    Text,
    /// A checkbox: `true` or `false`, never empty.
    Boolean,
    /// A number.
    Number,
}

impl Type {
    /// As configured and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Number => "number",
        }
    }
}

/// Field of the username.
pub(super) const USERNAME: &str = "Username";
/// Field of the nickname.
pub(super) const NICKNAME: &str = "CommunityNickname";
/// Field of the short name.
pub(super) const ALIAS: &str = "Alias";
/// Field of the federation id.
pub(super) const FEDERATION_ID: &str = "FederationIdentifier";
/// Field that says whether the person may log in.
pub(super) const ACTIVE: &str = "IsActive";

/// A field that every org has.
#[derive(Debug)]
pub(super) struct Standard {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    /// Longest text, in UTF-16 units as Salesforce counts, to which a longer one is cut. `None`: not known, or a cut one
    /// would name somebody else, so that Salesforce's refusal is the better answer.
    pub(super) limit: Option<usize>,
    /// The template that says what the built-in mapping does, and when it is written.
    pub(super) builtin: Option<(&'static str, Write)>,
}

const fn mapped(name: &'static str, limit: Option<usize>, template: &'static str) -> Standard {
    Standard { name, kind: Type::Text, limit, builtin: Some((template, Write::Always)) }
}

const fn plain(name: &'static str, limit: Option<usize>) -> Standard {
    Standard { name, kind: Type::Text, limit, builtin: None }
}

const fn of(kind: Type, name: &'static str) -> Standard {
    Standard { name, kind, limit: None, builtin: None }
}

/// The address that the built-in mapping takes: a private one has no place in a directory of colleagues, unless the
/// identity provider calls it the primary one.
macro_rules! address {
    ($part:literal) => {
        concat!(
            "{{ (addresses | pick(type=\"work\") or addresses | primary or addresses | pick(type=none)).",
            $part,
            " }}"
        )
    };
}

/// Every standard field that a mapping can set; those with a template of their own come first.
pub(super) const STANDARD: &[Standard] = &[
    mapped(USERNAME, None, "{{ userName | lower }}"),
    mapped(FEDERATION_ID, None, "{{ externalId }}"),
    Standard {
        name: ACTIVE,
        kind: Type::Boolean,
        limit: None,
        builtin: Some(("{{ active | default(true) }}", Write::Always)),
    },
    mapped("FirstName", Some(40), "{{ name.givenName }}"),
    mapped(
        "LastName",
        Some(80),
        "{{ name.familyName or (displayName or \"\") | split | last or userName | local_part }}",
    ),
    Standard {
        name: ALIAS,
        kind: Type::Text,
        limit: Some(8),
        builtin: Some((
            "{{ ((name.givenName | ascii | letters | cut(1)) ~ ((name.familyName or userName | local_part) | ascii | \
             letters | cut(4)) or userName | local_part | ascii | cut(8) or \"user\") | lower }}",
            Write::OnCreate,
        )),
    },
    mapped(NICKNAME, Some(40), "{{ nickName or userName | cut(40) }}"),
    mapped(
        "Email",
        None,
        "{{ emails | primary or emails | pick(type=\"work\") or emails | pick or (userName if userName is email) }}",
    ),
    mapped("Phone", None, "{{ phoneNumbers | pick(type=\"work\") }}"),
    mapped("MobilePhone", None, "{{ phoneNumbers | pick(type=\"mobile\") }}"),
    mapped("Fax", None, "{{ phoneNumbers | pick(type=\"fax\") }}"),
    mapped("Street", Some(255), address!("streetAddress")),
    mapped("City", Some(40), address!("locality")),
    mapped("State", Some(80), address!("region")),
    mapped("PostalCode", Some(20), address!("postalCode")),
    mapped("Country", Some(80), address!("country")),
    mapped("Title", Some(80), "{{ title }}"),
    mapped("EmployeeNumber", Some(20), "{{ enterprise.employeeNumber }}"),
    mapped("Department", Some(80), "{{ enterprise.department }}"),
    mapped("Division", Some(80), "{{ enterprise.division }}"),
    mapped("LocaleSidKey", None, "{{ locale | locale_key }}"),
    mapped("LanguageLocaleKey", None, "{{ preferredLanguage | language_key }}"),
    mapped("TimeZoneSidKey", None, "{{ timezone | time_zone_key }}"),
    Standard { name: "EmailEncodingKey", kind: Type::Text, limit: None, builtin: Some(("UTF-8", Write::OnCreate)) },
    plain("AboutMe", Some(1000)),
    plain("CallCenterId", None),
    plain("CompanyName", Some(80)),
    plain("CountryCode", None),
    plain("CurrencyIsoCode", None),
    plain("DefaultCurrencyIsoCode", None),
    plain("DefaultDivision", None),
    plain("DefaultGroupNotificationFrequency", None),
    plain("DelegatedApproverId", None),
    plain("DigestFrequency", None),
    of(Type::Boolean, "EmailPreferencesAutoBcc"),
    of(Type::Boolean, "EmailPreferencesAutoBccStayInTouch"),
    of(Type::Boolean, "EmailPreferencesStayInTouchReminder"),
    plain("Extension", Some(40)),
    of(Type::Boolean, "ForecastEnabled"),
    plain("GeocodeAccuracy", None),
    of(Type::Number, "JigsawImportLimitOverride"),
    of(Type::Number, "Latitude"),
    of(Type::Number, "Longitude"),
    plain("MiddleName", Some(40)),
    of(Type::Boolean, "ReceivesAdminInfoEmails"),
    of(Type::Boolean, "ReceivesInfoEmails"),
    plain("SenderEmail", None),
    plain("SenderName", Some(80)),
    plain("Signature", None),
    plain("StateCode", None),
    plain("StayInTouchNote", None),
    plain("StayInTouchSignature", None),
    plain("StayInTouchSubject", None),
    plain("Suffix", Some(40)),
];

/// Fields that a mapping must leave alone, and why.
const BEYOND: &[(&[&str], &str)] = &[
    (&["ManagerId"], "is filled by the bridge itself, from the manager of the enterprise extension"),
    (&["ProfileId", "UserRoleId"], "is no part of the mapping: what people get stands under entitlements"),
    (
        &["Id", "Name", "UserType", "CreatedDate", "LastModifiedDate", "SystemModstamp", "LastLoginDate", "PhotoUrl"],
        "is read-only in Salesforce",
    ),
];

/// How like two names must be (Jaro-Winkler, 0 to 1) for one to be taken for a slip of the other.
const ALIKE: f64 = 0.8;

/// The standard field of this name, in whatever case.
pub(super) fn standard(name: &str) -> Option<&'static Standard> {
    STANDARD.iter().find(|field| field.name.eq_ignore_ascii_case(name))
}

/// The name of a field as Salesforce writes it: of a standard field whatever its case, any other as given.
pub fn canonical(name: &str) -> String {
    standard(name).map_or_else(|| name.to_owned(), |field| field.name.to_owned())
}

/// The type of the field `name`, if it is one that every org has; otherwise what is wrong with the name, `Ok(None)` where
/// only the org knows.
pub(super) fn type_of(name: &str) -> Result<Option<Type>, String> {
    if let Some(field) = standard(name) {
        return Ok(Some(field.kind));
    }
    if let Some((_, why)) = BEYOND.iter().find(|(names, _)| names.iter().any(|one| one.eq_ignore_ascii_case(name))) {
        return Err((*why).to_owned());
    }
    let stem = name.strip_suffix("__c").or_else(|| name.strip_suffix("__C"));
    if stem.is_some_and(|stem| !stem.is_empty() && stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')) {
        return Ok(None);
    }
    // Feature licences and settings of a person: a long list that grows with each release.
    let is_switch = |begin: &str, end: &str| {
        name.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)).is_some_and(|rest| !rest.is_empty())
    };
    if is_switch("UserPermissions", "User") || is_switch("UserPreferences", "") {
        return Ok(Some(Type::Boolean));
    }
    let wanted = name.to_ascii_lowercase();
    let nearest = STANDARD
        .iter()
        .map(|field| (strsim::jaro_winkler(&field.name.to_ascii_lowercase(), &wanted), field.name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    Err(match nearest {
        Some((_, nearest)) => format!("is no field of a Salesforce user; did you mean {nearest}?"),
        None => {
            "is no field of a Salesforce user that the bridge knows; the names of custom fields end in __c".to_owned()
        }
    })
}
