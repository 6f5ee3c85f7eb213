//! What commands do to a folder of models, and what that must survive.
//!
//! Models are a few bytes here: whether they compute is the loader's business,
//! and tested there. `tests/http.rs` has the servers that misbehave.

mod http;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::changes::Changes;
use super::mirror::offers_of;
use super::*;
use crate::neural::package::hexadecimal_sha256;

const MODEL: &str = "model.ende.bin";
const VOCABULARY: &str = "vocab.ende.spm";

/// A store that takes everything whose sums are right.
fn store(folder: &TempDir) -> ModelStore {
    ModelStore {
        folder: folder.path().join("models"),
        is_bundled_used: false,
        check: |package| package.contents().map(drop),
    }
}

fn ende() -> LanguagePair {
    parse_pair("en-de").unwrap()
}

fn about(version: &str) -> About {
    let version = Some(version.to_owned());
    About { pair: ende(), name: None, version, license: Some("CC0-1.0".to_owned()) }
}

/// A folder with the files of a model, and the store they are in.
struct Here {
    folder: TempDir,
    store: ModelStore,
}

impl Here {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = store(&folder);
        Self { folder, store }
    }

    fn with_model(version: &str) -> Self {
        let here = Self::new();
        here.add(version);
        here
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a model whose bytes are of its version.
    fn add(&self, version: &str) -> StoredModel {
        let files = self.path("files");
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join(MODEL), model_bytes(version)).unwrap();
        fs::write(files.join(VOCABULARY), b"vocabulary").unwrap();
        self.store.add(&files, &about(version)).unwrap()
    }

    fn version(&self) -> Option<String> {
        let model = self.store.verify(&[ende()]).ok()?.remove(0);
        assert_eq!(model.problem, None);
        model.version
    }

    fn hidden(&self) -> Vec<String> {
        let names = fs::read_dir(&self.store.folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.') && name != ".lock").collect()
    }
}

fn model_bytes(version: &str) -> Vec<u8> {
    format!("model {version} ").into_bytes().repeat(30_000)
}

#[test]
fn a_model_is_added_seen_and_removed() {
    let here = Here::new();
    assert_eq!(here.store.list().unwrap(), []);
    let added = here.add("1");
    assert_eq!((added.pair, added.version.as_deref()), (ende(), Some("1")));
    assert_eq!(added.license.as_deref(), Some("CC0-1.0"));
    assert_eq!(here.store.list().unwrap(), [added]);
    here.add("2");
    assert_eq!(here.version().as_deref(), Some("2"));
    assert!(here.hidden().is_empty(), "{:?}", here.hidden());

    here.store.remove(ende()).unwrap();
    assert_eq!(here.store.list().unwrap(), []);
    assert!(here.hidden().is_empty());
    let again = here.store.remove(ende());
    assert!(matches!(again, Err(ModelStoreError::NotInstalled(_))), "{again:?}");
    assert!(here.store.verify(&[ende()]).is_err());
}

#[test]
fn packed_files_are_unpacked_and_what_is_known_of_them_is_kept() {
    let here = Here::new();
    let files = here.path("files");
    fs::create_dir(&files).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, &model_bytes("1")).unwrap();
    fs::write(files.join("model.ende.bin.gz"), packer.finish().unwrap()).unwrap();
    for name in ["srcvocab.ende.spm", "trgvocab.ende.spm", "lex.50.50.ende.s2t.bin", "README.md"] {
        fs::write(files.join(name), name).unwrap();
    }
    let known = r#"{"version": "2.1", "architecture": "tiny", "attribution": "by someone"}"#;
    fs::write(files.join("metadata.json"), known).unwrap();
    let about = About { version: None, ..about("1") };
    let added = here.store.add(&files, &about).unwrap();
    assert_eq!(added.version.as_deref(), Some("2.1"));
    assert_eq!(added.architecture.as_deref(), Some("tiny"));
    let installed = here.store.folder.join("en-de");
    assert_eq!(fs::read(installed.join(MODEL)).unwrap(), model_bytes("1"));
    let text = fs::read_to_string(installed.join("metadata.json")).unwrap();
    assert!(text.contains("by someone") && text.contains("lex.50.50"), "{text}");
    assert!(!installed.join("README.md").exists());
}

