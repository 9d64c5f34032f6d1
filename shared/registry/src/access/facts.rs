use std::collections::BTreeMap;
use std::net::IpAddr;

use berth_policy::Context;
use berth_types::Tag;

use crate::ports::Timestamp;
use crate::repositories::Repository;

/// Address of the client that sent a request, as the server sees it. Servers put it into the
/// request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// How a client sent a request. Servers that know it put it into the request's extensions; unless
/// they do, the URL under which clients see the registry says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As plain text.
    Plain,
    /// By TLS.
    Tls,
}

/// What a request says beside its caller, action and resource, for the conditions of policies.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Address of the client (`aws:SourceIp`), if the server knows it.
    pub source_ip: Option<ClientAddress>,
    /// Whether the client speaks TLS (`aws:SecureTransport`).
    pub secure_transport: bool,
    /// Tags of images that the request names (`berth:ImageTag`). Policies are asked once for each.
    pub image_tags: Vec<Tag>,
    /// Resource tags that the request gives (`aws:RequestTag/KEY`, and `aws:TagKeys`).
    pub request_tags: BTreeMap<String, String>,
    /// Keys of resource tags that the request takes away (`aws:TagKeys`).
    pub tag_keys: Vec<String>,
    /// Name of the account setting that the request is about (`ecr:AccountSetting`).
    pub account_setting: Option<String>,
}

impl Facts {
    /// Returns what is known of any request: its client's address and transport, if the server
    /// knows them, and the URL under which clients see the registry.
    #[must_use]
    pub fn of_client(
        source_ip: Option<ClientAddress>,
        transport: Option<Transport>,
        base_url: &str,
    ) -> Self {
        let secure_transport = match transport {
            Some(transport) => transport == Transport::Tls,
            None => base_url.starts_with("https:"),
        };
        Self { source_ip, secure_transport, ..Self::default() }
    }

    /// Returns the context of a request of `principal` about `repository`, if there is one, but for
    /// the tags of images.
    pub(super) fn context(
        &self,
        principal: &berth_policy::Principal,
        repository: Option<&Repository>,
        now: Timestamp,
    ) -> Context {
        let mut context = Context::of(principal);
        let now = now.seconds().to_string();
        context
            .set("aws:CurrentTime", now.as_str())
            .set("aws:EpochTime", now)
            .set("aws:SecureTransport", self.secure_transport.to_string());
        if let Some(ClientAddress(address)) = self.source_ip {
            context.set("aws:SourceIp", address.to_canonical().to_string());
        }
        if let Some(setting) = &self.account_setting {
            context.set("ecr:AccountSetting", setting.as_str());
        }
        let keys = self.request_tags.keys().chain(&self.tag_keys);
        context.set_list("aws:TagKeys", keys.map(String::as_str));
        for (key, value) in &self.request_tags {
            context.set(&format!("aws:RequestTag/{key}"), value.as_str());
        }
        for (key, value) in repository.into_iter().flat_map(|repository| &repository.tags) {
            context
                .set(&format!("aws:ResourceTag/{key}"), value.as_str())
                .set(&format!("ecr:ResourceTag/{key}"), value.as_str());
        }
        context
    }
}
