//! A certificate authority of the simulator's own, and a certificate for every simulated host.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

/// What a listener with TLS needs.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate, in PEM.
    pub(crate) ca_pem: String,
}

/// Makes an authority and a certificate for the addresses and names given.
pub(crate) fn make(address: IpAddr, names: &[&str]) -> Result<Tls, String> {
    let text = |error: rcgen::Error| error.to_string();

    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.distinguished_name
        .push(DnType::CommonName, "flex-simulator test authority");
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate().map_err(text)?;
    let ca_pem = ca.self_signed(&ca_key).map_err(text)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.push("localhost".to_owned());
    let mut leaf = CertificateParams::new(names).map_err(text)?;
    leaf.subject_alt_names.push(SanType::IpAddress(address));
    leaf.distinguished_name
        .push(DnType::CommonName, "flex-simulator");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(text)?;
    let certificate = leaf.signed_by(&key, &issuer).map_err(text)?;

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .map_err(|error| error.to_string())?;
    Ok(Tls {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        ca_pem,
    })
}
