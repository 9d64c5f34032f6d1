//! Users, their access keys and their policies.

use berth_registry::access::{Action, Caller, Facts, UserPermit};
use berth_registry::ports::{Consistency, Query, Select};
use berth_registry::{AccessKeyStatus, IdentityError};
use berth_types::{AccessKeyId, PolicyName, UserName};
use futures_util::future::join_all;

use crate::harness::{Store, TestRegistry};

const POLICY: &str = r#"{"Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}"#;

fn permit(registry: &TestRegistry, action: Action, name: &str) -> UserPermit {
    let name = name.parse().unwrap();
    registry.gate.user(&Caller::ROOT, action, &name, &Facts::default()).unwrap()
}

/// Returns whatever the table holds of users, as text.
async fn partition(store: &Store, partition: &str) -> Vec<String> {
    let query = Query {
        partition: partition.to_owned(),
        prefix: String::new(),
        after: None,
        limit: 100,
        consistency: Consistency::Strong,
        select: Select::Items,
    };
    let page = store.table.query(&query).await.unwrap();
    page.items.iter().map(|item| String::from_utf8_lossy(&item.document).into_owned()).collect()
}

fn policy(name: &str) -> PolicyName {
    name.parse().unwrap()
}

#[tokio::test]
async fn users_are_made_listed_and_deleted() {
    let registry = TestRegistry::new();
    let users = &registry.users;
    for name in ["kim", "Ann", "zoe"] {
        users.create(&permit(&registry, Action::CreateUser, name)).await.unwrap();
    }
    let again = users.create(&permit(&registry, Action::CreateUser, "kim")).await;
    assert!(matches!(again, Err(IdentityError::UserExists(_))), "{again:?}");

    let gate = &registry.gate;
    let list = gate.registry(&Caller::ROOT, Action::ListUsers, &Facts::default()).await.unwrap();
    let first = users.list(list, None, 2).await.unwrap();
    let names = |users: &[berth_registry::User]| -> Vec<UserName> {
        users.iter().map(|user| user.name.clone()).collect()
    };
    assert_eq!(names(&first.users), ["Ann".parse().unwrap(), "kim".parse().unwrap()]);
    let rest = users.list(list, first.next.as_ref(), 2).await.unwrap();
    assert_eq!(names(&rest.users), ["zoe".parse().unwrap()]);
    assert_eq!(rest.next, None);

    users.delete(&permit(&registry, Action::DeleteUser, "kim")).await.unwrap();
    let gone = users.delete(&permit(&registry, Action::DeleteUser, "kim")).await;
    assert!(matches!(gone, Err(IdentityError::UserUnknown(_))), "{gone:?}");
}

#[tokio::test]
async fn names_differ_in_more_than_case() {
    let registry = TestRegistry::new();
    let users = &registry.users;
    users.create(&permit(&registry, Action::CreateUser, "Kim")).await.unwrap();
    for name in ["kim", "KIM"] {
        let again = users.create(&permit(&registry, Action::CreateUser, name)).await;
        assert!(matches!(again, Err(IdentityError::UserExists(_))), "{again:?}");
        // What policies say of `Kim` is not asked for `kim`.
        let key = users.create_access_key(&permit(&registry, Action::CreateAccessKey, name)).await;
        assert!(matches!(key, Err(IdentityError::UserUnknown(_))), "{key:?}");
        let gone = users.delete(&permit(&registry, Action::DeleteUser, name)).await;
        assert!(matches!(gone, Err(IdentityError::UserUnknown(_))), "{gone:?}");
    }
    users.delete(&permit(&registry, Action::DeleteUser, "Kim")).await.unwrap();
    users.create(&permit(&registry, Action::CreateUser, "KIM")).await.unwrap();
}

#[tokio::test]
async fn a_user_has_two_access_keys_however_many_ask() {
    let registry = TestRegistry::new();
    let (users, store) = (&registry.users, &registry.store);
    users.create(&permit(&registry, Action::CreateUser, "kim")).await.unwrap();
    let creation = permit(&registry, Action::CreateAccessKey, "kim");
    let made = join_all((0..8).map(|_| users.create_access_key(&creation))).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 2);
    for refused in refused {
        assert!(matches!(refused, Err(IdentityError::TooManyAccessKeys(2))), "{refused:?}");
    }
    let listed =
        users.access_keys(&permit(&registry, Action::ListAccessKeys, "kim")).await.unwrap();
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!(listed.len(), 2);
    assert!(made.iter().all(|new| listed.contains(&new.key) && new.secret.reveal().len() == 40));
    for new in &made {
        let stored = partition(store, &format!("access-key/{}", new.key.id)).await;
        assert!(!stored[0].contains(new.secret.reveal()), "the secret lies in the clear");
    }
}

