//! Where the config comes from: the file that the command line names, with the environment on top.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use collector::config::Config;
use std::path::PathBuf;

/// The file's name where none is given.
pub(crate) const CONFIG_FILE: &str = "kruimel.toml";

/// The option that every subcommand with a config shares.
#[derive(Args, Clone)]
pub(crate) struct ConfigOption {
    /// The config file.
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
    pub(crate) config: PathBuf,
}

impl ConfigOption {
    /// Reads and validates the config.
    pub(crate) fn read(&self) -> Result<Config> {
        let name = self.config.display().to_string();
        let text = std::fs::read_to_string(&self.config).with_context(|| {
            format!("{name} cannot be read. Copy deploy/kruimel.example.toml to begin with, or try `kruimel serve --demo`")
        })?;
        Config::from_toml(&text, &name, environment())
            .map_err(|errors| anyhow!("the config cannot be used.\n{errors}"))
    }
}

/// The environment as far as it is text; a variable that is not cannot be one of ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
