//! Tests of the registry's features.
