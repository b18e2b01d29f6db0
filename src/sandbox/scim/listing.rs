//! Pages, and the attributes that are answered.

use serde_json::{Map, Value, json};

use super::{ENTERPRISE, EXTENSION, LIST};
use crate::sandbox::settings::Switches;
use crate::sandbox::wire::{Reply, Request};

/// The most resources of a page, and members of an answer.
pub(super) const PAGE_MAX: usize = 200;

/// What a list call asked for, from its query or from the body of a `.search`.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) attributes: Option<String>,
    pub(super) excluded: Option<String>,
    pub(super) filter: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
}

/// A checked page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    pub(super) skip: usize,
    pub(super) take: usize,
    /// Whether `startIndex` was sent.
    started: Option<usize>,
    /// Whether `count` was sent.
    counted: bool,
}

impl Asked {
    /// From the query.
    pub(super) fn of_query(request: &Request) -> Self {
        Self {
            attributes: request.parameter("attributes"),
            excluded: request.parameter("excludedAttributes"),
            filter: request.parameter("filter").filter(|filter| !filter.is_empty()),
            start_index: request.parameter("startIndex"),
            count: request.parameter("count"),
        }
    }

    /// From the body of a `.search`.
    pub(super) fn of_body(body: &Map<String, Value>) -> Self {
        let text = |name: &str| match body.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::Array(list)) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
            _ => None,
        };
        Self {
            attributes: text("attributes"),
            excluded: text("excludedAttributes"),
            filter: text("filter").filter(|filter| !filter.is_empty()),
            start_index: text("startIndex"),
            count: text("count"),
        }
    }

    /// The page asked for, of `default` resources where no count was sent.
    pub(super) fn page(&self, default: usize, switches: &Switches) -> Result<Page, String> {
        let wall = switches.start_index_max;
        let take = match &self.count {
            None => default,
            Some(count) => count
                .parse()
                .ok()
                .filter(|count| (1..=PAGE_MAX).contains(count))
                .ok_or_else(|| format!("Illegal count value : {count}"))?,
        };
        let started = match &self.start_index {
            None => None,
            Some(text) => {
                let start: usize = text.parse().map_err(|_| format!("Illegal startIndex value : {text}"))?;
                match start {
                    0 => return Err(format!("Illegal startIndex value: {text}")),
                    start if wall > 0 && start > wall => {
                        let message = "Start index too big. Consider filtering down your result set, e.g. id gt \"(the last \
                                       id in the result set)\"";
                        return Err(message.to_owned());
                    }
                    _ => Some(start),
                }
            }
        };
        Ok(Page { skip: started.unwrap_or(1) - 1, take, started, counted: self.count.is_some() })
    }

    /// Which attributes to answer.
    pub(super) fn projection(&self, known: &'static [&'static str]) -> Result<Projection, Reply> {
        if self.attributes.is_some() && self.excluded.is_some() {
            return Err(Reply::scim_error(400, "Cannot provide both attributes and excludedAttributes"));
        }
        let names = |list: &str| -> Result<Vec<Vec<String>>, Reply> {
            list.split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(|name| {
                    split(name, known).ok_or_else(|| Reply::scim_error(400, format!("Unsupported attribute: {name}")))
                })
                .collect()
        };
        Ok(match (&self.attributes, &self.excluded) {
            (Some(list), _) => Projection::Only(names(list)?),
            (None, Some(list)) => Projection::Without(names(list)?),
            (None, None) => Projection::All,
        })
    }
}

/// The steps from the top of a resource to the attribute called `name`; `None` where there is no such attribute.
fn split(name: &str, known: &[&str]) -> Option<Vec<String>> {
    if let Some(rest) = name.strip_prefix(ENTERPRISE) {
        let mut steps = vec![ENTERPRISE.to_owned()];
        steps.extend(rest.strip_prefix(':').map(ToOwned::to_owned));
        return (rest.is_empty() || rest.starts_with(':')).then_some(steps);
    }
    if let Some(rest) = name.strip_prefix(EXTENSION) {
        let (version, attribute) = rest.split_once(':').map_or((rest, None), |(version, rest)| (version, Some(rest)));
        let urn = format!("{EXTENSION}{version}");
        return Some(std::iter::once(urn).chain(attribute.map(ToOwned::to_owned)).collect());
    }
    let steps: Vec<String> = name.split('.').map(ToOwned::to_owned).collect();
    steps.first().filter(|first| known.contains(&first.as_str()))?;
    Some(steps)
}

