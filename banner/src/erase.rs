//! Removes the declared cookies of what is not granted, as far as a script can.
//!
//! In: the declaration, what is granted, the cookies that the page can see. Out: removed cookies. A cookie that is
//! hidden from scripts is expired by the collector's answer.

use crate::consent::Chosen;
use crate::dom::{self, Record};
use crate::{cookie, view};

/// Goes through every service of every category that is not granted.
pub(crate) fn refused(text: &Record, granted: Chosen) {
    let cookies = dom::cookies();
    view::each(text, "categories", &mut |index, category| {
        if granted.has(index) {
            return;
        }
        view::each(category, "services", &mut |_, service| {
            view::each(service, "cookies", &mut |_, declared| {
                let declared = declared.get("name").as_string().unwrap_or_default();
                cookie::names(&cookies, &mut |name| {
                    if cookie::covers(&declared, name) {
                        cookie::removals(name, &dom::hostname(), &dom::pathname(), &mut dom::write_cookie);
                    }
                });
            });
        });
    });
}
