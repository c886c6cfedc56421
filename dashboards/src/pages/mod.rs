//! The pages: an address in, HTML out. Each handler reads the address, asks its questions and fills a template; what
//! goes wrong on the way becomes a page as well, with a sentence and a way on.

mod chart;
mod definitions;
mod details;
mod empty;
mod frame;
mod icon;
mod overview;
mod panel;
mod scale;
mod stats;
mod theme;
mod tools;
mod trouble;

pub(crate) use definitions::definitions;
pub(crate) use details::details;
pub(crate) use overview::overview;
pub(crate) use theme::choose_theme;
pub(crate) use trouble::not_found;

use crate::App;
use crate::address::Address;
use crate::questions::{FirstDay, first_day};
use crate::store::Failure;
use crate::view::View;
use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Resolves an address against the clock; "all time" asks the store where time begins.
pub(crate) async fn resolve(app: &App, address: Address) -> Result<View<'_>, Failure> {
    let site = app.site(&address.site);
    let earliest =
        if View::needs_first_day(&address) { first_day_of(app, &address).await?.day } else { None };
    Ok(View::new(address, site, app.now(), earliest))
}

/// The first things the address's site has.
pub(crate) async fn first_day_of(app: &App, address: &Address) -> Result<FirstDay, Failure> {
    let site = app.site(&address.site);
    first_day(&app.store, &site.id, site.zone().iana_name().unwrap_or("UTC")).await
}

fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "A page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
