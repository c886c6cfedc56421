//! `kruimel keys rotate`: puts a further signing key on top; receipts signed with older keys still hold.
//!
//! Out: the file, and what is to be done with it, in order. Invariant: unless it is told otherwise, a further key signs only
//! after a time in which every collector can be given it: one that has not got it takes what it signed for forged.

use crate::say::say;
use crate::settings::ConfigOption;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use collector::config::Config;
use collector::{keys, keys_path, now_ms, receipt};
use std::path::{Path, PathBuf};

/// Longest time that a further key waits: a year.
const HOURS_MAX: i64 = 366 * 24;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a further key. Every collector that has read the file accepts it; older keys still verify.
    Rotate(Rotate),
}

#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    config: ConfigOption,
    /// Of the site of that id, which has keys of its own (`own_keys`).
    #[arg(long, value_name = "ID")]
    site: Option<String>,
    /// In how many hours it begins to sign: until then copy the file to the other collectors and reload all.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(i64).range(1..=HOURS_MAX))]
    hours: i64,
    /// Sign with it as soon as the file is read: for a single collector, or a key that leaked.
    #[arg(long, conflicts_with = "hours")]
    now: bool,
}

pub(crate) fn run(command: Command) -> Result<()> {
    let Command::Rotate(rotate) = command;
    let path = file(&rotate.config.read()?, rotate.site.as_deref())?;
    let from_ms = (!rotate.now).then(|| now_ms() + rotate.hours * 3_600_000);
    keys::rotate_file(&path, from_ms)?;
    say(&next(&path, from_ms.map(receipt::timestamp).as_deref()));
    Ok(())
}

/// The file of the site's own keys, or of those that sites share.
fn file(config: &Config, site: Option<&str>) -> Result<PathBuf> {
    let Some(id) = site else { return Ok(keys_path(&config.data_dir)) };
    match config.site(id) {
        Some(site) if site.own_keys => Ok(keys::own_keys_path(&config.data_dir, id)),
        Some(_) => {
            bail!("{id} signs with the keys that sites share: it has no own_keys = true. Leave out --site.")
        }
        None => bail!("There is no [[site]] with the id {id}."),
    }
}

/// What is to be done with the file.
fn next(path: &Path, from: Option<&str>) -> String {
    let path = path.display();
    let Some(from) = from else {
        return format!(
            "A further key is on top of {path}, and signs as soon as a collector has read it. Next, in this order:\n\
             \x20 1. Copy {path} over that of every other collector of these sites.\n\
             \x20 2. Reload all of them at once (`kill -HUP`, or `systemctl reload kruimel`): until each has read it, one takes\n\
             \x20    what another signed for forged, and asks its visitors again.\n\
             If a key leaked, first take its line out of the file, and out of each `keys-<site>` beside it that has the line:\n\
             \x20 what it signed does not hold any more then.\n"
        );
    };
    format!(
        "A further key is on top of {path}. It signs from {from} on; the one before signs until then. Next, in this order:\n\
         \x20 1. Copy {path} over that of every other collector of these sites, before {from}.\n\
         \x20 2. Reload each of them and this one (`kill -HUP`, or `systemctl reload kruimel`), before {from}:\n\
         \x20    each accepts the key from then on, and signs with it by itself when its time has come.\n\
         A collector that has not read it by then takes what the others sign for forged, and asks their visitors again.\n"
    )
}
