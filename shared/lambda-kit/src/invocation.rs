use lambda_runtime::Context;
use tracing::Span;

/// Returns the span of an invocation: its ids stand on every line that is logged inside.
pub(crate) fn span(context: &Context, gateway_request_id: Option<&str>) -> Span {
    tracing::info_span!(
        "invocation",
        request_id = context.request_id,
        gateway_request_id,
        trace_id = context.xray_trace_id,
    )
}
