use std::collections::BTreeMap;
use std::fmt;

/// Where settings come from: the process's environment, or a map in tests.
pub trait Environment: fmt::Debug {
    /// Returns the value of a variable, if it is set and is text.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<&str, &str> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).map(|&value| value.to_owned())
    }
}
