//! What only a folder does: files dropped in by hand, listings with a delimiter,
//! conditions, multipart uploads, many at once.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;

const ACCOUNT: &str = "111122223333";

fn open(data_dir: &Path, kms: KmsPolicy) -> FolderObjects {
    open_at(data_dir, kms, SystemTime::UNIX_EPOCH)
}

fn open_at(data_dir: &Path, kms: KmsPolicy, now: SystemTime) -> FolderObjects {
    let default_account = ACCOUNT.to_owned();
    let settings = FolderSettings { data_dir: data_dir.to_owned(), default_account, kms };
    FolderObjects::open(settings, now).unwrap()
}

async fn with_bucket() -> (TempDir, FolderObjects) {
    let data_dir = tempfile::tempdir().unwrap();
    let objects = open(data_dir.path(), KmsPolicy::Refuse);
    objects.create_bucket(ACCOUNT, "docs").await.unwrap();
    (data_dir, objects)
}

fn target(key: &str) -> Target {
    Target { account: ACCOUNT.to_owned(), bucket: "docs".to_owned(), key: key.to_owned() }
}

fn new(key: &str) -> NewObject {
    NewObject {
        target: target(key),
        headers: Headers::default(),
        kms_key_id: None,
        condition: Condition::None,
    }
}

async fn put_new(
    objects: &FolderObjects,
    object: NewObject,
    body: &[u8],
) -> Result<Written, FolderError> {
    let mut writer = objects.begin_object(object).await?;
    writer.write(Bytes::copy_from_slice(body)).await?;
    writer.finish(None).await
}

async fn put(objects: &FolderObjects, key: &str, body: &[u8]) -> Written {
    put_new(objects, new(key), body).await.unwrap()
}

async fn delete(objects: &FolderObjects, key: &str) {
    let keys = vec![key.to_owned()];
    objects.delete_objects(ACCOUNT, "docs", keys).await.unwrap().remove(0).unwrap();
}

async fn get(objects: &FolderObjects, key: &str) -> Option<String> {
    match objects.read_whole(ACCOUNT, "docs", key, None, 1 << 30).await {
        Ok(body) => Some(String::from_utf8(body.to_vec()).unwrap()),
        Err(FolderError::Objects(ObjectsError::NoSuchKey(_))) => None,
        Err(err) => panic!("{err:?}"),
    }
}

async fn list(objects: &FolderObjects, query: EntryQuery) -> (Vec<String>, bool) {
    let page = objects.list_entries(ACCOUNT, "docs", query).await.unwrap();
    (page.entries.iter().map(|entry| entry.key().to_owned()).collect(), page.is_truncated)
}

async fn all_keys(objects: &FolderObjects) -> Vec<String> {
    list(objects, EntryQuery { entries_max: 1000, ..EntryQuery::default() }).await.0
}

#[tokio::test]
async fn a_file_dropped_in_by_hand_is_an_object() {
    let (data_dir, objects) = with_bucket().await;
    let folder = data_dir.path().join("objects/docs/sub");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("b.txt"), "by hand").unwrap();

    assert_eq!(get(&objects, "sub/b.txt").await.as_deref(), Some("by hand"));
    assert_eq!(all_keys(&objects).await, ["sub/b.txt"]);
    let object = objects.open_object(ACCOUNT, "docs", "sub/b.txt").await.unwrap();
    assert!(object.etag.contains('-'));
    assert_eq!(object.headers, Headers::default());
}

#[tokio::test]
async fn an_ordinary_key_is_an_ordinary_file() {
    let (data_dir, objects) = with_bucket().await;
    put(&objects, "sub/b.txt", b"hello").await;
    let file = data_dir.path().join("objects/docs/sub/b.txt");
    assert_eq!(fs::read(file).unwrap(), b"hello");
}

#[tokio::test]
async fn an_object_changed_by_hand_has_another_etag() {
    let (data_dir, objects) = with_bucket().await;
    let written = put(&objects, "a", b"one").await;
    let path = data_dir.path().join("objects/docs/a");
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(7)).unwrap();
    let object = objects.open_object(ACCOUNT, "docs", "a").await.unwrap();
    assert_ne!(object.etag, written.etag);
}

