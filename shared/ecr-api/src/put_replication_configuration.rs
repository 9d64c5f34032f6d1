//! [PutReplicationConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutReplicationConfiguration.html).

use std::collections::HashSet;

use berth_registry::access::Action;
use berth_registry::{
    DeleteReplication, Identity, ReplicationConfiguration, ReplicationDestination, ReplicationRule,
};
use berth_types::{Region, RegistryId};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, length, required};
use crate::repository_filter::{REPLICATION, RepositoryFilterInput};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    replication_configuration: Option<ConfigurationInput>,
}

/// The data type [ReplicationConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ReplicationConfiguration.html)
/// of a request.
#[derive(Debug, Deserialize)]
struct ConfigurationInput {
    rules: Option<Vec<RuleInput>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleInput {
    destinations: Option<Vec<DestinationInput>>,
    repository_filters: Option<Vec<RepositoryFilterInput>>,
    delete_replication: Option<DeleteReplicationInput>,
}

#[derive(Debug, Deserialize)]
struct DeleteReplicationInput {
    enabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationInput {
    region: Option<String>,
    registry_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    replication_configuration: ReplicationConfiguration,
}

/// Says where images are replicated to.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let at = "replicationConfiguration";
    let configuration = required(at, input.replication_configuration)?;
    let at = format!("{at}.rules");
    let inputs = required(&at, configuration.rules)?;
    let quotas = call.api.registry.quotas;
    length(&at, &inputs, 0, quotas.replication_rules)?;
    let mut rules = Vec::with_capacity(inputs.len());
    for (place, input) in (1..).zip(inputs) {
        rules.push(rule(&format!("{at}.{place}.member"), input)?);
    }
    must_be_few(&at, &rules, quotas.replication_destinations)?;
    must_be_others(&rules, &call.api.identity)?;
    let configuration = ReplicationConfiguration { rules };
    let api = call.api;
    let permit = call.registry_permit(Action::PutReplicationConfiguration).await?;
    api.registry.settings.put_replication(permit, &configuration).await?;
    Ok(Output { replication_configuration: configuration })
}

/// Checks that all rules together name at most `most` different destinations.
fn must_be_few(at: &str, rules: &[ReplicationRule], most: usize) -> Result<(), InvalidParameter> {
    let destinations = rules.iter().flat_map(|rule| &rule.destinations);
    let different: HashSet<_> =
        destinations.map(|each| (each.region.as_str(), each.registry_id.as_str())).collect();
    match different.len() {
        count if count <= most => Ok(()),
        _ => {
            let reason = format!("must have at most {most} different destinations");
            Err(InvalidParameter::new(at, reason))
        }
    }
}

/// Checks that no rule sends images to the registry itself.
fn must_be_others(rules: &[ReplicationRule], identity: &Identity) -> Result<(), InvalidParameter> {
    let mut destinations = rules.iter().flat_map(|rule| &rule.destinations);
    let is_itself = |to: &ReplicationDestination| {
        to.registry_id == identity.registry_id && to.region == identity.region
    };
    if destinations.any(is_itself) {
        let reason = "Replication destination cannot be the same as the source registry";
        return Err(InvalidParameter::new("replicationConfiguration", reason));
    }
    Ok(())
}

fn rule(at: &str, input: RuleInput) -> Result<ReplicationRule, InvalidParameter> {
    let at_destinations = format!("{at}.destinations");
    let inputs = required(&at_destinations, input.destinations)?;
    length(&at_destinations, &inputs, 0, 100)?;
    let mut destinations = Vec::with_capacity(inputs.len());
    for (place, input) in (1..).zip(inputs) {
        destinations.push(destination(&format!("{at_destinations}.{place}.member"), input)?);
    }
    let repository_filters = match input.repository_filters {
        None => Vec::new(),
        Some(filters) => REPLICATION.parse(&format!("{at}.repositoryFilters"), filters, 1)?,
    };
    let delete_replication = match input.delete_replication {
        None => None,
        Some(given) => {
            let enabled = required(&format!("{at}.deleteReplication.enabled"), given.enabled)?;
            Some(DeleteReplication { enabled })
        }
    };
    Ok(ReplicationRule { destinations, repository_filters, delete_replication })
}

/// Parses a destination, which is given `at`.
pub(crate) fn destination(
    at: &str,
    input: DestinationInput,
) -> Result<ReplicationDestination, InvalidParameter> {
    let at_region = format!("{at}.region");
    let region = Region::try_from(required(&at_region, input.region)?);
    let region = region.map_err(|_| InvalidParameter::pattern(at_region, "[0-9a-z-]{2,25}"))?;
    let at_registry = format!("{at}.registryId");
    let registry_id = RegistryId::try_from(required(&at_registry, input.registry_id)?);
    let registry_id =
        registry_id.map_err(|_| InvalidParameter::pattern(at_registry, "[0-9]{12}"))?;
    Ok(ReplicationDestination { region, registry_id })
}