#[test]
fn what_is_no_model_is_not_added() {
    let here = Here::with_model("1");
    let check = |names: &[(&str, &str)], reason: &str| {
        let files = TempDir::new().unwrap();
        for (name, text) in names {
            fs::write(files.path().join(name), text).unwrap();
        }
        let refused = here.store.add(files.path(), &about("2")).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
        assert_eq!(here.version().as_deref(), Some("1"));
    };
    check(&[], "names no model");
    check(&[(MODEL, "m")], "names no vocabulary");
    check(&[(MODEL, "m"), ("model.b", "m"), (VOCABULARY, "v")], "more than one file");
    check(&[("model.a.gz", "not packed"), (VOCABULARY, "v")], "model.a.gz");
    check(&[(MODEL, "m"), (VOCABULARY, "v"), ("metadata.json", "{")], "metadata.json");
    let sums = r#"{"files": {"model.ende.bin": {"sha256": "00"}}}"#;
    check(&[(MODEL, "m"), (VOCABULARY, "v"), ("metadata.json", sums)], "sha256");
    assert!(here.store.add(&here.path("nowhere"), &about("2")).is_err());
}

#[test]
fn a_model_that_does_not_work_leaves_the_old_one() {
    let here = Here::with_model("1");
    let real = ModelStore { check, ..here.store.clone() };
    let refused = real.add(&here.path("files"), &about("2"));
    assert!(matches!(refused, Err(ModelStoreError::Model(_))), "{refused:?}");
    assert_eq!(here.version().as_deref(), Some("1"));
    assert!(here.hidden().is_empty());
}

#[test]
fn damage_is_found() {
    let here = Here::with_model("1");
    let model = here.store.folder.join("en-de").join(MODEL);
    let mut bytes = fs::read(&model).unwrap();
    bytes[5] ^= 1;
    fs::write(&model, bytes).unwrap();
    assert_eq!(here.store.list().unwrap()[0].problem, None);
    let verified = here.store.verify(&[]).unwrap().remove(0);
    assert!(matches!(verified.problem, Some(ModelProblem::Checksum { .. })), "{verified:?}");
    assert_eq!(verified.version.as_deref(), Some("1"));
    for refused in [
        here.store.export(&here.path("bundle"), &[]),
        here.store.export_mirror(&here.path("mirror"), &[]),
    ] {
        assert!(matches!(refused, Err(ModelStoreError::Model(_))), "{refused:?}");
    }
    assert!(!here.path("bundle").exists() && !here.path("mirror/index.json").exists());
    fs::remove_file(&model).unwrap();
    let listed = here.store.list().unwrap().remove(0);
    assert!(matches!(listed.problem, Some(ModelProblem::Missing { .. })), "{listed:?}");
}

#[test]
fn two_commands_do_not_change_the_models_at_once() {
    let here = Here::with_model("1");
    let other = Changes::begin(&here.store.folder).unwrap();
    let refused = here.store.remove(ende());
    assert!(matches!(refused, Err(ModelStoreError::Busy { .. })), "{refused:?}");
    assert_eq!(here.version().as_deref(), Some("1"));
    drop(other);
    here.store.remove(ende()).unwrap();
}

/// What a crash leaves between any two steps of a change, and what is there then.
#[test]
fn after_a_crash_there_is_the_old_model_or_the_new_one() {
    let check = |crash: &dyn Fn(&Path), expected: Option<&str>| {
        let here = Here::with_model("1");
        let other = Here::with_model("2");
        let new = here.store.folder.join(".en-de.part");
        fs::rename(other.store.folder.join("en-de"), &new).unwrap();
        crash(&here.store.folder);
        // Whoever comes next, for whatever reason.
        drop(Changes::begin(&here.store.folder).unwrap());
        assert_eq!(here.version().as_deref(), expected);
        here.add("3");
        assert_eq!(here.version().as_deref(), Some("3"));
        assert!(here.hidden().is_empty(), "{:?}", here.hidden());
    };
    let rename = |folder: &Path, from: &str, to: &str| {
        fs::rename(folder.join(from), folder.join(to)).unwrap();
    };
    check(&|_| (), Some("1"));
    check(
        &|folder| fs::write(folder.join(".en-de.part/model.ende.bin"), "half").unwrap(),
        Some("1"),
    );
    check(&|folder| rename(folder, "en-de", ".en-de.old"), Some("1"));
    check(
        &|folder| {
            rename(folder, "en-de", ".en-de.old");
            rename(folder, ".en-de.part", "en-de");
        },
        Some("2"),
    );
    check(&|folder| rename(folder, "en-de", ".en-de.removed"), None);
}

