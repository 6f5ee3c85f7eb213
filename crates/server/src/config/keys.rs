//! All keys there are, and what was given for them: in the file, in the
//! environment, on the command line, the later before the earlier.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use toml::{Table, Value};

use super::error::ConfigError;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    Integer,
    Flag,
    Texts,
    /// Texts that are never shown.
    Secrets,
    /// Tables that hold secrets.
    Tables,
}

/// Every key that is legal, by its path.
const KEYS: &[(&str, Kind)] = &[
    ("listen", Kind::Text),
    ("data_dir", Kind::Text),
    ("region", Kind::Text),
    ("account", Kind::Text),
    ("auth.mode", Kind::Text),
    ("auth.insecure", Kind::Flag),
    ("auth.keys", Kind::Tables),
    ("store.url", Kind::Secret),
    ("objects.kind", Kind::Text),
    ("objects.kms", Kind::Text),
    ("objects.endpoint_url", Kind::Text),
    ("objects.path_style", Kind::Flag),
    ("engines.order", Kind::Texts),
    ("engines.memory_mb", Kind::Integer),
    ("engines.pseudo.delay_ms", Kind::Integer),
    ("engines.neural.models_dir", Kind::Text),
    ("engines.neural.bundled", Kind::Flag),
    ("engines.neural.download", Kind::Flag),
    ("engines.neural.mirror", Kind::Secret),
    ("engines.neural.memory_mb_max", Kind::Integer),
    // May hold a password, although none is allowed there.
    ("engines.http.url", Kind::Secret),
    ("engines.http.kind", Kind::Text),
    ("engines.http.model", Kind::Text),
    ("engines.http.api_key_file", Kind::Text),
    ("engines.http.timeout_seconds", Kind::Integer),
    ("engines.http.concurrency_max", Kind::Integer),
    ("limits.jobs_running_max", Kind::Integer),
    ("limits.jobs_queued_max", Kind::Integer),
    ("limits.requests_per_second", Kind::Integer),
    ("limits.retention_days", Kind::Integer),
    ("events.webhooks", Kind::Secrets),
    ("terminology.case", Kind::Text),
    ("catalog.languages", Kind::Text),
];

const VARIABLE_PREFIX: &str = "METAPHRAST_";
const HIDDEN: &str = "a hidden value";

/// What was given for a key, and where.
#[derive(Clone, Debug)]
struct Setting {
    value: Value,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    File,
    Environment,
    CommandLine,
}

