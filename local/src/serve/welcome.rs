//! What a person reads when the server starts.

use berth_registry::Identity;
use berth_types::RegistryId;

use super::credentials::{Origin, Root};
use super::options::Settings;

/// What is said of a registry.
pub(super) struct Welcome {
    pub(super) identity: Identity,
    pub(super) root: Root,
    /// The URL that clients see.
    pub(super) url: String,
}

impl Welcome {
    /// Returns the registry's name in references to images.
    fn host(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, host)| host)
    }
}

/// Prints where the registries listen, where their data is, and the commands to copy.
#[expect(clippy::print_stdout, reason = "this is the program's answer, not a log")]
pub(super) fn print(settings: &Settings, registries: &[Welcome]) {
    let data = std::path::absolute(&settings.data_dir);
    let data = data.as_ref().unwrap_or(&settings.data_dir).display();
    for Welcome { identity, url, .. } in registries {
        println!("Berth listens on {url}");
        println!("Registry         {} in {}", identity.registry_id, identity.region);
    }
    println!("Data is in       {data}");
    println!();
    if settings.open {
        println!("Anyone on this machine may do anything: the registry is open.");
    } else {
        print_roots(registries);
        println!();
        for registry in registries {
            let id = &registry.root.credentials.access_key_id;
            println!("Log in:          docker login -u {id} {}", registry.host());
        }
    }
    if let Some(host) = registries.first().map(Welcome::host) {
        println!("Push an image:   docker tag IMAGE {host}/IMAGE && docker push {host}/IMAGE");
        println!("Pull it back:    docker pull {host}/IMAGE");
    }
    println!();
    println!("Stop with Ctrl-C.");
}

/// Says of each account where the access key of its root user is.
#[expect(clippy::print_stdout, reason = "this is the program's answer, not a log")]
fn print_roots(registries: &[Welcome]) {
    let mut told: Vec<&RegistryId> = Vec::new();
    for Welcome { identity, root, .. } in registries {
        if told.contains(&&identity.registry_id) {
            continue;
        }
        told.push(&identity.registry_id);
        let of = &identity.registry_id;
        match &root.origin {
            Origin::Made(file) => {
                println!("Access key of the root user of {of}, shown this once:");
                println!("  id      {}", root.credentials.access_key_id);
                println!("  secret  {}", root.credentials.secret_access_key.reveal());
                println!("  (kept in {})", file.display());
            }
            Origin::Kept(file) => {
                println!("The access key of the root user of {of} is kept in {}", file.display());
            }
            Origin::Given => {
                println!("The access key of the root user of {of} is the one that you gave.");
            }
        }
    }
}
