//! `metaphrast models`: neural models on this machine.
//!
//! The work is done by [`ModelStore`]; here is what is asked of it, and what is
//! said of what it did.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::language::LanguagePair;
use engine::{
    About, Mirror, ModelStore, ModelStoreError, OfferedModel, Progress, Pulled, StoredModel,
    parse_pair,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Failure, complain, load, print};
use crate::config::{self, Config};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Write JSON.
    #[arg(long, global = true)]
    json: bool,
    /// The configuration; without it everything has its default.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Show the models, and with --available those of a mirror.
    List {
        /// Show what the mirror has too.
        #[arg(long)]
        available: bool,
        /// The mirror: a URL or a folder. Without it the configured one.
        #[arg(long, value_name = "MIRROR", requires = "available")]
        from: Option<String>,
    },
    /// Fetch models from a mirror. What was cut off is gone on with.
    Pull {
        /// Pairs such as en-de.
        #[arg(value_name = "PAIR", required_unless_present = "all")]
        pairs: Vec<String>,
        /// Every model that the mirror has.
        #[arg(long, conflicts_with = "pairs")]
        all: bool,
        /// The mirror: a URL or a folder. Without it the configured one.
        #[arg(long, value_name = "MIRROR")]
        from: Option<String>,
    },
    /// Read models, compare them with their sums, and try them.
    Verify {
        /// Pairs such as en-de; without any all.
        #[arg(value_name = "PAIR")]
        pairs: Vec<String>,
    },
    /// Take models away.
    Remove {
        /// Pairs such as en-de.
        #[arg(value_name = "PAIR", required = true)]
        pairs: Vec<String>,
    },
    /// Make a model of files that are in a folder, such as Firefox's.
    Add {
        /// The folder with model.*, vocab.* or srcvocab.* and trgvocab.*, perhaps lex.*,
        /// each as it is or with .gz.
        folder: PathBuf,
        /// The language it translates from.
        #[arg(long, value_name = "CODE")]
        from: String,
        /// The language it translates into.
        #[arg(long, value_name = "CODE")]
        to: String,
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
        /// Its version.
        #[arg(long)]
        version: Option<String>,
        /// Its license.
        #[arg(long)]
        license: Option<String>,
    },
    /// Write models into one file, or with --mirror into a folder for `pull`.
    #[command(override_usage = "metaphrast models export [OPTIONS] FILE [PAIR]...\n       \
                                metaphrast models export [OPTIONS] --mirror DIR [PAIR]...")]
    Export {
        /// The file to write, unless it is a mirror, and pairs such as en-de; without any all.
        #[arg(value_name = "FILE|PAIR", required_unless_present = "mirror")]
        file_and_pairs: Vec<String>,
        /// A folder to make a mirror of, or to add to.
        #[arg(long, value_name = "DIR")]
        mirror: Option<PathBuf>,
    },
    /// Install the models of a file that export wrote.
    Import {
        /// The file.
        file: PathBuf,
    },
}

/// What commands share.
struct Session {
    config: Config,
    store: ModelStore,
    is_json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { command, json, config } = arguments;
    let config = load(config.as_ref())?;
    let neural = &config.engines.neural;
    let store = ModelStore::new(neural.models_dir.clone(), neural.bundled);
    let session = Session { config, store, is_json: json };
    match command {
        Command::List { available, from } => session.list(available, from),
        Command::Pull { pairs, all, from } => session.pull(&pairs, all, from),
        Command::Verify { pairs } => session.verify(&pairs),
        Command::Remove { pairs } => session.remove(&pairs),
        Command::Add { folder, from, to, name, version, license } => {
            let pair = pair(&format!("{from}-{to}"))?;
            let added = session.store.add(&folder, &About { pair, name, version, license });
            session.tell("installed", &[added?])
        }
        Command::Export { file_and_pairs, mirror } => session.export(&file_and_pairs, mirror),
        Command::Import { file } => session.tell("installed", &session.store.import(&file)?),
    }
}

impl Session {
    fn list(&self, is_available_asked: bool, from: Option<String>) -> Result<(), Failure> {
        let models = self.store.list()?;
        let offers = if is_available_asked { Some(self.mirror(from)?.offers()?) } else { None };
        if self.is_json {
            let mut listed = json!({ "models": values(&models) });
            if let Some(offers) = &offers {
                listed["available"] = offers.iter().map(|offer| offered(offer, &models)).collect();
            }
            return print(listed);
        }
        for model in &models {
            print(line(model))?;
        }
        if models.is_empty() {
            print("no models")?;
        }
        let Some(offers) = offers else { return Ok(()) };
        print("\navailable:")?;
        for offer in &offers {
            print(line_of_offer(offer, &models))?;
        }
        Ok(())
    }

