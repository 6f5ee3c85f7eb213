//! What `metadata.json` says of a model: the pair, its files with their sizes
//! and sums, and what people want to know of it.
//!
//! A mirror's list says the same of each model, so it is read here too. Nothing
//! in it is trusted: a name never leads out of its folder, and no size is more
//! than a model can have. Start reading at [`Metadata::parts`].

use std::collections::BTreeMap;
use std::fmt;

use domain::language::{LanguageCode, LanguagePair};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The name of the file beside a model's files.
pub(super) const METADATA: &str = "metadata.json";
/// Metadata is text that people write; more than this is something else.
pub(super) const METADATA_BYTES_MAX: u64 = 1 << 20;
/// The largest known models have half of this.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 30;
/// Names are of this length at most, so that they fit into a bundle and still
/// into a folder when something is added to them.
const NAME_BYTES_MAX: usize = 80;
/// What the names of a model's files begin with, as Firefox gives them.
pub(super) const PREFIXES: [&str; 5] = ["model.", "vocab.", "srcvocab.", "trgvocab.", "lex."];

/// `metadata.json`, with what only people read as it came.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Metadata {
    pub(super) from: String,
    pub(super) to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    // A word, or a table that has its word under "type".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) architecture: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) license: Option<String>,
    #[serde(deserialize_with = "each_once")]
    pub(super) files: BTreeMap<String, FileMetadata>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// A file as the metadata names it: of the size and with the sum that it has
/// when it is unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct FileMetadata {
    pub(super) size: u64,
    pub(super) sha256: String,
    /// How a mirror has packed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) compression: Option<Compression>,
}

/// How a file is packed in a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Compression {
    /// Its name ends with `.gz` there.
    Gz,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredFile {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) compression: Option<Compression>,
}

/// The files of a model, by what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) model: StoredFile,
    pub(super) source_vocabulary: StoredFile,
    /// None if it is the source's.
    pub(super) target_vocabulary: Option<StoredFile>,
    /// Which words each word may become.
    pub(super) shortlist: Option<StoredFile>,
}

impl Metadata {
    pub(super) fn pair(&self) -> Result<LanguagePair, String> {
        let language = |code: &str| -> Result<LanguageCode, String> {
            code.parse().map_err(|_| format!("there is no language '{code}'"))
        };
        Ok(LanguagePair { source: language(&self.from)?, target: language(&self.to)? })
    }

    /// The files that matter. Others that are named are none of ours.
    pub(super) fn parts(&self) -> Result<Parts, String> {
        let model = self.find("model.")?.ok_or("it names no model")?;
        let (source_vocabulary, target_vocabulary) =
            match (self.find("vocab.")?, self.find("srcvocab.")?, self.find("trgvocab.")?) {
                (Some(shared), _, _) => (shared, None),
                (None, Some(source), Some(target)) => (source, Some(target)),
                (None, _, _) => return Err("it names no vocabulary".to_owned()),
            };
        let shortlist = self.find("lex.")?;
        Ok(Parts { model, source_vocabulary, target_vocabulary, shortlist })
    }

