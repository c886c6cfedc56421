//! One statement, run on a thread of its own, because every call of the engine blocks.
//!
//! In: a [`Job`] and, for an INSERT, its data in pieces. Out: [`Event`]s, the last of which is `Done`, `Whole` or `Failed`.
//!
//! **Invariants.** An INSERT commits only after [`Piece::End`]: data that stops half-way is cancelled. A statement whose
//! client is gone is killed if it only reads, and finished if it writes, because a half-known write helps nobody. Text that
//! does not parse as exactly one statement does not run, and under `readonly` only what the engine's own parser calls
//! read-only does.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::connection::Engine;
use crate::exception::{Exception, random_letters};
use crate::header::Header;
use crate::library::{Class, Connection, Summary};
use crate::limits::{CHUNKS_IN_FLIGHT_MAX, READ_PAUSE_MAX, STACK_BYTES};
use crate::request::Request;
use crate::statement::Statement;
use crate::turns::Turn;

/// A format that repeats its header in every chunk of a stream.
const WITH_HEADER: &str = "RowBinaryWithNamesAndTypes";
/// A format whose chunks can simply be joined.
const WITHOUT_HEADER: &str = "RowBinary";
/// What ClickHouse answers in when nothing else is asked for.
const DEFAULT_FORMAT: &str = "TabSeparated";
/// Pause between two tries to kill a statement that has not ended yet; it may not have begun.
const KILL_PAUSE: Duration = Duration::from_millis(100);

/// A statement and its circumstances.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) statement: Statement,
    /// The right to run, given back when the statement ends.
    pub(crate) turn: Turn,
}

/// Data of an INSERT on its way to the engine.
#[derive(Debug)]
pub(crate) enum Piece {
    /// More data.
    Data(Bytes),
    /// There is no more: commit.
    End,
}

/// What a statement gives.
#[derive(Debug)]
pub(crate) enum Event {
    /// The whole result at once.
    Whole(Bytes, Summary),
    /// A part of a streamed result.
    Chunk(Bytes),
    /// The end of a streamed result or of an INSERT.
    Done(Summary),
    /// The statement failed, possibly after some chunks.
    Failed(Exception),
}

/// A statement that runs. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Running {
    engine: Arc<Engine>,
    mark: String,
    finish: Arc<Finish>,
    events: Receiver<Event>,
    /// Whether to kill the statement when nobody waits for it any more.
    reads_only: bool,
}

/// Starts a job. An INSERT takes its data through the sender.
pub(crate) fn start(engine: &Arc<Engine>, mut job: Job) -> Result<(Running, Sender<Piece>), Exception> {
    let (pieces, data) = channel(CHUNKS_IN_FLIGHT_MAX);
    let (sender, events) = channel(CHUNKS_IN_FLIGHT_MAX);
    let mark = format!(" kruimel:{}", random_letters()?);
    job.request.mark(&mark);
    let reads_only = matches!(job.statement, Statement::Plain { streams: true, .. });
    let finish = Arc::new(Finish::default());
    let running = Running { engine: engine.clone(), mark, finish: finish.clone(), events, reads_only };
    let engine = engine.clone();
    let outlet = Outlet { events: sender, runtime: tokio::runtime::Handle::current() };
    std::thread::Builder::new()
        .name("statement".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // Declared first, so that it is dropped last, even by a panic: after the session is closed.
            let _finished = Finished(finish);
            let _turn = job.turn;
            let outcome = work(&engine, &job.request, &job.statement, data, &outlet);
            if outlet.send(outcome.unwrap_or_else(Event::Failed)).is_err() {
                tracing::debug!("a client left before its answer");
            }
        })
        .map_err(|error| Exception::busy(format_args!("No thread for the statement: {error}")))?;
    Ok((running, pieces))
}

/// Where a statement's thread puts its events.
#[derive(Debug)]
struct Outlet {
    events: Sender<Event>,
    runtime: tokio::runtime::Handle,
}

impl Outlet {
    /// Waits for the client to take earlier events, but not for ever: a statement holds a turn.
    fn send(&self, event: Event) -> Result<(), Exception> {
        let sent = self.runtime.block_on(self.events.send_timeout(event, READ_PAUSE_MAX));
        sent.map_err(|_| Exception::cancelled())
    }
}

