//! Another config while connections go on: on SIGHUP the file is read again and put in force whole, or not at all.
//!
//! In: the file. Out: other routes for the requests that come from then on. Invariants: a config that is broken, or that
//! changes what needs a restart, leaves the one before in force and says why; no connection is dropped, and no event is
//! lost.

use crate::listen::{Certificates, Pair, Routes};
use crate::routes::Shared;
use crate::settings::ConfigOption;
use crate::telemetry::Observed;
use anyhow::Result;
use arc_swap::ArcSwap;
use axum::Router;
use collector::Collector;
use collector::config::{ListenOptions, TlsOptions};
use collector::http::Public;
use std::sync::Arc;

/// The collector in force.
pub(crate) type Current = Arc<ArcSwap<Collector>>;

/// Everything that a reload replaces.
pub(crate) struct Reload {
    pub(crate) file: ConfigOption,
    pub(crate) current: Current,
    /// The routes of the public and of the admin listener.
    pub(crate) routes: (Routes<Observed<Public>>, Routes<Observed<Router>>),
    /// Makes the routes of a collector.
    pub(crate) shared: Shared,
}

impl Reload {
    /// Reads the file again. Blocks on the disk.
    pub(crate) fn now(&self) {
        match self.try_now() {
            Ok(sites) => tracing::info!(sites, "The config was read again and is in force."),
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "The config was read again and not taken: the one before stays in force."
            ),
        }
        if let Some(certificates) = &self.shared.certificates {
            certificates.refresh();
        }
    }

    fn try_now(&self) -> Result<usize> {
        let config = self.file.read()?;
        // What can fail comes first: nothing of a config that is not taken is in force.
        let renamed = self.renamed_pair(&config.listen)?;
        let collector = Arc::new(self.current.load().with_config(config)?);
        if let (Some(certificates), Some((options, pair))) = (&self.shared.certificates, renamed) {
            certificates.put(&options, pair);
        }
        let sites = collector.config.sites.len();
        let (public, admin) = self.shared.compose(&collector);
        self.routes.0.store(Arc::new(public));
        self.routes.1.store(Arc::new(admin));
        self.current.store(collector);
        Ok(sites)
    }

    /// The certificate with its key, where the config names other files.
    fn renamed_pair(&self, next: &ListenOptions) -> Result<Option<(TlsOptions, Pair)>> {
        let (Some(before), Some(next)) = (&self.current.load().config.listen.tls, &next.tls) else {
            return Ok(None);
        };
        if before == next {
            return Ok(None);
        }
        Ok(Some((next.clone(), Certificates::read(next)?)))
    }
}
