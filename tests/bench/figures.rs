//! What is measured of one load, and medians of many.

use serde_json::Value;

/// The measurements of one load: times in milliseconds, sizes in bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Requests of Kruimel's files.
    pub(crate) requests: f64,
    /// Their bodies as they were sent, compressed.
    pub(crate) body: f64,
    pub(crate) first_paint: f64,
    pub(crate) largest_paint: f64,
    /// What was painted largest.
    pub(crate) largest_element: String,
    /// When the first layer was on the screen, if one came.
    pub(crate) banner: Option<f64>,
    pub(crate) shift: f64,
    /// Of every task of the main thread, what is beyond 50 ms.
    pub(crate) blocking: f64,
    /// The longest task over 50 ms, or 0.
    pub(crate) longest_task: f64,
    /// JavaScript's heap and what its buffers hold, the module's memory included, after a collection.
    pub(crate) heap: f64,
    /// From the press on the button that accepts to the frame that answers it, as the browser's Event Timing has it, in
    /// steps of 8 ms; 0 where it is under 16.
    pub(crate) accept: Option<f64>,
}

impl Figures {
    /// Reads what `page.js` gathered.
    pub(crate) fn read(seen: &Value, heap: f64) -> Figures {
        let number = |name: &str| seen[name].as_f64().unwrap_or_default();
        Figures {
            requests: number("requests"),
            body: number("body"),
            first_paint: number("first-contentful-paint"),
            largest_paint: number("largest"),
            largest_element: seen["element"].as_str().unwrap_or_default().to_owned(),
            banner: seen["banner"].as_f64(),
            shift: number("shift"),
            blocking: number("blocking"),
            longest_task: number("longest"),
            heap,
            accept: None,
        }
    }
}

/// Median, least and greatest; `None` of nothing.
pub(crate) fn spread(mut values: Vec<f64>) -> Option<(f64, f64, f64)> {
    values.sort_by(f64::total_cmp);
    let (least, greatest) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Some((median, least, greatest))
}
