//! The contract of [`Objects`]: what every implementation does.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use crate::folder::{FolderObjects, FolderSettings, KmsPolicy};
use crate::memory::MemoryObjects;
use crate::{Access, ObjectWriter, Objects, ObjectsError, Page, PutOptions};

/// Each with an empty bucket `docs` of the account `111122223333`.
macro_rules! every_implementation {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::in_memory()).await;
            })*
        }

        mod folder {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(&super::in_folder(folder.path()).await).await;
            })*
        }
    };
}

every_implementation![
    what_was_put_is_got,
    a_later_put_replaces_an_earlier_one,
    every_key_is_one_object,
    an_object_stands_beside_a_folder_of_its_name,
    pages_come_in_the_order_of_keys,
    a_listing_begins_after_any_key,
    a_listing_keeps_to_its_prefix,
    a_change_since_the_listing_is_noticed,
    an_object_that_is_too_large_is_not_read,
    what_is_deleted_is_gone,
    an_unfinished_object_leaves_nothing,
    pieces_make_one_object,
    a_bucket_that_is_not_there_is_named,
    another_account_is_denied,
    an_encryption_key_is_refused,
    a_key_has_1_to_1024_bytes,
    any_keys_behave_like_a_map,
];

const BUCKET: &str = "docs";

fn in_memory() -> MemoryObjects {
    let objects = MemoryObjects::new();
    objects.create_bucket("111122223333", BUCKET);
    objects
}

async fn in_folder(data_dir: &std::path::Path) -> FolderObjects {
    let settings = FolderSettings {
        data_dir: data_dir.to_owned(),
        default_account: "000000000000".to_owned(),
        kms: KmsPolicy::Refuse,
    };
    let objects = FolderObjects::open(settings, std::time::SystemTime::UNIX_EPOCH).unwrap();
    objects.create_bucket("111122223333", BUCKET).await.unwrap();
    objects
}

fn access() -> Access {
    Access { account: "111122223333".to_owned(), role_arn: String::new() }
}

async fn put(objects: &dyn Objects, key: &str, body: &str) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    objects.put(&access(), BUCKET, key, body, &PutOptions::default()).await.expect("puts");
}

async fn get(objects: &dyn Objects, key: &str) -> Option<String> {
    match objects.get(&access(), BUCKET, key, None, 1 << 20).await {
        Ok(body) => Some(String::from_utf8(body.to_vec()).expect("text")),
        Err(ObjectsError::NoSuchKey(named)) => {
            assert_eq!(named, key);
            None
        }
        Err(err) => panic!("{err:?}"),
    }
}

async fn list(objects: &dyn Objects, prefix: &str, after: Option<&str>, keys_max: usize) -> Page {
    objects.list(&access(), BUCKET, prefix, after, keys_max).await.expect("lists")
}

async fn keys(objects: &dyn Objects, prefix: &str, keys_max: usize) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    loop {
        let page = list(objects, prefix, keys.last().map(String::as_str), keys_max).await;
        assert!(page.objects.len() <= keys_max);
        keys.extend(page.objects.into_iter().map(|object| object.key));
        if !page.is_truncated {
            return keys;
        }
    }
}

async fn what_was_put_is_got(objects: &dyn Objects) {
    put(objects, "sub/b.txt", "hello").await;
    assert_eq!(get(objects, "sub/b.txt").await.as_deref(), Some("hello"));
    assert_eq!(get(objects, "sub").await, None);
    assert_eq!(get(objects, "sub/").await, None);
    assert_eq!(get(objects, "sub/b.txt/").await, None);

    let listed = list(objects, "", None, 10).await;
    assert!(!listed.is_truncated);
    assert_eq!(listed.objects.len(), 1);
    assert_eq!(listed.objects[0].size_bytes, 5);
    assert_eq!(listed.objects[0].etag, "5d41402abc4b2a76b9719d911017c592");
}

async fn a_later_put_replaces_an_earlier_one(objects: &dyn Objects) {
    put(objects, "a", "one").await;
    put(objects, "a", "two").await;
    assert_eq!(get(objects, "a").await.as_deref(), Some("two"));
    assert_eq!(keys(objects, "", 10).await, ["a"]);
}

