//! A visitor's own rows of the ledger: shown on the privacy page, given as JSON, erased.
//!
//! In: a live receipt in the visitor's own cookie, which is the only proof of whose rows they are. Out: the rows of that
//! consent and of those that it replaced. Invariant: nobody sees or erases rows without the signed receipt; of refusals
//! there is nothing to find. A site that keeps what it measured after a withdrawal, for a reason that it declares, offers
//! no erasure here, and takes none: who asks there by right asks the controller.

use super::answer;
use super::privacy::Request;
use super::state::State;
use crate::config::OnWithdrawal;
use crate::http::limits::Sender;
use crate::http::{asking, consent};
use crate::pipeline::Rejection;
use crate::store::ShownRow;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use std::time::Duration;
use tokio::time::timeout;
use wire::HexId;

/// Longest wait for the store; the page comes without the rows then.
const STORE_TIME_MAX: Duration = Duration::from_secs(2);
const JSON: &str = "application/json";

impl Request<'_> {
    /// The visitor's own rows, none without a receipt. Nothing where the store does not answer.
    ///
    /// # Errors
    /// Why the store is not asked.
    pub(super) async fn records(&self, sender: Sender) -> Result<Option<Vec<ShownRow>>, Rejection> {
        let State::Granted(granted) = self.state((self.collector.clock)()) else {
            return Ok(Some(Vec::new()));
        };
        let _seat = asking::page(self.collector, sender, self.site)?;
        let store = self.collector.store.for_visitor();
        let site = self.site.id.as_str();
        let rows = async {
            let ids = store.consents_before(site, granted.consent).await?;
            store.ledger_rows(site, &ids).await
        };
        Ok(timeout(STORE_TIME_MAX, rows).await.ok().and_then(Result::ok))
    }

    /// The rows as JSON.
    pub(super) fn export(&self, records: Option<&[ShownRow]>) -> Response<Body> {
        let state = self.state((self.collector.clock)());
        let (consent, visitor) = match &state {
            State::Granted(granted) => {
                (Some(granted.consent.to_string()), granted.visitor.map(|id| id.to_string()))
            }
            State::Refused { .. } | State::Undecided { .. } => (None, None),
        };
        let status = if records.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let told = serde_json::json!({
            "site": self.site.id.as_str(),
            "consent_id": consent,
            "visitor_id": visitor,
            "decisions": records,
        });
        answer(status, JSON, format!("{told:#}\n"))
    }

    /// Ends the consent and has its rows erased, and those of the consents that it replaced. Where the site offers no
    /// erasure the form is a withdrawal and nothing else.
    pub(super) async fn erase(&self, now_ms: i64) -> Result<(), Rejection> {
        if self.site.on_withdrawal != OnWithdrawal::Erase {
            return Ok(());
        }
        let State::Granted(granted) = self.state(now_ms) else { return Ok(()) };
        let store = self.collector.store.for_visitor();
        let before = async {
            let _seat = self.collector.limits.asking.erasures.acquire().await.ok()?;
            store.consents_before(self.site.id.as_str(), granted.consent).await.ok()
        };
        let ids: Vec<HexId> = match timeout(STORE_TIME_MAX, before).await {
            Ok(Some(ids)) => ids,
            _ => vec![granted.consent],
        };
        consent::erase(self.collector, self.site, &ids, now_ms).await
    }
}
