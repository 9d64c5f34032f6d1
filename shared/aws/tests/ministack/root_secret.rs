//! The root's access key in Secrets Manager.

use aws_sdk_secretsmanager::Client;
use berth_aws::root_credentials;
use berth_registry::ports::StoreErrorKind;

use crate::server::MiniStack;
use crate::wire::Wire;

#[tokio::test]
async fn the_secret_is_read() {
    let server = MiniStack::start("secretsmanager").await;
    let client = Client::new(&server.config(&Wire::default()));
    for (name, text) in [
        ("root", r#"{"accessKeyId": "AKIA0", "secretAccessKey": "hidden"}"#),
        ("malformed", "hidden"),
    ] {
        let request = client.create_secret().name(name).secret_string(text);
        request.send().await.expect("a secret is made");
    }

    let root = root_credentials(&client, "root").await.expect("the secret is read");
    assert_eq!(root.access_key_id, "AKIA0");
    assert!(root.secret_access_key.matches("hidden"));

    let error = root_credentials(&client, "malformed").await.expect_err("no document");
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    assert!(!format!("{error:?}").contains("hidden"));

    let error = root_credentials(&client, "absent").await.expect_err("no secret");
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert!(error.to_string().contains("ResourceNotFoundException"), "{error}");
}
