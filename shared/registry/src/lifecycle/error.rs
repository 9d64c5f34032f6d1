use berth_types::RepositoryName;

/// Why a preview of a lifecycle policy was not begun, or can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LifecyclePreviewError {
    /// Nobody began one for the repository.
    #[error("repository `{0}` has no lifecycle policy preview")]
    Unknown(RepositoryName),
    /// The one that was begun before may still end.
    #[error("a lifecycle policy preview of repository `{0}` is in progress")]
    InProgress(RepositoryName),
}
