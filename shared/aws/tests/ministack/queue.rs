//! A queue keeps the port's contract.

use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use berth_aws::SqsQueue;
use berth_contract::{MOST_RECEIVED_ALIVE, Queues, queue_suite};

use crate::server::MiniStack;
use crate::wire::Wire;

#[tokio::test]
async fn queue() {
    let server = MiniStack::start("sqs").await;
    let client = Client::new(&server.config(&Wire::default()));
    let dead = make(&client, "dead", None).await;
    let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
    let policy =
        format!(r#"{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {MOST_RECEIVED_ALIVE}}}"#);
    let jobs = make(&client, "jobs", Some(policy)).await;
    queue_suite(&Queues { send: jobs.clone(), receive: jobs, send_dead: dead.clone(), dead }).await;
}

async fn make(client: &Client, name: &str, redrive_policy: Option<String>) -> Arc<SqsQueue> {
    let mut request = client.create_queue().queue_name(name);
    if let Some(policy) = redrive_policy {
        request = request.attributes(QueueAttributeName::RedrivePolicy, policy);
    }
    let made = request.send().await.expect("a queue is made");
    Arc::new(SqsQueue::new(client.clone(), made.queue_url.expect("a queue has a URL")))
}
