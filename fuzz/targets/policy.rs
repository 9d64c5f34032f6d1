//! Policies: the first line is a value of the request, the rest the document.

#![no_main]

use berth_policy::{
    Context, Decision, Denial, Identity, Policies, Policy, PolicyKind, Principal, RegistryScope,
    Request, decide,
};
use libfuzzer_sys::fuzz_target;

const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app";
const DENIAL: &str = r#"{"Version": "2012-10-17",
    "Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}"#;

fuzz_target!(|input: &str| {
    let (value, document) = input.split_once('\n').unwrap_or(("", input));
    let principal: Principal = "arn:aws:sts::111122223333:assumed-role/ci/run-7"
        .parse()
        .map(Principal::Aws)
        .expect("a principal");
    let mut context = Context::of(&principal);
    context.set("a:x", value).set("aws:SourceIp", value).set_list("aws:TagKeys", value.split(','));
    let registry = PolicyKind::Registry(RegistryScope::V2);
    let denial = Policy::parse(&registry, DENIAL, DENIAL.len()).expect("a policy");
    let repository = PolicyKind::Repository { arn: REPOSITORY.to_owned() };
    for kind in [PolicyKind::Identity, repository, registry] {
        let Ok(policy) = Policy::parse(&kind, document, kind.usual_size()) else { continue };
        assert_eq!(policy.text(), document);
        for caller in [&principal, &Principal::Anonymous] {
            let request = Request::new(caller, "ecr:PutImage", REPOSITORY, &context);
            let policies = Policies {
                owner: "111122223333",
                identity: Identity::Policies(&[&policy]),
                resource: &[&policy],
            };
            let decision = decide(&request, &policies);
            // The same again, and nothing is allowed beside a denial.
            assert_eq!(decide(&request, &policies), decision);
            let denied = decide(&request, &Policies { resource: &[&policy, &denial], ..policies });
            assert!(matches!(denied, Decision::Denied(Denial::Explicit(_))));
        }
    }
});
