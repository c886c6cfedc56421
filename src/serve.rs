//! `kruimel serve`: joins collector, dashboards and engine into one running server.
//!
//! The order of a start: config, data folder with keys and spool, engine, schema, sockets. Whatever fails ends the start
//! with one sentence, before a browser is answered; but a collector that its store answered before (`answered.rs`) needs
//! none that answers: what browsers send waits in the spool, as it does when the store goes away later. SIGHUP reads the
//! config again. The order of a stop: no further requests, what is under way finishes, the spool is sealed and drained for a
//! bounded time, the engine ends.

use crate::demo::record::History;
use crate::listen::Certificates;
use crate::reload::{Current, InForce, Reload};
use crate::routes::Shared;
use crate::say::say;
use crate::settings::ConfigOption;
use crate::signals::{Signals, Wish};
use crate::telemetry::Telemetry;
use crate::{answered, demo, disk, listen, sample, store};
use anyhow::{Context, Result, bail, ensure};
use arc_swap::ArcSwap;
use clap::Args;
use collector::Collector;
use collector::config::Config;
use collector::store::{Store, StoreError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a stop waits for the spool to reach the store; what is left is drained after the next start.
const DRAIN_ON_STOP_MAX: Duration = Duration::from_secs(10);
/// How often it is tried to write down that the store answered.
const WRITE_DOWN_INTERVAL: Duration = Duration::from_secs(30);
/// Longest time that a browser's request takes from its head to the end of its answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// The same for an analyst's, whose answers can be long.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(300);
/// Most connections of analysts, their tools and probes at once.
const ADMIN_CONNECTIONS_MAX: usize = 256;

/// Linux's number of the signal for a file that would grow too large.
const SIGXFSZ: i32 = 25;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigOption,
    /// Serve a small city's site with the banner and sample history, without a config.
    #[arg(long)]
    demo: bool,
    /// Where the demo keeps its data.
    #[arg(long, value_name = "DIR", default_value = "data/demo", requires = "demo")]
    demo_data: PathBuf,
    /// Days of sample history that the demo fills in.
    #[arg(long, value_name = "DAYS", default_value_t = 90, requires = "demo")]
    demo_days: u64,
    /// Where the demo listens for browsers.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700", requires = "demo")]
    demo_public: SocketAddr,
    /// Where the demo listens for analysts.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7701", requires = "demo")]
    demo_admin: SocketAddr,
}

