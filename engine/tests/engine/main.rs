//! The engine through the real thing: the library, a child process, its socket, and the `clickhouse` crate.

mod insert;
mod process;
mod security;
mod select;
mod stand;
mod trap;