/// All that was given, by key. What was not has its default.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// Takes in a configuration file.
    pub(super) fn add_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let table: Table = toml::from_str(text).map_err(|err| ConfigError::Syntax {
            path: path.to_owned(),
            line: line_of(text, err.span().map_or(0, |span| span.start)),
            message: err.message().to_owned(),
        })?;
        self.add_table("", table)
    }

    fn add_table(&mut self, prefix: &str, table: Table) -> Result<(), ConfigError> {
        for (name, value) in table {
            let path = format!("{prefix}{name}");
            match (find(&path), value) {
                (Some((key, _)), value) => {
                    self.0.insert(key, Setting { value, origin: Origin::File });
                }
                (None, Value::Table(inner)) if !inner.is_empty() || is_section(&path) => {
                    self.add_table(&format!("{path}."), inner)?;
                }
                (None, _) if is_section(&path) => return Err(not_a_section(path)),
                (None, _) => return Err(unknown_key(path)),
            }
        }
        Ok(())
    }

    /// Takes in the environment: every variable that begins with `METAPHRAST_`
    /// names a key. An empty one is as good as none.
    pub(super) fn add_environment(
        &mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), ConfigError> {
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let Some(variable) = name.strip_prefix(VARIABLE_PREFIX) else { continue };
            if is_of_kubernetes(variable) || value.is_empty() {
                continue;
            }
            let path = variable.replace("__", ".").to_lowercase();
            // Only one spelling is legal, so that nothing is set twice.
            let Some((key, kind)) = find(&path).filter(|(key, _)| variable_of(key) == name) else {
                return Err(ConfigError::UnknownVariable {
                    name: name.to_owned(),
                    nearest: variable_of(nearest(&path)),
                });
            };
            let value = value
                .to_str()
                .and_then(|text| from_text(kind, text))
                .ok_or_else(|| unreadable(key, kind, value.to_str()))?;
            self.0.insert(key, Setting { value, origin: Origin::Environment });
        }
        Ok(())
    }

    /// Takes in an option of the command line.
    pub(super) fn add_option(&mut self, key: &'static str, value: &str) {
        let value = Value::String(value.to_owned());
        self.0.insert(key, Setting { value, origin: Origin::CommandLine });
    }

    /// The keys that were given.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        self.get(key, "a text in quotation marks", Value::as_str)
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        Ok(self.get(key, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    pub(super) fn tables(&self, key: &str) -> Result<Vec<&Table>, ConfigError> {
        let tables = |value: &Value| -> Option<usize> {
            let tables = value.as_array()?;
            tables.iter().all(Value::is_table).then_some(tables.len())
        };
        self.get(key, "a list of tables", |value| tables(value).map(|_| ()))?;
        let value = self.0.get(key).and_then(|setting| setting.value.as_array());
        Ok(value.into_iter().flatten().filter_map(Value::as_table).collect())
    }

    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let texts = |value: &Value| -> Option<Vec<String>> {
            let texts = value.as_array()?.iter();
            texts.map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let value = self.0.get(key).map(|setting| texts(&setting.value));
        match value {
            None => Ok(None),
            Some(Some(texts)) => Ok(Some(texts)),
            Some(None) => Err(self.illegal(key, "a list of texts, such as [\"a\", \"b\"]")),
        }
    }

    /// A whole number between `min` and `max`; `unit` says what is counted.
    pub(super) fn integer(
        &self,
        key: &str,
        default: u32,
        (min, max): (u32, u32),
        unit: &str,
    ) -> Result<u32, ConfigError> {
        let legal = format!("a whole number of {unit} from {min} to {max}");
        let within = |value: &Value| {
            let number = u32::try_from(value.as_integer()?).ok()?;
            (min..=max).contains(&number).then_some(number)
        };
        Ok(self.get(key, &legal, within)?.unwrap_or(default))
    }

    /// One of several words, the first of which is the default.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.get(key, &words.join(" or "), |value| {
            let given = value.as_str()?;
            choices.iter().find(|(word, _)| *word == given).map(|(_, choice)| *choice)
        })
    }

    /// The error that says what `key` is and what it must be.
    pub(super) fn illegal(&self, key: &str, legal: &str) -> ConfigError {
        let setting = self.0.get(key);
        let value = match (find(key), setting) {
            (Some((_, Kind::Secret | Kind::Secrets | Kind::Tables)), _) | (_, None) => {
                HIDDEN.to_owned()
            }
            (_, Some(setting)) => setting.value.to_string(),
        };
        let origin = match setting.map(|setting| setting.origin) {
            Some(Origin::Environment) => format!(" (from {})", variable_of(key)),
            Some(Origin::CommandLine) => " (from the command line)".to_owned(),
            Some(Origin::File) | None => String::new(),
        };
        ConfigError::Value { key: format!("{key}{origin}"), value, legal: legal.to_owned() }
    }

    fn get<'a, T>(
        &'a self,
        key: &str,
        legal: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        match self.0.get(key) {
            None => Ok(None),
            Some(setting) => read(&setting.value).map(Some).ok_or_else(|| self.illegal(key, legal)),
        }
    }
}

/// The environment variable of a key.
fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn not_a_section(key: String) -> ConfigError {
    let legal = format!("a section, such as [{key}]");
    ConfigError::Value { key, value: "a single value".to_owned(), legal }
}

