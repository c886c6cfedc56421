//! Removes the declared cookies of what is not granted, as far as a script can.
//!
//! In: the declaration, what is granted, the cookies that the page can see. Out: removed cookies. A cookie that is
//! hidden from scripts is expired by the collector's answer.

use crate::config::string;
use crate::dom::{self, Record};
use crate::{cookie, view};

/// Goes through every service of every category that is not granted.
pub(crate) fn refused(text: &Record, granted: impl Fn(&str) -> bool) {
    let cookies = dom::cookies();
    view::each(text, "categories", |category| {
        if granted(&string(&category.get("name"))) {
            return;
        }
        view::each(category, "services", |service| {
            view::each(service, "cookies", |declared| {
                let declared = string(&declared.get("name"));
                for name in cookie::names(&cookies).filter(|name| cookie::covers(&declared, name)) {
                    cookie::removals(name, &dom::hostname(), &dom::pathname(), dom::write_cookie);
                }
            });
        });
    });
}
