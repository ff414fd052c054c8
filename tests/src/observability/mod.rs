//! What operators are told: numbers at `/metrics`, and spans at a collector.

mod collector;
mod numbers;
mod reader;
mod spans;
