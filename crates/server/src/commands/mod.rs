//! The command line: results on standard output, all else on standard error.
//!
//! Start reading at [`main`].

mod check_config;
mod engines;
mod models;
mod serve;
mod translate;

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, Overrides, environment};

/// Amazon Translate's API on one's own machines.
#[derive(Parser)]
#[command(name = "metaphrast", version, about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until SIGTERM or Ctrl-C.
    Serve(serve::Arguments),
    /// Translate one text.
    Translate(translate::Arguments),
    /// Show the engines, what they serve, and what is wrong with them.
    Engines(engines::Arguments),
    /// Put neural models on this machine, look at them, take them away.
    Models(models::Arguments),
    /// Read a configuration and say what it would do.
    CheckConfig(check_config::Arguments),
}

/// Why a command ended without success.
enum Failure {
    /// The command line or the configuration is wrong.
    Usage(String),
    /// The work failed.
    Work(String),
}

/// Runs the command that the command line asks for.
pub fn main() -> ExitCode {
    // Of clap's own endings, help is a success and all else has status 2.
    let result = match CommandLine::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Translate(arguments) => translate::run(arguments),
        Command::Engines(arguments) => engines::run(&arguments),
        Command::Models(arguments) => models::run(arguments),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            complain(&message);
            ExitCode::from(2)
        }
        Err(Failure::Work(message)) => {
            complain(&message);
            ExitCode::from(1)
        }
    }
}

impl Failure {
    fn work(err: &anyhow::Error) -> Self {
        Self::Work(format!("{err:#}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(err: ConfigError) -> Self {
        Self::Usage(err.to_string())
    }
}

fn load(file: Option<&PathBuf>) -> Result<Config, Failure> {
    Ok(Config::load(file.map(PathBuf::as_path), environment(), Overrides::default())?)
}

/// Writes a result to standard output.
fn print(text: impl Display) -> Result<(), Failure> {
    write(std::io::stdout(), text)
}

fn write(mut output: impl Write, text: impl Display) -> Result<(), Failure> {
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Ok(()) => Ok(()),
        // A reader that has gone away has seen enough.
        Err(err) if err.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(err) => Err(Failure::Work(format!("standard output cannot be written: {err}"))),
    }
}

#[expect(clippy::print_stderr, reason = "this is what standard error is for")]
fn complain(message: &str) {
    eprintln!("metaphrast: {message}");
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_result_that_is_lost_is_a_failure_unless_its_reader_has_gone() {
        let mut written = Vec::new();
        assert!(write(&mut written, "a").is_ok());
        assert_eq!(written, b"a\n");
        assert!(write(Broken(ErrorKind::BrokenPipe), "a").is_ok());
        assert!(matches!(write(Broken(ErrorKind::StorageFull), "a"), Err(Failure::Work(_))));
    }
}
