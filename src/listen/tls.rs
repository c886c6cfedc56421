//! TLS of our own: the certificate in force, read again when it was renewed.
//!
//! In: two files in PEM. Out: what every handshake needs. Invariant: a pair that cannot be read, or of which the key is
//! another certificate's, is never put in force; the one before stays, and the log says so every time it is looked at.
//! That the one in force nears its end is said as soon as it does, and daily from then on.

use super::expiry::Expiry;
use anyhow::{Context, Result, ensure};
use arc_swap::ArcSwap;
use collector::config::TlsOptions;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// How often the end of a certificate is said.
const REMINDER_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The certificate in force.
pub(crate) struct Certificates {
    options: Mutex<TlsOptions>,
    in_force: Arc<InForce>,
    acceptor: TlsAcceptor,
    /// When the end of the one in force was said last.
    reminded: Mutex<Option<Instant>>,
}

/// A certificate with its key, read and found whole.
pub(crate) struct Pair {
    key: Arc<CertifiedKey>,
    expiry: Option<Expiry>,
}

struct InForce(ArcSwap<Pair>);

impl Certificates {
    /// Reads the pair.
    pub(crate) fn open(options: &TlsOptions) -> Result<Certificates> {
        let in_force = Arc::new(InForce(ArcSwap::from_pointee(read(options)?)));
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().context("no version of TLS")?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&in_force) as _;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = [&b"h2"[..], b"http/1.1"].map(<[u8]>::to_vec).to_vec();
        Ok(Certificates {
            options: Mutex::new(options.clone()),
            in_force,
            acceptor: Arc::new(config).into(),
            reminded: Mutex::default(),
        })
    }

    /// What a handshake needs.
    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads a pair that may take the place of the one in force.
    pub(crate) fn read(options: &TlsOptions) -> Result<Pair> {
        read(options)
    }

    /// Puts a pair of these files in force; they are looked at from then on.
    pub(crate) fn put(&self, options: &TlsOptions, pair: Pair) {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone_from(options);
        if pair.key.cert != self.in_force.0.load().key.cert {
            tracing::info!("The certificate was renewed and is in force.");
            *self.reminded.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.in_force.0.store(Arc::new(pair));
    }

    /// Reads the pair again, puts it in force if it is another one, and says when that in force nears its end. Blocks on
    /// the disk.
    pub(crate) fn refresh(&self) {
        let options = self.options.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match read(&options) {
            Ok(pair) if pair.key.cert == self.in_force.0.load().key.cert => {}
            Ok(pair) => self.put(&options, pair),
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "The certificate on disk cannot be used: the one before stays in force until it expires."
            ),
        }
        self.remind();
    }

    /// Says when the certificate in force nears its end or is past it, at most once a day.
    fn remind(&self) {
        let Some(expiry) = self.in_force.0.load().expiry.filter(Expiry::is_near) else { return };
        let mut reminded = self.reminded.lock().unwrap_or_else(PoisonError::into_inner);
        if reminded.is_some_and(|at| at.elapsed() < REMINDER_INTERVAL) {
            return;
        }
        *reminded = Some(Instant::now());
        let hours_left = expiry.seconds_left().div_euclid(3_600);
        if hours_left < 0 {
            tracing::error!(
                "The certificate has expired: browsers refuse to connect. Renew it; it is taken within a minute."
            );
        } else {
            tracing::warn!(
                hours_left,
                "The certificate expires soon. Renew it; it is taken within a minute."
            );
        }
    }

    /// How long the certificate in force holds, in Prometheus' text format.
    pub(crate) fn render(&self, out: &mut String) -> fmt::Result {
        let Some(expiry) = self.in_force.0.load().expiry else { return Ok(()) };
        for (name, help, value) in [
            (
                "kruimel_tls_certificate_expires_seconds",
                "How long the certificate in force holds.",
                expiry.seconds_left(),
            ),
            (
                "kruimel_tls_certificate_lifetime_seconds",
                "How long it holds from its first day to its last.",
                expiry.lifetime_seconds(),
            ),
        ] {
            writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")?;
        }
        Ok(())
    }

    /// Looks at the files until told to stop.
    pub(crate) async fn keep_current(self: Arc<Self>, stop: CancellationToken) {
        self.remind();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => tokio::task::block_in_place(|| self.refresh()),
            }
        }
    }
}

fn read(options: &TlsOptions) -> Result<Pair> {
    let (certificate, key) = (options.certificate.display(), options.key.display());
    let unread =
        || format!("{certificate} cannot be read as certificates in PEM; see listen.tls.certificate");
    let chain = CertificateDer::pem_file_iter(&options.certificate).with_context(unread)?;
    let chain: Vec<CertificateDer<'static>> = chain.collect::<Result<_, _>>().with_context(unread)?;
    ensure!(!chain.is_empty(), "{certificate} holds no certificate in PEM; see listen.tls.certificate");
    let private = PrivateKeyDer::from_pem_file(&options.key)
        .with_context(|| format!("{key} cannot be read as a private key in PEM; see listen.tls.key"))?;
    let expiry = chain.first().and_then(|own| Expiry::of(own));
    let key = CertifiedKey::from_der(chain, private, &ring::default_provider()).with_context(|| {
        format!("{key} is not the key of {certificate}, or of a kind that cannot be used")
    })?;
    Ok(Pair { key: Arc::new(key), expiry })
}

impl ResolvesServerCert for InForce {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().key))
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("InForce(…)")
    }
}
