//! The program with crash points and countable effects, for the tests of crashes.

#[path = "main.rs"]
mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
