//! `metaphrast serve`: the server, until it is told to end.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::config::{Config, ConfigError, Overrides, environment};
use crate::startup;

/// How long the end waits for threads that block, such as in an engine or on a disk.
const THREADS_END_MAX: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration; without it everything has its default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The folder of the database, the objects and the models.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { config, listen, data_dir } = arguments;
    let overrides = Overrides { listen, data_dir };
    let config = Config::load(config.as_deref(), environment(), overrides)?;
    start_logging();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|err| Failure::work(&err.into()))?;
    let ended = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let (serving, token) = (startup::serve(config, shutdown.clone()), shutdown);
        tokio::pin!(serving);
        loop {
            tokio::select! {
                ended = &mut serving => return ended,
                _ = terminate.recv() => (),
                pressed = tokio::signal::ctrl_c() => pressed?,
            }
            tracing::info!("shutting down: work in hand is given back");
            token.cancel();
        }
    });
    // What they do besides is not wanted any more: nobody waits for its result.
    runtime.shutdown_timeout(THREADS_END_MAX);
    ended.map_err(|err| match err.downcast::<ConfigError>() {
        Ok(err) => err.into(),
        Err(err) => Failure::work(&err),
    })
}

/// What is logged when `RUST_LOG` says nothing: `s3s` logs every refusal as an error.
const LOGGED: &str = "info,s3s=off";

/// Logs to standard error, panics too; `RUST_LOG` says what, as usual.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    // What a panic says may quote a text that was being translated.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a part of the program panicked");
    }));
}
