//! The page at the org's root: who and what is in the org, and what was last called. One document, nothing to load.

use std::fmt::Write as _;

use chrono::SecondsFormat;

use super::journal::Call;
use super::org::Visit;
use super::store::field::Field;
use super::store::{Group, Store, User};
use super::wire::{Reply, Request};

/// The most users, groups and calls that the page shows; it says so where there are more.
const USERS_MAX: usize = 200;
const GROUPS_MAX: usize = 100;
const CALLS_MAX: usize = 30;

const STYLE: &str = include_str!("page.css");

/// `text` with everything escaped that means something in HTML, in attributes too.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The page.
pub(super) fn show(visit: &Visit<'_>, request: &Request) -> Reply {
    let kind = request.parameter("kind").filter(|kind| !kind.is_empty());
    let store = &visit.inner.store;
    let people: Vec<&User> = store.users().filter(|user| !user.integration).collect();
    let active = people.iter().filter(|user| user.active).count();
    let name = escape(&visit.settings.name);
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"3\"><title>{name}: {total} users</title><style>{STYLE}</style></head><body>\
         <header><p class=\"eyebrow\">Simulated Salesforce org</p><h1>{name}</h1>\
         <p class=\"lede\">Nothing here is real: this org is simulated by the process that serves this page. \
         The page renews itself every three seconds.</p>\
         <ul class=\"figures\"><li><b>{total}</b> users</li><li><b>{active}</b> active</li><li><b>{groups}</b> groups</li>\
         {licences}</ul></header><main>{users}{group_list}{calls}</main>\
         <footer>Organization {org} · {time} · more in <a href=\"/sandbox/state\">state</a>, \
         <a href=\"/sandbox/journal\">journal</a>, <a href=\"/sandbox/counters\">counters</a></footer></body></html>\n",
        total = people.len(),
        groups = store.groups().count(),
        licences = licences(store),
        users = users(store, &people),
        group_list = groups(store),
        calls = calls(visit, kind.as_deref()),
        org = escape(&store.org_id),
        time = visit.now.to_rfc3339_opts(SecondsFormat::Secs, true),
    );
    Reply::of(200, "text/html; charset=utf-8", body.into_bytes())
        .with_header("Cache-Control", "no-store".to_owned())
        .with_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'".to_owned(),
        )
}

fn licences(store: &Store) -> String {
    store
        .licences
        .iter()
        .filter(|licence| licence.used > 0)
        .map(|licence| {
            format!("<li><b>{}</b> of {} {} licences</li>", licence.used, licence.total, escape(&licence.name))
        })
        .collect::<Vec<_>>()
        .concat()
}

fn more(shown: usize, all: usize, what: &str) -> String {
    if all > shown { format!("<p class=\"note\">The first {shown} of {all} {what}.</p>") } else { String::new() }
}

fn users(store: &Store, people: &[&User]) -> String {
    let mut out = String::from("<section><h2>Users</h2>");
    if people.is_empty() {
        out.push_str(
            "<p class=\"empty\">Nobody yet. People appear here when something has created them in this org: over SCIM, \
             over REST, or with <code>POST /sandbox/users</code>.</p></section>",
        );
        return out;
    }
    out.push_str(
        "<table><thead><tr><th>Name</th><th>Username</th><th>E-mail</th><th>State</th><th>Profile</th><th>Groups</th></tr>\
         </thead><tbody>",
    );
    for user in people.iter().take(USERS_MAX) {
        out.push_str(&user_row(store, user));
    }
    out.push_str("</tbody></table>");
    out.push_str(&more(USERS_MAX, people.len(), "users"));
    out.push_str("</section>");
    out
}