async fn every_key_is_one_object(objects: &dyn Objects) {
    let long = ["x".repeat(1024), "y/".repeat(512), "é".repeat(512), "/".repeat(1024)];
    let odd = [
        "a//b",
        "/lead",
        "../x",
        "..",
        ".",
        "./.",
        "trail/",
        "a",
        "a/b",
        "a/b/c",
        "a%o",
        "%",
        "%e",
        "a%2Fb",
        "+ %&?#\"",
        " lead and trail ",
        "line\nend",
        "tab\t",
        "\u{1}\u{7f}",
        "e\u{301}",
        "é",
        "👩‍🚀",
        "a\\b",
        "a:b",
        "-",
        "*",
        "trail//",
    ];
    let mut all: Vec<&str> = odd.into_iter().chain(long.iter().map(String::as_str)).collect();
    for key in &all {
        put(objects, key, key).await;
    }
    for key in &all {
        assert_eq!(get(objects, key).await.as_deref(), Some(*key));
    }
    all.sort_unstable();
    assert_eq!(keys(objects, "", 3).await, all);
    for key in &all {
        objects.delete(&access(), BUCKET, key).await.expect("deletes");
        assert_eq!(get(objects, key).await, None);
    }
    assert!(keys(objects, "", 3).await.is_empty());
}

async fn an_object_stands_beside_a_folder_of_its_name(objects: &dyn Objects) {
    put(objects, "a", "object").await;
    put(objects, "a/b", "inside").await;
    put(objects, "a.txt", "between").await;
    assert_eq!(keys(objects, "", 1).await, ["a", "a.txt", "a/b"]);
    put(objects, "a", "again").await;
    assert_eq!(get(objects, "a").await.as_deref(), Some("again"));
    objects.delete(&access(), BUCKET, "a/b").await.expect("deletes");
    assert_eq!(get(objects, "a").await.as_deref(), Some("again"));
    assert_eq!(keys(objects, "", 1).await, ["a", "a.txt"]);
    put(objects, "a/c", "inside").await;
    objects.delete(&access(), BUCKET, "a").await.expect("deletes");
    assert_eq!(keys(objects, "", 1).await, ["a.txt", "a/c"]);
}

async fn pages_come_in_the_order_of_keys(objects: &dyn Objects) {
    for key in ["b", "a/2", "a-", "a", "a/1", "a0", "B"] {
        put(objects, key, "").await;
    }
    let all = ["B", "a", "a-", "a/1", "a/2", "a0", "b"];
    for keys_max in 1..9 {
        assert_eq!(keys(objects, "", keys_max).await, all);
    }
    assert!(!list(objects, "", None, 7).await.is_truncated);
    assert!(list(objects, "", None, 6).await.is_truncated);
}

async fn a_listing_begins_after_any_key(objects: &dyn Objects) {
    for key in ["a", "a/1", "a/2/x", "b"] {
        put(objects, key, "").await;
    }
    for (after, first) in [
        ("", Some("a")),
        ("a", Some("a/1")),
        ("a/", Some("a/1")),
        ("a/1", Some("a/2/x")),
        ("a/2", Some("a/2/x")),
        ("a/2/", Some("a/2/x")),
        ("a/2/x", Some("b")),
        ("a/3", Some("b")),
        ("aa", Some("b")),
        ("b", None),
        ("c", None),
    ] {
        let page = list(objects, "", Some(after), 1).await;
        assert_eq!(page.objects.first().map(|object| object.key.as_str()), first, "{after}");
    }
}

