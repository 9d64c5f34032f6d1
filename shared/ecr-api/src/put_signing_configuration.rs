//! [PutSigningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutSigningConfiguration.html).

use berth_registry::access::Action;
use berth_registry::{SigningConfiguration, SigningRule};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, length, required, text_length};
use crate::repository_filter::{RepositoryFilterInput, SIGNING};

/// Pattern that ECR's API reference gives for signing profiles.
const PROFILE: &str =
    r"^arn:aws(-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:\/signing-profiles\/[a-zA-Z0-9_]{2,}$";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    signing_configuration: Option<ConfigurationInput>,
}

/// The data type [SigningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SigningConfiguration.html)
/// of a request.
#[derive(Debug, Deserialize)]
struct ConfigurationInput {
    rules: Option<Vec<RuleInput>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleInput {
    signing_profile_arn: Option<String>,
    repository_filters: Option<Vec<RepositoryFilterInput>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    signing_configuration: SigningConfiguration,
}

/// Says which images are signed.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let at = "signingConfiguration";
    let configuration = required(at, input.signing_configuration)?;
    let at = format!("{at}.rules");
    let inputs = required(&at, configuration.rules)?;
    length(&at, &inputs, 0, 10)?;
    let mut rules = Vec::with_capacity(inputs.len());
    for (place, input) in (1..).zip(inputs) {
        rules.push(rule(&format!("{at}.{place}.member"), input)?);
    }
    let configuration = SigningConfiguration { rules };
    let api = call.api;
    let permit = call.registry_permit(Action::PutSigningConfiguration).await?;
    api.registry.settings.put_signing(permit, &configuration).await?;
    Ok(Output { signing_configuration: configuration })
}

fn rule(at: &str, input: RuleInput) -> Result<SigningRule, InvalidParameter> {
    let at_profile = format!("{at}.signingProfileArn");
    let signing_profile_arn = required(&at_profile, input.signing_profile_arn)?;
    text_length(&at_profile, &signing_profile_arn, 0, 200)?;
    if !is_profile(&signing_profile_arn) {
        return Err(InvalidParameter::pattern(at_profile, PROFILE));
    }
    let repository_filters = match input.repository_filters {
        None => Vec::new(),
        Some(filters) => SIGNING.parse(&format!("{at}.repositoryFilters"), filters, 1)?,
    };
    Ok(SigningRule { signing_profile_arn, repository_filters })
}

/// Whether a text is the ARN of a signing profile.
fn is_profile(arn: &str) -> bool {
    let parts: Vec<_> = arn.split(':').collect();
    let ["arn", partition, "signer", region, account, resource] = parts[..] else {
        return false;
    };
    let is_lower = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let mut partition = partition.split('-');
    partition.next() == Some("aws")
        && partition.all(is_lower)
        && !region.is_empty()
        && region.chars().all(is_region)
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && resource.strip_prefix("/signing-profiles/").is_some_and(|name| {
            name.len() >= 2 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_follow_the_pattern() {
        let good = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/my_profile";
        assert!(is_profile(good));
        assert!(is_profile(&good.replace("arn:aws:", "arn:aws-us-gov:")));
        for (from, to) in [
            ("signer", "ecr"),
            ("aws", "aws-"),
            ("eu-central-1", ""),
            ("123456789012", "12"),
            ("/signing", "signing"),
            ("my_profile", "p"),
            ("my_profile", "my-profile"),
        ] {
            assert!(!is_profile(&good.replacen(from, to, 1)), "{to}");
        }
    }
}
