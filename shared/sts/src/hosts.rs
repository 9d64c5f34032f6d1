use berth_types::Region;
use http::Uri;

/// The hosts of STS that are asked, and where they are reached.
///
/// Follows [AWS STS endpoints](https://docs.aws.amazon.com/general/latest/gr/sts.html).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Vec<(String, String)>);

/// Error of [`Hosts::at`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the endpoint of STS must be http:// or https:// and a host")]
pub struct EndpointError;

impl Hosts {
    /// Returns the host of a region, and the global one where there is one.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        let region = region.as_str();
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let mut hosts = vec![format!("sts.{region}.{domain}")];
        if !region.starts_with("cn-") && !region.starts_with("us-gov-") {
            hosts.push("sts.amazonaws.com".to_owned());
        }
        let with_url = |host: String| {
            let url = format!("https://{host}/");
            (host, url)
        };
        Self(hosts.into_iter().map(with_url).collect())
    }

    /// Returns the host of a stand-in for STS alone, by its URL.
    pub fn at(endpoint: &str) -> Result<Self, EndpointError> {
        let uri: Uri = endpoint.parse().map_err(|_| EndpointError)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_bare = uri.path() == "/" && uri.query().is_none();
        match uri.authority() {
            Some(host) if is_http && is_bare => {
                let url = format!("{}/", endpoint.trim_end_matches('/'));
                Ok(Self(vec![(host.as_str().to_ascii_lowercase(), url)]))
            }
            _ => Err(EndpointError),
        }
    }

    /// Returns where a host is reached; `None` if it is not asked.
    pub(crate) fn url_of(&self, host: &str) -> Option<&str> {
        let mut hosts = self.0.iter();
        hosts.find(|(known, _)| known == host).map(|(_, url)| url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(region: &str, host: &str, url: Option<&str>) {
        let hosts = Hosts::of(&region.parse().unwrap());
        assert_eq!(hosts.url_of(host), url, "{region} {host}");
    }

    #[test]
    fn only_stss_own_hosts_are_asked() {
        let regional = "sts.eu-west-1.amazonaws.com";
        check("eu-west-1", regional, Some("https://sts.eu-west-1.amazonaws.com/"));
        check("eu-west-1", "sts.amazonaws.com", Some("https://sts.amazonaws.com/"));
        check("us-east-1", regional, None);
        check("eu-west-1", "sts.s3-eu-west-1.amazonaws.com", None);
        check("eu-west-1", "sts.eu-west-1.amazonaws.com.", None);
        check("eu-west-1", "sts.eu-west-1.amazonaws.com:443", None);
        check("eu-west-1", "STS.eu-west-1.amazonaws.com", None);
        check("eu-west-1", "169.254.169.254", None);
        check("eu-west-1", "sts.amazonaws.com@evil.example", None);
        check("cn-north-1", "sts.cn-north-1.amazonaws.com.cn", {
            Some("https://sts.cn-north-1.amazonaws.com.cn/")
        });
        check("cn-north-1", "sts.amazonaws.com", None);
        check("us-gov-west-1", "sts.amazonaws.com", None);
    }

    #[test]
    fn a_stand_in_is_the_only_host() {
        let hosts = Hosts::at("http://127.0.0.1:4566").unwrap();
        assert_eq!(hosts.url_of("127.0.0.1:4566"), Some("http://127.0.0.1:4566/"));
        assert_eq!(hosts.url_of("sts.amazonaws.com"), None);
        assert_eq!(Hosts::at("http://127.0.0.1:4566/"), Ok(hosts));
        for text in ["", "127.0.0.1", "ftp://a.example", "http://a.example/path", "/"] {
            assert_eq!(Hosts::at(text), Err(EndpointError), "{text}");
        }
    }
}