fn work(
    engine: &Engine,
    request: &Request,
    statement: &Statement,
    data: Receiver<Piece>,
    outlet: &Outlet,
) -> Result<Event, Exception> {
    let mut session = engine.session(&request.session)?;
    match statement {
        Statement::Insert { head, format, .. } => insert(&mut session, request, head, format, data),
        Statement::Plain { sql, format, streams } => {
            let class = judge(&mut session, request, sql)?;
            let asked = format.as_deref().or(request.default_format.as_deref()).unwrap_or(DEFAULT_FORMAT);
            if *streams
                && class == Class::ReadOnly
                && !request.wait_end
                && [WITH_HEADER, WITHOUT_HEADER].contains(&asked)
            {
                select(&mut session, request, sql, asked, outlet)
            } else {
                let answer = session.query(sql, asked, &request.parameters).map_err(Exception::of_engine)?;
                Ok(Event::Whole(Bytes::copy_from_slice(answer.bytes()), answer.summary()))
            }
        }
    }
}

fn judge(session: &mut Connection, request: &Request, sql: &str) -> Result<Class, Exception> {
    let analysis = session.classify(sql);
    if analysis.statements > 1 {
        return Err(Exception::new(62, "SYNTAX_ERROR", "Multi-statements are not allowed"));
    }
    if request.is_readonly() && analysis.class != Class::ReadOnly {
        return Err(match analysis.class {
            Class::Unknown => {
                Exception::new(62, "SYNTAX_ERROR", "The statement does not parse as one that only reads")
            }
            _ => Exception::new(164, "READONLY", "Cannot execute query in readonly mode"),
        });
    }
    Ok(analysis.class)
}

fn insert(
    session: &mut Connection,
    request: &Request,
    head: &str,
    format: &str,
    mut data: Receiver<Piece>,
) -> Result<Event, Exception> {
    let mut insert = session.insert(head, format, &request.parameters).map_err(Exception::of_engine)?;
    loop {
        match data.blocking_recv() {
            Some(Piece::Data(bytes)) => insert.append(&bytes).map_err(Exception::of_engine)?,
            Some(Piece::End) => return insert.finish().map(Event::Done).map_err(Exception::of_engine),
            None => return Err(Exception::cancelled()),
        }
    }
}

fn select(
    session: &mut Connection,
    request: &Request,
    sql: &str,
    format: &str,
    outlet: &Outlet,
) -> Result<Event, Exception> {
    let mut stream = session.select(sql, format, &request.parameters).map_err(Exception::of_engine)?;
    let mut header = Header::default();
    let mut total = Summary::default();
    while let Some(chunk) = stream.next().map_err(Exception::of_engine)? {
        let bytes = match format {
            WITH_HEADER => header.strip(chunk.bytes()),
            _ => Some(chunk.bytes()),
        };
        let bytes = bytes.ok_or_else(|| Exception::fault("a chunk of the stream has another header"))?;
        let part = chunk.summary();
        total.result_rows += part.result_rows;
        total.result_bytes += bytes.len() as u64;
        total.read_rows = total.read_rows.max(part.read_rows);
        total.read_bytes = total.read_bytes.max(part.read_bytes);
        outlet.send(Event::Chunk(Bytes::copy_from_slice(bytes)))?;
    }
    Ok(Event::Done(total))
}

impl Running {
    /// The next event. A thread that died says nothing: that is a failure too.
    pub(crate) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or_else(died)
    }

    /// The next event, for a body that is polled.
    pub(crate) fn poll_next(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Event> {
        self.events.poll_recv(context).map(|event| event.unwrap_or_else(died))
    }
}

fn died() -> Event {
    Event::Failed(Exception::fault("the thread of the statement died"))
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reads_only || self.finish.wait(Duration::ZERO) {
            return;
        }
        let (engine, mark, finish) = (self.engine.clone(), self.mark.clone(), self.finish.clone());
        let killer = std::thread::Builder::new().name("kill".to_owned()).spawn(move || {
            // The statement may not have begun, so one try may miss it. Closed events end one that is sending rows.
            while !finish.wait(KILL_PAUSE) {
                if let Err(exception) = engine.kill(&mark) {
                    return tracing::warn!(
                        error = exception.text,
                        "a statement nobody waits for could not be killed"
                    );
                }
            }
        });
        if let Err(error) = killer {
            tracing::warn!(%error, "a statement nobody waits for runs on");
        }
    }
}

/// Tells that a statement's thread is through.
#[derive(Debug, Default)]
struct Finish {
    finished: Mutex<bool>,
    changed: Condvar,
}

impl Finish {
    /// Waits at most so long; true if the statement ended.
    fn wait(&self, time_max: Duration) -> bool {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(finished, time_max, |finished| !*finished);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

struct Finished(Arc<Finish>);

impl Drop for Finished {
    fn drop(&mut self) {
        *self.0.finished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}
