//! TLS of our own: the certificate in force, read again when it was renewed.
//!
//! In: two files in PEM. Out: what every handshake needs. Invariant: a pair that cannot be read, or of which the key is
//! another certificate's, is never put in force; the one before stays, and the log says so every time it is looked at.

use anyhow::{Context, Result, ensure};
use arc_swap::ArcSwap;
use collector::config::TlsOptions;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
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

/// The certificate in force.
pub(crate) struct Certificates {
    options: TlsOptions,
    in_force: Arc<InForce>,
    acceptor: TlsAcceptor,
}

struct InForce(ArcSwap<CertifiedKey>);

impl Certificates {
    /// Reads the pair.
    pub(crate) fn open(options: &TlsOptions) -> Result<Certificates> {
        let in_force = Arc::new(InForce(ArcSwap::from_pointee(read(options)?)));
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().context("no version of TLS")?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&in_force) as _;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = [&b"h2"[..], b"http/1.1"].map(<[u8]>::to_vec).to_vec();
        Ok(Certificates { options: options.clone(), in_force, acceptor: Arc::new(config).into() })
    }

    /// What a handshake needs.
    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads the pair again, and puts it in force if it is another one. Blocks on the disk.
    pub(crate) fn refresh(&self) {
        match read(&self.options) {
            Ok(pair) if pair.cert == self.in_force.0.load().cert => {}
            Ok(pair) => {
                self.in_force.0.store(Arc::new(pair));
                tracing::info!("The certificate was renewed and is in force.");
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "The certificate on disk cannot be used: the one before stays in force until it expires."
            ),
        }
    }

    /// Looks at the files until told to stop.
    pub(crate) async fn keep_current(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => tokio::task::block_in_place(|| self.refresh()),
            }
        }
    }
}

fn read(options: &TlsOptions) -> Result<CertifiedKey> {
    let (certificate, key) = (options.certificate.display(), options.key.display());
    let unread =
        || format!("{certificate} cannot be read as certificates in PEM; see listen.tls.certificate");
    let chain = CertificateDer::pem_file_iter(&options.certificate).with_context(unread)?;
    let chain: Vec<CertificateDer<'static>> = chain.collect::<Result<_, _>>().with_context(unread)?;
    ensure!(!chain.is_empty(), "{certificate} holds no certificate in PEM; see listen.tls.certificate");
    let private = PrivateKeyDer::from_pem_file(&options.key)
        .with_context(|| format!("{key} cannot be read as a private key in PEM; see listen.tls.key"))?;
    CertifiedKey::from_der(chain, private, &ring::default_provider())
        .with_context(|| format!("{key} is not the key of {certificate}, or of a kind that cannot be used"))
}

impl ResolvesServerCert for InForce {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("InForce(…)")
    }
}
