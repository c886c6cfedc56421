//! The fault suite: whatever breaks, what was acknowledged is present exactly once.
//!
//! Each test breaks one thing under the real binary with its real engine, while batches are under way, and then counts.
//! `cargo xtask test` runs the short form; `cargo xtask faults` runs many rounds at other random moments, and the tests
//! that take minutes (they are marked `ignore`). The seed is printed, so that a run can be repeated.

mod clock;
mod damage;
mod disk;
mod kill;
mod layer;
mod load;
mod power;
pub(crate) mod side_by_side;
mod store;
mod sums;
mod sync;
mod traces;

use std::fmt::Display;
use std::str::FromStr;

/// How often a fault is repeated: what the long form says, or as often as the short form can.
fn rounds(short: usize) -> usize {
    from_environment("KRUIMEL_FAULT_ROUNDS").unwrap_or(short)
}

fn from_environment<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// The demo's config with those keys of `[store]`.
fn config_with_store(store: &str) -> String {
    let listen = format!(
        "data_dir = \"data\"\n[store]\n{store}\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n"
    );
    include_str!("../../collector/src/config/demo.toml").replace("[listen]\n", &listen)
}

/// Random moments that a seed repeats.
struct Moments(u64);

impl Moments {
    /// Begins with the seed of the long form, or another each time.
    fn begin(test: &str) -> Moments {
        let seed = from_environment("KRUIMEL_FAULT_SEED").unwrap_or_else(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            u64::from(since.subsec_nanos())
        });
        eprintln!("{test}: KRUIMEL_FAULT_SEED={seed}");
        Moments(seed)
    }

    /// A number of batches after which the fault comes.
    fn next(&mut self, within: std::ops::Range<u64>) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (within.start + (self.0 >> 33) % (within.end - within.start)) as usize
    }
}
