//! `kruimel check FILE`: says everything that is unlawful or broken in a config, and what it promises visitors.

use crate::say::say;
use crate::settings::ConfigOption;
use anyhow::Result;
use clap::Args;
use collector::config::{KeptThing, Language};
use collector::http::Assets;
use std::path::PathBuf;

/// What the loader may weigh, compressed.
const LOADER_BYTES_MAX: usize = 2_048;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The config file.
    #[arg(value_name = "FILE", default_value = crate::settings::CONFIG_FILE)]
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = ConfigOption { config: arguments.file.clone() }.read()?;
    let assets = Assets::compose(&config.sites, config.listen.prefix.as_str());
    for site in &config.sites {
        say(&format!("Site {} ({}): lawful as far as a program can tell. It keeps:\n", site.id, site.name));
        for (thing, kept) in site.retention_table() {
            say(&format!("  {:<40} {}\n", name(thing), kept.in_language(Language::En)));
        }
        site.options.notes().iter().for_each(|note| say(&format!("  {note}\n")));
        if let Some(loader) = assets.loader(site.id.as_str()) {
            let bytes = loader.brotli_bytes();
            let note = if bytes > LOADER_BYTES_MAX {
                "; fewer categories or a shorter id would make it lighter"
            } else {
                ""
            };
            say(&format!(
                "  its loader weighs {bytes} bytes of the {LOADER_BYTES_MAX} that we promise{note}\n"
            ));
        }
    }
    Ok(())
}

fn name(thing: KeptThing) -> &'static str {
    match thing {
        KeptThing::Events => "page views and engagement",
        KeptThing::TruncatedAddress => "their truncated addresses",
        KeptThing::Decisions => "decisions of visitors",
        KeptThing::Rejections => "counters of what was refused",
    }
}
