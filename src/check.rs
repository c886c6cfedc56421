//! `kruimel check FILE`: says everything that is unlawful or broken in a config, what it promises visitors, and whether
//! the next start asks them again.

use crate::listen::Certificates;
use crate::say::say;
use crate::settings::ConfigOption;
use anyhow::Result;
use clap::Args;
use collector::config::{Config, KeptThing, Language, Signal, Site};
use collector::declaration::{Change, NextStart};
use collector::http::{Assets, LOADER_BYTES_MAX};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The config file.
    #[arg(value_name = "FILE", default_value = crate::settings::CONFIG_FILE)]
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = ConfigOption { config: arguments.file.clone() }.read()?;
    let assets = Assets::compose(&config.sites, config.listen.prefix.as_str());
    if let Some(tls) = &config.listen.tls {
        Certificates::open(tls)?;
    }
    for site in &config.sites {
        say(&format!("Site {} ({}): lawful as far as a program can tell. It keeps:\n", site.id, site.name));
        for (thing, kept) in site.retention_table() {
            say(&format!("  {:<40} {}\n", name(thing), kept.in_language(Language::En)));
        }
        site.notes().iter().for_each(|note| say(&format!("  {note}\n")));
        if let Some(loader) = assets.loader(site.id.as_str()) {
            let bytes = loader.brotli_bytes();
            let note = if bytes > LOADER_BYTES_MAX { heavier(site) } else { String::new() };
            say(&format!(
                "  its loader weighs {bytes} bytes of the {LOADER_BYTES_MAX} that we promise{note}\n"
            ));
        }
        tell_next_start(&config, site)?;
    }
    Ok(())
}

/// What is on of that which the loader is heavier with.
fn heavier(site: &Site) -> String {
    let options = &site.options;
    let adds = [
        ("google", site.google),
        ("microsoft", options.microsoft),
        ("event_aliases", options.event_aliases),
        ("signal = \"quiet\"", options.signal == Signal::Quiet),
        ("do_not_track", options.do_not_track && options.signal == Signal::Quiet),
        ("trusted_types", options.trusted_types),
        ("cookie_domain", options.cookie_domain.is_some()),
        ("site.theme", options.theme.properties().next().is_some()),
        ("site.texts", site.texts.values().any(|texts| texts.contains_key("reopen"))),
    ];
    let on: Vec<&str> = adds.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    format!("; each of these adds to it, off it does not: {}", on.join(", "))
}

/// Says which revision the next start is in, and what is different from what visitors were told last.
fn tell_next_start(config: &Config, site: &Site) -> Result<()> {
    let next = NextStart::look(&config.data_dir, site)?;
    let revision = next.revision;
    say(&match next.recorded {
        None => format!(
            "  {} holds no history of it: the next start begins one with revision {revision}\n",
            config.data_dir.display()
        ),
        Some(before) if before < revision => format!(
            "  the next start raises its revision from {before} to {revision}, and every visitor is asked again\n"
        ),
        Some(before) if site.revision < before => format!(
            "  the next start leaves its revision {before} (the config's {} is lower), and nobody is asked again\n",
            site.revision
        ),
        Some(before) => format!("  the next start leaves its revision {before}, and nobody is asked again\n"),
    });
    let tell = |head: &str, material: bool| {
        let told: Vec<&Change> = next.changes.iter().filter(|change| change.material == material).collect();
        if !told.is_empty() {
            say(head);
        }
        for change in told {
            say(&format!("    {}\n", change.in_english()));
        }
    };
    tell("  because of what is material:\n", true);
    tell("  different and not material:\n", false);
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
