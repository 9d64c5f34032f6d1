//! Trusts: whom of AWS the registry lets in, and their policies.

use std::time::Duration;

use berth_registry::access::{Action, Caller, Facts};
use berth_registry::{NewTrust, TrustError};
use futures_util::future::join_all;

use crate::harness::TestRegistry;
use crate::sessions::{PULL, delete, permit, trust};

#[tokio::test]
async fn trusts_are_made_listed_and_deleted() {
    let registry = TestRegistry::new();
    let trusts = &registry.trusts;
    let trust = trust(&registry, PULL).await;
    let create = async |name: &str, principals: usize, minutes| {
        let principals = vec!["111122223333".parse().unwrap(); principals];
        let new = NewTrust { principals, max_session: Duration::from_mins(minutes) };
        trusts.create(&permit(&registry, Action::CreateTrust, name), new).await
    };
    let refused = create("builds", 1, 60).await.unwrap_err();
    assert!(matches!(refused, TrustError::TrustExists(_)), "{refused:?}");
    for (principals, minutes) in [(0, 60), (51, 60), (1, 14), (1, 721)] {
        let refused = create("other", principals, minutes).await.unwrap_err();
        let fits = match &refused {
            TrustError::Principals(50) => minutes == 60,
            TrustError::Duration { .. } => minutes != 60,
            _ => false,
        };
        assert!(fits, "{refused:?}");
    }
    let other = create("other", 50, 720).await.unwrap();
    let facts = Facts::default();
    let list = registry.gate.registry(&Caller::ROOT, Action::ListTrusts, &facts).await.unwrap();
    let first = trusts.list(list, None, 1).await.unwrap();
    assert_eq!(first.trusts, [trust]);
    let rest = trusts.list(list, first.next.as_ref(), 1).await.unwrap();
    assert_eq!((rest.trusts, rest.next), (vec![other], None));

    delete(&registry).await;
    let gone = trusts.delete(&permit(&registry, Action::DeleteTrust, "builds")).await;
    assert!(matches!(gone, Err(TrustError::TrustUnknown(_))), "{gone:?}");
    let names = (0..99).map(|number| format!("t{number}"));
    let made = join_all(names.map(async |name| create(&name, 1, 60).await)).await;
    assert!(made.iter().all(Result::is_ok));
    let refused = create("another", 1, 60).await.unwrap_err();
    assert!(matches!(refused, TrustError::TooManyTrusts(100)), "{refused:?}");
}

#[tokio::test]
async fn trusts_have_policies() {
    let registry = TestRegistry::new();
    let trusts = &registry.trusts;
    trust(&registry, PULL).await;
    let permit = |action| permit(&registry, action, "builds");
    let (p, q) = ("p".parse().unwrap(), "q".parse().unwrap());
    let text = trusts.policy(&permit(Action::GetTrustPolicy), &p).await.unwrap();
    assert!(text.contains("BatchGetImage"), "{text}");
    let put = permit(Action::PutTrustPolicy);
    trusts.put_policy(&put, &q, &text).await.unwrap();
    let invalid = trusts.put_policy(&put, &q, "{}").await;
    assert!(matches!(invalid, Err(TrustError::PolicyInvalid(_))), "{invalid:?}");
    let list = permit(Action::ListTrustPolicies);
    assert_eq!(trusts.policies(&list).await.unwrap(), [p.clone(), q.clone()]);
    let remove = permit(Action::DeleteTrustPolicy);
    trusts.delete_policy(&remove, &p).await.unwrap();
    let gone = trusts.delete_policy(&remove, &p).await;
    assert!(matches!(gone, Err(TrustError::PolicyUnknown { .. })), "{gone:?}");
    assert_eq!(trusts.policies(&list).await.unwrap(), [q]);
    for number in 0..9 {
        trusts.put_policy(&put, &format!("p{number}").parse().unwrap(), &text).await.unwrap();
    }
    let refused = trusts.put_policy(&put, &p, &text).await;
    assert!(matches!(refused, Err(TrustError::TooManyPolicies(10))), "{refused:?}");
}