/// The error for the unknown `key`.
fn unknown_key(key: String) -> ConfigError {
    let nearest = nearest(&key).to_owned();
    ConfigError::UnknownKey { key, nearest }
}

/// The one of `words` that is most like `word`.
pub(super) fn most_like<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> &'a str {
    words.into_iter().min_by_key(|it| distance(word, it)).unwrap_or_default()
}

/// The legal key most like `key`, as a whole or by its last part.
fn nearest(key: &str) -> &'static str {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |legal: &str| {
        // The right name in the wrong section is a near miss.
        distance(key, legal).min(1 + 2 * distance(&last(key), &last(legal)))
    };
    KEYS.iter().map(|(legal, _)| *legal).min_by_key(|legal| likeness(legal)).unwrap_or_default()
}

/// How many letters must be added, left out or changed to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

fn find(path: &str) -> Option<(&'static str, Kind)> {
    KEYS.iter().find(|(key, _)| *key == path).copied()
}

fn is_section(path: &str) -> bool {
    KEYS.iter().any(|(key, _)| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// Kubernetes sets such variables for every service in reach that is called
/// `metaphrast`, and they are nobody's settings.
fn is_of_kubernetes(variable: &str) -> bool {
    variable == "PORT" || variable.starts_with("PORT_") || variable.starts_with("SERVICE_")
}

/// The value of an environment variable: lists are separated by commas, tables
/// are written as in TOML.
fn from_text(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Text | Kind::Secret => Some(Value::String(text.to_owned())),
        Kind::Integer => text.trim().parse().ok().map(Value::Integer),
        Kind::Flag => text.trim().parse().ok().map(Value::Boolean),
        Kind::Texts | Kind::Secrets => {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            Some(Value::Array(words.map(|word| Value::String(word.to_owned())).collect()))
        }
        Kind::Tables => {
            let mut table: Table = toml::from_str(&format!("value = {text}")).ok()?;
            table.remove("value").filter(|_| table.is_empty())
        }
    }
}

fn unreadable(key: &str, kind: Kind, text: Option<&str>) -> ConfigError {
    let (legal, is_hidden) = match kind {
        Kind::Text => ("UTF-8", false),
        Kind::Secret => ("UTF-8", true),
        Kind::Integer => ("a whole number", false),
        Kind::Flag => ("true or false", false),
        Kind::Texts => ("a list, separated by commas", false),
        Kind::Secrets => ("a list, separated by commas", true),
        Kind::Tables => ("a list of tables in TOML, such as [{ access_key_id = \"…\" }]", true),
    };
    let value = text.filter(|_| !is_hidden).map_or(HIDDEN.to_owned(), |text| format!("{text:?}"));
    let key = format!("{key} (from {})", variable_of(key));
    ConfigError::Value { key, value, legal: legal.to_owned() }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        let check = |key: &str, expected: &str| assert_eq!(nearest(key), expected, "{key}");
        check("lisen", "listen");
        check("auth.mod", "auth.mode");
        check("engine.order", "engines.order");
        check("server.listen", "listen");
        check("retention_days", "limits.retention_days");
        check("limits.jobs_running", "limits.jobs_running_max");
    }

    #[test]
    fn every_key_has_its_variable() {
        for (key, _) in KEYS {
            let variable = variable_of(key);
            let path = variable.trim_start_matches(VARIABLE_PREFIX).replace("__", ".");
            assert_eq!(path.to_lowercase(), *key);
        }
        assert_eq!(variable_of("auth.mode"), "METAPHRAST_AUTH__MODE");
    }

    #[test]
    fn a_distance_counts_changed_letters() {
        let check = |a: &str, b: &str, expected| assert_eq!(distance(a, b), expected);
        check("", "abc", 3);
        check("abc", "abc", 0);
        check("kitten", "sitting", 3);
    }
}
