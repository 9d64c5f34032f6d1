/// The queues of jobs, one for each [`JobQueue`](berth_registry::JobQueue).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues {
    /// `BERTH_LIFECYCLE_QUEUE` and `BERTH_LIFECYCLE_DEAD_LETTERS`.
    pub lifecycle: QueueUrls,
    /// `BERTH_COLLECT_QUEUE` and `BERTH_COLLECT_DEAD_LETTERS`.
    pub collect: QueueUrls,
    /// `BERTH_REPLICATE_QUEUE` and `BERTH_REPLICATE_DEAD_LETTERS`.
    pub replicate: QueueUrls,
}

/// Where a queue of SQS is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueUrls {
    /// URL of the queue.
    pub url: String,
    /// URL of the queue of its dead letters.
    pub dead_letters: String,
}