fn user_row(store: &Store, user: &User) -> String {
    let text = |field: Field| escape(user.get(field).unwrap_or_default());
    let profile = user.get(Field::ProfileId).and_then(|id| store.profiles.get(id)).map_or("", |profile| &profile.name);
    let pending = user.pending_email.as_ref().map_or_else(String::new, |email| {
        format!("<span class=\"pending\" title=\"waits for the person's confirmation\">→ {}</span>", escape(email))
    });
    let set_groups = user
        .set_groups
        .keys()
        .filter_map(|id| store.permission_set_groups.get(id))
        .map(|group| format!("<span class=\"chip set\">{} (group)</span>", escape(&group.label)))
        .collect::<Vec<_>>()
        .concat();
    let sets = user
        .permission_sets
        .keys()
        .filter_map(|id| store.permission_sets.get(id))
        .map(|set| format!("<span class=\"chip set\">{}</span>", escape(&set.label)))
        .collect::<Vec<_>>()
        .concat();
    let groups = user
        .groups
        .keys()
        .filter_map(|id| store.group(id))
        .map(|group| format!("<span class=\"chip\">{}</span>", escape(&group.name)))
        .collect::<Vec<_>>()
        .concat();
    let (class, state) = match (user.active, user.frozen) {
        (true, false) => ("on", "active"),
        (true, true) => ("off", "frozen"),
        (false, _) => ("off", "inactive"),
    };
    let detail = [text(Field::Title), text(Field::Department)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "<tr class=\"{class}\"><td data-label=\"Name\"><strong>{name}</strong><small>{detail}</small></td>\
         <td data-label=\"Username\">{username}</td><td data-label=\"E-mail\">{email}{pending}</td>\
         <td data-label=\"State\"><span class=\"state {class}\">{state}</span></td>\
         <td data-label=\"Profile\">{profile}{sets}{set_groups}</td><td data-label=\"Groups\">{groups}</td></tr>",
        name = escape(&user.name()),
        username = text(Field::Username),
        email = text(Field::Email),
        profile = escape(profile),
        groups = if groups.is_empty() { "<span class=\"none\">none</span>" } else { &groups },
    )
}

fn groups(store: &Store) -> String {
    let all: Vec<&Group> = store.groups().collect();
    let mut out = String::from("<section><h2>Groups</h2>");
    if all.is_empty() {
        out.push_str("<p class=\"empty\">No groups yet.</p></section>");
        return out;
    }
    out.push_str("<ul class=\"cards\">");
    for group in all.iter().take(GROUPS_MAX) {
        let kind = if group.kind.name() == "Queue" { "queue" } else { "public group" };
        let members = match group.members.len() {
            1 => "1 member".to_owned(),
            many => format!("{many} members"),
        };
        let _infallible =
            write!(out, "<li><strong>{}</strong><span>{members}</span><small>{kind}</small></li>", escape(&group.name));
    }
    out.push_str("</ul>");
    out.push_str(&more(GROUPS_MAX, all.len(), "groups"));
    out.push_str("</section>");
    out
}

fn calls(visit: &Visit<'_>, kind: Option<&str>) -> String {
    let mut out = String::from("<section id=\"calls\"><h2>Last calls</h2>");
    out.push_str(&kinds(visit, kind));
    let mut rows = String::new();
    let wanted = |call: &&Call| kind.is_none_or(|kind| kind == call.kind);
    for call in visit.inner.journal.calls().rev().filter(wanted).take(CALLS_MAX) {
        rows.push_str(&call_row(call));
    }
    if rows.is_empty() {
        let nothing = if kind.is_some() { "No such call is remembered." } else { "Nobody has called this org yet." };
        let _infallible = write!(out, "<p class=\"empty\">{nothing}</p></section>");
        return out;
    }
    let _infallible = write!(out, "<ol class=\"calls\">{rows}</ol></section>");
    out
}

/// Links to the calls of each kind.
fn kinds(visit: &Visit<'_>, chosen: Option<&str>) -> String {
    let link = |name: &str, target: &str, count: String, current: bool| {
        let mark = if current { " aria-current=\"true\"" } else { "" };
        format!("<a href=\"/{}#calls\"{mark}>{} <small>{count}</small></a>", escape(target), escape(name))
    };
    let all: Vec<(&str, u64)> = visit.inner.journal.kinds().collect();
    if all.is_empty() {
        return String::new();
    }
    let total: u64 = all.iter().map(|(_, count)| count).sum();
    let mut out = String::from("<nav class=\"kinds\" aria-label=\"kinds of call\">");
    out.push_str(&link("all", "", total.to_string(), chosen.is_none()));
    for (kind, count) in all {
        out.push_str(&link(&kind.replace('_', " "), &format!("?kind={kind}"), count.to_string(), chosen == Some(kind)));
    }
    out.push_str("</nav>");
    out
}

fn call_row(call: &Call) -> String {
    let class = match call.status {
        Some(status) if status < 400 && call.fault.is_none() => "good",
        Some(_) | None => "bad",
    };
    let status = call.status.map_or_else(|| "–".to_owned(), |status| status.to_string());
    let fault = call.fault.map_or_else(String::new, |fault| format!("<em>{}</em>", escape(&fault.replace('_', " "))));
    format!(
        "<li><time>{}</time><span class=\"state {class}\">{status}</span><code>{} {}</code><small>{}</small>{fault}</li>",
        call.at.format("%H:%M:%S"),
        escape(&call.method),
        escape(&call.path),
        // A fault that has a kind of its own is told of once.
        if call.fault == Some(call.kind) { String::new() } else { escape(&call.kind.replace('_', " ")) },
    )
}
