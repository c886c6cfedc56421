//! Every bound of the front, by name: sizes, counts and times. Nothing here is read from a request.

use std::time::Duration;

/// Longest URL, with its query string. The `clickhouse` crate puts an insert's statement and settings there.
pub const URL_BYTES_MAX: usize = 32 * 1024;
/// Largest head of a request: request line and headers together.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Largest statement sent as a body, bound parameters included.
pub const STATEMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest data of one insert. A sealed segment of the spool, inserted at once, is 8 MiB and at most little over 64 MiB.
pub const INSERT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Settings and parameters in one request.
pub const FIELDS_MAX: usize = 256;
/// Statements of the collector's own work that run at once: an insert or an erasure, the question what was withdrawn, the
/// artefacts of the ledger, and one to spare. More wait their turn.
pub const STATEMENTS_OF_INTAKE_MAX: usize = 4;
/// Statements of everybody else on the socket that run at once: visitors' pages, dashboards, commands.
pub const STATEMENTS_OF_SOCKET_MAX: usize = 8;
/// Statements that came over TCP and run at once.
pub const STATEMENTS_OF_TCP_MAX: usize = 8;
/// Statements of each kind that may wait for their turn before more are refused with code 202.
pub const STATEMENTS_WAITING_MAX: usize = 256;
/// Open client connections; more wait in the socket's backlog.
pub const CONNECTIONS_MAX: usize = 512;
/// Open connections over TCP, apart from those of the socket, as turns are: whoever is outside cannot keep the collector
/// from the engine.
pub const TCP_CONNECTIONS_MAX: usize = 128;
/// Time that a wrong password waits for its answer.
pub const WRONG_PASSWORD_PAUSE: Duration = Duration::from_secs(1);
/// Chunks of data between the network and the engine's thread, in either direction.
pub const CHUNKS_IN_FLIGHT_MAX: usize = 4;
/// Time a client has to send the head of a request.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Time a client has to send the next piece of a body.
pub const BODY_PAUSE_MAX: Duration = Duration::from_secs(60);
/// Time a client has to send all of a body: the statement that it feeds has a turn meanwhile.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(300);
/// Time a client may pause before it takes the next piece of a result.
pub const READ_PAUSE_MAX: Duration = Duration::from_secs(300);

/// Time that running statements get to finish when the engine is asked to stop.
pub const FINISH_TIME_MAX: Duration = Duration::from_secs(10);
/// Time that statements get to notice that they were killed, after [`FINISH_TIME_MAX`].
pub const KILLED_TIME_MAX: Duration = Duration::from_secs(5);
/// Time from being asked to stop until the supervisor kills the process.
pub const STOP_TIME_MAX: Duration = Duration::from_secs(20);
/// How long an engine may be silent by default: a machine that swaps, or works on the heaviest queries, stays well below.
pub const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Trivial questions that stay unanswered in a row before an engine counts as stuck. They share the longest silence.
pub const QUESTIONS_UNANSWERED_MAX: u32 = 6;
/// Longest pause between an answer and the next question.
pub const QUESTION_INTERVAL_MAX: Duration = Duration::from_secs(5);
/// Time that a stuck engine has to end when it is asked to, until it is killed; never longer than it may be silent.
pub const STUCK_STOP_TIME_MAX: Duration = Duration::from_secs(5);
/// Time from losing the parent process until the engine ends itself the hard way.
pub const ORPHAN_TIME_MAX: Duration = Duration::from_secs(30);
/// Time a started engine has before its first answer; a large store takes a while to load.
pub const START_TIME_MAX: Duration = Duration::from_secs(120);
/// Time to wait for another engine to let go of the data folder before it is called in use.
pub const LET_GO_TIME_MAX: Duration = Duration::from_secs(5);
/// Starts tried before the first answer.
pub const FIRST_STARTS_MAX: u32 = 3;
/// Longest pause between two restarts.
pub const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);
/// Shortest pause between two restarts.
pub const RESTART_PAUSE_MIN: Duration = Duration::from_millis(100);
/// An engine that answered for this long starts over with the shortest pause.
pub const STEADY_TIME: Duration = Duration::from_secs(60);

/// Stack of a thread that runs a statement, as large as the engine gives its own threads.
pub const STACK_BYTES: usize = 8 * 1024 * 1024;
/// Least memory the engine is given by default.
pub const MEMORY_BYTES_MIN: u64 = 512 * 1024 * 1024;
/// Most memory the engine is given by default.
pub const MEMORY_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Merges, erasures among them, that are under way at once for each thread that merges; the threads take turns at them.
pub const MERGES_PER_THREAD: usize = 2;
/// Merges under way at once at least: `engine.xml` keeps the last of them for small ones and for erasures.
pub const MERGES_AT_ONCE_MIN: usize = 4;
/// Cache for marks: how large the engine's index of parts may grow in memory.
pub const MARK_CACHE_BYTES: u64 = 64 * 1024 * 1024;