/// Which attributes to answer.
#[derive(Debug)]
pub(super) enum Projection {
    All,
    Only(Vec<Vec<String>>),
    Without(Vec<Vec<String>>),
}

impl Projection {
    /// Whether `name` at the top of a resource is answered at all, so that what is costly need not be made.
    pub(super) fn wants(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(paths) => paths.iter().any(|path| path.first().is_some_and(|first| first == name)),
            Self::Without(paths) => !paths.iter().any(|path| matches!(path.as_slice(), [first] if first == name)),
        }
    }

    /// The resource cut down. `id`, `schemas` and `meta` always stay.
    pub(super) fn apply(&self, mut resource: Map<String, Value>) -> Map<String, Value> {
        match self {
            Self::All => {}
            Self::Only(paths) => {
                resource.retain(|name, _| ["id", "schemas", "meta"].contains(&name.as_str()) || self.wants(name));
                for (name, value) in &mut resource {
                    let about: Vec<&Vec<String>> = paths.iter().filter(|path| path.first() == Some(name)).collect();
                    if !about.is_empty() && about.iter().all(|path| path.len() > 1) {
                        keep(value, &|part| about.iter().any(|path| path.get(1).is_some_and(|step| step == part)));
                    }
                }
            }
            Self::Without(paths) => {
                for path in paths {
                    match path.as_slice() {
                        [name] if !["id", "schemas"].contains(&name.as_str()) => {
                            resource.shift_remove(name);
                        }
                        [name, part, ..] => {
                            if let Some(value) = resource.get_mut(name) {
                                keep(value, &|step| step != part);
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        resource
    }
}

/// Keeps the parts of an object, or of each object of an array.
fn keep(value: &mut Value, wanted: &dyn Fn(&str) -> bool) {
    match value {
        Value::Object(parts) => parts.retain(|name, _| wanted(name)),
        Value::Array(list) => list.iter_mut().for_each(|value| keep(value, wanted)),
        _ => {}
    }
}

/// The envelope of a list that is not about users: `itemsPerPage` only where it tells something, and an empty page
/// says that there is nothing at all.
pub(super) fn envelope(total: usize, page: Page, resources: Vec<Value>) -> Reply {
    let mut out = Map::new();
    let total = if resources.is_empty() { 0 } else { total };
    out.insert("totalResults".to_owned(), json!(total));
    if !resources.is_empty() && (page.counted || total != resources.len()) {
        out.insert("itemsPerPage".to_owned(), json!(resources.len()));
    }
    if let Some(start) = page.started.filter(|_| !resources.is_empty()) {
        out.insert("startIndex".to_owned(), json!(start));
    }
    out.insert("schemas".to_owned(), json!([LIST]));
    out.insert("Resources".to_owned(), Value::Array(resources));
    Reply::json(200, &Value::Object(out))
}

/// The envelope of a list of no users.
pub(super) fn nobody() -> Reply {
    Reply::json(200, &json!({"totalResults": 0, "itemsPerPage": 0, "startIndex": 0, "schemas": [LIST]}))
}

/// The envelope of a list of users, which has no `Resources` where it is empty.
pub(super) fn user_envelope(total: usize, page: Page, resources: Vec<Value>) -> Reply {
    if resources.is_empty() {
        return nobody();
    }
    let mut out = Map::new();
    out.insert("totalResults".to_owned(), json!(total));
    out.insert("itemsPerPage".to_owned(), json!(resources.len()));
    if let Some(start) = page.started {
        out.insert("startIndex".to_owned(), json!(start));
    }
    out.insert("schemas".to_owned(), json!([LIST]));
    out.insert("Resources".to_owned(), Value::Array(resources));
    Reply::json(200, &Value::Object(out))
}
