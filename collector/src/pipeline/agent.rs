//! What a user agent tells, remembered: a site sees few different ones, and reading one anew would cost more than all
//! the rest that is done with an event.
//!
//! In: a user agent. Out: whether it is a robot's, and the device. The same text always tells the same, so this is as
//! pure as reading it anew. Invariant: at most [`AGENTS_MAX`] are held, in memory alone, and long ones never.

use super::{Device, Rejection, bot, device};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most user agents that are held.
const AGENTS_MAX: usize = 4_096;
/// Longest user agent that is held.
const AGENT_BYTES_MAX: usize = 512;

/// The user agents that came of late.
#[derive(Default)]
pub struct Agents(Mutex<Held>);

/// Two generations: when the younger is full it becomes the older, and what was not asked for since is gone.
#[derive(Default)]
struct Held {
    young: HashMap<Box<str>, Arc<Agent>>,
    old: HashMap<Box<str>, Arc<Agent>>,
}

/// What one user agent tells.
#[derive(Debug)]
pub struct Agent {
    /// Refuses a robot.
    pub(super) person: Result<(), Rejection>,
    device: Device,
}

impl Agent {
    fn read(user_agent: &str) -> Agent {
        let person = bot::refuse(user_agent);
        let device = if person.is_ok() { device::device(user_agent) } else { Device::default() };
        Agent { person, device }
    }

    /// The device. `touch_points` above one on a Mac is an iPad.
    pub(super) fn device(&self, touch_points: u8) -> Device {
        self.device.touched_at(touch_points)
    }
}

impl Agents {
    /// Reads a user agent.
    pub fn read(&self, user_agent: &str) -> Arc<Agent> {
        if user_agent.len() > AGENT_BYTES_MAX {
            return Arc::new(Agent::read(user_agent));
        }
        // A panic between two changes leaves at most one user agent forgotten.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = held.young.get(user_agent) {
            return Arc::clone(agent);
        }
        let known = held.old.get(user_agent).map(Arc::clone);
        drop(held);
        // Read without the lock: the others need not wait for it.
        let agent = known.unwrap_or_else(|| Arc::new(Agent::read(user_agent)));
        held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.young.len() >= AGENTS_MAX / 2 {
            held.old = std::mem::take(&mut held.young);
        }
        held.young.insert(user_agent.into(), Arc::clone(&agent));
        agent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chrome(version: usize) -> String {
        format!("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{version}.0.0.0 Safari/537.36")
    }

    #[test]
    fn what_is_remembered_is_what_reading_tells() {
        let agents = Agents::default();
        for _ in 0..2 {
            assert_eq!(agents.read(&chrome(140)).device(0).browser_version.as_ref(), "140");
            assert_eq!(agents.read("curl/8.5.0").person, Err(Rejection::Robot));
        }
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15";
        assert_eq!(agents.read(mac).device(5).os, "iPadOS");
        assert_eq!(agents.read(mac).device(0).os, "macOS");
    }

    #[test]
    fn no_more_are_held_than_the_limit_and_those_in_use_stay() {
        let agents = Agents::default();
        let often = agents.read(&chrome(1));
        for version in 0..2 * AGENTS_MAX {
            agents.read(&chrome(version));
            assert!(Arc::ptr_eq(&often, &agents.read(&chrome(1))));
        }
        let held = agents.0.lock().unwrap();
        assert!(held.young.len() + held.old.len() <= AGENTS_MAX);
        drop(held);
        agents.read(&"x".repeat(AGENT_BYTES_MAX + 1));
        assert!(!agents.0.lock().unwrap().young.keys().any(|text| text.len() > AGENT_BYTES_MAX));
    }
}
