//! `metaphrast engines`: what translates here, and what is wrong with it.

use std::path::PathBuf;

use clap::Args;
use domain::language::{LanguageCode, LanguagePair};
use engine::{Addable, ApertiumEngine, Engines, Installed, Leg, Route};
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
    let addable = addable(&config, &engines);
    if arguments.json {
        let installed = engines.installed().map(|(name, installed)| {
            json!({ "name": name, "installed": installed.iter().map(value).collect::<Vec<_>>() })
        });
        return print(json!({
            "engines": installed.collect::<Vec<_>>(),
            "routes": routes(&engines).iter().map(route).collect::<Vec<_>>(),
            "addable": addable.iter().map(package).collect::<Vec<_>>(),
        }));
    }
    for (name, installed) in engines.installed() {
        print(name)?;
        for installed in &installed {
            print(format_args!("  {}", line(installed)))?;
        }
        if installed.is_empty() {
            print("  serves nothing: nothing for it was found on this machine")?;
        }
    }
    let by_others: Vec<String> = routes(&engines)
        .iter()
        .filter_map(|(pair, route)| Some(format!("{pair} ({})", pivot(route)?)))
        .collect();
    if !by_others.is_empty() {
        print(format_args!("\nThrough a third language: {}", by_others.join(", ")))?;
    }
    print(format_args!(
        "\n`metaphrast models pull` adds pairs to the neural engine, in {}.",
        config.engines.neural.models_dir.display()
    ))?;
    for Addable { package, pairs } in &addable {
        let pairs: Vec<String> = pairs.iter().map(ToString::to_string).collect();
        print(format_args!("`apt-get install apertium {package}` adds {}.", pairs.join(", ")))?;
    }
    Ok(())
}

/// What one more package would add, of what nothing here serves.
fn addable(config: &Config, engines: &Engines) -> Vec<Addable> {
    if !config.engines.order.contains(&EngineName::Apertium) {
        return Vec::new();
    }
    let mut addable = ApertiumEngine::addable();
    for Addable { pairs, .. } in &mut addable {
        pairs.retain(|pair| !engines.serves(*pair));
    }
    addable.retain(|addable| !addable.pairs.is_empty());
    addable
}

/// All ways there are, in the order of the list of languages.
fn routes(engines: &Engines) -> Vec<(LanguagePair, Route)> {
    let languages = engines.languages();
    let pairs = languages
        .iter()
        .flat_map(|&source| languages.iter().map(move |&target| LanguagePair { source, target }));
    pairs.filter_map(|pair| Some((pair, engines.route(pair)?))).collect()
}

/// The language that a way leads through.
fn pivot(route: &Route) -> Option<LanguageCode> {
    match route.legs() {
        [first, _] => Some(first.pair.target),
        _ => None,
    }
}

fn route((pair, route): &(LanguagePair, Route)) -> Value {
    let leg = |leg: &Leg| {
        json!({
            "engine": leg.engine.name(),
            "source": leg.pair.source.as_str(),
            "target": leg.pair.target.as_str(),
        })
    };
    json!({
        "source": pair.source.as_str(),
        "target": pair.target.as_str(),
        "legs": route.legs().iter().map(leg).collect::<Vec<_>>(),
    })
}

fn package(addable: &Addable) -> Value {
    let pair = |pair: &LanguagePair| json!([pair.source.as_str(), pair.target.as_str()]);
    json!({
        "package": addable.package,
        "pairs": addable.pairs.iter().map(pair).collect::<Vec<_>>(),
    })
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
