//! A visitor's own rows of the ledger: shown on the privacy page, given as JSON, erased.
//!
//! In: the receipts in the visitor's own cookies, which are the only proof of whose rows they are, also where they are of an
//! earlier revision. Out: the rows of these consents and of those that they replaced. Invariant: nobody sees or erases rows
//! without the signed receipt; of refusals there is nothing to find. An erasure is a wish that is on disk before anything is
//! said; the store need not answer for it. A site that keeps what it measured after a withdrawal, for a reason that it declares, offers
//! no erasure here, and takes none: who asks there by right asks the controller.

use super::answer;
use super::privacy::Request;
use crate::config::OnWithdrawal;
use crate::http::limits::Sender;
use crate::http::{asking, consent};
use crate::pipeline::Rejection;
use crate::store::ShownRow;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for the store; the page comes without the rows then.
const STORE_TIME_MAX: Duration = Duration::from_secs(2);
const JSON: &str = "application/json";

impl Request<'_> {
    /// The visitor's own rows, none without a receipt. Nothing where the store does not answer.
    ///
    /// # Errors
    /// Why the store is not asked.
    pub(super) async fn records(&self, sender: Sender) -> Result<Option<Vec<ShownRow>>, Rejection> {
        let collector = self.collector;
        let mut own = consent::receipts(collector, self.headers, self.site, (collector.clock)());
        own.retain(|receipt| !collector.withdrawn.is_dead(receipt.consent_id.0));
        if own.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let _seat = asking::page(collector, sender, self.site)?;
        let (store, site) = (collector.store.for_visitor(), self.site.id.as_str());
        let rows = async {
            let newest = own.iter().map(|receipt| receipt.consent_id).collect();
            let ids = store.consents_before(site, newest).await?;
            store.ledger_rows(site, &ids).await
        };
        Ok(timeout(STORE_TIME_MAX, rows).await.ok().and_then(Result::ok))
    }

    /// The rows as JSON.
    pub(super) fn export(&self, records: Option<&[ShownRow]>) -> Response<Body> {
        let state = self.state((self.collector.clock)());
        let holder = state.holder();
        let consent = holder.map(|holder| holder.consent.to_string());
        let visitor = holder.and_then(|holder| holder.visitor).map(|id| id.to_string());
        let status = if records.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let told = serde_json::json!({
            "site": self.site.id.as_str(),
            "consent_id": consent,
            "visitor_id": visitor,
            "decisions": records,
        });
        answer(status, JSON, format!("{told:#}\n"))
    }

    /// Ends the consents of this browser and has their rows erased, and those of the consents that they replaced. Where the
    /// site offers no erasure the form is a withdrawal and nothing else.
    pub(super) async fn erase(&self, now_ms: i64) -> Result<(), Rejection> {
        let Request { collector, site, headers, .. } = *self;
        if site.on_withdrawal != OnWithdrawal::Erase {
            return Ok(());
        }
        let own = consent::receipts(collector, headers, site, now_ms);
        consent::erase(collector, site, &own, now_ms).await
    }
}
