//! What the overview says. The page and `GET /api/v1/overview` are two ways to write this one answer down, so they
//! cannot disagree.

use crate::address::Panel;
use crate::dimension::Dimension;
use crate::questions::{Breakdown, Decisions, Figures, breakdown, decisions, series, totals, visitors_now};
use crate::store::{Failure, Store};
use crate::view::View;

/// Rows of a panel: as many in each, so that neighbours align.
pub const PANEL_ROWS: u32 = 9;

/// The answer.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The period.
    pub totals: Figures,
    /// As much of the earlier period as has passed of this one.
    pub totals_before: Option<Figures>,
    /// Each bucket of the period.
    pub series: Vec<Figures>,
    /// Each bucket of the earlier period, whole.
    pub series_before: Vec<Figures>,
    /// The panels, in the order of [`Panel::ALL`].
    pub panels: Vec<(Panel, Dimension, Breakdown)>,
    /// Decisions of each bucket.
    pub decisions: Vec<Decisions>,
    /// Decisions of the earlier period, cut like the totals.
    pub decisions_before: Option<Decisions>,
    /// Visitors of the last minutes.
    pub now: u64,
    /// Whether sample rows are among what was counted.
    pub sample: bool,
}

impl Overview {
    /// Asks every question of the overview. They wait for one another in the store, not here.
    pub async fn ask(store: &Store, view: &View<'_>) -> Result<Overview, Failure> {
        let (totals, totals_before, series, series_before, decisions, decisions_before, panels, now) = tokio::try_join!(
            totals(store, view.scope()),
            totals_before(store, view),
            series(store, view.scope(), view.interval, &view.buckets, view.address.metric.of_visits()),
            series_before(store, view),
            decisions(store, view.scope(), view.interval, &view.buckets),
            decisions_before(store, view),
            panels(store, view),
            visitors_now(store, &view.site.id, view.now.timestamp()),
        )?;
        Ok(Overview {
            totals: totals.0,
            totals_before,
            series,
            series_before,
            panels,
            sample: totals.1 || decisions.1,
            decisions: decisions.0,
            decisions_before,
            now,
        })
    }

    /// Decisions of the period.
    pub fn decided(&self) -> Decisions {
        self.decisions.iter().copied().fold(Decisions::default(), Decisions::plus)
    }
}

async fn totals_before(store: &Store, view: &View<'_>) -> Result<Option<Figures>, Failure> {
    match view.before_until_now() {
        Some(span) => Ok(Some(totals(store, view.scope_of(&span)).await?.0)),
        None => Ok(None),
    }
}

async fn series_before(store: &Store, view: &View<'_>) -> Result<Vec<Figures>, Failure> {
    let Some(span) = &view.before else { return Ok(Vec::new()) };
    let of_visits = view.address.metric.of_visits();
    series(store, view.scope_of(span), view.interval, &view.before_buckets, of_visits).await
}

async fn decisions_before(store: &Store, view: &View<'_>) -> Result<Option<Decisions>, Failure> {
    let Some(span) = view.before_until_now() else { return Ok(None) };
    let (found, _) = decisions(store, view.scope_of(&span), view.interval, &view.before_buckets).await?;
    Ok(Some(found.into_iter().fold(Decisions::default(), Decisions::plus)))
}

async fn panels(store: &Store, view: &View<'_>) -> Result<Vec<(Panel, Dimension, Breakdown)>, Failure> {
    let ask = async |panel: Panel| {
        let dimension = view.address.tab(panel);
        breakdown(store, view.scope(), dimension, PANEL_ROWS, 0).await.map(|rows| (panel, dimension, rows))
    };
    let [sources, pages, places, devices] = Panel::ALL;
    let (sources, pages, places, devices) =
        tokio::try_join!(ask(sources), ask(pages), ask(places), ask(devices))?;
    Ok(vec![sources, pages, places, devices])
}
