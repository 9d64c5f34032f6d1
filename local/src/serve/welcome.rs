//! What a person reads when the server starts.

use super::credentials::{Origin, Root};
use super::options::Settings;

/// Prints where the registry listens, where its data is, and the commands to copy.
#[expect(clippy::print_stdout, reason = "this is the program's answer, not a log")]
pub(super) fn print(settings: &Settings, root: &Root, base_url: &str) {
    let host = base_url.split_once("://").map_or(base_url, |(_, host)| host);
    let data = std::path::absolute(&settings.data_dir);
    let data = data.as_ref().unwrap_or(&settings.data_dir).display();
    let id = &root.credentials.access_key_id;
    println!("Berth listens on {base_url}");
    println!("Its data is in   {data}");
    println!("Registry         {} in {}", settings.account, settings.region);
    println!();
    if settings.open {
        println!("Anyone on this machine may do anything: the registry is open.");
    } else {
        match root.origin {
            Origin::Made => {
                println!("Access key of the root user, shown this once:");
                println!("  id      {id}");
                println!("  secret  {}", root.credentials.secret_access_key.reveal());
                println!("  (kept in {data}/secrets/root)");
            }
            Origin::Kept => println!("The root's access key is kept in {data}/secrets/root"),
            Origin::Given => println!("The root's access key is the one that you gave."),
        }
        println!();
        println!("Log in:          docker login -u {id} {host}");
    }
    println!("Push an image:   docker tag IMAGE {host}/IMAGE && docker push {host}/IMAGE");
    println!("Pull it back:    docker pull {host}/IMAGE");
    println!();
    println!("Stop with Ctrl-C.");
}