#[tokio::test]
async fn no_link_leads_out_of_the_bucket() {
    let (data_dir, objects) = with_bucket().await;
    let bucket = data_dir.path().join("objects/docs");
    let outside = data_dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, bucket.join("folder")).unwrap();
    symlink(outside.join("secret"), bucket.join("file")).unwrap();
    symlink(&outside, data_dir.path().join("objects/other")).unwrap();

    assert_eq!(get(&objects, "folder/secret").await, None);
    assert_eq!(get(&objects, "file").await, None);
    assert!(all_keys(&objects).await.is_empty());
    assert!(objects.check_bucket(ACCOUNT, "other").await.is_err());
    let refused = put_new(&objects, new("folder/new"), b"").await;
    assert!(matches!(refused, Err(FolderError::Objects(ObjectsError::InvalidKey(_)))));
    delete(&objects, "folder/secret").await;
    put(&objects, "file", b"mine").await;
    assert_eq!(get(&objects, "file").await.as_deref(), Some("mine"));
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn names_that_no_key_leads_to_are_not_listed() {
    let (data_dir, objects) = with_bucket().await;
    let bucket = data_dir.path().join("objects/docs");
    fs::write(bucket.join("50%"), "").unwrap();
    fs::write(bucket.join("x".repeat(240)), "").unwrap();
    fs::create_dir(bucket.join("a%o")).unwrap();
    fs::create_dir(bucket.join("empty")).unwrap();
    put(&objects, "a", b"").await;
    assert_eq!(all_keys(&objects).await, ["a"]);
    let query = EntryQuery { delimiter: Some("/".to_owned()), ..EntryQuery::default() };
    assert_eq!(list(&objects, query).await, (vec!["a".to_owned()], false));
}

