//! Under construction.

pub mod row_binary;