async fn a_listing_keeps_to_its_prefix(objects: &dyn Objects) {
    for key in ["a", "a/1", "a/2/x", "a/22", "ab", "b"] {
        put(objects, key, "").await;
    }
    assert_eq!(keys(objects, "a", 2).await, ["a", "a/1", "a/2/x", "a/22", "ab"]);
    assert_eq!(keys(objects, "a/", 2).await, ["a/1", "a/2/x", "a/22"]);
    assert_eq!(keys(objects, "a/2", 2).await, ["a/2/x", "a/22"]);
    assert_eq!(keys(objects, "a/2/", 2).await, ["a/2/x"]);
    assert!(keys(objects, "a/3", 2).await.is_empty());
    assert!(keys(objects, "c/d/", 2).await.is_empty());
    assert!(list(objects, "a", Some("b"), 5).await.objects.is_empty());
    assert_eq!(list(objects, "b", Some("a"), 5).await.objects.len(), 1);
}

async fn a_change_since_the_listing_is_noticed(objects: &dyn Objects) {
    put(objects, "a", "one").await;
    let etag = list(objects, "", None, 1).await.objects.remove(0).etag;
    let read = objects.get(&access(), BUCKET, "a", Some(&etag), 9).await.expect("gets");
    assert_eq!(read, "one");
    put(objects, "a", "two").await;
    let refused = objects.get(&access(), BUCKET, "a", Some(&etag), 9).await;
    assert!(matches!(refused, Err(ObjectsError::Changed(key)) if key == "a"));
}

async fn an_object_that_is_too_large_is_not_read(objects: &dyn Objects) {
    put(objects, "a", "1234").await;
    assert!(objects.get(&access(), BUCKET, "a", None, 4).await.is_ok());
    let refused = objects.get(&access(), BUCKET, "a", None, 3).await;
    assert!(matches!(refused, Err(ObjectsError::TooLarge { size_bytes_max: 3, .. })));
}

async fn what_is_deleted_is_gone(objects: &dyn Objects) {
    put(objects, "x/y/z", "").await;
    objects.delete(&access(), BUCKET, "x/y/z").await.expect("deletes");
    objects.delete(&access(), BUCKET, "x/y/z").await.expect("deletes what is not there");
    assert_eq!(get(objects, "x/y/z").await, None);
    put(objects, "x", "").await;
    assert_eq!(keys(objects, "", 9).await, ["x"]);
}

async fn an_unfinished_object_leaves_nothing(objects: &dyn Objects) {
    let options = PutOptions::default();
    let mut writer = objects.begin(&access(), BUCKET, "a", &options).await.expect("begins");
    writer.write(Bytes::from(vec![0; 1 << 20])).await.expect("writes");
    drop(writer);
    assert_eq!(get(objects, "a").await, None);
    assert!(keys(objects, "", 9).await.is_empty());
}

async fn pieces_make_one_object(objects: &dyn Objects) {
    let options = PutOptions::default();
    let mut writer = objects.begin(&access(), BUCKET, "a", &options).await.expect("begins");
    let mut whole = Vec::new();
    for size in [0, 1, 700_000, 3, 600_000] {
        let piece = vec![u8::try_from(size % 251).unwrap(); size];
        whole.extend_from_slice(&piece);
        writer.write(Bytes::from(piece)).await.expect("writes");
        assert!(keys(objects, "", 9).await.is_empty());
    }
    ObjectWriter::finish(writer).await.expect("finishes");
    let read = objects.get(&access(), BUCKET, "a", None, 1 << 30).await.expect("gets");
    assert_eq!(read, whole);
}

async fn a_bucket_that_is_not_there_is_named(objects: &dyn Objects) {
    let is_named = |err| matches!(err, ObjectsError::NoSuchBucket(name) if name == "other");
    let options = PutOptions::default();
    assert!(is_named(objects.list(&access(), "other", "", None, 9).await.unwrap_err()));
    assert!(is_named(objects.get(&access(), "other", "a", None, 9).await.unwrap_err()));
    assert!(is_named(objects.delete(&access(), "other", "a").await.unwrap_err()));
    let put = objects.put(&access(), "other", "a", Bytes::new(), &options).await;
    assert!(is_named(put.unwrap_err()));
    assert!(is_named(objects.begin(&access(), "other", "a", &options).await.err().unwrap()));
}

