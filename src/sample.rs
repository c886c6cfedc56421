//! `kruimel sample remove`: takes the demo's generated rows out of the store, and leaves every other row.

use crate::demo::record::History;
use crate::say::say;
use crate::settings::{CONFIG_FILE, ConfigOption};
use crate::store;
use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use collector::config::Config;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Remove every row that is marked as a sample.
    Remove(Arguments),
}

#[derive(Args)]
pub(crate) struct Arguments {
    /// The config file of the store to clean.
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE, conflicts_with = "demo_data")]
    config: PathBuf,
    /// The demo's data folder, instead of a config.
    #[arg(long, value_name = "DIR")]
    demo_data: Option<PathBuf>,
}

/// Tables that hold sample rows.
const TABLES: [&str; 2] = ["events", "consents"];

pub(crate) fn run(command: Command) -> Result<()> {
    let Command::Remove(arguments) = command;
    let config = match arguments.demo_data {
        Some(folder) => {
            let unused = |port| ([127, 0, 0, 1], port).into();
            Config::demo(folder, unused(0), unused(0))
        }
        None => ConfigOption { config: arguments.config }.read()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let opened = store::open_or_join(&config).await?;
        let removed = remove(&opened, &config).await;
        opened.close().await;
        say(&format!("{} sample rows were removed; every other row is as it was.\n", removed?));
        Ok(())
    })
}

async fn remove(opened: &store::Opened, config: &Config) -> Result<u64> {
    let filling = opened.is_shared() && History::read(&config.data_dir) == History::Filling;
    ensure!(
        !filling,
        "the running demo is still filling its history; try again when its log says that it is written"
    );
    let removed = remove_rows(&opened.client()).await?;
    History::Removed.write(&config.data_dir)?;
    Ok(removed)
}

/// Takes every sample row out of the store. Returns how many there were.
pub(crate) async fn remove_rows(client: &clickhouse::Client) -> Result<u64> {
    let mut removed = 0;
    for table in TABLES {
        let count = format!("SELECT count() FROM {table} WHERE sample = 1");
        removed +=
            client.query(&count).fetch_one::<u64>().await.context("the sample rows cannot be counted")?;
        let delete = format!("ALTER TABLE {table} DELETE WHERE sample = 1 SETTINGS mutations_sync = 2");
        client.query(&delete).execute().await.context("the sample rows cannot be removed")?;
    }
    Ok(removed)
}
