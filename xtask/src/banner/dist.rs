//! The folder `banner/dist/`, which the collector embeds.
//!
//! In: the finished files of one build. Out: the same files in `dist/`, those that no site changes also precompressed.
//! Invariant: the record of inputs is written last, so that a broken build is never taken for one.

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The files that the collector embeds.
pub(crate) const FILES: [&str; 6] =
    ["loaders.json", "banner.js", "tracker.js", "gate.js", "more.js", "banner.css"];
/// Those that the collector serves as they are; a loader is filled in per site first.
const FINAL: [&str; 5] = ["banner.js", "tracker.js", "gate.js", "more.js", "banner.css"];
/// Replaced by the site's public config; stands exactly once in every loader.
pub(crate) const CONFIG: &str = "__KRUIMEL_CONFIG__";
/// How many loaders there are: one for every set of its switches.
const LOADERS: usize = 128;

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
        if file == FILES[0] {
            loaders(&content)?;
        }
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

/// The loaders of `loaders.json`, the place of each being the set of its switches.
pub(crate) fn loaders(content: &[u8]) -> Result<Vec<String>> {
    let loaders: Vec<String> =
        serde_json::from_slice(content).context("loaders.json is no list of scripts")?;
    if loaders.len() != LOADERS {
        bail!("loaders.json must hold {LOADERS} loaders, not {}", loaders.len());
    }
    match loaders.iter().map(|loader| loader.matches(CONFIG).count()).find(|count| *count != 1) {
        Some(count) => bail!("a loader must hold {CONFIG} exactly once, not {count} times"),
        None => Ok(loaders),
    }
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
        let with = |script: &str| loaders(serde_json::to_string(&vec![script; LOADERS]).unwrap().as_bytes());
        assert_eq!(with("f(__KRUIMEL_CONFIG__)").unwrap().len(), LOADERS);
        assert!(with("f()").is_err());
        assert!(with("f(__KRUIMEL_CONFIG__,__KRUIMEL_CONFIG__)").is_err());
        assert!(loaders(b"[\"f(__KRUIMEL_CONFIG__)\"]").is_err());
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
