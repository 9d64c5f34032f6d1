//! What every implementation of a port must do, as suites; and ports that misbehave.