/// As on file systems that cannot swap two names.
#[test]
fn a_model_is_installed_in_two_steps_too() {
    let (here, other) = (Here::with_model("1"), Here::with_model("2"));
    let new = here.store.folder.join(".en-de.part");
    fs::rename(other.store.folder.join("en-de"), new).unwrap();
    Changes::begin(&here.store.folder).unwrap().install_in_two_steps(ende()).unwrap();
    assert_eq!(here.version().as_deref(), Some("2"));
    assert!(here.hidden().is_empty());
}

#[test]
fn a_bundle_carries_models_to_another_machine() {
    let (here, there) = (Here::with_model("1"), Here::with_model("0"));
    let bundle = here.path("models.tar");
    assert_eq!(here.store.export(&bundle, &[ende()]).unwrap().len(), 1);
    let imported = there.store.import(&bundle).unwrap();
    assert_eq!(imported[0].version.as_deref(), Some("1"));
    assert_eq!(there.version().as_deref(), Some("1"));
    assert_eq!(there.hidden(), Vec::<String>::new());
    // The same models are the same bytes.
    there.store.export(&there.path("again"), &[]).unwrap();
    assert_eq!(fs::read(&bundle).unwrap(), fs::read(there.path("again")).unwrap());
    // Unpacked it is a mirror.
    tar::Archive::new(fs::File::open(&bundle).unwrap()).unpack(there.path("mirror")).unwrap();
    assert_eq!(Mirror::Folder(there.path("mirror")).offers().unwrap().len(), 1);
}

