//! A clock that is set by hours while events come in, and between two runs: whatever it says, a retry is known.

use super::layer::Layer;
use super::load::Visitors;
use super::{Moments, rounds};

const HOUR_MS: i64 = 3_600_000;

#[test]
fn a_clock_that_jumps_by_hours_loses_and_doubles_nothing_and_no_retry_is_taken_for_fresh() {
    let mut moments = Moments::begin("clock jumps");
    let (mut stack, layer) = Layer::start();
    let mut visitors = Visitors::of(&stack);
    let mut off_ms = 0;
    for _ in 0..rounds(3) {
        let first = visitors.sent();
        let load = visitors.start(&stack);
        // Ahead, back beyond where it was, and ahead again.
        for direction in [1, -2, 1] {
            let moment = load.acknowledged() + moments.next(5..60);
            stack.await_that("batches are acknowledged", || load.acknowledged() >= moment);
            off_ms += direction * moments.next(1..24) as i64 * HOUR_MS;
            layer.set_clock(off_ms);
        }
        let moment = load.acknowledged() + 20;
        stack.await_that("batches are acknowledged", || load.acknowledged() >= moment);
        visitors.end(load);
        assert!(visitors.answers.unanswered.is_empty() && visitors.answers.put_off.is_empty());
        visitors.tell_again(&stack, first);
        visitors.assert_exactly_once(&stack);
        // The last of them are in the store, and the ids alone are on disk; the next run begins at another hour.
        off_ms += (moments.next(0..48) as i64 - 24) * HOUR_MS;
        layer.set_clock(off_ms);
        stack = stack.kill_and_restart();
        visitors.tell_again(&stack, first);
        visitors.assert_exactly_once(&stack);
    }
}
