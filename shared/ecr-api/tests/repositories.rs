//! Repositories, on the embedded store, in this process, through an open registry.

mod harness;

use serde_json::{Value, json};

use self::harness::TestRegistry;

#[tokio::test]
async fn a_repository_is_made_described_and_deleted() {
    let registry = TestRegistry::open();
    let name = json!({ "repositoryName": "team/app" });
    let (status, made) = registry.call("CreateRepository", &name).await;
    assert_eq!(status, 200, "{made}");
    let repository = &made["repository"];
    assert_eq!(
        repository["repositoryArn"],
        "arn:aws:ecr:eu-central-1:123456789012:repository/team/app"
    );
    assert_eq!(repository["repositoryUri"], "registry.example.com/team/app");
    assert!(repository["createdAt"].is_f64());
    let (status, error) = registry.call("CreateRepository", &name).await;
    assert_eq!((status, &error["__type"]), (400, &json!("RepositoryAlreadyExistsException")));
    let (_, described) = registry.call("DescribeRepositories", &json!({})).await;
    assert_eq!(described, json!({ "repositories": [repository] }));
    let (_, deleted) = registry.call("DeleteRepository", &name).await;
    assert_eq!(deleted, made);
    let (status, error) = registry.call("DeleteRepository", &name).await;
    assert_eq!((status, &error["__type"]), (400, &json!("RepositoryNotFoundException")));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let registry = TestRegistry::open();
    for name in ["aa", "bb", "cc"] {
        let (status, _) =
            registry.call("CreateRepository", &json!({ "repositoryName": name })).await;
        assert_eq!(status, 200);
    }
    let mut found = Vec::new();
    let mut token = Value::Null;
    loop {
        let input = json!({ "maxResults": 2, "nextToken": token });
        let (_, page) = registry.call("DescribeRepositories", &input).await;
        let names = page["repositories"].as_array().unwrap().iter();
        found.extend(names.map(|repository| repository["repositoryName"].clone()));
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(found, ["aa", "bb", "cc"]);
}