#[tokio::test]
async fn a_folder_goes_with_its_last_object() {
    let (data_dir, objects) = with_bucket().await;
    put(&objects, "x/y/z", b"").await;
    put(&objects, "x/y", b"").await;
    delete(&objects, "x/y/z").await;
    let bucket = data_dir.path().join("objects/docs");
    assert!(bucket.join("x/y").is_file());
    delete(&objects, "x/y").await;
    assert_eq!(fs::read_dir(bucket).unwrap().count(), 0);
    assert_eq!(fs::read_dir(data_dir.path().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_crash_left_under_both_names_is_one_object() {
    let (data_dir, objects) = with_bucket().await;
    let bucket = data_dir.path().join("objects/docs");
    fs::write(bucket.join("a"), "counts").unwrap();
    fs::write(bucket.join("a%o"), "old").unwrap();
    assert_eq!(all_keys(&objects).await, ["a"]);
    assert_eq!(get(&objects, "a").await.as_deref(), Some("counts"));
    put(&objects, "a/b", b"").await;
    assert_eq!(get(&objects, "a").await.as_deref(), Some("counts"));
    delete(&objects, "a").await;
    assert_eq!(all_keys(&objects).await, ["a/b"]);
}

#[tokio::test]
async fn headers_come_back_with_the_object() {
    let (_data_dir, objects) = with_bucket().await;
    let headers = Headers {
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        content_language: Some("de".to_owned()),
        user: [("key".to_owned(), "a=b\n%".to_owned())].into(),
        ..Headers::default()
    };
    put_new(&objects, NewObject { headers: headers.clone(), ..new("a") }, b"x").await.unwrap();
    let source = objects.open_object(ACCOUNT, "docs", "a").await.unwrap();
    assert_eq!(source.headers, headers);

    objects.copy_object(source, new("b"), HeadersFrom::Source).await.unwrap();
    let source = objects.open_object(ACCOUNT, "docs", "b").await.unwrap();
    assert_eq!(source.headers, headers);
    objects.copy_object(source, new("b"), HeadersFrom::Caller).await.unwrap();
    let copy = objects.open_object(ACCOUNT, "docs", "b").await.unwrap();
    assert_eq!((copy.headers, copy.size_bytes), (Headers::default(), 1));

    let headers = Headers { cache_control: Some("x".repeat(4000)), ..Headers::default() };
    let refused = put_new(&objects, NewObject { headers, ..new("a") }, b"").await;
    assert!(matches!(refused, Err(FolderError::MetadataTooLarge { .. })));
}

#[tokio::test]
async fn a_write_keeps_to_its_condition() {
    let (_data_dir, objects) = with_bucket().await;
    let write =
        async |condition| put_new(&objects, NewObject { condition, ..new("a") }, b"x").await;
    let is_refused = |outcome| matches!(outcome, Err(FolderError::Precondition));
    assert!(is_refused(write(Condition::IsThere(None)).await));
    let etag = write(Condition::IsNew).await.unwrap().etag;
    assert!(is_refused(write(Condition::IsNew).await));
    assert!(is_refused(write(Condition::IsThere(Some("other".to_owned()))).await));
    write(Condition::IsThere(Some(etag))).await.unwrap();
    let other = Condition::IsThere(Some("other".to_owned()));
    assert!(objects.delete_object_if(target("a"), other).await.is_err());
    objects.delete_object_if(target("a"), Condition::IsThere(None)).await.unwrap();
    assert_eq!(get(&objects, "a").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_new_writers_one_wins() {
    let (_data_dir, objects) = with_bucket().await;
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let objects = objects.clone();
        let object = NewObject { condition: Condition::IsNew, ..new("x/a") };
        writers.spawn(async move { put_new(&objects, object, b"x").await.is_ok() });
    }
    assert_eq!(writers.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn a_wrong_digest_leaves_nothing() {
    let (data_dir, objects) = with_bucket().await;
    let mut writer = objects.begin_object(new("a")).await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(writer.finish(Some([0; 16])).await, Err(FolderError::BadDigest)));
    assert!(all_keys(&objects).await.is_empty());
    assert_eq!(fs::read_dir(data_dir.path().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn any_range_of_an_object_streams() {
    let (_data_dir, objects) = with_bucket().await;
    let body: Vec<u8> = (0..700_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    put(&objects, "a", &body).await;
    for range in [0..700_000, 0..0, 5..6, 262_143..262_145, 699_999..700_000] {
        let object = objects.open_object(ACCOUNT, "docs", "a").await.unwrap();
        let mut stream = object.into_stream(range.clone());
        let mut read = Vec::new();
        while let Some(piece) = std::future::poll_fn(|ctx| {
            futures_core::Stream::poll_next(std::pin::Pin::new(&mut stream), ctx)
        })
        .await
        {
            read.extend_from_slice(&piece.unwrap());
        }
        let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
        assert!(read == body[start.unwrap()..end.unwrap()]);
    }
}

#[tokio::test]
async fn an_encryption_key_is_ignored_where_it_shall_be() {
    let data_dir = tempfile::tempdir().unwrap();
    let objects = open(data_dir.path(), KmsPolicy::Ignore);
    objects.create_bucket(ACCOUNT, "docs").await.unwrap();
    let object = NewObject { kms_key_id: Some("alias/x".to_owned()), ..new("a") };
    put_new(&objects, object, b"x").await.unwrap();
}

#[tokio::test]
async fn buckets_have_one_owner_each() {
    let (data_dir, objects) = with_bucket().await;
    let create = async |account, bucket| objects.create_bucket(account, bucket).await;
    assert!(matches!(create(ACCOUNT, "docs").await, Err(FolderError::BucketOwned(_))));
    assert!(matches!(create("444455556666", "docs").await, Err(FolderError::BucketTaken(_))));
    assert!(matches!(create(ACCOUNT, "a..b").await, Err(FolderError::InvalidBucketName)));
    assert!(matches!(create(ACCOUNT, "../b").await, Err(FolderError::InvalidBucketName)));
    create("444455556666", "other").await.unwrap();
    fs::create_dir(data_dir.path().join("objects/by-hand")).unwrap();
    fs::create_dir(data_dir.path().join("objects/No_Bucket")).unwrap();

    let again = open(data_dir.path(), KmsPolicy::Refuse);
    let names = async |account| {
        let buckets = again.list_buckets(account).await.unwrap();
        buckets.into_iter().map(|bucket| bucket.name).collect::<Vec<_>>()
    };
    assert_eq!(names(ACCOUNT).await, ["by-hand", "docs"]);
    assert_eq!(names("444455556666").await, ["other"]);
    let denied = again.check_bucket(ACCOUNT, "other").await;
    assert!(matches!(denied, Err(FolderError::Objects(ObjectsError::AccessDenied(_)))));
}

#[tokio::test]
async fn only_an_empty_bucket_is_deleted() {
    let (data_dir, objects) = with_bucket().await;
    put(&objects, "a/b", b"").await;
    let refused = objects.delete_bucket(ACCOUNT, "docs").await;
    assert!(matches!(refused, Err(FolderError::BucketNotEmpty(_))));
    delete(&objects, "a/b").await;
    fs::create_dir_all(data_dir.path().join("objects/docs/x/y")).unwrap();
    objects.delete_bucket(ACCOUNT, "docs").await.unwrap();
    assert!(objects.check_bucket(ACCOUNT, "docs").await.is_err());
    objects.create_bucket("444455556666", "docs").await.unwrap();
    assert!(objects.check_bucket("444455556666", "docs").await.is_ok());
}

#[tokio::test]
async fn a_storage_that_is_gone_says_so() {
    let (data_dir, objects) = with_bucket().await;
    fs::remove_dir_all(data_dir.path().join("objects")).unwrap();
    let failed = objects.check_bucket(ACCOUNT, "docs").await;
    assert!(matches!(failed, Err(FolderError::Objects(ObjectsError::Storage(_)))));
    let failed = put_new(&objects, new("a"), b"").await;
    assert!(matches!(failed, Err(FolderError::Objects(ObjectsError::Storage(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_and_folders_of_one_name_come_and_go_together() {
    let (_data_dir, objects) = with_bucket().await;
    put(&objects, "k/stays", b"stays").await;
    put(&objects, "k/a", b"here").await;
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let objects = objects.clone();
        tasks.spawn(async move {
            for _ in 0..40 {
                // The object `k/a` must be seen at all times, whatever happens below it.
                put(&objects, &format!("k/a/{task}/x"), b"").await;
                assert_eq!(get(&objects, "k/a").await.as_deref(), Some("here"));
                let keys = all_keys(&objects).await;
                assert!(keys.contains(&"k/a".to_owned()) && keys.contains(&"k/stays".to_owned()));
                delete(&objects, &format!("k/a/{task}/x")).await;
                assert_eq!(get(&objects, "k/a").await.as_deref(), Some("here"));
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(all_keys(&objects).await, ["k/a", "k/stays"]);
}

#[tokio::test]
async fn a_listing_of_a_large_folder_goes_on_while_it_changes() {
    let (data_dir, objects) = with_bucket().await;
    let folder = data_dir.path().join("objects/docs/large");
    fs::create_dir(&folder).unwrap();
    for number in 0..5000 {
        fs::write(folder.join(format!("{number:04}")), "").unwrap();
    }
    put(&objects, "z", b"").await;
    let mut seen: Vec<String> = Vec::new();
    loop {
        let query = EntryQuery {
            start_after: seen.last().cloned(),
            entries_max: 1000,
            ..EntryQuery::default()
        };
        let (keys, is_truncated) = list(&objects, query).await;
        assert!(seen.last() < keys.first());
        seen.extend(keys);
        if !is_truncated {
            break;
        }
        delete(&objects, &format!("large/{:04}", seen.len() + 500)).await;
        put(&objects, &format!("large/{:04}/x", seen.len() + 600), b"").await;
    }
    // Five deletions, and of the new objects at least none in place of the old.
    assert_eq!(seen.last().map(String::as_str), Some("z"));
    let old = seen.iter().filter(|key| key.len() == 10).count();
    assert_eq!(old, 5000 - 4);
}

#[tokio::test]
async fn delimiters_group_keys_as_a_filter_would() {
    let (_data_dir, objects) = with_bucket().await;
    let mut runner = TestRunner::deterministic();
    let mut keys = BTreeSet::new();
    let long = "x".repeat(231);
    let parts = ["a", "b", "/", "/", "-", "é", &long].map(str::to_owned).to_vec();
    for _ in 0..120 {
        let parts = prop::sample::select(parts.clone());
        let key = prop::collection::vec(parts, 1..6).new_tree(&mut runner).unwrap();
        let key = key.current().concat();
        if key.len() <= 1024 && keys.insert(key.clone()) {
            put(&objects, &key, b"").await;
        }
    }
    for delimiter in ["/", "-", "a", "//", "é/", "xx"] {
        for prefix in ["", "a", "/", "a/", "-", "b/a", "x", &long] {
            let lines = grouped(&keys, prefix, delimiter);
            for entries_max in [1, 2, 5, 1000] {
                let mut listed: Vec<String> = Vec::new();
                loop {
                    let query = EntryQuery {
                        prefix: prefix.to_owned(),
                        delimiter: Some(delimiter.to_owned()),
                        start_after: listed.last().cloned(),
                        entries_max,
                    };
                    let (page, is_truncated) = list(&objects, query).await;
                    listed.extend(page);
                    if !is_truncated {
                        break;
                    }
                }
                assert_eq!(listed, lines, "{prefix:?} {delimiter:?} {entries_max}");
            }
        }
    }
}

fn grouped(keys: &BTreeSet<String>, prefix: &str, delimiter: &str) -> Vec<String> {
    let lines: BTreeSet<String> = keys
        .iter()
        .filter_map(|key| {
            let rest = key.strip_prefix(prefix)?;
            Some(match rest.find(delimiter) {
                Some(at) => key[..prefix.len() + at + delimiter.len()].to_owned(),
                None => key.clone(),
            })
        })
        .collect();
    lines.into_iter().collect()
}

async fn put_part(objects: &FolderObjects, id: &str, number: u16, body: &[u8]) -> CompletedPart {
    let mut writer = objects.begin_part(target("a"), id, number).await.unwrap();
    writer.write(Bytes::copy_from_slice(body)).await.unwrap();
    CompletedPart { number, etag: writer.finish(None).await.unwrap().etag }
}

#[tokio::test]
async fn parts_become_one_object() {
    let (data_dir, objects) = with_bucket().await;
    let headers = Headers { content_type: Some("a/b".to_owned()), ..Headers::default() };
    let id = objects.create_upload(NewObject { headers, ..new("a") }).await.unwrap();
    let large = vec![7; 5 << 20];
    let first = put_part(&objects, &id, 1, &large).await;
    let replaced = put_part(&objects, &id, 3, b"replaced").await;
    let last = put_part(&objects, &id, 3, b"last").await;
    let complete = async |parts: &[&CompletedPart]| {
        let parts = parts.iter().copied().cloned().collect();
        objects.complete_upload(target("a"), &id, parts, Condition::None).await
    };
    assert!(matches!(complete(&[&replaced]).await, Err(FolderError::InvalidPart(3))));
    assert!(matches!(complete(&[]).await, Err(FolderError::InvalidPart(_))));
    assert!(matches!(complete(&[&last, &first]).await, Err(FolderError::InvalidPartOrder)));
    let small = put_part(&objects, &id, 2, b"small").await;
    let refused = complete(&[&first, &small, &last]).await;
    assert!(matches!(refused, Err(FolderError::PartTooSmall { number: 2, .. })));
    assert_eq!(get(&objects, "a").await, None);

    let again = open(data_dir.path(), KmsPolicy::Refuse);
    let uploads = again.list_uploads(ACCOUNT, "docs", "", None, 10).await.unwrap().uploads;
    assert_eq!((uploads[0].key.as_str(), uploads[0].id.as_str()), ("a", id.as_str()));
    let parts = again.list_parts(target("a"), &id).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2, 3]);

    let written = complete(&[&first, &last]).await.unwrap();
    assert!(written.etag.ends_with("-2"));
    let object = objects.open_object(ACCOUNT, "docs", "a").await.unwrap();
    assert_eq!(object.headers.content_type.as_deref(), Some("a/b"));
    assert_eq!((object.size_bytes, object.etag), ((5 << 20) + 4, written.etag));
    assert!(matches!(complete(&[&first]).await, Err(FolderError::NoSuchUpload)));
    assert_eq!(fs::read_dir(data_dir.path().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_is_known_only_under_its_own_name() {
    let (_data_dir, objects) = with_bucket().await;
    let id = objects.create_upload(new("a")).await.unwrap();
    for (key, id) in [("b", id.as_str()), ("a", "../x"), ("a", ""), ("a", &"0".repeat(32))] {
        let refused = objects.begin_part(target(key), id, 1).await;
        assert!(matches!(refused, Err(FolderError::NoSuchUpload)), "{key} {id}");
    }
    for number in [0, 10_001] {
        let refused = objects.begin_part(target("a"), &id, number).await;
        assert!(matches!(refused, Err(FolderError::InvalidPartNumber(_))));
    }
    objects.abort_upload(target("a"), &id).await.unwrap();
    let gone = objects.abort_upload(target("a"), &id).await;
    assert!(matches!(gone, Err(FolderError::NoSuchUpload)));
}

#[tokio::test]
async fn what_was_left_unfinished_is_cleared_away() {
    let (data_dir, objects) = with_bucket().await;
    objects.create_upload(new("a")).await.unwrap();
    fs::write(data_dir.path().join("tmp/left"), "").unwrap();
    let uploads = data_dir.path().join("uploads");
    let begun = fs::read_dir(&uploads).unwrap().next().unwrap().unwrap().path().join("upload");
    let begun = fs::metadata(begun).unwrap().modified().unwrap();
    let count = |folder| fs::read_dir(data_dir.path().join(folder)).unwrap().count();

    open_at(data_dir.path(), KmsPolicy::Refuse, begun + Duration::from_hours(6 * 24));
    assert_eq!((count("tmp"), count("uploads")), (0, 1));
    open_at(data_dir.path(), KmsPolicy::Refuse, begun + Duration::from_hours(8 * 24));
    assert_eq!(count("uploads"), 0);
}
