//! The engine through the real thing: the library, a child process, its socket, and the `clickhouse` crate.

// Clippy knows test functions, and not the helpers beside them.
#![allow(clippy::unwrap_used)]

mod insert;
mod process;
mod security;
mod select;
mod stand;
mod trap;
