//! What `check` asks of an org.

use chrono::TimeDelta;

use crate::app;
use crate::cli::surroundings;
use crate::config::{Config, Rest, Tenant};
use crate::delivery::Org;
use crate::salesforce::mapping::{Type, Write};
use crate::salesforce::{Client, Right, Tempo, UserKey};
use crate::scim::fold::fold;

use super::{Findings, Level, grants};

/// Asks a tenant's org about everything that its configuration says of it.
pub(super) async fn check(config: &Config, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let org = match surroundings().and_then(|around| app::org(name, tenant, config.delivery.lease, &around)) {
        Ok(org) => org,
        Err(error) => return findings.add(Level::Error, name, format!("{error:#}")),
    };
    let neighbours = config.neighbours(name);
    if !neighbours.is_empty() {
        let what = format!(
            "has the org of {}: whose an account or group is, is known over both, but each has a quota and calls of its own",
            neighbours.join(", ")
        );
        findings.add(Level::Warning, name, what);
    }
    let client = &org.client;
    // Before the login, which a clock that is wrong makes fail.
    versions(client, name, tenant, findings).await;
    if let Err(error) = client.log_in().await {
        return findings.add(Level::Error, name, error.to_string());
    }
    findings.add(Level::Ok, name, format!("login to {}", tenant.salesforce.url));
    match client.scim_is_offered().await {
        Ok(()) => findings.add(Level::Ok, name, "Salesforce's SCIM answers"),
        Err(error) => findings.add(Level::Error, name, format!("Salesforce's SCIM: {error}")),
    }
    default_profile(client, name, tenant, findings).await;
    grants::names(&org, name, findings).await;
    protected(client, name, tenant, findings).await;
    if tenant.salesforce.rest == Rest::Never {
        let what = "rights, licences, fields and calls left are not looked at: salesforce.rest is \"never\"";
        return findings.add(Level::Warning, name, what);
    }
    organization(client, name, findings).await;
    rights(client, name, findings).await;
    licences(client, name, tenant, findings).await;
    grants::licences(&org, name, findings).await;
    fields(&org, name, findings).await;
    calls(client, name, tenant, findings).await;
}

/// A clock that differs by more makes signed logins fail, which are good for minutes.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

async fn versions(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let (offered, ahead) = match client.versions().await {
        Ok(told) => told,
        Err(error) => {
            return findings.add(Level::Error, name, format!("{}: {error}", tenant.salesforce.url));
        }
    };
    if let Some(ahead) = ahead.filter(|ahead| ahead.abs() > CLOCKS_DIFFER) {
        let what = format!("the org's clock is {} s ahead of this machine's", ahead.num_seconds());
        findings.add(Level::Warning, name, what);
    }
    let wanted = &tenant.salesforce.api_version;
    if tenant.salesforce.rest == Rest::Never || offered.contains(wanted) {
        return;
    }
    let newest = offered.last().map_or("none", String::as_str);
    let what = format!("the org does not have salesforce.api_version = \"{wanted}\"; its newest is {newest}");
    findings.add(Level::Error, name, what);
}

async fn default_profile(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let Some(profile) = &tenant.entitlements.default_profile else {
        let profiles = tenant.entitlements.rules.iter().filter(|rule| rule.profile.is_some()).count();
        let whom = if profiles > 0 { " to whom no rule gives a profile" } else { "" };
        let what = format!("entitlements.default_profile is not set: new people{whom} are held");
        return findings.add(Level::Warning, name, what);
    };
    match client.find_profile(profile).await.as_deref() {
        Ok([_]) => findings.add(Level::Ok, name, format!("the profile \"{profile}\" is there")),
        Ok([]) => findings.add(Level::Error, name, format!("the org has no profile named \"{profile}\"")),
        Ok(_) => findings.add(Level::Error, name, format!("the org has several profiles named \"{profile}\"")),
        Err(error) => findings.add(Level::Error, name, format!("the profile \"{profile}\": {error}")),
    }
}

/// Who is never to be touched is there, and the integration user is among them.
async fn protected(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    for username in &tenant.protected {
        match client.find_users(UserKey::Username(username)).await {
            Ok(found) if found.is_empty() => {
                findings.add(Level::Warning, name, format!("no account has the protected username {username}"));
            }
            Ok(_) => {}
            Err(error) => findings.add(Level::Error, name, format!("the protected username {username}: {error}")),
        }
    }
    match client.who_am_i().await {
        Ok(me) if tenant.protected.iter().any(|username| fold(username) == fold(&me)) => {
            findings.add(Level::Ok, name, format!("the integration user {me} is protected"));
        }
        Ok(me) => {
            let what = format!("the integration user {me} is not in protected: a push of that name would change it");
            findings.add(Level::Warning, name, what);
        }
        Err(error) => findings.add(Level::Warning, name, format!("the integration user is not known: {error}")),
    }
}

async fn organization(client: &Client, name: &str, findings: &mut Findings) {
    match client.organization().await {
        Ok(org) => {
            let kind = if org.is_sandbox { "a Salesforce sandbox" } else { "no sandbox" };
            findings.add(Level::Ok, name, format!("the org is \"{}\", {kind}", org.name));
        }
        Err(error) => findings.add(Level::Error, name, format!("REST: {error}")),
    }
}

