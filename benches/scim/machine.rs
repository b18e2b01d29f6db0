//! Where it was measured.

use std::path::Path;
use std::process::Command;

use scim_bridge::clock::{Clock as _, SystemClock};

/// One fact a line, as a Markdown list; what cannot be learnt is left out.
pub(crate) fn facts(folder: &Path, engine: &str) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
        value.map(|value| value.trim().to_owned())
    };
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok())
        .map(|kibibytes| format!("{} MB", kibibytes * 1024 / 1_000_000));
    let profile = if cfg!(debug_assertions) { "debug: its figures mean nothing" } else { "release" };
    let facts = [
        ("date", Some(SystemClock.now().format("%Y-%m-%d %H:%M UTC").to_string())),
        ("scim-bridge", Some(format!("{}{}, {profile}", env!("CARGO_PKG_VERSION"), commit()))),
        ("database", Some(engine.to_owned())),
        ("processor", field(&read("/proc/cpuinfo"), "model name").map(|name| format!("{processors} × {name}"))),
        ("memory", memory),
        ("kernel", Some(read("/proc/sys/kernel/osrelease").trim().to_owned())),
        ("file system", file_system(folder, &read("/proc/self/mounts"))),
    ];
    facts.iter().filter_map(|(name, value)| Some(format!("- {name}: {}\n", value.as_ref()?))).collect()
}

/// Revision of the checkout that this was built from, if it is one.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let told = Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
        told.status.success().then(|| String::from_utf8_lossy(&told.stdout).trim().to_owned())
    };
    match git(&["describe", "--always", "--dirty"]) {
        Some(revision) => format!(" ({revision})"),
        None => String::new(),
    }
}

/// Type of the file system that a folder is on: of its longest mount point.
fn file_system(folder: &Path, mounts: &str) -> Option<String> {
    let mut fields = mounts.lines().map(|line| line.split(' ').skip(1));
    let mut longest: Option<(&str, &str)> = None;
    for mut fields in fields.by_ref() {
        let (Some(place), Some(kind)) = (fields.next(), fields.next()) else { continue };
        if folder.starts_with(place) && longest.is_none_or(|(known, _)| place.len() >= known.len()) {
            longest = Some((place, kind));
        }
    }
    longest.map(|(_, kind)| kind.to_owned())
}
