//! The routes of the listeners, made anew for each config.
//!
//! In: a collector, and what lasts beyond any of them. Out: the routes of the public, the admin and the health listener.

use crate::demo;
use crate::listen::{self, Certificates};
use crate::telemetry::{Observed, Telemetry};
use axum::Router;
use collector::Collector;
use collector::http::Public;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the routes of every collector share.
pub(crate) struct Shared {
    /// The store, for the dashboards.
    pub(crate) client: clickhouse::Client,
    /// Where analysts connect.
    pub(crate) admin: SocketAddr,
    /// Whether the demo's site is served beside the collector.
    pub(crate) is_demo: bool,
    /// Where requests are told, if anywhere.
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    /// The public listener's certificate, where TLS is ours.
    pub(crate) certificates: Option<Arc<Certificates>>,
}

/// The routes of each listener.
pub(crate) struct Composed {
    pub(crate) public: Observed<Public>,
    pub(crate) admin: Observed<Router>,
    pub(crate) health: Observed<Router>,
}

impl Shared {
    /// The routes of a collector.
    pub(crate) fn compose(&self, collector: &Arc<Collector>) -> Composed {
        let telemetry = self.telemetry.as_deref();
        let prefix = collector.config.listen.prefix.as_str();
        let health = collector::http::health(collector, self.further());
        Composed {
            public: Observed::new(
                self.public(collector),
                telemetry.map(|telemetry| telemetry.of_public(prefix)),
            ),
            admin: Observed::new(self.admin(collector), telemetry.map(Telemetry::of_admin)),
            health: Observed::new(health, telemetry.map(Telemetry::of_admin)),
        }
    }

    fn public(&self, collector: &Arc<Collector>) -> Public {
        let routes = collector::http::public(collector);
        if self.is_demo { routes.beside(demo::site::router()) } else { routes }
    }

    fn admin(&self, collector: &Arc<Collector>) -> Router {
        let sites = collector.config.sites.iter().map(|site| dashboards::Site {
            id: site.id.to_string(),
            name: site.name.clone(),
            time_zone: site.time_zone.as_str().to_owned(),
        });
        let port = self.admin.port();
        let mut names = ["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{port}")).to_vec();
        names.push(self.admin.to_string());
        let context = dashboards::Context {
            client: self.client.clone(),
            sites: sites.collect(),
            clock: time::OffsetDateTime::now_utc,
            names: names.clone(),
        };
        let operators = collector::http::admin(collector, self.further());
        dashboards::guarded(dashboards::router(context).merge(operators), names)
    }

    /// What is measured outside of the collector.
    fn further(&self) -> collector::http::Further {
        let (telemetry, certificates) = (self.telemetry.clone(), self.certificates.clone());
        Arc::new(move |out| {
            listen::render_turned_away(out)?;
            telemetry.as_ref().map_or(Ok(()), |telemetry| telemetry.render(out))?;
            certificates.as_ref().map_or(Ok(()), |certificates| certificates.render(out))
        })
    }
}
