//! What stands around every page: the bar with the sites, the style sheet and the script, the foot.

use super::theme;
use crate::App;
use crate::address::Address;
use crate::assets;
use axum::http::HeaderMap;

/// The values of `templates/frame.html`.
pub(super) struct Frame {
    pub(super) title: String,
    /// `light`, `dark`, or empty where the device decides.
    pub(super) theme: &'static str,
    pub(super) css: String,
    pub(super) script: String,
    pub(super) site: String,
    pub(super) sites: Vec<SiteLink>,
    pub(super) home: String,
    pub(super) definitions: String,
    /// Where the theme button returns to without JavaScript.
    pub(super) back: String,
    pub(super) zone: String,
    pub(super) page: &'static str,
}

/// One site of the menu.
pub(super) struct SiteLink {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) current: bool,
}

impl Frame {
    /// The frame of a page about `address`.
    pub(super) fn new(app: &App, headers: &HeaderMap, address: &Address, page: &'static str) -> Frame {
        let site = app.site(&address.site);
        let link = |id: &str| {
            let chosen = Address { site: id.to_owned(), period: address.period, ..Address::of(id) };
            chosen.link("/")
        };
        let site_link = |other: &crate::Site| SiteLink {
            name: other.name.clone(),
            href: link(&other.id),
            current: other.id == site.id,
        };
        Frame {
            title: format!("{page} · {} · Kruimel", site.name),
            theme: theme::of(headers),
            css: assets::path("dashboard.css"),
            script: assets::path("dashboard.js"),
            site: site.name.clone(),
            sites: app.sites.iter().map(site_link).collect(),
            home: Address { page: 1, ..address.clone() }.link("/"),
            definitions: address.link("/definitions"),
            back: address.link("/"),
            zone: site.zone().iana_name().unwrap_or("UTC").to_owned(),
            page,
        }
    }
}
