//! TLS by a certificate and key in PEM files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use berth_http_server::Encrypt;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::options::TlsFiles;

/// TLS with the server's certificate.
#[derive(Clone)]
pub(super) struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the files, and offers HTTP/2 and HTTP/1.1.
    pub(super) fn of(files: &TlsFiles) -> anyhow::Result<Self> {
        let named = |path: &Path| path.display().to_string();
        let certificates = CertificateDer::pem_file_iter(&files.certificates)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| named(&files.certificates))?;
        let key = PrivateKeyDer::from_pem_file(&files.key).with_context(|| named(&files.key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .context("certificate and key")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl Encrypt for Tls {
    type Stream = TlsStream<TcpStream>;

    async fn accept(&self, stream: TcpStream) -> io::Result<Self::Stream> {
        self.0.accept(stream).await
    }
}