async fn rights(client: &Client, name: &str, findings: &mut Findings) {
    let rights = match client.rights().await {
        Ok(rights) => rights,
        Err(error) => return findings.add(Level::Error, name, format!("rights of the integration user: {error}")),
    };
    let labels = |rights: &[&Right]| rights.iter().map(|right| right.label).collect::<Vec<_>>().join(", ");
    if !rights.untold.is_empty() {
        let untold: Vec<&Right> = rights.untold.iter().collect();
        let what = format!("the org does not tell whether the integration user has {}", labels(&untold));
        findings.add(Level::Warning, name, what);
    }
    let (optional, needed): (Vec<&Right>, Vec<&Right>) =
        rights.lacking.iter().partition(|right| right.only_for.is_some());
    for right in optional {
        let what = right.only_for.unwrap_or_default();
        let what =
            format!("the integration user lacks {}, so {what} fails; give it in its profile itself", right.label);
        findings.add(Level::Warning, name, what);
    }
    if needed.is_empty() {
        return findings.add(Level::Ok, name, "the integration user has the rights that it cannot do without");
    }
    let what = format!("the integration user lacks {}; give them in its profile itself", labels(&needed));
    findings.add(Level::Error, name, what);
}

async fn licences(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let both = async { Ok::<_, crate::salesforce::Error>((client.profiles().await?, client.user_licences().await?)) };
    let (profiles, licences) = match both.await {
        Ok(both) => both,
        Err(error) => return findings.add(Level::Error, name, format!("licences: {error}")),
    };
    let Some(wanted) = &tenant.entitlements.default_profile else { return };
    let profile = profiles.iter().find(|profile| fold(&profile.name) == fold(wanted));
    let Some(licence) = profile.and_then(|profile| profile.licence.as_ref()) else { return };
    let Some(licence) = licences.iter().find(|held| held.name == *licence) else { return };
    let (left, kind) = (licence.total - licence.used, &licence.name);
    let what = format!("{left} of {} \"{kind}\" licences are left for new people", licence.total);
    findings.add(if left > 0 { Level::Ok } else { Level::Warning }, name, what);
}

/// How many characters a template gives at most, as far as it says so: a fixed text, or one that ends in `cut(N)`.
fn longest(template: &str) -> Option<u64> {
    if !template.contains(['{', '}']) {
        return u64::try_from(template.chars().count()).ok();
    }
    let (_, after) = template.trim_end().strip_suffix("}}")?.rsplit_once('|')?;
    after.trim().strip_prefix("cut(")?.strip_suffix(')')?.trim().parse().ok()
}

/// The fields that the mapping writes are there, of a fitting type, and may be written.
async fn fields(org: &Org, name: &str, findings: &mut Findings) {
    let there = match org.client.user_fields().await {
        Ok(there) => there,
        Err(error) => return findings.add(Level::Error, name, format!("fields of users: {error}")),
    };
    let mut good = 0_usize;
    for field in org.mapping.fields().filter(|field| field.write != Write::Never) {
        let Some(info) = there.get(field.name) else {
            let what = format!("the org has no field {}, or the integration user may not see it", field.name);
            findings.add(Level::Error, name, what);
            continue;
        };
        let writable = info.createable && (info.updateable || field.write == Write::OnCreate);
        let fits = match info.kind.as_str() {
            "boolean" => field.kind == Type::Boolean,
            "double" | "int" | "currency" | "percent" => field.kind == Type::Number,
            _ => field.kind == Type::Text,
        };
        let longest = longest(field.template).filter(|length| info.length > 0 && *length > info.length);
        if !writable {
            findings.add(Level::Error, name, format!("the integration user may not write {}", field.name));
        } else if let Some(length) = longest.filter(|_| fits && !field.is_builtin) {
            let what =
                format!("{} has {} characters in the org, and its template gives it {length}", field.name, info.length);
            findings.add(Level::Error, name, what);
        } else if fits {
            good += 1;
        } else {
            let (kind, mapped) = (&info.kind, field.kind.as_str());
            let what = format!("{} is of type {kind} in the org, and the mapping gives it {mapped}", field.name);
            findings.add(Level::Error, name, what);
        }
    }
    findings.add(Level::Ok, name, format!("{good} fields of the mapping are there and may be written"));
}

/// How much of the org's API calls is used, beside where deliveries slow down and stop.
async fn calls(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let usage = match client.limits().await {
        Ok(usage) => usage,
        Err(error) => return findings.add(Level::Warning, name, format!("API calls left: {error}")),
    };
    let quota = &tenant.salesforce.quota;
    let what = format!(
        "{} of {} API calls of the last 24 hours are left",
        usage.limit.saturating_sub(usage.used),
        usage.limit
    );
    let (level, then) = match client.quota().tempo {
        Tempo::Free => (Level::Ok, String::new()),
        Tempo::Spread(_) => {
            (Level::Warning, format!("; deliveries are slowed down (salesforce.quota.slow_at = {})", quota.slow_at))
        }
        Tempo::Hold => (
            Level::Warning,
            format!("; only deactivations are delivered (salesforce.quota.hold_at = {})", quota.hold_at),
        ),
    };
    findings.add(level, name, what + &then);
}

#[cfg(test)]
mod tests {
    #[test]
    fn how_long_a_template_can_become() {
        for (template, length) in [
            ("fixed", Some(5)),
            ("{{ title | cut(20) }}", Some(20)),
            ("{{ title | upper | cut( 7 ) }}", Some(7)),
            ("{{ title | cut(20) | upper }}", None),
            ("{{ title }}", None),
            ("a {{ title | cut(20) }} b", None),
        ] {
            assert_eq!(super::longest(template), length, "{template}");
        }
    }
}
