use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_v4};
use aws_sigv4::sign::v4::SigningParams;
use berth_registry::access::Secret;
use berth_types::Region;
use http::{Request, Uri};

use super::aws_credentials::AwsCredentials;

/// The body that is signed.
pub(super) const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// The endpoint of STS that the registry will ask.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sts {
    host: String,
    region: String,
}

impl Sts {
    /// Returns the endpoint of a region, or the global one.
    pub(super) fn new(region: Option<&Region>, stand_in: Option<&Uri>) -> anyhow::Result<Self> {
        let name = region.map_or("us-east-1", Region::as_str).to_owned();
        let host = match (stand_in, region) {
            (Some(uri), _) => host(uri).context("--sts-endpoint")?,
            (None, None) => "sts.amazonaws.com".to_owned(),
            (None, Some(_)) if name.starts_with("cn-") => format!("sts.{name}.amazonaws.com.cn"),
            (None, Some(_)) => format!("sts.{name}.amazonaws.com"),
        };
        Ok(Self { host, region: name })
    }
}

/// Signs the request, bound to the registry at `registry`, and returns its headers.
pub(super) fn sign(
    credentials: &AwsCredentials,
    sts: &Sts,
    registry: &str,
) -> anyhow::Result<BTreeMap<String, String>> {
    let AwsCredentials { access_key_id, secret_access_key, session_token } = credentials;
    let (secret, token) = (secret_access_key.reveal(), session_token.as_ref());
    let token = token.map(|token| Secret::reveal(token).to_owned());
    let identity = Credentials::new(access_key_id, secret, token, None, "berth").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&sts.region)
        .name("sts")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let nonce = u128::from_be_bytes(nonce).to_string();
    let headers = [
        ("host", sts.host.as_str()),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        // Two proofs of one second would be the same, and each is good once.
        ("x-berth-nonce", nonce.as_str()),
        ("x-berth-registry", registry),
    ];
    let body = SignableBody::Bytes(BODY.as_bytes());
    let url = format!("https://{}/", sts.host);
    let signable = SignableRequest::new("POST", &url, headers.into_iter(), body)?;
    let (instructions, _) = sign_v4(signable, &params.into())?.into_parts();
    let mut request = Request::post(&url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(())?;
    instructions.apply_to_request_http1x(&mut request);
    let mut signed = BTreeMap::new();
    for (name, value) in request.headers() {
        signed.insert(name.to_string(), value.to_str()?.to_owned());
    }
    Ok(signed)
}

/// Returns the host of a URL as proofs name it: in lower case, and without a port that goes without
/// saying.
pub(super) fn host(url: &Uri) -> anyhow::Result<String> {
    let usual = match url.scheme_str() {
        Some("https") => ":443",
        Some("http") => ":80",
        _ => anyhow::bail!("`{url}` is not http:// or https:// and a host"),
    };
    let authority = url.authority().context("the URL has no host")?;
    let host = authority.as_str().to_ascii_lowercase();
    Ok(host.strip_suffix(usual).unwrap_or(&host).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_and_the_session_are_signed() {
        let credentials = AwsCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: Some(Secret::new("token".to_owned())),
        };
        let sts = Sts::new(None, None).unwrap();
        let headers = sign(&credentials, &sts, "registry.example.com").unwrap();
        assert_eq!(headers["host"], "sts.amazonaws.com");
        assert_eq!(headers["x-amz-security-token"], "token");
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;\
            x-berth-nonce;x-berth-registry,";
        let authorization = &headers["authorization"];
        assert!(authorization.contains(signed), "{authorization}");
        assert!(authorization.contains("/us-east-1/sts/aws4_request"), "{authorization}");
        assert_eq!(headers.len(), 7);
        let again = sign(&credentials, &sts, "registry.example.com").unwrap();
        assert_ne!(headers["authorization"], again["authorization"]);
    }

    #[test]
    fn a_region_has_an_endpoint_of_its_own() {
        let sts = |region: &str| Sts::new(Some(&region.parse().unwrap()), None).unwrap().host;
        assert_eq!(sts("eu-west-1"), "sts.eu-west-1.amazonaws.com");
        assert_eq!(sts("cn-north-1"), "sts.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn hosts_are_named_in_one_way() {
        let host = |url: &str| host(&url.parse().unwrap()).ok();
        assert_eq!(host("https://R.example:443/"), Some("r.example".to_owned()));
        assert_eq!(host("https://r.example:8443"), Some("r.example:8443".to_owned()));
        assert_eq!(host("http://localhost:5001"), Some("localhost:5001".to_owned()));
        assert_eq!(host("r.example"), None);
    }
}
