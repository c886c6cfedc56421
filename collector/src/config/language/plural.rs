//! Which form of a word goes with a number.
//!
//! In: a language and a whole number from 1. Out: the place of the form in the language's list. Source: the plural rules
//! of Unicode CLDR for whole numbers, in CLDR's order (zero, one, two, few, many, other), forms that a language lacks
//! left out.

use super::Language;

/// How many forms a language has.
#[cfg(test)]
pub(super) const fn forms(language: Language) -> usize {
    use Language::{Ar, Cs, Ga, He, Hr, Lt, Lv, Mt, Pl, Ro, Sk, Sl, Uk};
    match language {
        Ar | Ga | Mt => 5,
        Sl => 4,
        Cs | Sk | Pl | Hr | Uk | Lt | Lv | Ro | He => 3,
        _ => 2,
    }
}

/// The place of the form that goes with `count`.
pub(super) const fn form(language: Language, count: u32) -> usize {
    use Language::{Ar, Cs, Ga, He, Hr, Is, Lt, Lv, Mt, Pl, Ro, Sk, Sl, Uk};
    let (ten, hundred) = (count % 10, count % 100);
    let teen = matches!(hundred, 11..=19);
    match language {
        Is => matches!((ten, hundred == 11), (1, true) | (0 | 2..=9, _)) as usize,
        Hr | Uk => match ten {
            1 if !teen => 0,
            2..=4 if !teen => 1,
            _ => 2,
        },
        Pl => match ten {
            _ if count == 1 => 0,
            2..=4 if !teen => 1,
            _ => 2,
        },
        Cs | Sk => match count {
            1 => 0,
            2..=4 => 1,
            _ => 2,
        },
        Sl => match hundred {
            1 => 0,
            2 => 1,
            3 | 4 => 2,
            _ => 3,
        },
        Lt => match ten {
            1 if !teen => 0,
            2..=9 if !teen => 1,
            _ => 2,
        },
        Lv => match ten {
            _ if teen => 0,
            0 => 0,
            1 => 1,
            _ => 2,
        },
        Ro => match hundred {
            _ if count == 1 => 0,
            1..=19 => 1,
            _ => 2,
        },
        Ga => match count {
            1 => 0,
            2 => 1,
            3..=6 => 2,
            7..=10 => 3,
            _ => 4,
        },
        Mt => match hundred {
            _ if count == 1 => 0,
            _ if count == 2 => 1,
            3..=10 => 2,
            11..=19 => 3,
            _ => 4,
        },
        Ar => match hundred {
            _ if count == 1 => 0,
            _ if count == 2 => 1,
            3..=10 => 2,
            11..=99 => 3,
            _ => 4,
        },
        He => match count {
            1 => 0,
            2 => 1,
            _ => 2,
        },
        _ => (count != 1) as usize,
    }
}
