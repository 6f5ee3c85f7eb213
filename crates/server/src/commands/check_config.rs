//! `metaphrast check-config`: what a configuration would do.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Failure, load, print};

#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = load(Some(&arguments.file))?;
    config.check_supported()?;
    let (does, without_effect) = (config.describe(), config.keys_without_effect());
    if arguments.json {
        print(json!({ "does": does, "without_effect": without_effect }))?;
        return Ok(());
    }
    for sentence in does {
        print(sentence)?;
    }
    for key in without_effect {
        print(format_args!("No effect in this version: {key}"))?;
    }
    Ok(())
}