    fn find(&self, prefix: &str) -> Result<Option<StoredFile>, String> {
        let mut found = self.files.iter().filter(|(name, _)| name.starts_with(prefix));
        let Some((name, file)) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            return Err(format!("it names more than one file that begins with {prefix}"));
        }
        check_name(name)?;
        if FILE_BYTES_MAX < file.size {
            return Err(format!("{name} would have more than {FILE_BYTES_MAX} bytes"));
        }
        let FileMetadata { size, sha256, compression } = file.clone();
        Ok(Some(StoredFile { name: name.clone(), size, sha256, compression }))
    }

    /// The architecture in a word or a few.
    pub(super) fn architecture(&self) -> Option<String> {
        match self.architecture.as_ref()? {
            Value::String(word) => Some(word.clone()),
            Value::Object(table) => table.get("type")?.as_str().map(str::to_owned),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }

    /// What stands beside the files of `parts` once they are unpacked.
    pub(super) fn of_unpacked(&self, parts: &Parts) -> Self {
        let unpacked = |file: &StoredFile| {
            let StoredFile { name, size, sha256, .. } = file.clone();
            (name, FileMetadata { size, sha256, compression: None })
        };
        Self { files: parts.iter().map(unpacked).collect(), ..self.clone() }
    }

    /// As it is written to a file.
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl Parts {
    pub(super) fn iter(&self) -> impl Iterator<Item = &StoredFile> {
        let Self { model, source_vocabulary, target_vocabulary, shortlist } = self;
        [model, source_vocabulary].into_iter().chain(target_vocabulary).chain(shortlist)
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.iter().map(|file| file.size).sum()
    }
}

impl StoredFile {
    /// Its name in a mirror.
    pub(super) fn packed_name(&self) -> String {
        match self.compression {
            None => self.name.clone(),
            Some(Compression::Gz) => format!("{}.gz", self.name),
        }
    }
}

/// The folder of a model, such as `en-es`.
pub(super) fn folder_of_pair(pair: LanguagePair) -> String {
    format!("{}-{}", pair.source, pair.target)
}

/// The pair a folder is named after: `en-es`, `pt-zh-TW`.
pub(super) fn pair_of_folder(name: &str) -> Option<LanguagePair> {
    name.match_indices('-').find_map(|(dash, _)| {
        let (source, target) = (&name[..dash], &name[dash + 1..]);
        Some(LanguagePair { source: source.parse().ok()?, target: target.parse().ok()? })
    })
}

// A name never leads out of the folder and never hides what a terminal shows.
fn check_name(name: &str) -> Result<(), String> {
    if name.contains(['/', '\\', '\0']) {
        return Err("it names a file of another folder".to_owned());
    }
    if NAME_BYTES_MAX < name.len() {
        return Err(format!("it names a file with more than {NAME_BYTES_MAX} bytes in its name"));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte);
    if !name.bytes().all(is_plain) {
        return Err(format!("it names a file {name:?}, with more than letters and digits"));
    }
    Ok(())
}

// JSON may name a key twice, and the last would win.
fn each_once<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, FileMetadata>, D::Error> {
    struct EachOnce;

    impl<'de> Visitor<'de> for EachOnce {
        type Value = BTreeMap<String, FileMetadata>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("files by their names")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut files = BTreeMap::new();
            while let Some((name, file)) = map.next_entry::<String, FileMetadata>()? {
                if files.contains_key(&name) {
                    return Err(A::Error::custom(format!("the file {name:?} is named twice")));
                }
                files.insert(name, file);
            }
            Ok(files)
        }
    }

    deserializer.deserialize_map(EachOnce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<(&str, &str)>) {
        let pair = pair_of_folder(name);
        let codes = pair.as_ref().map(|pair| (pair.source.as_str(), pair.target.as_str()));
        assert_eq!(codes, expected, "{name}");
        if let Some(pair) = pair {
            assert_eq!(folder_of_pair(pair), name);
        }
    }

    #[test]
    fn folders_are_named_after_pairs() {
        check("en-es", Some(("en", "es")));
        check("en-zh-TW", Some(("en", "zh-TW")));
        check("zh-TW-en", Some(("zh-TW", "en")));
        check("fr-CA-es-MX", Some(("fr-CA", "es-MX")));
        for other in ["en", "en-xx", ".en-es", "en-es.part", "lost+found", ""] {
            check(other, None);
        }
    }

    fn refused(files: &str) -> String {
        let text = format!(r#"{{"from": "en", "to": "es", "files": {{{files}}}}}"#);
        match serde_json::from_str::<Metadata>(&text) {
            Ok(metadata) => metadata.parts().expect_err(files),
            Err(err) => err.to_string(),
        }
    }

    #[test]
    fn files_that_no_model_has_are_refused() {
        let file = r#"{"size": 1, "sha256": ""}"#;
        let long = "a".repeat(NAME_BYTES_MAX);
        for (files, reason) in [
            (format!(r#""model./../../a": {file}"#), "another folder"),
            (format!(r#""model.\\a": {file}"#), "another folder"),
            (format!(r#""model.\u0000": {file}"#), "another folder"),
            (format!(r#""model.\u001b[2J": {file}"#), "letters and digits"),
            (format!(r#""model.{long}": {file}"#), "bytes in its name"),
            (format!(r#""model.a": {file}, "model.b": {file}"#), "more than one file"),
            (format!(r#""model.a": {file}, "model.a": {file}"#), "named twice"),
            (r#""model.a": {"size": -1, "sha256": ""}"#.to_owned(), "invalid value"),
            (r#""model.a": {"size": 2000000000, "sha256": ""}"#.to_owned(), "more than"),
        ] {
            let message = refused(&files);
            assert!(message.contains(reason), "{files}: {message}");
        }
    }

    #[test]
    fn what_people_wrote_stays() {
        let text = r#"{"from": "en", "to": "es", "version": "2.0", "license": "CC-BY-4.0",
            "architecture": {"type": "tiny", "layers": 6}, "attribution": "by us",
            "files": {"model.a": {"size": 1, "sha256": "aa", "compression": "gz"},
                "srcvocab.a": {"size": 2, "sha256": "bb"}, "trgvocab.a": {"size": 3, "sha256": "cc"},
                "lex.a": {"size": 4, "sha256": "dd"}, "qualityModel.a": {"size": 5, "sha256": "ee"}}}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(metadata.architecture().as_deref(), Some("tiny"));
        let parts = metadata.parts().unwrap();
        assert_eq!(parts.size_bytes(), 10);
        let packed: Vec<String> = parts.iter().map(StoredFile::packed_name).collect();
        assert_eq!(packed, ["model.a.gz", "srcvocab.a", "trgvocab.a", "lex.a"]);

        let unpacked: Metadata =
            serde_json::from_str(&metadata.of_unpacked(&parts).to_text()).unwrap();
        assert_eq!(unpacked.rest["attribution"], "by us");
        assert_eq!(unpacked.files.len(), 4);
        assert_eq!(unpacked.files["model.a"].compression, None);
        assert_eq!(unpacked.architecture, metadata.architecture);
    }
}
