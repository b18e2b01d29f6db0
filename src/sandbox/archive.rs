//! Keeps the org between two runs of the process: a file with one JSON record a line, each as it became.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::store::Store;
use super::store::record::Record;

/// The open file.
#[derive(Debug)]
pub(super) struct Archive(File);

impl Archive {
    /// Brings `store` to what the file at `path` says, if there is one, and writes it afresh without the history.
    pub(super) fn open(path: &Path, store: &mut Store) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => replay(&text, store)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Self::create(path, store)
    }

    /// Writes `store` afresh to the file at `path`.
    pub(super) fn create(path: &Path, store: &Store) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // A process killed here leaves either the old file or the new one.
        let fresh = path.with_extension("new");
        let mut archive = Self(File::create(&fresh)?);
        archive.append(&store.all_records())?;
        fs::rename(&fresh, path)?;
        Ok(Self(OpenOptions::new().append(true).open(path)?))
    }

    /// Writes `records` behind what is there, in one call, so that a killed process leaves no half of them but at the
    /// very end.
    pub(super) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        self.0.write_all(&lines)
    }
}

fn replay(text: &str, store: &mut Store) -> io::Result<()> {
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        match serde_json::from_str(line) {
            Ok(record) => store.replay(record),
            // Cut off when the process was killed.
            Err(_) if lines.peek().is_none() && !text.ends_with('\n') => {}
            Err(error) => {
                let message = format!("line {} of the kept org: {error}", number + 1);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
    Ok(())
}
