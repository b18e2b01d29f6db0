//! What holds between keys, and needs no I/O to see.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use url::{Host, Url};

use super::check::Finding;
use super::entitlements;
use super::guard;
use super::mapping;
use super::model::{Config, Flow, Rest, Salesforce};
use super::quota;

/// Hosts at which anybody logs in; a client-credentials login works on an org's own host only.
const COMMON_LOGIN_HOSTS: [&str; 2] = ["login.salesforce.com", "test.salesforce.com"];

/// How long an answer may wait: no identity provider waits longer.
const WAITS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(2);

/// Longest lease: the deliveries of a process that died wait for its end.
const LONGEST_LEASE: Duration = Duration::from_hours(24);

/// Everything that is wrong, each with its key.
pub(super) fn config(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(url) = &config.server.public_url
        && (url.query().is_some() || url.fragment().is_some() || has_credentials(url))
    {
        found.push(Finding::at("server.public_url", "must have no user, query or fragment"));
    }
    if config.delivery.lease.is_zero() {
        found.push(Finding::at("delivery.lease", "must be more than nothing"));
    }
    if config.delivery.lease > LONGEST_LEASE {
        found.push(Finding::at("delivery.lease", "must be at most 24h"));
    }
    for (index, _) in config.delivery.retry.iter().enumerate().filter(|(_, span)| span.is_zero()) {
        found.push(Finding::at(&format!("delivery.retry[{index}]"), "must be more than nothing"));
    }
    for (name, tenant) in &config.tenant {
        salesforce(&format!("tenant.{name}.salesforce"), &tenant.salesforce, &mut found);
        if !WAITS.contains(&tenant.acknowledge_within) {
            found.push(Finding::at(&format!("tenant.{name}.acknowledge_within"), "must be from 100ms to 2m"));
        }
        found.extend(mapping::check(name, tenant));
        if let Some(words) = tenant.accounts.problem_of_leaving(tenant.salesforce.rest == Rest::WhenNeeded) {
            found.push(Finding::at(&format!("tenant.{name}.accounts.on_deactivate"), words));
        }
        found.extend(entitlements::check(name, tenant));
        found.extend(guard::check(name, tenant));
        let blank = |text: &String| text.trim().is_empty();
        for (list, entries) in [("groups.mirror", &tenant.groups.mirror), ("protected", &tenant.protected)] {
            for (index, _) in entries.iter().enumerate().filter(|(_, text)| blank(text)) {
                found.push(Finding::at(&format!("tenant.{name}.{list}[{index}]"), "must not be empty"));
            }
        }
    }
    found
}

fn salesforce(path: &str, org: &Salesforce, found: &mut Vec<Finding>) {
    let key = |name: &str| format!("{path}.{name}");
    let url = &org.url;
    if url.scheme() != "https" && !is_loopback(url) {
        found.push(Finding::at(&key("url"), "must be https; plain http is for this machine only (localhost)"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || has_credentials(url) {
        found.push(Finding::at(
            &key("url"),
            "must be a scheme and a host and nothing more: https://acme.my.salesforce.com",
        ));
    }
    let needs_own_host = org.flow == Flow::ClientCredentials;
    if needs_own_host && url.host_str().is_some_and(|host| COMMON_LOGIN_HOSTS.contains(&host)) {
        let words = "must be the org's own My Domain host: Salesforce offers client-credentials nowhere else";
        found.push(Finding::at(&key("url"), words));
    }
    let (flow, needed, possible): (_, &[&str], &[&str]) = match org.flow {
        Flow::ClientCredentials => ("client-credentials", &["client_secret"], &[]),
        Flow::JwtBearer => ("jwt-bearer", &["username", "private_key"], &["audience"]),
        Flow::RefreshToken => ("refresh-token", &["refresh_token"], &["client_secret"]),
    };
    for (name, is_given) in [
        ("client_secret", org.client_secret.is_some()),
        ("refresh_token", org.refresh_token.is_some()),
        ("username", org.username.is_some()),
        ("private_key", org.private_key.is_some()),
        ("audience", org.audience.is_some()),
    ] {
        if is_given && !needed.contains(&name) && !possible.contains(&name) {
            found.push(Finding::at(&key(name), format_args!("has no use in the flow {flow:?}")));
        }
        if !is_given && needed.contains(&name) {
            let forms = if name == "username" { "" } else { " (or its _file or _env form)" };
            found.push(Finding::at(&key(name), format_args!("is missing{forms}: the flow {flow:?} needs it")));
        }
    }
    found.extend(quota::problems(&key("quota"), &org.quota));
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        None => false,
    }
}
