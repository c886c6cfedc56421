//! The engine alone, as `kruimel engine` starts it, and a parent that can be killed. For tests only.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use kruimel_engine::limits::SILENCE_MAX;
use kruimel_engine::supervise::{State, SuperviseOptions, Supervisor};
use kruimel_engine::{Listen, Options, PASSWORD_VARIABLE, Password, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next().ok_or("no subcommand")?;
    let options = options(arguments)?;
    match role.as_str() {
        "engine" => {
            if let Err(error) = serve(options, std::future::pending()).await {
                eprintln!("{error}");
                std::process::exit(1);
            }
            Ok(())
        }
        "parent" => parent(options).await,
        other => Err(format!("no such subcommand: {other}").into()),
    }
}

/// Supervises an engine, says its process id, and waits to be killed.
async fn parent(options: Options) -> Result<(), Box<dyn Error>> {
    let executable = std::env::current_exe()?;
    let supervisor =
        Supervisor::start(SuperviseOptions { executable, engine: options, silence_max: SILENCE_MAX }).await?;
    let State::Answering { process_id } = *supervisor.state().borrow() else {
        return Err("no answer".into());
    };
    writeln!(std::io::stdout(), "{process_id}")?;
    std::future::pending::<()>().await;
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options::new(PathBuf::new(), PathBuf::new());
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("an argument lacks its value")?;
        match name.as_str() {
            "--data" => options.data = value.into(),
            "--socket" => options.socket = value.into(),
            "--library" => options.library = Some(value.into()),
            "--memory" => options.memory_bytes = Some(value.parse()?),
            "--threads" => options.threads = Some(value.parse()?),
            "--listen" => {
                let password = Password::new(&std::env::var(PASSWORD_VARIABLE)?);
                options.listen = Some(Listen { address: value.parse()?, password });
            }
            other => return Err(format!("no such argument: {other}").into()),
        }
    }
    Ok(options)
}
