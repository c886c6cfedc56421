//! Tells whether a build is still that of its inputs.
//!
//! In: the sources, the locked tools, this task's own sources, the compiler's version. Out: one SHA-256 over names
//! and contents. Invariant: a file added, removed, renamed or changed changes it; times do not.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

const INPUTS: [&str; 6] =
    ["banner", "wire/src", "wire/Cargo.toml", "package-lock.json", "xtask/src", "xtask/bundle.mjs"];
/// Below `banner/`: what a build writes.
const RESULTS: [&str; 4] = ["target", "dist", "pkg", "node_modules"];

/// The fingerprint of everything that the build reads.
pub(crate) fn of_inputs(root: &Path, compiler: &str) -> Result<String> {
    let mut files = Vec::new();
    for input in INPUTS {
        collect(&root.join(input), &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    digest.update(compiler);
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy();
        digest.update(format!("\n{name} {}\n", content.len()));
        digest.update(content);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !RESULTS.contains(&name.as_str()) {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("kruimel-fingerprint-{name}-{}", std::process::id()));
        for folder in ["banner/src", "banner/dist", "wire/src", "xtask/src"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["banner/src/lib.rs", "wire/Cargo.toml", "package-lock.json", "xtask/bundle.mjs"] {
            fs::write(root.join(file), "one").unwrap();
        }
        root
    }

    #[test]
    fn a_changed_or_renamed_source_changes_it_and_a_result_does_not() {
        let root = sample("changes");
        let first = of_inputs(&root, "rustc 1").unwrap();
        fs::write(root.join("banner/dist/banner.wasm"), "result").unwrap();
        assert_eq!(of_inputs(&root, "rustc 1").unwrap(), first);
        assert_ne!(of_inputs(&root, "rustc 2").unwrap(), first);
        fs::write(root.join("banner/src/lib.rs"), "two").unwrap();
        let second = of_inputs(&root, "rustc 1").unwrap();
        assert_ne!(second, first);
        fs::rename(root.join("banner/src/lib.rs"), root.join("banner/src/other.rs")).unwrap();
        assert_ne!(of_inputs(&root, "rustc 1").unwrap(), second);
        fs::remove_dir_all(root).unwrap();
    }
}
