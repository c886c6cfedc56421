//! `kruimel engine`: the embedded engine in a process of its own, on a Unix socket that only its owner can open.

use anyhow::{Context, Result};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder of the tables.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The Unix socket to speak ClickHouse's HTTP interface on.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The engine's library, where it is not found by itself.
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Most memory to take, in bytes.
    #[arg(long, value_name = "BYTES")]
    memory: Option<u64>,
    /// Most threads for one query.
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// How far to stand back where processor time is short, as of nice(1).
    #[arg(long, value_name = "0 TO 19", value_parser = clap::value_parser!(u8).range(0..=19))]
    nice: Option<u8>,
    /// A TCP address to listen on too, for whoever has the password in KRUIMEL_STORE__LISTEN_PASSWORD.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    // Before there is any other thread: each inherits it.
    if let Some(Err(error)) = arguments.nice.map(|nice| rustix::process::nice(nice.into())) {
        tracing::warn!(%error, "The engine cannot stand back for the intake.");
    }
    let listen = match arguments.listen {
        None => None,
        Some(address) => {
            let password = std::env::var(engine::PASSWORD_VARIABLE).with_context(|| {
                format!("{} is missing: nobody is let in without", engine::PASSWORD_VARIABLE)
            })?;
            Some(engine::Listen { address, password: engine::Password::new(&password) })
        }
    };
    let options = engine::Options {
        listen,
        library: arguments.library,
        memory_bytes: arguments.memory,
        threads: arguments.threads,
        nice: arguments.nice,
        ..engine::Options::new(arguments.data, arguments.socket)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("no signals")?;
        engine::serve(options, async move {
            terminate.recv().await;
        })
        .await?;
        Ok(())
    })
}