/// A bundle of `entries`, written as they are.
fn bundle(entries: &[(&str, tar::EntryType, u64, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, size, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(*size);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn a_bundle_that_was_made_to_harm_is_refused_whole() {
    use tar::EntryType::{Directory, GNULongName, Link, Regular, Symlink, XHeader};
    let (model, vocabulary) = (model_bytes("2"), b"vocabulary".as_slice());
    let index = index_of(&[(MODEL, &model), (VOCABULARY, vocabulary)]);
    let size = model.len() as u64;
    let first = ("index.json", Regular, index.len() as u64, index.as_bytes());
    let (name, other) = ("en-de/model.ende.bin", "en-de/vocab.ende.spm");
    let right = (name, Regular, size, model.as_slice());
    let last = (other, Regular, 10, vocabulary);
    let changed = [&model[..10], b"X", &model[11..]].concat();
    let check = |bytes: &[u8], reason: &str| {
        let here = Here::with_model("1");
        fs::write(here.path("bundle"), bytes).unwrap();
        let refused = here.store.import(&here.path("bundle")).expect_err(reason).to_string();
        assert!(refused.contains(reason), "{refused}");
        assert_eq!(here.version().as_deref(), Some("1"));
        assert!(here.hidden().is_empty());
        assert!(!here.path("models/evil").exists() && !here.path("evil").exists());
    };
    check(b"", "empty");
    check(&[7; 2_000], "");
    check(&bundle(&[right, first, last]), "begin with index.json");
    check(&bundle(&[first, right]), "vocab.ende.spm is not there");
    check(&bundle(&[first, right, right, last]), "twice");
    check(&bundle(&[first, right, last, ("evil", Regular, 1, b"x")]), "not in its list");
    check(&bundle(&[first, ("../evil", Regular, 1, b"x")]), "not in its list");
    check(&bundle(&[first, ("/tmp/evil", Regular, 1, b"x")]), "not in its list");
    check(&bundle(&[first, (name, Symlink, 0, b"")]), "no plain file");
    check(&bundle(&[first, (name, Link, 0, b"")]), "no plain file");
    check(&bundle(&[first, ("en-de", Directory, 0, b"")]), "no plain file");
    check(&bundle(&[first, ("evil", GNULongName, 4, b"evil")]), "no plain file");
    check(&bundle(&[first, ("evil", XHeader, 4, b"evil")]), "no plain file");
    check(&bundle(&[first, (name, Regular, size - 1, &model[1..])]), "instead of");
    check(&bundle(&[first, (name, Regular, size, &changed), last]), "sha256");
    check(&bundle(&[first, right, last])[..200_000], "");
    check(&bundle(&[("index.json", Regular, 1 << 40, b"")]), "more than");
    let twice = format!(r#"{{"models": [{0}, {0}]}}"#, &index[11..index.len() - 2]);
    check(
        &bundle(&[("index.json", Regular, twice.len() as u64, twice.as_bytes())]),
        "more than one",
    );
}

/// A list with one model of these files.
fn index_of(files: &[(&str, &[u8])]) -> String {
    let files: Vec<String> = files
        .iter()
        .map(|(name, bytes)| {
            let sum = hexadecimal_sha256(bytes);
            format!(r#""{name}":{{"size":{},"sha256":"{sum}"}}"#, bytes.len())
        })
        .collect();
    let files = files.join(",");
    format!(r#"{{"models":[{{"from":"en","to":"de","version":"2","files":{{{files}}}}}]}}"#)
}

#[test]
fn a_list_is_believed_in_nothing() {
    let file = r#"{"size": 1, "sha256": ""}"#;
    let list = |from: &str, files: &str| {
        let model = format!(r#"{{"from": "{from}", "to": "de", "files": {{{files}}}}}"#);
        format!(r#"{{"models": [{model}]}}"#)
    };
    let check = |text: &str, reason: &str| {
        let refused = offers_of(text.as_bytes()).expect_err(text);
        assert!(refused.contains(reason), "{text}: {refused}");
    };
    check("", "EOF");
    check("{}", "missing field");
    check(&list("en", &format!(r#""model.a": {file}"#)), "no vocabulary");
    check(&list("en", &format!(r#""model./../a": {file}"#)), "another folder");
    check(&list("en", &format!(r#""model.a": {file}, "model.a": {file}"#)), "named twice");
    check(&list("en", r#""model.a": {"size": 99999999999, "sha256": ""}"#), "more than");
    check(
        &list("en", r#""model.a": {"size": 1, "sha256": "", "compression": "zip"}"#),
        "unknown variant",
    );
    check(&"[".repeat(100_000), "");
    // Firefox has languages that the service has not.
    let files = format!(r#""model.a": {file}, "vocab.a": {file}"#);
    assert_eq!(offers_of(list("xx", &files).as_bytes()).unwrap(), []);
    assert_eq!(offers_of(list("en", &files).as_bytes()).unwrap().len(), 1);
}

#[test]
fn a_mirror_is_made_grows_and_is_pulled_from() {
    let (here, there) = (Here::with_model("1"), Here::new());
    let folder = here.path("mirror");
    let mirror = Mirror::Folder(folder.clone());
    assert!(mirror.offers().is_err());
    here.store.export_mirror(&folder, &[]).unwrap();
    let pull = || {
        let offers = mirror.offers().unwrap();
        there.store.pull(&mirror, &offers, &mut |_| ()).unwrap().remove(0)
    };
    assert!(matches!(pull(), Ok(Pulled::Installed(_))));
    assert!(matches!(pull(), Ok(Pulled::Current(_))));
    assert_eq!(there.version().as_deref(), Some("1"));

    here.add("2");
    here.store.export_mirror(&folder, &[]).unwrap();
    assert!(matches!(pull(), Ok(Pulled::Installed(_))));
    assert_eq!(there.version().as_deref(), Some("2"));
    // What was damaged is mended.
    fs::write(there.store.folder.join("en-de").join(MODEL), "half").unwrap();
    assert!(matches!(pull(), Ok(Pulled::Installed(_))));
    assert_eq!(there.version().as_deref(), Some("2"));

    here.add("3");
    here.store.export_mirror(&folder, &[]).unwrap();
    fs::write(folder.join("en-de").join(MODEL), "too short").unwrap();
    assert!(matches!(pull(), Err(ModelStoreError::Fetch { .. })));
    assert_eq!(there.version().as_deref(), Some("2"));
    fs::write(folder.join("index.json"), vec![b' '; 100 << 20]).unwrap();
    assert!(mirror.offers().unwrap_err().to_string().contains("more than"));
}
