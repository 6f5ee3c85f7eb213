//! The command line: results on standard output, all else on standard error.
//!
//! Start reading at [`main`].

mod check_config;
mod engines;
mod serve;
mod translate;

use std::fmt::Display;
use std::io::Write;
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

/// Writes a result. A reader that has gone away has seen enough.
fn print(text: impl Display) {
    let _written = writeln!(std::io::stdout(), "{text}");
}

#[expect(clippy::print_stderr, reason = "this is what standard error is for")]
fn complain(message: &str) {
    eprintln!("metaphrast: {message}");
}
