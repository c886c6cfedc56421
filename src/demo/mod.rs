//! `serve --demo`: a small city's site that carries the script tag, and ninety days of sample history.

mod chance;
pub(crate) mod history;
pub(crate) mod record;
pub(crate) mod site;
mod visits;
