//! What every Lambda function shares: configuration, logs, metrics, serving HTTP and SQS events.