impl Arguments {
    fn config(&self) -> Result<Config> {
        if self.demo {
            Ok(Config::demo(self.demo_data.clone(), self.demo_public, self.demo_admin))
        } else {
            self.config.read()
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = arguments.config()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(serve(config, arguments))
}

async fn serve(config: Config, arguments: &Arguments) -> Result<()> {
    let mut signals = Signals::listen()?;
    // A file that has the largest size the system allows (`ulimit -f`) is a full disk like any other, which the spool
    // answers; left alone, the signal would end the process. Listening once is enough, nobody needs to hear it.
    drop(signal(SignalKind::from_raw(SIGXFSZ)).context("no signals")?);
    guard(&config)?;
    listen::raise_limit();
    disk::prepare(&config.data_dir)?;
    // Asked before the spool is opened, which makes files.
    let answered_before = answered::answered_before(&config.data_dir);
    let need = if answered_before { store::Need::Later } else { store::Need::Now };
    let opened = tokio::select! {
        opened = store::open(&config, need) => opened?,
        () = signals.stop() => return Ok(()),
    };
    let ended = tokio::select! {
        started = start(config, arguments, &opened, answered_before) => match started {
            Ok(server) => server.until_stopped(signals).await,
            Err(error) => Err(error),
        },
        () = signals.stop() => Ok(()),
    };
    opened.close().await;
    ended
}

/// The last look before anything starts, whichever way the config came about.
fn guard(config: &Config) -> Result<()> {
    ensure!(
        config.listen.admin.ip().is_loopback(),
        "the dashboards would be open to the network at {} and have no accounts yet; let them listen on 127.0.0.1",
        config.listen.admin
    );
    Ok(())
}

struct Server {
    collector: Arc<Collector>,
    /// None where the config is not in a file.
    reload: Option<Reload>,
    telemetry: Option<Arc<Telemetry>>,
    listeners: JoinSet<bool>,
    work: tokio::task::JoinHandle<()>,
    stop_listening: CancellationToken,
    stop_work: CancellationToken,
}

async fn start(
    config: Config,
    arguments: &Arguments,
    opened: &store::Opened,
    answered_before: bool,
) -> Result<Server> {
    let (collector, settled) = Collector::prepare(config, opened.client())?;
    let collector = Arc::new(collector);
    opened.report(collector.store.clone());
    migrate(&collector, answered_before).await?;
    let public = listen::bind(collector.config.listen.public, "public")?;
    let admin = listen::bind(collector.config.listen.admin, "admin")?;
    let health = match collector.config.listen.health {
        Some(address) => Some(listen::bind(address, "health")?),
        None => None,
    };
    let (public_address, admin_address) = (public.local_addr()?, admin.local_addr()?);
    let health_address = health.as_ref().map(|health| health.local_addr()).transpose()?;
    let certificates =
        collector.config.listen.tls.as_ref().map(Certificates::open).transpose()?.map(Arc::new);
    let telemetry = Telemetry::open(&collector.config.telemetry)?.map(Arc::new);
    // Nothing fails from here on: what is on record was in force.
    settled.write()?;

    let stop_work = CancellationToken::new();
    let work = tokio::spawn({
        let (collector, stop) = (Arc::clone(&collector), stop_work.clone());
        async move { collector.run(stop).await }
    });
    if arguments.demo {
        tokio::spawn(fill_history(Arc::clone(&collector), opened.client(), arguments.demo_days));
    }
    let stop_listening = CancellationToken::new();
    if let Some(certificates) = &certificates {
        tokio::spawn(Arc::clone(certificates).keep_current(stop_work.clone()));
    }
    let shared = Shared {
        client: opened.client(),
        admin: admin_address,
        is_demo: arguments.demo,
        telemetry: telemetry.clone(),
        certificates: certificates.clone(),
    };
    let in_force = InForce::begin(shared.compose(&collector));
    let current: Current = Arc::new(ArcSwap::new(Arc::clone(&collector)));
    let [public_limits, admin_limits] = limits(&collector.config);
    let is_proxy: listen::IsProxy = {
        let current = Arc::clone(&current);
        Arc::new(move |peer| current.load().config.listen.trusts(peer.ip()))
    };
    let stop = || stop_listening.clone();
    let mut listeners = JoinSet::new();
    let routes = Arc::clone(&in_force.public);
    listeners.spawn(listen::serve(public, routes, public_limits, certificates.clone(), is_proxy, stop()));
    // Everybody who reaches it is on this machine.
    let routes = Arc::clone(&in_force.admin);
    listeners.spawn(listen::serve(admin, routes, admin_limits, None, Arc::new(|_| true), stop()));
    if let Some(health) = health {
        let routes = Arc::clone(&in_force.health);
        listeners.spawn(listen::serve(health, routes, admin_limits, None, Arc::new(|_| false), stop()));
    }
    tell(&collector.config, [public_address, admin_address], health_address, arguments.demo);
    let file = (!arguments.demo).then(|| arguments.config.clone());
    let reload = file.map(|file| Reload { file, current, in_force, shared });
    Ok(Server { collector, reload, telemetry, listeners, work, stop_listening, stop_work })
}

/// The limits of the public listener and of those for operators.
fn limits(config: &Config) -> [listen::Limits; 2] {
    let connection = config.listen.limits;
    let public = listen::Limits {
        connections_max: listen::connections_max(connection.connections_max),
        connection,
        request_time: REQUEST_TIME_MAX,
    };
    let admin = listen::Limits {
        connections_max: ADMIN_CONNECTIONS_MAX,
        connection,
        request_time: QUESTION_TIME_MAX,
    };
    [public, admin]
}

fn tell(config: &Config, [public, admin]: [SocketAddr; 2], health: Option<SocketAddr>, is_demo: bool) {
    let demo = if is_demo {
        format!("  the demo's site   http://localhost:{}/\n", public.port())
    } else {
        String::new()
    };
    let health =
        health.map_or_else(String::new, |health| format!("  health            http://{health}/readyz\n"));
    let scheme = if config.listen.tls.is_some() { "https" } else { "http" };
    let text = format!(
        "Kruimel is listening.\n{demo}  browsers          {scheme}://{public}{}\n  dashboards        http://{admin}/\n{health}  data              {}\n\
         Stop with Ctrl-C.\n",
        config.listen.prefix.as_str(),
        config.data_dir.display()
    );
    say(&text);
}

/// Brings the store's tables up to date. Where the store answered before, one that is away now is left to the drain.
async fn migrate(collector: &Collector, answered_before: bool) -> Result<()> {
    const FAILED: &str = "the store's tables cannot be brought up to date";
    let (store, data_dir) = (&collector.store, &collector.config.data_dir);
    if answered_before && !timeout(store::ANSWER_MAX, store.is_reachable()).await.unwrap_or(false) {
        tracing::warn!("The store does not answer; what browsers send is kept on disk until it does.");
        tokio::spawn(keep_writing_down(store.clone(), data_dir.clone(), false));
        return Ok(());
    }
    match store.migrate().await {
        Ok(()) => {
            if let Err(error) = answered::write_down(data_dir) {
                tell_unwritten(&error);
                tokio::spawn(keep_writing_down(store.clone(), data_dir.clone(), true));
            }
            Ok(())
        }
        Err(error) if answered_before && !matches!(error, StoreError::Migration(_)) => {
            tracing::warn!(%error, "{FAILED}; what browsers send is kept on disk until they are.");
            tokio::spawn(keep_writing_down(store.clone(), data_dir.clone(), false));
            Ok(())
        }
        Err(error) => Err(error).context(FAILED),
    }
}

/// Until the store answered and that is written down. Where rows waited and nothing else told of an earlier answer, they may
/// be gone at the next start, so that it is asked often. `told`: that it could not be written.
async fn keep_writing_down(store: Store, data_dir: PathBuf, mut told: bool) {
    loop {
        let answers = timeout(store::ANSWER_MAX, store.is_reachable()).await.unwrap_or(false);
        if !answers {
            sleep(store::ANSWER_MAX).await;
            continue;
        }
        match answered::write_down(&data_dir) {
            Ok(()) => return,
            Err(error) if !told => tell_unwritten(&error),
            Err(_) => {}
        }
        told = true;
        sleep(WRITE_DOWN_INTERVAL).await;
    }
}

fn tell_unwritten(error: &std::io::Error) {
    tracing::warn!(
        %error,
        "That the store answered cannot be written down; it is tried again. Until then a start needs it to answer, unless rows wait."
    );
}

async fn fill_history(collector: Arc<Collector>, client: clickhouse::Client, days: u64) {
    match try_fill(&collector, &client, days).await {
        Ok(0) => {}
        Ok(rows) => {
            let folder = collector.config.data_dir.display();
            tracing::info!(
                rows,
                "The sample history is written. `kruimel sample remove --demo-data {folder}` takes it out again."
            );
        }
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "The sample history is not complete; the next start repeats it."
            );
        }
    }
}

