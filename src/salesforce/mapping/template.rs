//! Templates: read once, rendered for each person.

use std::collections::HashSet;
use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter};
use serde_json::json;

use super::filter::{self, Notes};
use super::view;
use crate::scim::ENTERPRISE_SCHEMA;
use crate::scim::schema::{Attribute, Mutability, Registry};

/// Work that one template may do: a mistaken loop must not hold up a delivery for ever.
const FUEL: u64 = 100_000;

/// Likeness (Jaro-Winkler, 0 to 1) from which one name is taken for a slip of the other.
const ALIKE: f64 = 0.8;

/// What a template came to.
#[derive(Debug)]
pub(super) struct Rendered {
    /// The text, without the blanks around it.
    pub(super) text: String,
    /// What its filters had to say.
    pub(super) notes: Vec<String>,
}

/// An environment without templates.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    // `debug()` prints all that is known of a person.
    environment.remove_global("debug");
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(()),
        ValueKind::Bool => escape_formatter(out, state, &Value::from(if value.is_true() { "true" } else { "false" })),
        ValueKind::String | ValueKind::Number => escape_formatter(out, state, value),
        kind => {
            let words = format!("a {kind} is no text: pick takes one entry out of a list, join puts one together");
            Err(Error::new(ErrorKind::InvalidOperation, words))
        }
    });
    filter::add_to(&mut environment);
    environment
}

/// Renders the template `name` for what `view` shows.
pub(super) fn render(environment: &Environment<'static>, name: &str, view: &Value) -> Result<Rendered, String> {
    let rendered = environment.get_template(name).and_then(|template| template.render_captured(view.clone()));
    let captured = rendered.map_err(|error| words(&error))?;
    let notes = captured.state().get_extension::<Notes>().map(|notes| notes.0.clone()).unwrap_or_default();
    Ok(Rendered { text: captured.output().trim().to_owned(), notes })
}

/// Reads the template of a field. What it says can be wrong in ways that show when it is read, when it names what no
/// person has, or only when it is rendered: filters are looked up then, so it is rendered once for nobody and once for
/// somebody who has everything.
pub(super) fn add(environment: &mut Environment<'static>, name: &str, source: &str) -> Result<(), String> {
    environment.add_template_owned(name.to_owned(), source.to_owned()).map_err(|error| words(&error))?;
    let template = environment.get_template(name).map_err(|error| words(&error))?;
    let known: HashSet<&str> = environment.globals().map(|(name, _)| name).collect();
    let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    used.sort();
    for path in used {
        let first = path.split('.').next().unwrap_or_default();
        if !known.contains(first) {
            VOCABULARY.check(&path)?;
        }
    }
    for person in [&*NOBODY, &*SOMEBODY] {
        if let Err(error) = template.render(person.clone())
            && matches!(
                error.kind(),
                ErrorKind::UnknownFilter
                    | ErrorKind::UnknownTest
                    | ErrorKind::UnknownFunction
                    | ErrorKind::UnknownMethod
                    | ErrorKind::TooManyArguments
                    | ErrorKind::MissingArgument
                    | ErrorKind::OutOfFuel
            )
        {
            return Err(words(&error));
        }
    }
    Ok(())
}

/// An error in words, with its place in the template.
fn words(error: &Error) -> String {
    let what = match error.kind() {
        ErrorKind::OutOfFuel => "the template does too much: is there a loop that it could do without?".to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    };
    let place = error.range().zip(error.template_source()).and_then(|(range, source)| {
        let before = source.get(..range.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Some(format!("line {line}, column {column}"))
    });
    match place.or_else(|| error.line().map(|line| format!("line {line}"))) {
        Some(place) => format!("{what} ({place})"),
        None => what,
    }
}

/// The names that a template can use.
#[derive(Default)]
struct Vocabulary {
    core: Vec<Attribute>,
    enterprise: Vec<Attribute>,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let Ok(Registry { user, .. }) = Registry::standard() else { return Vocabulary::default() };
    // What the bridge itself gives a resource, and what it never stores, is not in its document.
    let common = user.common.iter().filter(|attribute| attribute.name == "externalId");
    let core = user.schema.attributes.iter().chain(common);
    let stored = core.filter(|it| !matches!(it.mutability, Mutability::ReadOnly | Mutability::WriteOnly));
    let enterprise = user.extension(ENTERPRISE_SCHEMA).map(|schema| schema.attributes.clone());
    Vocabulary { core: stored.cloned().collect(), enterprise: enterprise.unwrap_or_default() }
});

