//! The listener under abuse and through change: whatever others do, ordinary visitors are answered as ever.

mod connections;
mod engine;
mod flood;
mod http2;
mod operators;
pub(crate) mod parts;
mod reload;
mod stop;
mod telemetry;
mod tls;
