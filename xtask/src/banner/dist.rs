//! The folder `banner/dist/`, which the collector embeds.
//!
//! In: the finished files of one build. Out: the same files in `dist/`, the modules and the tracker's glue also
//! precompressed. Invariant: the record of inputs is written last, so that a broken build is never taken for one.

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The files that the collector embeds.
pub(crate) const FILES: [&str; 5] = ["loader.js", "banner.js", "banner.wasm", "tracker.js", "tracker.wasm"];
/// Those that the collector serves as they are; the others are filled in per site first.
const FINAL: [&str; 3] = ["banner.wasm", "tracker.js", "tracker.wasm"];
/// What the collector replaces, and in which file it must stand exactly once.
const PLACEHOLDERS: [(&str, &str); 2] = [("loader.js", CONFIG), ("banner.js", TEXT)];
/// Replaced by the site's public config.
pub(crate) const CONFIG: &str = "__KRUIMEL_CONFIG__";
/// Replaced by the texts of one language and the site's declaration.
pub(crate) const TEXT: &str = "__KRUIMEL_TEXT__";

const RECORD: &str = "inputs.sha256";

/// Whether `dist/` is complete and was built from these inputs.
pub(crate) fn is_built_from(banner: &Path, inputs: &str) -> bool {
    let dist = banner.join("dist");
    let is_there = |file: String| dist.join(file).is_file();
    FILES.iter().all(|file| is_there((*file).to_owned()))
        && FINAL.iter().all(|file| is_there(format!("{file}.br")) && is_there(format!("{file}.gz")))
        && fs::read_to_string(dist.join(RECORD)).is_ok_and(|record| record == inputs)
}

/// Moves the results of a build into `dist/`.
pub(crate) fn publish(work: &Path, banner: &Path, inputs: &str) -> Result<()> {
    let dist = banner.join("dist");
    fs::create_dir_all(&dist).with_context(|| format!("cannot create {}", dist.display()))?;
    for file in FILES {
        let content = fs::read(work.join(file)).with_context(|| format!("the build made no {file}"))?;
        check_placeholder(file, &content)?;
        if FINAL.contains(&file) {
            put(&dist.join(format!("{file}.br")), &brotli(&content)?)?;
            put(&dist.join(format!("{file}.gz")), &gzip(&content)?)?;
        }
        put(&dist.join(file), &content)?;
    }
    put(&dist.join(RECORD), inputs.as_bytes())
}

/// Brotli at its strongest, as the collector serves it.
pub(crate) fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    brotli::CompressorWriter::new(&mut compressed, 4096, 11, 22).write_all(content)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn check_placeholder(file: &str, content: &[u8]) -> Result<()> {
    for (owner, placeholder) in PLACEHOLDERS {
        let count =
            content.windows(placeholder.len()).filter(|window| *window == placeholder.as_bytes()).count();
        if owner == file && count != 1 {
            bail!("{file} must hold {placeholder} exactly once, not {count} times");
        }
    }
    Ok(())
}

fn put(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, content).with_context(|| format!("cannot write {}", fresh.display()))?;
    fs::rename(&fresh, path).with_context(|| format!("cannot put {} in its place", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_that_is_missing_or_doubled_is_refused() {
        assert!(check_placeholder("loader.js", b"f(__KRUIMEL_CONFIG__)").is_ok());
        assert!(check_placeholder("loader.js", b"f()").is_err());
        assert!(check_placeholder("banner.js", b"f(__KRUIMEL_TEXT__,__KRUIMEL_TEXT__)").is_err());
        assert!(check_placeholder("tracker.js", b"f()").is_ok());
    }

    #[test]
    fn brotli_makes_text_smaller_and_is_whole() {
        let text = "crumb ".repeat(100);
        let compressed = brotli(text.as_bytes()).unwrap();
        assert!(compressed.len() < 30, "{}", compressed.len());
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut compressed.as_slice(), &mut back).unwrap();
        assert_eq!(back, text.as_bytes());
    }
}
