//! Another config while connections go on: on SIGHUP the file is read again and put in force whole, or not at all.
//!
//! In: the file. Out: other routes for the requests that come from then on. Invariants: a config that is broken, or that
//! changes what needs a restart, leaves the one before in force and says why; no connection is dropped, and no event is
//! lost.

use crate::listen::{Certificates, Pair, Routes};
use crate::routes::{Composed, Shared};
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
    pub(crate) in_force: InForce,
    /// Makes the routes of a collector.
    pub(crate) shared: Shared,
}

/// The routes in force of each listener.
#[derive(Clone)]
pub(crate) struct InForce {
    pub(crate) public: Routes<Observed<Public>>,
    pub(crate) admin: Routes<Observed<Router>>,
    pub(crate) health: Routes<Observed<Router>>,
}

impl InForce {
    /// The first ones.
    pub(crate) fn begin(Composed { public, admin, health }: Composed) -> InForce {
        InForce {
            public: Arc::new(ArcSwap::from_pointee(public)),
            admin: Arc::new(ArcSwap::from_pointee(admin)),
            health: Arc::new(ArcSwap::from_pointee(health)),
        }
    }

    fn replace(&self, Composed { public, admin, health }: Composed) {
        self.public.store(Arc::new(public));
        self.admin.store(Arc::new(admin));
        self.health.store(Arc::new(health));
    }
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
        self.in_force.replace(self.shared.compose(&collector));
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
