//! Both forms of listing objects.

use ::objects::ObjectInfo;
use ::objects::folder::{Entry, EntryPage, EntryQuery};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectStorageClass, Owner,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::endpoint::{Endpoint, owner};
use super::errors::refused;

/// The longest page, which is also what a page has when nobody says how long.
pub(super) const KEYS_MAX: i32 = 1000;

/// What may stand in an encoded key as it is. A blank becomes `%20`, which all
/// clients decode, those that take `+` for a blank and those that do not.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// How keys are written in an answer.
#[derive(Clone, Copy)]
pub(super) enum KeyEncoding {
    Plain,
    Url,
}

impl KeyEncoding {
    pub(super) fn of(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => Err(s3_error!(InvalidArgument, "the encoding-type is \"url\" or not given")),
        }
    }

    pub(super) fn encode(self, key: String) -> String {
        match self {
            Self::Plain => key,
            Self::Url => utf8_percent_encode(&key, ENCODED).to_string(),
        }
    }
}

/// How many lines an answer may have.
pub(super) fn entries_max(asked: Option<i32>, name: &str) -> S3Result<i32> {
    match asked.unwrap_or(KEYS_MAX) {
        ..0 => Err(s3_error!(InvalidArgument, "{name} is not negative")),
        asked => Ok(asked.min(KEYS_MAX)),
    }
}

pub(super) async fn list_objects(
    endpoint: &Endpoint,
    request: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let account = endpoint.account(&request);
    let ListObjectsInput { bucket, delimiter, encoding_type, marker, max_keys, prefix, .. } =
        request.input;
    let encoding = KeyEncoding::of(encoding_type.as_ref())?;
    let keys_max = entries_max(max_keys, "max-keys")?;
    let query = EntryQuery {
        prefix: prefix.clone().unwrap_or_default(),
        delimiter: delimiter.clone(),
        start_after: marker.clone().filter(|marker| !marker.is_empty()),
        entries_max: usize::try_from(keys_max).unwrap_or_default(),
    };
    let page = list(endpoint, &account, &bucket, query).await?;
    let next_marker =
        page.entries.last().filter(|_| page.is_truncated).map(|entry| entry.key().to_owned());
    let is_truncated = page.is_truncated;
    let lines = Lines::of(page, encoding, Some(&owner(account)));
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(bucket),
        prefix: Some(encoding.encode(prefix.unwrap_or_default())),
        marker: Some(encoding.encode(marker.unwrap_or_default())),
        max_keys: Some(keys_max),
        is_truncated: Some(is_truncated),
        contents: Some(lines.contents),
        common_prefixes: Some(lines.common_prefixes),
        delimiter: delimiter.map(|delimiter| encoding.encode(delimiter)),
        next_marker: next_marker.map(|marker| encoding.encode(marker)),
        encoding_type,
        request_charged: None,
    }))
}

pub(super) async fn list_objects_v2(
    endpoint: &Endpoint,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let account = endpoint.account(&request);
    let ListObjectsV2Input {
        bucket,
        continuation_token,
        delimiter,
        encoding_type,
        fetch_owner,
        max_keys,
        prefix,
        start_after,
        ..
    } = request.input;
    let encoding = KeyEncoding::of(encoding_type.as_ref())?;
    let keys_max = entries_max(max_keys, "max-keys")?;
    let position = match &continuation_token {
        Some(token) => Some(key_of_token(token)?),
        None => start_after.clone().filter(|key| !key.is_empty()),
    };
    let query = EntryQuery {
        prefix: prefix.clone().unwrap_or_default(),
        delimiter: delimiter.clone(),
        start_after: position,
        entries_max: usize::try_from(keys_max).unwrap_or_default(),
    };
    let page = list(endpoint, &account, &bucket, query).await?;
    let next_continuation_token = page
        .entries
        .last()
        .filter(|_| page.is_truncated)
        .map(|entry| URL_SAFE_NO_PAD.encode(entry.key()));
    let (is_truncated, key_count) = (page.is_truncated, page.entries.len());
    let owner = (fetch_owner == Some(true)).then(|| owner(account));
    let lines = Lines::of(page, encoding, owner.as_ref());
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(bucket),
        prefix: Some(encoding.encode(prefix.unwrap_or_default())),
        max_keys: Some(keys_max),
        key_count: i32::try_from(key_count).ok(),
        continuation_token,
        is_truncated: Some(is_truncated),
        next_continuation_token,
        contents: Some(lines.contents),
        common_prefixes: Some(lines.common_prefixes),
        delimiter: delimiter.map(|delimiter| encoding.encode(delimiter)),
        encoding_type,
        start_after: start_after.map(|key| encoding.encode(key)),
        request_charged: None,
    }))
}

async fn list(
    endpoint: &Endpoint,
    account: &str,
    bucket: &str,
    query: EntryQuery,
) -> S3Result<EntryPage> {
    if query.entries_max == 0 {
        endpoint.objects.check_bucket(account, bucket).await.map_err(refused)?;
        return Ok(EntryPage::default());
    }
    endpoint.objects.list_entries(account, bucket, query).await.map_err(refused)
}

fn key_of_token(token: &str) -> S3Result<String> {
    let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
    key.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token provided is incorrect"))
}

struct Lines {
    contents: Vec<Object>,
    common_prefixes: Vec<CommonPrefix>,
}

impl Lines {
    fn of(page: EntryPage, encoding: KeyEncoding, owner: Option<&Owner>) -> Self {
        let mut lines = Self { contents: Vec::new(), common_prefixes: Vec::new() };
        for entry in page.entries {
            match entry {
                Entry::Object(ObjectInfo { key, size_bytes, etag, modified }) => {
                    lines.contents.push(Object {
                        e_tag: Some(ETag::Strong(etag)),
                        key: Some(encoding.encode(key)),
                        last_modified: Some(modified.into()),
                        owner: owner.cloned(),
                        size: i64::try_from(size_bytes).ok(),
                        storage_class: Some(ObjectStorageClass::from_static(
                            ObjectStorageClass::STANDARD,
                        )),
                        ..Object::default()
                    });
                }
                Entry::CommonPrefix(prefix) => {
                    let prefix = Some(encoding.encode(prefix));
                    lines.common_prefixes.push(CommonPrefix { prefix });
                }
            }
        }
        lines
    }
}