async fn another_account_is_denied(objects: &dyn Objects) {
    let other = Access { account: "000000000000".to_owned(), role_arn: String::new() };
    let is_denied = |err| matches!(err, ObjectsError::AccessDenied(name) if name == BUCKET);
    put(objects, "a", "").await;
    assert!(is_denied(objects.list(&other, BUCKET, "", None, 9).await.unwrap_err()));
    assert!(is_denied(objects.get(&other, BUCKET, "a", None, 9).await.unwrap_err()));
    assert!(is_denied(objects.delete(&other, BUCKET, "a").await.unwrap_err()));
    let put = objects.put(&other, BUCKET, "a", Bytes::new(), &PutOptions::default()).await;
    assert!(is_denied(put.unwrap_err()));
}

async fn an_encryption_key_is_refused(objects: &dyn Objects) {
    let options = PutOptions { kms_key_id: Some("alias/x".to_owned()), ..PutOptions::default() };
    let refused = objects.put(&access(), BUCKET, "a", Bytes::new(), &options).await;
    assert!(matches!(refused, Err(ObjectsError::KeyRefused(_))));
    assert_eq!(get(objects, "a").await, None);
}

async fn a_key_has_1_to_1024_bytes(objects: &dyn Objects) {
    for key in [String::new(), "x".repeat(1025)] {
        let options = PutOptions::default();
        let refused = objects.put(&access(), BUCKET, &key, Bytes::new(), &options).await;
        assert!(matches!(refused, Err(ObjectsError::InvalidKey(_))));
        assert_eq!(get(objects, &key).await, None);
    }
}

#[derive(Clone, Debug)]
enum Action {
    Put(String, String),
    Delete(String),
    List { prefix: String, after: Option<String>, keys_max: usize },
}

fn any_key() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        6 => "[ab]",
        3 => prop::sample::select(vec!["", ".", "..", "%", "%e", "a%o", "a%+", " ", "\n", "é", "👩"])
            .prop_map(str::to_owned),
        1 => (226_usize..236, "[ab]?").prop_map(|(count, end)| "x".repeat(count) + &end),
    ];
    let key = prop::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"));
    key.prop_filter("a key is not empty", |key| !key.is_empty())
}

fn any_action() -> impl Strategy<Value = Action> {
    let keys_max = prop_oneof![1_usize..5, Just(1000)];
    prop_oneof![
        4 => (any_key(), "[a-z]{0,3}").prop_map(|(key, body)| Action::Put(key, body)),
        2 => any_key().prop_map(Action::Delete),
        2 => (any_key(), 0_usize..4, prop::option::of(any_key()), keys_max).prop_map(
            |(key, length, after, keys_max)| {
                let prefix = key.chars().take(length).collect();
                Action::List { prefix, after, keys_max }
            }
        ),
    ]
}

/// All implementations get the same few hundred actions.
async fn any_keys_behave_like_a_map(objects: &dyn Objects) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut model: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..600 {
        let action = any_action().new_tree(&mut runner).unwrap().current();
        match &action {
            Action::Put(key, body) => {
                put(objects, key, body).await;
                model.insert(key.clone(), body.clone());
            }
            Action::Delete(key) => {
                objects.delete(&access(), BUCKET, key).await.expect("deletes");
                model.remove(key);
                assert_eq!(get(objects, key).await, None);
            }
            Action::List { prefix, after, keys_max } => {
                let page = list(objects, prefix, after.as_deref(), *keys_max).await;
                let mut expected = model
                    .keys()
                    .filter(|key| key.starts_with(prefix))
                    .filter(|key| after.as_ref().is_none_or(|after| after < *key));
                let first: Vec<&String> = expected.by_ref().take(*keys_max).collect();
                let listed: Vec<&String> = page.objects.iter().map(|object| &object.key).collect();
                assert_eq!(listed, first, "{action:?}");
                assert_eq!(page.is_truncated, expected.next().is_some(), "{action:?}");
            }
        }
    }
    for (key, body) in &model {
        assert_eq!(get(objects, key).await.as_ref(), Some(body));
    }
    for keys_max in [1, 3, 7] {
        let listed = keys(objects, "", keys_max).await;
        assert_eq!(listed, model.keys().cloned().collect::<Vec<_>>());
    }
}
