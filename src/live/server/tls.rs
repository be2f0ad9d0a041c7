//! Encryption: TLS 1.3 with a certificate that is given, or made for the occasion.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};

/// Why there is no encryption.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// What is given as a certificate is none.
    #[error("the certificate can't be read (it has to be PEM): {0}")]
    Certificate(String),
    /// What is given as a key is none.
    #[error("the private key can't be read (it has to be PEM): {0}")]
    Key(String),
    /// They don't belong together, or can't be used.
    #[error("the certificate and the private key can't be used: {0}")]
    Pair(String),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Made(String),
}

/// What clients are greeted with.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Tls")
    }
}

impl Tls {
    /// A certificate chain and its key, as PEM.
    ///
    /// # Errors
    /// When they can't be read or used.
    pub fn of(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|error| TlsError::Certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(TlsError::Certificate("there is none in it".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Key(error.to_string()))?;
        Self::with(chain, key)
    }

    /// A certificate made now, for these names. No client has reason to trust it.
    ///
    /// # Errors
    /// When none can be made.
    pub fn self_made(names: Vec<String>) -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| TlsError::Made(error.to_string()))?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .map_err(|error| TlsError::Made(error.to_owned()))?;
        Self::with(vec![made.cert.der().clone()], key)
    }

    fn with(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| TlsError::Pair(error.to_string()))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// The handshakes.
    pub fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told() {
        assert!(Tls::self_made(vec!["localhost".to_owned()]).is_ok());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        assert!(Tls::of(certificate.as_bytes(), key.as_bytes()).is_ok());
        let wrong =
            |certificate: &str, key: &str| Tls::of(certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string();
        assert!(wrong("hello", &key).starts_with("the certificate can't be read"));
        assert!(wrong(&certificate, "hello").starts_with("the private key can't be read"));
        let mixed = wrong(&certificate, &other.signing_key.serialize_pem());
        assert!(mixed.starts_with("the certificate and the private key can't be used"), "{mixed}");
    }
}
