//! The few drawings of the pages. They are ours and constant, so templates put them in unescaped.

/// The sign of Kruimel.
pub(crate) const SIGN: &str = r##"<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="9.5" cy="13.5" r="7.5" fill="var(--accent)"/><circle cx="18.6" cy="6.2" r="3" fill="var(--c2)"/><circle cx="20.6" cy="13.6" r="1.7" fill="var(--c2)"/></svg>"##;
/// Opens a menu.
pub(crate) const DOWN: &str =
    r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="m4 6 4 4 4-4"/></svg>"#;
/// To the period before.
pub(crate) const LEFT: &str =
    r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="M10 3 5 8l5 5"/></svg>"#;
/// To the period after.
pub(crate) const RIGHT: &str =
    r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="m6 3 5 5-5 5"/></svg>"#;
/// A period.
pub(crate) const CALENDAR: &str = r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><rect x="2.5" y="3.5" width="11" height="10" rx="1.5"/><path d="M2.5 6.5h11M5.5 2v3m5-3v3"/></svg>"#;
/// Light and dark.
pub(crate) const MOON: &str = r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5Z"/></svg>"#;
/// Removes a filter.
pub(crate) const CROSS: &str =
    r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="m4.5 4.5 7 7m0-7-7 7"/></svg>"#;
/// Something to know.
pub(crate) const NOTE: &str = r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6"/><path d="M8 7.5v3.2M8 5.2v.1"/></svg>"#;
/// Something is wrong.
pub(crate) const WARNING: &str = r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.5 14.2 13H1.8ZM8 6.5V9.5M8 11.2v.1"/></svg>"#;
/// Nothing was found.
pub(crate) const LENS: &str = r#"<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3 3"/></svg>"#;