/// Fills the history where it was not filled or removed before. Returns the number of rows.
async fn try_fill(collector: &Arc<Collector>, client: &clickhouse::Client, days: u64) -> Result<usize> {
    let data_dir = &collector.config.data_dir;
    let history = History::read(data_dir);
    if days == 0 || matches!(history, History::Complete | History::Removed) {
        return Ok(0);
    }
    // What an earlier fill left, cut off or from before it was written down, is taken out first.
    collector.spool.settled().await;
    sample::remove_rows(client).await?;
    tracing::info!(days, "Filling the sample history.");
    History::Filling.write(data_dir)?;
    let rows = demo::history::fill(collector, days).await?;
    History::Complete.write(data_dir)?;
    Ok(rows)
}

impl Server {
    /// Serves until a stop is asked for, and then stops in order; a second signal ends it at once.
    async fn until_stopped(mut self, mut signals: Signals) -> Result<()> {
        loop {
            let wish = tokio::select! {
                wish = signals.next() => wish,
                what = self.first_to_end() => bail!("{what} ended unasked; what was acknowledged is on disk, and drained after the next start"),
            };
            if wish != Wish::Reload {
                break;
            }
            match &self.reload {
                Some(reload) => tokio::task::block_in_place(|| reload.now()),
                // Without a file there is nothing to read: the terminal is gone.
                None => break,
            }
        }
        tracing::info!("Stopping: no further requests. A second signal ends it at once.");
        tokio::select! {
            stopped = self.stop() => stopped,
            () = signals.stop() => {
                tracing::warn!("Ended at once. What was acknowledged is on disk, and drained after the next start.");
                std::process::exit(1)
            }
        }
    }

    /// Which of the tasks ended, which none does before it is asked to.
    async fn first_to_end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.listeners.join_next() => "a listener",
            _ = &mut self.work => "the drain",
        }
    }

    async fn stop(mut self) -> Result<()> {
        self.stop_listening.cancel();
        while let Some(listener) = self.listeners.join_next().await {
            if !listener.context("a listener panicked")? {
                tracing::warn!("Some requests did not finish in time and were cut off.");
            }
        }
        if let Some(telemetry) = self.telemetry {
            telemetry.close().await;
        }
        self.collector.flush_counters().await;
        if timeout(DRAIN_ON_STOP_MAX, self.collector.spool.settled()).await.is_err() {
            tracing::warn!(
                "Not everything reached the store; what is left on disk is drained after the next start."
            );
        }
        self.stop_work.cancel();
        self.work.await.context("the drain panicked")?;
        tracing::info!("Stopped.");
        Ok(())
    }
}
