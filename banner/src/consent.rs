//! A decision: what was chosen, and what that is called. Pure.
//!
//! In: the button, what was granted before. Out: action, surface and categories, which `entry.js` writes down as a
//! `wire::DecisionRequest`. Invariants: `necessary` is always chosen; saving with nothing on is the same as refusing;
//! taking everything back is a withdrawal whichever button did it.

use wire::{DecisionAction, Surface};

/// A set of the site's categories, by their place in the declaration. The first is `necessary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen(u32);

const _: () = assert!(wire::limits::CATEGORIES_MAX <= u32::BITS as usize);

impl Chosen {
    /// Nothing optional.
    pub(crate) const NECESSARY: Chosen = Chosen(1);
    /// Whatever the site declares; a place that nobody has means nothing.
    pub(crate) const ALL: Chosen = Chosen(u32::MAX);

    /// Of a bit for each category, and `necessary`.
    pub(crate) fn from_bits(bits: u32) -> Chosen {
        Chosen(bits | 1)
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

/// What the visitor decided, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: DecisionAction,
    pub(crate) chosen: Chosen,
    pub(crate) surface: Surface,
}

impl Decision {
    pub(crate) fn accept(surface: Surface) -> Decision {
        Decision { action: DecisionAction::Accept, chosen: Chosen::ALL, surface }
    }

    pub(crate) fn refuse(before: Chosen, surface: Surface) -> Decision {
        let nothing_before = before == Chosen::NECESSARY;
        let action = if nothing_before { DecisionAction::Refuse } else { DecisionAction::Withdraw };
        Decision { action, chosen: Chosen::NECESSARY, surface }
    }

    pub(crate) fn save(before: Chosen, chosen: Chosen, surface: Surface) -> Decision {
        if chosen == Chosen::NECESSARY {
            return Decision::refuse(before, surface);
        }
        Decision { action: DecisionAction::Save, chosen, surface }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Chosen = Chosen::NECESSARY;
    const ANALYTICS: Chosen = Chosen(0b101);

    #[test]
    fn the_action_says_what_became_of_the_grants() {
        let check = |decision: Decision, action, chosen| {
            assert_eq!(decision, Decision { action, chosen, surface: Surface::Notice });
        };
        check(Decision::accept(Surface::Notice), DecisionAction::Accept, Chosen::ALL);
        check(Decision::refuse(NONE, Surface::Notice), DecisionAction::Refuse, NONE);
        check(Decision::refuse(ANALYTICS, Surface::Notice), DecisionAction::Withdraw, NONE);
        check(Decision::save(NONE, ANALYTICS, Surface::Notice), DecisionAction::Save, ANALYTICS);
        check(Decision::save(Chosen::ALL, ANALYTICS, Surface::Notice), DecisionAction::Save, ANALYTICS);
    }

    #[test]
    fn saving_with_nothing_on_equals_refusing() {
        for before in [NONE, ANALYTICS, Chosen::ALL] {
            let saved = Decision::save(before, Chosen::from_bits(0), Surface::Preferences);
            assert_eq!(saved, Decision::refuse(before, Surface::Preferences));
        }
    }

    #[test]
    fn necessary_is_always_chosen_and_nothing_unasked() {
        assert_eq!(Chosen::from_bits(0), NONE);
        assert_eq!(Chosen::from_bits(0b100), ANALYTICS);
    }
}