impl Vocabulary {
    /// What is wrong with a dotted path, if anything is: a name that no person can have is a slip, and would quietly give
    /// nothing for everybody.
    fn check(&self, path: &str) -> Result<(), String> {
        let mut parts = path.split('.');
        let first = parts.next().unwrap_or_default();
        match (first, parts.next()) {
            ("enterprise", Some(second)) => known(second, "enterprise", &self.enterprise, &[]).map(drop),
            ("salesforce", Some("sandbox") | None) => Ok(()),
            ("salesforce", Some(_)) => Err(format!("{path} is not there; salesforce has sandbox")),
            (first, second) if !view::NAMES.contains(&first) => {
                let attribute = known(first, "", &self.core, &view::NAMES)?;
                match (attribute, second) {
                    (Some(list), Some(_)) if list.multi_valued => {
                        Err(format!("{first} is a list; {first} | pick takes one entry out of it"))
                    }
                    (Some(complex), Some(second)) if !complex.sub_attributes.is_empty() => {
                        known(second, first, &complex.sub_attributes, &[]).map(drop)
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The attribute of this very name; `Ok(None)`: one of `others`.
fn known<'a>(
    name: &str,
    under: &str,
    attributes: &'a [Attribute],
    others: &[&str],
) -> Result<Option<&'a Attribute>, String> {
    if let Some(found) = attributes.iter().find(|attribute| attribute.name == name) {
        return Ok(Some(found));
    }
    if others.contains(&name) {
        return Ok(None);
    }
    let wanted = name.to_lowercase();
    let nearest = attributes
        .iter()
        .map(|attribute| attribute.name.as_str())
        .chain(others.iter().copied())
        .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &wanted), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let dot = if under.is_empty() { "" } else { "." };
    Err(match (name, nearest) {
        ("id" | "meta" | "groups" | "schemas" | "password", _) if under.is_empty() => {
            format!("a template does not see {name}")
        }
        (_, Some((_, nearest))) => {
            format!("no user has an attribute {under}{dot}{name}; did you mean {under}{dot}{nearest}?")
        }
        (_, None) => format!("no user has an attribute {under}{dot}{name}"),
    })
}

static NOBODY: LazyLock<Value> = LazyLock::new(|| view::of(&serde_json::Map::new(), "tenant", None));

/// Somebody with a value in every attribute of the standard schemas.
static SOMEBODY: LazyLock<Value> = LazyLock::new(|| {
    let entries = |value: &str| json!([{ "value": value, "type": "work", "primary": true, "display": value }]);
    let user = json!({
        "userName": "ada@example.com", "externalId": "ext-7", "displayName": "Ada Lovelace", "nickName": "ada",
        "name": {
            "formatted": "Lady Ada K. Lovelace", "familyName": "Lovelace", "givenName": "Ada", "middleName": "King",
            "honorificPrefix": "Lady", "honorificSuffix": "FRS"
        },
        "profileUrl": "https://example.com/ada", "title": "Countess", "userType": "Employee",
        "preferredLanguage": "en-GB", "locale": "en-GB", "timezone": "Europe/London", "active": true,
        "emails": entries("ada@example.com"), "phoneNumbers": entries("+44 20 7946 0000"), "ims": entries("ada"),
        "photos": entries("https://example.com/ada.jpg"), "entitlements": entries("reader"), "roles": entries("author"),
        "x509Certificates": entries("MII="),
        "addresses": [{
            "formatted": "12 St James's Square, London", "streetAddress": "12 St James's Square", "locality": "London",
            "region": "London", "postalCode": "SW1Y", "country": "GB", "type": "work", "primary": true
        }],
        (ENTERPRISE_SCHEMA): {
            "employeeNumber": "42", "costCenter": "4130", "organization": "Royal Society", "division": "Engines",
            "department": "R&D", "manager": { "value": "1", "$ref": "../Users/1", "displayName": "Charles Babbage" }
        },
    });
    match user {
        serde_json::Value::Object(user) => view::of(&user, "tenant", Some("uat")),
        _ => Value::UNDEFINED,
    }
});
