//! `kruimel ledger`: verifies the consent ledger, prints the heads of its chains, replays a decision, counts decisions.

use crate::say::say;
use crate::settings::{CONFIG_FILE, ConfigOption};
use crate::store;
use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use collector::config::Config;
use collector::store::{Counts, Finding, Head, SHOWN_MAX, Store, Verified};
use std::path::{Path, PathBuf};
use wire::HexId;

/// Largest file of heads, in bytes: some hundred thousand.
const HEADS_BYTES_MAX: u64 = 64 << 20;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Compute every chain anew and compare it with the rows. Exits with 1 if anything was changed, added or removed.
    Verify {
        #[command(flatten)]
        of: Of,
        /// A file of heads, as `kruimel ledger heads` printed them earlier: the chains must still lead to them.
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the head of every chain, one JSON object a line, to be kept elsewhere or time-stamped.
    Heads {
        #[command(flatten)]
        of: Of,
        /// Of this day alone (UTC), as 2026-11-28.
        #[arg(long, value_name = "DAY")]
        day: Option<String>,
    },
    /// Replay decisions: their rows and what the visitor saw, as JSON.
    Show {
        #[command(flatten)]
        of: Of,
        /// The id of a consent, as the visitor's page shows it.
        #[arg(value_name = "ID", required_unless_present = "day", conflicts_with = "day")]
        id: Option<String>,
        /// Every decision of this day (UTC), as 2026-11-28.
        #[arg(long, value_name = "DAY")]
        day: Option<String>,
    },
    /// How many accepted, refused, changed and withdrew, per revision and language, and how often the banner was served.
    Counts {
        #[command(flatten)]
        of: Of,
        /// Print the counts as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Which ledger, and which site of it.
#[derive(Args)]
pub(crate) struct Of {
    /// The config file.
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE, conflicts_with = "demo_data")]
    config: PathBuf,
    /// The demo's data folder, instead of a config.
    #[arg(long, value_name = "DIR")]
    demo_data: Option<PathBuf>,
    /// Of this site alone.
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
}

impl Of {
    fn config(&self) -> Result<Config> {
        let config = match &self.demo_data {
            Some(folder) => {
                let unused = |port| ([127, 0, 0, 1], port).into();
                Config::demo(folder.clone(), unused(0), unused(0))
            }
            None => ConfigOption { config: self.config.clone() }.read()?,
        };
        Ok(config)
    }

    fn site(&self) -> Option<&str> {
        self.site.as_deref()
    }
}

pub(crate) fn run(command: &Command) -> Result<()> {
    let (Command::Verify { of, .. }
    | Command::Heads { of, .. }
    | Command::Show { of, .. }
    | Command::Counts { of, .. }) = command;
    let config = of.config()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let opened = store::open_or_join(&config).await?;
        let store = Store::new(opened.client());
        let done = answer(command, &store, &config).await;
        opened.close().await;
        done
    })
}

async fn answer(command: &Command, store: &Store, config: &Config) -> Result<()> {
    store.migrate().await.context("the store's tables cannot be brought up to date")?;
    match command {
        Command::Verify { of, heads, json } => {
            let heads = heads.as_deref().map(read_heads).transpose()?.unwrap_or_default();
            verify(store, of, config, &heads, *json).await
        }
        Command::Heads { of, day } => {
            for head in store.ledger_heads(of.site(), day.as_deref()).await? {
                say(&format!("{}\n", serde_json::to_string(&head)?));
            }
            Ok(())
        }
        Command::Show { of, id, day } => {
            let site = site_of(of, config)?;
            let rows = match (id, day) {
                (Some(id), _) => {
                    let id: String = id.chars().filter(|one| !one.is_whitespace()).collect();
                    let id: HexId = id.parse().ok().context("an id is sixteen hexadecimal digits")?;
                    store.ledger_rows(site, &[id]).await?
                }
                (None, Some(day)) => store.ledger_rows_of_day(site, day).await?,
                (None, None) => bail!("name a consent's id or a day"),
            };
            ensure!(!rows.is_empty(), "the ledger holds no such decision of site {site}");
            if rows.len() == SHOWN_MAX {
                eprintln!("These are the first {SHOWN_MAX} rows; there may be more.");
            }
            say(&format!("{}\n", serde_json::to_string_pretty(&store.replay(rows).await?)?));
            Ok(())
        }
        Command::Counts { of, json } => {
            let counts = store.ledger_counts(of.site()).await?;
            say(&if *json { serde_json::to_string_pretty(&counts)? + "\n" } else { table(&counts) });
            Ok(())
        }
    }
}

