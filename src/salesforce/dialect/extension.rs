//! The URNs of Salesforce's own extensions, which differ between orgs and between Salesforce's own documents: read from
//! the org, never written down.

use serde_json::Value;

/// What all of Salesforce's extensions begin with.
pub(super) const PREFIX: &str = "urn:salesforce:schemas:extension:";

/// The URNs that an org says it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Urns {
    /// The extension with `alias`.
    pub salesforce: Option<String>,
    /// The extension with the org's custom fields; its end is the org's id.
    pub custom: Option<String>,
}

impl Urns {
    /// Takes what an answer of `/Schemas` or `/ResourceTypes` names, where nothing was known before.
    pub fn learn(&mut self, answer: &Value) {
        let mut named = Vec::new();
        collect(answer, &mut named);
        for urn in named {
            let Some(rest) = urn.strip_prefix(PREFIX) else { continue };
            let version = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.');
            let org = rest.starts_with("00D") && matches!(rest.len(), 15 | 18);
            if version && self.salesforce.is_none() {
                self.salesforce = Some(urn.to_owned());
            } else if org && self.custom.is_none() {
                self.custom = Some(urn.to_owned());
            }
        }
    }

    /// The name under which a PATCH sets a field that is in one of these extensions.
    pub fn flattened(&self, field: &str) -> Option<String> {
        if field == "Alias" {
            return Some(format!("{}:alias", self.salesforce.as_deref()?));
        }
        is_custom(field).then_some(())?;
        Some(format!("{}:{field}", self.custom.as_deref()?))
    }
}

/// Whether a field is the org's own.
pub(super) fn is_custom(field: &str) -> bool {
    field.ends_with("__c")
}

/// Whether a PATCH needs to know the org's URNs to set the field.
pub fn is_extended(field: &str) -> bool {
    field == "Alias" || is_custom(field)
}

fn collect<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.starts_with(PREFIX) => into.push(text),
        Value::Array(list) => list.iter().for_each(|value| collect(value, into)),
        Value::Object(object) => object.values().for_each(|value| collect(value, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Urns;

    #[test]
    fn urns_are_taken_from_what_the_org_says() {
        let mut urns = Urns::default();
        urns.learn(&json!({"Resources": [
            {"id": "urn:salesforce:schemas:extension:2.0:Entitlement"}, {"id": "urn:salesforce:schemas:extension:2.0"},
        ]}));
        assert_eq!(urns.flattened("Alias").as_deref(), Some("urn:salesforce:schemas:extension:2.0:alias"));
        assert_eq!(urns.flattened("Badge__c"), None, "not known yet");
        let org = "urn:salesforce:schemas:extension:00DAA0000001aaaYAA";
        urns.learn(&json!({"Resources": [{"schemaExtensions": [
            {"schema": "urn:salesforce:schemas:extension:1.0"}, {"schema": org},
        ]}]}));
        assert_eq!(urns.flattened("Badge__c"), Some(format!("{org}:Badge__c")));
        assert_eq!(
            urns.flattened("Alias").as_deref(),
            Some("urn:salesforce:schemas:extension:2.0:alias"),
            "as first said"
        );
        assert_eq!(urns.flattened("Title"), None);
    }
}
