//! [BatchCheckLayerAvailability](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchCheckLayerAvailability.html).

use std::collections::{BTreeSet, HashMap};

use berth_registry::LayerSummary;
use berth_registry::access::Action;
use berth_types::{Digest, MediaType};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_id::{IMAGE_DIGEST, match_digest};
use crate::parameter::{InvalidParameter, length, named_repository, required, text_length};

/// How many layers a request asks for at most.
const MOST_DIGESTS: usize = 100;

/// Longest text that is looked at as a digest.
const LONGEST_DIGEST: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    layer_digests: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    layers: Vec<Layer>,
    failures: Vec<LayerFailure>,
}

/// The data type [Layer](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Layer.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    #[serde(rename = "layerDigest")]
    digest: String,
    #[serde(rename = "layerAvailability")]
    availability: &'static str,
    #[serde(rename = "layerSize", skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
}

/// The data type [LayerFailure](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_LayerFailure.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerFailure {
    layer_digest: String,
    failure_code: &'static str,
    failure_reason: String,
}

/// Says of each layer whether the repository holds it.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let texts = layer_digests(input.layer_digests)?;
    let permit = call.permit(Action::BatchCheckLayerAvailability, &name).await?;
    let digests: BTreeSet<Digest> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let digests: Vec<_> = digests.into_iter().collect();
    let found = api.registry.pull.layers(&permit, &digests).await?;
    let found: HashMap<_, _> = digests.iter().map(Digest::as_str).zip(found).collect();
    let mut output = Output { layers: Vec::new(), failures: Vec::new() };
    for text in texts {
        if let Some(failure) = failure(&text) {
            output.failures.push(failure);
            continue;
        }
        let summary = found.get(text.as_str()).and_then(Option::as_ref);
        output.layers.push(Layer::new(text.clone(), summary));
    }
    Ok(output)
}

fn layer_digests(texts: Option<Vec<String>>) -> Result<Vec<String>, InvalidParameter> {
    let texts = required("layerDigests", texts)?;
    length("layerDigests", &texts, 1, MOST_DIGESTS)?;
    for (place, text) in (1..).zip(&texts) {
        text_length(&format!("layerDigests.{place}.member"), text, 0, LONGEST_DIGEST)?;
    }
    Ok(texts)
}

/// Says why a text names no layer.
fn failure(text: &str) -> Option<LayerFailure> {
    let (failure_code, what) = match text {
        "" => ("MissingLayerDigest", "layer digest cannot be empty".to_owned()),
        _ if match_digest(text) => return None,
        _ => {
            let what = format!("layer digest should satisfy the regex '{IMAGE_DIGEST}'");
            ("InvalidLayerDigest", what)
        }
    };
    let failure_reason = format!("Invalid request parameters: {what}");
    Some(LayerFailure { layer_digest: text.to_owned(), failure_code, failure_reason })
}

impl Layer {
    fn new(digest: String, summary: Option<&LayerSummary>) -> Self {
        let availability = match summary {
            Some(summary) if summary.is_at_hand => "AVAILABLE",
            Some(_) => "ARCHIVED",
            None => "UNAVAILABLE",
        };
        let size = summary.map(|summary| summary.size);
        let media_type = summary.and_then(|summary| summary.media_type.clone());
        Self { digest, availability, size, media_type }
    }
}