/// The site that was named, or the only one.
fn site_of<'a>(of: &'a Of, config: &'a Config) -> Result<&'a str> {
    match (of.site(), config.sites.as_slice()) {
        (Some(site), _) => Ok(site),
        (None, [only]) => Ok(only.id.as_str()),
        _ => bail!("the config has several sites: name one with --site"),
    }
}

fn read_heads(path: &Path) -> Result<Vec<Head>> {
    let unread = || format!("{} cannot be read", path.display());
    let length = std::fs::metadata(path).with_context(unread)?.len();
    ensure!(length <= HEADS_BYTES_MAX, "{} is larger than a file of heads can be", path.display());
    let text = std::fs::read_to_string(path).with_context(unread)?;
    let line = |(place, line): (usize, &str)| {
        let wrong = || {
            format!(
                "{}, line {}: this is not a head as `kruimel ledger heads` prints it",
                path.display(),
                place + 1
            )
        };
        serde_json::from_str(line).with_context(wrong)
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect()
}

async fn verify(store: &Store, of: &Of, config: &Config, heads: &[Head], json: bool) -> Result<()> {
    let verified = store.verify_ledger(of.site(), heads).await?;
    say(&if json { serde_json::to_string_pretty(&verified)? + "\n" } else { told(&verified) });
    let found = verified.findings.len();
    ensure!(found == 0, "the ledger is not what it was: {found} findings");
    if let Some(site) = of.site() {
        let is_known = config.sites.iter().any(|one| one.id.as_str() == site)
            || verified.chains + verified.unchained + verified.aside > 0
            || heads.iter().any(|head| head.site == site);
        ensure!(is_known, "neither the config nor the ledger has a site {site}");
        let is_held = heads.is_empty() || heads.iter().any(|head| head.site == site);
        ensure!(is_held, "none of these heads is of site {site}");
    }
    Ok(())
}

fn told(verified: &Verified) -> String {
    let Verified { chains, links, rows, expired, erased, aside, unchained, heads, .. } = verified;
    let mut text = format!(
        "{chains} chains with {links} links that follow from one another.\n\
         {rows} rows are what was committed to.\n\
         {expired} rows are gone because their time is over, {erased} because their visitor asked.\n\
         {unchained} rows have no place in a chain: samples, and rows from before there were chains.\n"
    );
    if *aside > 0 {
        text += &format!(
            "{aside} rows are on their collector's disk, because the store did not take them; the notes say of which chains.\n"
        );
    }
    if *heads > 0 {
        text += &format!("{heads} heads that were kept elsewhere still hold.\n");
    }
    for note in &verified.notes {
        text += &format!("Note: {note}\n");
    }
    for one in &verified.unproven {
        text += &format!(
            "Not known: {} Its time may be over; an older build wrote this chain, and nothing says it.\n",
            line(one)
        );
    }
    for finding in &verified.findings {
        text += &format!("{}\n", line(finding));
    }
    if *chains == 0 && verified.findings.is_empty() {
        return text + "There is no chain that could be verified.\n";
    }
    text + match (verified.findings.is_empty(), verified.unproven.is_empty() && *aside == 0) {
        (false, _) => "",
        (true, true) => "The ledger is whole.\n",
        (true, false) => "Nothing was changed or taken out, as far as can be known.\n",
    }
}

fn line(Finding { site, day, chain, seq, what }: &Finding) -> String {
    let place = if *seq == 0 { String::new() } else { format!(", place {seq}") };
    format!("{site} on {day}, chain {chain}{place}: {what}")
}

fn table(counts: &Counts) -> String {
    let mut text = format!(
        "{:<20} {:>8} {:<8} {:>9} {:>9} {:>9} {:>9}\n",
        "site", "revision", "language", "accepted", "refused", "changed", "withdrawn"
    );
    for one in &counts.decisions {
        text += &format!(
            "{:<20} {:>8} {:<8} {:>9} {:>9} {:>9} {:>9}\n",
            one.site_id, one.revision, one.language, one.accepted, one.refused, one.changed, one.withdrawn
        );
    }
    text += &format!("\n{:<20} {:>8} {:<8} {:>9}\n", "site", "revision", "language", "served");
    for one in &counts.displays {
        text += &format!("{:<20} {:>8} {:<8} {:>9}\n", one.site_id, one.revision, one.language, one.served);
    }
    text + "\n" + counts.displays_note + "\n"
}
