//! Another config while connections go on: on SIGHUP the file is read again and put in force whole, or not at all.
//!
//! In: the file. Out: other routes for the requests that come from then on. Invariants: a config that is broken, or that
//! changes what needs a restart, leaves the one before in force and says why; no connection is dropped, and no event is
//! lost.

use crate::listen::{Certificates, Routes};
use crate::settings::ConfigOption;
use anyhow::Result;
use arc_swap::ArcSwap;
use axum::Router;
use collector::Collector;
use collector::http::Public;
use std::sync::Arc;

/// The collector in force.
pub(crate) type Current = Arc<ArcSwap<Collector>>;

/// What the public and the admin listener answer with.
pub(crate) type Composed = (Public, Router);

/// Makes it of a collector.
type Compose = Box<dyn Fn(&Arc<Collector>) -> Composed + Send + Sync>;

/// Everything that a reload replaces.
pub(crate) struct Reload {
    pub(crate) file: ConfigOption,
    pub(crate) current: Current,
    /// The routes of the public and of the admin listener.
    pub(crate) routes: (Routes<Public>, Routes<Router>),
    /// The public listener's certificate, where TLS is ours.
    pub(crate) certificates: Option<Arc<Certificates>>,
    /// Makes the routes of a collector.
    pub(crate) compose: Compose,
}

impl Reload {
    /// Reads the file again. Blocks on the disk.
    pub(crate) fn now(&self) {
        if let Some(certificates) = &self.certificates {
            certificates.refresh();
        }
        match self.try_now() {
            Ok(sites) => tracing::info!(sites, "The config was read again and is in force."),
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "The config was read again and not taken: the one before stays in force."
            ),
        }
    }

    fn try_now(&self) -> Result<usize> {
        let collector = Arc::new(self.current.load().with_config(self.file.read()?)?);
        let sites = collector.config.sites.len();
        let (public, admin) = (self.compose)(&collector);
        self.routes.0.store(Arc::new(public));
        self.routes.1.store(Arc::new(admin));
        self.current.store(collector);
        Ok(sites)
    }
}
