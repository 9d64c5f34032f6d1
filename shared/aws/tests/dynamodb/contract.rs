//! The table keeps the port's contract.

use std::sync::Arc;

use berth_contract::table_suite;

use crate::server::DynamoDb;
use crate::wire::Wire;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table() {
    let server = DynamoDb::shared().await;
    table_suite(Arc::new(server.table("contract", &Wire::default()).await)).await;
}
