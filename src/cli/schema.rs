//! `scim-bridge schema`: the files that are derived from the code.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::http::openapi;

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Write nothing; exit 1 and name the files that are stale.
    #[arg(long)]
    check: bool,
    /// Folder of the project.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

impl Schema {
    pub(super) fn run(self) -> Result<()> {
        let mut stale = Vec::new();
        for (path, text) in openapi::files()? {
            let path = self.folder.join(path);
            let same = std::fs::read_to_string(&path).is_ok_and(|current| current == text);
            if same {
                continue;
            }
            if self.check {
                stale.push(path.display().to_string());
                continue;
            }
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&path, text).with_context(|| path.display().to_string())?;
            println!("wrote {}", path.display());
        }
        if stale.is_empty() {
            return Ok(());
        }
        bail!("stale: {}; run scim-bridge schema", stale.join(", "))
    }
}
