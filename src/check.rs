//! `kruimel check FILE`: says everything that is unlawful or broken in a config, and what it promises visitors.

use crate::settings::ConfigOption;
use anyhow::Result;
use clap::Args;
use collector::config::{KeptThing, Language};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The config file.
    #[arg(value_name = "FILE", default_value = crate::settings::CONFIG_FILE)]
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = ConfigOption { config: arguments.file.clone() }.read()?;
    for site in &config.sites {
        println!("Site {} ({}): lawful as far as a program can tell. It keeps:", site.id, site.name);
        for (thing, kept) in site.retention_table() {
            println!("  {:<40} {}", name(thing), kept.in_language(Language::En));
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
