//! `kruimel keys rotate`: puts a further signing key on top; receipts signed with older keys still hold.

use crate::say::say;
use crate::settings::ConfigOption;
use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a further key. Collectors sign with it from their next start; older keys still verify.
    Rotate(ConfigOption),
}

pub(crate) fn run(command: Command) -> Result<()> {
    let Command::Rotate(option) = command;
    let path = collector::keys_path(&option.read()?.data_dir);
    collector::keys::rotate_file(&path)?;
    say(&format!("A further key is on top of {}. Restart the collectors that share it.\n", path.display()));
    Ok(())
}
