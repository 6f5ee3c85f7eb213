//! The program `metaphrast`: reads the command line, runs a command, and says
//! how it went: status 0 for done, 1 for failed work, 2 for a command line or a
//! configuration that is wrong.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::commands::main()
}
