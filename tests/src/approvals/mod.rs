//! What the copilot may do by itself, and what waits for a person.

mod matrix;