    fn pull(&self, names: &[String], is_all: bool, from: Option<String>) -> Result<(), Failure> {
        let wanted = pairs(names)?;
        let mirror = self.mirror(from)?;
        let mut offers = mirror.offers()?;
        let mut problems = Vec::new();
        if !is_all {
            let has = |pair: &LanguagePair| offers.iter().any(|offer| offer.pair == *pair);
            for pair in wanted.iter().copied().filter(|pair| !has(pair)) {
                let place = mirror.place();
                problems.push((pair, ModelStoreError::NotOffered { pair, place }));
            }
            offers.retain(|offer| wanted.contains(&offer.pair));
        }
        let mut bar = Bar::default();
        let results = self.store.pull(&mirror, &offers, &mut |progress| bar.show(progress));
        bar.end();
        let mut pulled = Vec::new();
        for (offer, result) in offers.iter().zip(results?) {
            match result {
                Ok(it) => pulled.push(it),
                Err(problem) => problems.push((offer.pair, problem)),
            }
        }
        self.tell_pulled(&pulled, &problems)
    }

    fn tell_pulled(
        &self,
        pulled: &[Pulled],
        problems: &[(LanguagePair, ModelStoreError)],
    ) -> Result<(), Failure> {
        let outcomes = pulled.iter().map(|pulled| match pulled {
            Pulled::Installed(model) => ("installed", model),
            Pulled::Current(model) => ("current", model),
        });
        if self.is_json {
            let mut models: Vec<Value> = outcomes.map(|(word, it)| value(it, Some(word))).collect();
            models.extend(problems.iter().map(|(pair, problem)| {
                json!({
                    "source": pair.source.as_str(),
                    "target": pair.target.as_str(),
                    "outcome": "failed",
                    "problem": problem.to_string(),
                })
            }));
            print(json!({ "models": models }))?;
        } else {
            for (word, model) in outcomes {
                print(format_args!("{word} {}", line(model)))?;
            }
        }
        let said: Vec<String> =
            problems.iter().map(|(pair, problem)| format!("{}: {problem}", name(*pair))).collect();
        if said.is_empty() { Ok(()) } else { Err(Failure::Work(said.join("\nmetaphrast: "))) }
    }

    fn verify(&self, names: &[String]) -> Result<(), Failure> {
        let models = self.store.verify(&pairs(names)?)?;
        let damaged = models.iter().filter(|model| model.problem.is_some()).count();
        self.tell("whole", &models)?;
        match damaged {
            0 => Ok(()),
            1 => Err(Failure::Work("1 model cannot be used".to_owned())),
            _ => Err(Failure::Work(format!("{damaged} models cannot be used"))),
        }
    }

