//! Says what is being done and runs the commands that do it.
//!
//! In: a title and a command. Out: its output on the terminal, or kept in a log and shown when it fails.
//! Invariant: a failure names the command, and a long silent command shows that it is alive.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(200);
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
const TAIL_LINES: usize = 25;

/// Announces a step.
pub(crate) fn say(text: &str) {
    eprintln!("==> {text}");
}

/// A detail below the announced step.
pub(crate) fn note(text: &str) {
    eprintln!("    {text}");
}

/// Runs a command whose own output is worth seeing.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = describe(command);
    let status = command.status().with_context(|| format!("`{shown}` could not be started"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a command whose output matters only when it fails, and says every ten seconds that it is alive; `progress`
/// may add to that how far it is. Given up, and killed, after `limit`.
pub(crate) fn run_quietly(
    command: &mut Command,
    limit: Duration,
    progress: impl Fn() -> String,
) -> Result<()> {
    let shown = describe(command);
    let log = log_file(command)?;
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = output.try_clone()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .with_context(|| format!("`{shown}` could not be started"))?;
    let start = Instant::now();
    let mut announced = start;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("`{shown}` was given up after {} s", limit.as_secs());
        }
        if announced.elapsed() > SIGN_OF_LIFE {
            announced = Instant::now();
            note(&format!("… {} s {}", start.elapsed().as_secs(), progress()));
        }
        std::thread::sleep(POLL);
    };
    if !status.success() {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
            note(line);
        }
        bail!("`{shown}` failed ({status}); all of its output is in {}", log.display());
    }
    Ok(())
}

/// What a command prints, without the line's end.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let shown = describe(command);
    let output = command.output().with_context(|| format!("`{shown}` could not be started"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// The path of a program, as the shell would find it.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn log_file(command: &Command) -> Result<PathBuf> {
    let folder = crate::root().join("target/xtask");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let program = PathBuf::from(command.get_program());
    let stem = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(folder.join(format!("{stem}.log")))
}
