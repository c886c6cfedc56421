//! CONTRACT 1: what the browser and the collector say to each other.
//!
//! A visitor's page says two things to the collector and hears two back:
//!
//! * a [`DecisionRequest`] to `POST /kruimel/consent`, answered with the consent cookie and the same JSON as body: a
//!   [`Refusal`] without id or signature, or a [`Receipt`] that is signed over its exact bytes;
//! * a [`Batch`] of [`Event`]s to `POST /kruimel/events`, answered `202` with a [`BatchAnswer`] once the events are on
//!   disk. The receipt travels in the `Cookie` header only.
//!
//! The loader carries the site's [`PublicConfig`]. Nothing here does I/O; the crate compiles for wasm32 and the host.
//! The protocol only grows: a new field is optional, and every file in `wire/fixtures/` parses forever.
//!
//! Invariant: every string and list has its limit in [`limits`], so that both sides agree before a byte is sent.

mod batch;
mod config;
mod consent;
mod event;
mod id;
pub mod limits;

pub use batch::{Batch, BatchAnswer, Campaign, Client, Page, RejectedEvent};
pub use config::{ChildHash, PublicConfig};
pub use consent::{Category, DecisionAction, DecisionRequest, Receipt, Refusal, Surface};
pub use event::{Event, EventKind};
pub use id::{BatchId, HexId, InvalidId};

/// The version of the protocol that this crate speaks, the `v` of every request.
pub const VERSION: u8 = 1;