#[tokio::test]
async fn access_keys_are_switched_and_deleted_by_their_users_name() {
    let registry = TestRegistry::new();
    let (users, store) = (&registry.users, &registry.store);
    for name in ["kim", "zoe"] {
        users.create(&permit(&registry, Action::CreateUser, name)).await.unwrap();
    }
    let new =
        users.create_access_key(&permit(&registry, Action::CreateAccessKey, "kim")).await.unwrap();
    let (id, status) = (new.key.id, AccessKeyStatus::Inactive);
    let unknown = |result| match result {
        Err(IdentityError::AccessKeyUnknown { .. }) => {}
        other => panic!("{other:?}"),
    };
    let update = permit(&registry, Action::UpdateAccessKey, "zoe");
    unknown(users.update_access_key(&update, &id, status).await);
    unknown(users.delete_access_key(&permit(&registry, Action::DeleteAccessKey, "zoe"), &id).await);
    let other: AccessKeyId = "BRTHABCDEFGHIJKLMNOP".parse().unwrap();
    let update = permit(&registry, Action::UpdateAccessKey, "kim");
    unknown(users.update_access_key(&update, &other, status).await);

    users.update_access_key(&update, &id, status).await.unwrap();
    let listed =
        users.access_keys(&permit(&registry, Action::ListAccessKeys, "kim")).await.unwrap();
    assert_eq!(listed[0].status, AccessKeyStatus::Inactive);
    users.delete_access_key(&permit(&registry, Action::DeleteAccessKey, "kim"), &id).await.unwrap();
    let listed =
        users.access_keys(&permit(&registry, Action::ListAccessKeys, "kim")).await.unwrap();
    assert!(listed.is_empty());
    assert!(partition(store, &format!("access-key/{id}")).await.is_empty());
}

#[tokio::test]
async fn policies_are_valid_few_and_given_back_as_written() {
    let registry = TestRegistry::new();
    let users = &registry.users;
    users.create(&permit(&registry, Action::CreateUser, "kim")).await.unwrap();
    let put = permit(&registry, Action::PutUserPolicy, "kim");
    let invalid = users.put_policy(&put, &policy("p"), "{}").await;
    assert!(matches!(invalid, Err(IdentityError::PolicyInvalid(_))), "{invalid:?}");
    for number in 0..10 {
        users.put_policy(&put, &policy(&format!("p{number}")), POLICY).await.unwrap();
    }
    users.put_policy(&put, &policy("p3"), POLICY).await.unwrap();
    let more = users.put_policy(&put, &policy("p10"), POLICY).await;
    assert!(matches!(more, Err(IdentityError::TooManyPolicies(10))), "{more:?}");

    let get = permit(&registry, Action::GetUserPolicy, "kim");
    assert_eq!(users.policy(&get, &policy("p3")).await.unwrap(), POLICY);
    users
        .delete_policy(&permit(&registry, Action::DeleteUserPolicy, "kim"), &policy("p3"))
        .await
        .unwrap();
    let gone = users.policy(&get, &policy("p3")).await;
    assert!(matches!(gone, Err(IdentityError::PolicyUnknown { .. })), "{gone:?}");
    let names = users.policies(&permit(&registry, Action::ListUserPolicies, "kim")).await.unwrap();
    assert_eq!(names.len(), 9);
    assert!(!names.contains(&policy("p3")));
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing() {
    let registry = TestRegistry::new();
    let (users, store) = (&registry.users, &registry.store);
    users.create(&permit(&registry, Action::CreateUser, "kim")).await.unwrap();
    let creation = permit(&registry, Action::CreateAccessKey, "kim");
    let keys = [
        users.create_access_key(&creation).await.unwrap(),
        users.create_access_key(&creation).await.unwrap(),
    ];
    users
        .put_policy(&permit(&registry, Action::PutUserPolicy, "kim"), &policy("p"), POLICY)
        .await
        .unwrap();
    users.delete(&permit(&registry, Action::DeleteUser, "kim")).await.unwrap();
    for partition_key in ["users".to_owned(), "user/kim".to_owned()]
        .into_iter()
        .chain(keys.iter().map(|new| format!("access-key/{}", new.key.id)))
    {
        assert!(partition(store, &partition_key).await.is_empty(), "{partition_key}");
    }
}
