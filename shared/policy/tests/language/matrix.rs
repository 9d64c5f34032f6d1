//! How many decisions the tests expect, each written down or made of tables.

use crate::support::take_decisions;
use crate::{conditions, decisions, examples, operators};

/// The least number of decisions that are written down one by one, in every part but the tables of
/// operators.
const LEAST_WRITTEN: usize = 300;

/// Runs tests in this thread, and returns how many decisions they checked.
fn decisions_of(tests: &[fn()]) -> usize {
    take_decisions();
    for test in tests {
        test();
    }
    take_decisions()
}

#[test]
fn the_matrix_is_large_enough() {
    let operators = decisions_of(&[
        operators::every_operator_in_every_form,
        operators::no_value_of_the_policy_matches_nothing,
        operators::values_of_another_type_match_nothing,
        operators::null_asks_whether_a_key_is_there,
    ]);
    let conditions = decisions_of(&[
        conditions::operators_and_keys_are_joined_by_and,
        conditions::values_are_joined_by_or_and_negated_by_nor,
        conditions::case_counts_in_values_and_not_in_names,
        conditions::wildcards_belong_to_like,
        conditions::variables_stand_for_values_of_the_request,
        conditions::variables_stand_in_resources,
        conditions::arns_compare_part_by_part,
        conditions::addresses_of_both_families_are_told_apart,
        conditions::old_versions_take_variables_for_text,
    ]);
    let principals = decisions_of(&[
        decisions::without_a_policy_of_the_resource_the_own_account_decides,
        decisions::in_one_account_either_side_is_enough,
        decisions::an_account_passes_permissions_on,
        decisions::across_accounts_both_sides_are_needed,
        decisions::sessions_are_their_roles,
        decisions::who_has_no_account_needs_the_resource_alone,
        decisions::denials_spare_only_whom_they_name,
        decisions::policies_of_a_resource_are_one_side,
        decisions::a_policy_without_principal_says_nothing_of_a_resource,
        decisions::actions_and_resources_are_matched,
        decisions::elements_with_not_turn_round,
    ]);
    let examples = decisions_of(&[
        examples::sets_of_values,
        examples::sets_that_must_not_be_empty,
        examples::several_keys_and_values,
        examples::several_values_of_a_negated_operator,
        examples::keys_that_need_not_be_there,
        examples::keys_that_must_not_be_there,
        examples::times_transports_and_networks,
        examples::variables_without_a_value,
        examples::repositories_are_shared,
        examples::repositories_are_shared_with_services,
        examples::registries_take_replicas,
        examples::tags_are_pushed_by_some,
    ]);
    println!(
        "operators {operators}, conditions {conditions}, principals {principals}, examples {examples}"
    );
    assert!(conditions + principals + examples >= LEAST_WRITTEN);
    // 26 operators, 6 forms, 6 lists of values, one and two values of the policy, both effects.
    assert!(operators >= 26 * 6 * 6 * 2 * 2, "{operators}");
}