    fn remove(&self, names: &[String]) -> Result<(), Failure> {
        let pairs = pairs(names)?;
        let mut removed = Vec::new();
        let mut failure = None;
        for pair in pairs {
            match self.store.remove(pair) {
                Ok(()) => removed.push(name(pair)),
                Err(problem) => {
                    failure = Some(problem.into());
                    break;
                }
            }
        }
        if self.is_json {
            print(json!({ "removed": removed }))?;
        } else {
            for pair in removed {
                print(format_args!("removed {pair}"))?;
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn export(&self, file_and_pairs: &[String], mirror: Option<PathBuf>) -> Result<(), Failure> {
        let exported = match (mirror, file_and_pairs) {
            (Some(folder), names) => self.store.export_mirror(&folder, &pairs(names)?),
            (None, [file, names @ ..]) => self.store.export(file.as_ref(), &pairs(names)?),
            (None, []) => return Err(Failure::Usage("a file is missing".to_owned())),
        };
        self.tell("exported", &exported?)
    }

    fn tell(&self, word: &str, models: &[StoredModel]) -> Result<(), Failure> {
        if self.is_json {
            let models: Vec<Value> = models.iter().map(|it| value(it, Some(word))).collect();
            return print(json!({ "models": models }));
        }
        for model in models {
            let word = if model.problem.is_none() { word } else { "damaged" };
            print(format_args!("{word} {}", line(model)))?;
        }
        Ok(())
    }

    /// Where models are fetched from: as the command line says, or the configuration.
    fn mirror(&self, from: Option<String>) -> Result<Mirror, Failure> {
        let neural = &self.config.engines.neural;
        let configured = || neural.mirror.as_ref().map(|mirror| mirror.expose().to_owned());
        let text = from.or_else(configured).ok_or_else(|| {
            Failure::Usage(
                "no mirror is known: name one with --from (a URL or a folder) or set \
                 engines.neural.mirror. A machine that has models makes one with `metaphrast \
                 models export --mirror DIR`; `metaphrast models add` takes Firefox's files"
                    .to_owned(),
            )
        })?;
        if !config::is_mirror(&text) {
            let message = "--from: a mirror is a URL that begins with http:// or https://, \
                           or a folder";
            return Err(Failure::Usage(message.to_owned()));
        }
        let mirror = Mirror::parse(&text);
        if !neural.download && matches!(mirror, Mirror::Url(_)) {
            return Err(Failure::Usage(format!(
                "engines.neural.download = false forbids to fetch from {}: use a folder as the \
                 mirror, or `metaphrast models import`",
                mirror.place()
            )));
        }
        Ok(mirror)
    }
}

impl From<ModelStoreError> for Failure {
    fn from(problem: ModelStoreError) -> Self {
        Self::Work(problem.to_string())
    }
}

fn pairs(names: &[String]) -> Result<Vec<LanguagePair>, Failure> {
    names.iter().map(|name| pair(name)).collect()
}

fn pair(name: &str) -> Result<LanguagePair, Failure> {
    parse_pair(name).ok_or_else(|| {
        Failure::Usage(format!(
            "'{name}' is not a pair of the service's languages: pairs are like en-es and zh-TW-en"
        ))
    })
}

fn name(pair: LanguagePair) -> String {
    format!("{}-{}", pair.source, pair.target)
}

fn values(models: &[StoredModel]) -> Vec<Value> {
    models.iter().map(|model| value(model, None)).collect()
}

fn value(model: &StoredModel, outcome: Option<&str>) -> Value {
    let problem = model.problem.as_ref().map(ToString::to_string);
    let mut value = json!({
        "source": model.pair.source.as_str(),
        "target": model.pair.target.as_str(),
        "origin": model.origin,
        "is_bundled": model.is_bundled,
        "name": model.name,
        "version": model.version,
        "architecture": model.architecture,
        "license": model.license,
        "size_bytes": model.size_bytes,
        "problem": problem,
    });
    if let Some(outcome) = outcome {
        let is_whole = model.problem.is_none();
        value["outcome"] = if is_whole { outcome.into() } else { "damaged".into() };
    }
    value
}

/// Whether a model of the same version is there already.
fn has(offer: &OfferedModel, models: &[StoredModel]) -> bool {
    models.iter().any(|model| {
        model.pair == offer.pair && !model.is_bundled && model.version == offer.version
    })
}

fn offered(offer: &OfferedModel, models: &[StoredModel]) -> Value {
    json!({
        "source": offer.pair.source.as_str(),
        "target": offer.pair.target.as_str(),
        "name": offer.name,
        "version": offer.version,
        "architecture": offer.architecture,
        "license": offer.license,
        "size_bytes": offer.size_bytes,
        "is_installed": has(offer, models),
    })
}

fn line(model: &StoredModel) -> String {
    let about = about(model.size_bytes, [&model.version, &model.architecture, &model.license]);
    let problem = model.problem.as_ref().map(|it| format!("\n  CANNOT BE USED: {it}"));
    format!("{}: {}{about}{}", name(model.pair), model.origin, problem.unwrap_or_default())
}

fn line_of_offer(offer: &OfferedModel, models: &[StoredModel]) -> String {
    let about = about(offer.size_bytes, [&offer.version, &offer.architecture, &offer.license]);
    let installed = if has(offer, models) { " (installed)" } else { "" };
    format!("{}{about}{installed}", name(offer.pair))
}

fn about(size_bytes: u64, [version, architecture, license]: [&Option<String>; 3]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let megabytes = size_bytes as f64 / 1e6;
    let version = version.as_ref().map(|version| format!(", version {}", plain(version)));
    let size = (0 < size_bytes).then(|| format!(", {megabytes:.1} MB"));
    let architecture = architecture.as_ref().map(|it| format!(", {}", plain(it)));
    let license = license.as_ref().map(|license| format!(", license {}", plain(license)));
    [version, size, architecture, license].into_iter().flatten().collect()
}

/// What a mirror says may hold what terminals obey.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

/// A progress bar, where someone looks at it.
#[derive(Default)]
struct Bar(Option<(LanguagePair, ProgressBar)>);

impl Bar {
    fn show(&mut self, progress: Progress) {
        let Progress { pair, done_bytes, size_bytes } = progress;
        if !std::io::stderr().is_terminal() {
            return;
        }
        if self.0.as_ref().is_none_or(|(shown, _)| *shown != pair) {
            self.end();
            let bar = ProgressBar::new(size_bytes).with_message(name(pair));
            let form = "{msg} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            match ProgressStyle::with_template(form) {
                Ok(style) => bar.set_style(style),
                Err(err) => complain(&err.to_string()),
            }
            self.0 = Some((pair, bar));
        }
        if let Some((_, bar)) = &self.0 {
            bar.set_position(done_bytes);
        }
    }

    fn end(&mut self) {
        if let Some((_, bar)) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
