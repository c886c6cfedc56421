//! What is observed, one file per kind of event. Each is pure: the browser's facts come in, an event's fields go out.
//!
//! A further kind has a file here, a variant of `wire::EventKind` and a branch in [`crate::tracker`].

pub(crate) mod engagement;
pub(crate) mod view;
