//! The registry's ports on SQLite and files.
