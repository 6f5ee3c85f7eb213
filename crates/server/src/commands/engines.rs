//! `metaphrast engines`: what translates here, and what is wrong with it.

use std::path::PathBuf;

use clap::Args;
use engine::Installed;
use serde_json::{Value, json};

use super::{Failure, load, print};
use crate::config::{Config, EngineName};
use crate::startup;

#[derive(Args)]
pub(super) struct Arguments {
    /// Write JSON.
    #[arg(long)]
    json: bool,
    /// The configuration; without it everything has its default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = load(arguments.config.as_ref())?;
    let engines = startup::engines(&config).map_err(|err| Failure::work(&err))?;
    if arguments.json {
        let engines: Vec<Value> = engines
            .installed()
            .map(|(name, installed)| {
                json!({ "name": name, "installed": installed.iter().map(value).collect::<Vec<_>>() })
            })
            .collect();
        print(json!({ "engines": engines, "absent": absent(&config) }))?;
        return Ok(());
    }
    for (name, installed) in engines.installed() {
        print(name)?;
        for installed in &installed {
            print(format_args!("  {}", line(installed)))?;
        }
        if installed.is_empty() {
            print("  serves nothing: no model was found")?;
        }
    }
    for name in absent(&config) {
        print(format_args!("{name}\n  not in this version"))?;
    }
    print(format_args!(
        "\nA model in {} adds a pair: a folder named like en-es with its files and metadata.json.",
        config.engines.neural.models_dir.display()
    ))?;
    Ok(())
}

/// The engines of the order that this version does not have.
fn absent(config: &Config) -> Vec<&'static str> {
    let is_absent = |name: &&EngineName| matches!(name, EngineName::Apertium);
    config.engines.order.iter().filter(is_absent).map(|name| name.as_str()).collect()
}

fn line(installed: &Installed) -> String {
    let pair = installed.pair.map_or_else(|| "every pair".to_owned(), |pair| pair.to_string());
    let version = installed.version.as_ref().map(|version| format!(", version {version}"));
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let megabytes = installed.size_bytes as f64 / 1e6;
    let size = (0 < installed.size_bytes).then(|| format!(", {megabytes:.1} MB"));
    let problem =
        installed.problem.as_ref().map(|problem| format!("\n    CANNOT BE USED: {problem}"));
    let parts = [version, size, problem].into_iter().flatten();
    format!("{pair}: {}", installed.origin) + &parts.collect::<String>()
}

fn value(installed: &Installed) -> Value {
    json!({
        "source": installed.pair.map(|pair| pair.source.as_str()),
        "target": installed.pair.map(|pair| pair.target.as_str()),
        "origin": installed.origin,
        "version": installed.version,
        "size_bytes": installed.size_bytes,
        "problem": installed.problem,
    })
}
