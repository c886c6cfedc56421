//! `[listen]`: where browsers and analysts connect, who vouches for an address, and what a connection may cost.
//!
//! In: the section. Out: [`ListenOptions`]. Invariant: every wait and every number of connections and requests has a
//! limit, and the defaults trust no proxy.

use super::check;
use super::error::Problem;
use super::name::Prefix;
use super::reader::Section;
use axum::http::HeaderName;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where browsers and analysts connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// What browsers reach, directly or through a proxy.
    pub public: SocketAddr,
    /// Dashboards, API, health and metrics; on loopback.
    pub admin: SocketAddr,
    /// Health and metrics alone, for balancers and monitoring on other machines.
    pub health: Option<SocketAddr>,
    /// Browsers connect without a proxy: the peer is the visitor.
    pub direct: bool,
    /// Networks whose `client_ip_header` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which a trusted proxy names the visitor's address.
    pub client_ip_header: HeaderName,
    /// What every public path begins with.
    pub prefix: Prefix,
    /// What a connection may cost.
    pub limits: ConnectionLimits,
    /// Most requests that are worked on at once; beyond it the answer is 503 at once.
    pub requests_max: usize,
    /// How much one network may send to one site.
    pub rate: RateOptions,
    /// The public listener speaks TLS itself.
    pub tls: Option<TlsOptions>,
}

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// The chain in PEM, the host's own certificate first.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// What a connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Most connections at once; without a number, what the machine's limit of open files allows.
    pub connections_max: Option<usize>,
    /// Longest wait for a request's head, once it began.
    pub header_time: Duration,
    /// Longest wait for a request's body.
    pub body_time: Duration,
    /// How long a connection stays open between two requests.
    pub idle_time: Duration,
}

/// How much one network (/24 of IPv4, /48 of IPv6) may send to one site, on average and for a moment ten times as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateOptions {
    /// Batches in a second.
    pub batches_per_second: u32,
    /// Decisions that grant something in a second. Refusals and withdrawals are never limited.
    pub grants_per_second: u32,
    /// Looks in a second at the page of one's own data with a receipt, for which the store is asked.
    pub pages_per_second: u32,
}

impl Default for ListenOptions {
    fn default() -> Self {
        let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        ListenOptions {
            public: local(7700),
            admin: local(7701),
            health: None,
            direct: false,
            trusted_proxies: Vec::new(),
            client_ip_header: HeaderName::from_static("x-forwarded-for"),
            prefix: Prefix::standard(),
            limits: ConnectionLimits::default(),
            requests_max: 2_048,
            rate: RateOptions::default(),
            tls: None,
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            connections_max: None,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(20),
            // Longer than the two minutes for which proxies keep a connection, so that they close it first.
            idle_time: Duration::from_secs(150),
        }
    }
}

impl Default for RateOptions {
    fn default() -> Self {
        // A carrier can put some ten thousand people behind one /24: at a batch every twenty seconds that is 500.
        RateOptions { batches_per_second: 500, grants_per_second: 100, pages_per_second: 10 }
    }
}

impl ListenOptions {
    /// Whether an address is one of the proxies whose header is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

pub(super) fn read(section: &Section<'_>, folder: &Path) -> ListenOptions {
    let default = ListenOptions::default();
    let listen = ListenOptions {
        public: section.get("public", |node| address(node.text()?)).unwrap_or(default.public),
        admin: section.get("admin", |node| address(node.text()?)).unwrap_or(default.admin),
        health: section.get("health", |node| address(node.text()?)),
        // One that cannot be read is an error already; it need not look like a missing answer too.
        direct: section.get("direct", |node| node.boolean()).unwrap_or(section.has("direct")),
        trusted_proxies: section.list("trusted_proxies", |node| network(node.text()?)).unwrap_or_default(),
        client_ip_header: section
            .get("client_ip_header", |node| header(node.text()?))
            .unwrap_or(default.client_ip_header),
        prefix: section.get("prefix", |node| Prefix::read(node.text()?)).unwrap_or(default.prefix),
        limits: limits(section),
        requests_max: size(section, "requests_max", 16..=100_000).unwrap_or(default.requests_max),
        rate: section.section("rate", rate),
        tls: section.has("tls").then(|| section.section("tls", |tls| read_tls(tls, folder))).flatten(),
    };
    check::listeners(section, &listen);
    listen
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| {
        let mend = "Write an IP address and a port, such as \"127.0.0.1:7700\" or \"[::1]:7700\".";
        Problem::new(format!("\"{text}\" is not an address to listen on."), mend)
    })
}

fn read_tls(section: &Section<'_>, folder: &Path) -> Option<TlsOptions> {
    let file = |key, mend| section.require(key, mend, |node| node.text().map(|path| folder.join(path)));
    let certificate = file("certificate", "Name the file of the certificate, with its chain, in PEM.");
    let key = file("key", "Name the file of the certificate's private key, in PEM.");
    Some(TlsOptions { certificate: certificate?, key: key? })
}

fn limits(section: &Section<'_>) -> ConnectionLimits {
    let default = ConnectionLimits::default();
    let seconds = |key, most| section.get(key, |node| node.number(1..=most)).map(Duration::from_secs);
    ConnectionLimits {
        connections_max: size(section, "connections_max", 64..=1_000_000),
        header_time: seconds("header_seconds", 60).unwrap_or(default.header_time),
        body_time: seconds("body_seconds", 300).unwrap_or(default.body_time),
        idle_time: seconds("idle_seconds", 3_600).unwrap_or(default.idle_time),
    }
}

fn rate(section: &Section<'_>) -> RateOptions {
    let default = RateOptions::default();
    let number = |key| {
        let found = section.get(key, |node| node.number(1..=1_000_000))?;
        u32::try_from(found).ok()
    };
    RateOptions {
        batches_per_second: number("batches_per_second").unwrap_or(default.batches_per_second),
        grants_per_second: number("grants_per_second").unwrap_or(default.grants_per_second),
        pages_per_second: number("pages_per_second").unwrap_or(default.pages_per_second),
    }
}

fn size(section: &Section<'_>, key: &'static str, bounds: std::ops::RangeInclusive<u64>) -> Option<usize> {
    section.get(key, |node| node.number(bounds)).and_then(|number| usize::try_from(number).ok())
}

fn network(text: &str) -> Result<IpNet, Problem> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
        let mend = "Write a network such as \"10.0.0.0/8\", or one address.";
        Problem::new(format!("\"{text}\" is not a network."), mend)
    })?;
    if network.prefix_len() == 0 {
        let mend = "Name the proxies alone: whoever is trusted can write any address.";
        return Err(Problem::new(format!("\"{text}\" trusts the whole internet."), mend));
    }
    Ok(network.trunc())
}

fn header(text: &str) -> Result<HeaderName, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            format!("\"{text}\" is not the name of a header."),
            "Write a name such as \"x-forwarded-for\".",
        )
    })
}
