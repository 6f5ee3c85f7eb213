//! Operations on objects: get, head, put, copy, delete.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use ::objects::folder::{
    Condition, FolderError, Headers, HeadersFrom, NewObject, Object, Target, Written,
};
use axum::http::{HeaderMap, StatusCode};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    ETagCondition, Error, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    Metadata, MetadataDirective, ObjectCannedACL, PutObjectInput, PutObjectOutput,
    Range as AskedRange, ServerSideEncryption, StreamingBlob, Timestamp, TimestampFormat,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::body::{Announced, receive};
use super::endpoint::Endpoint;
use super::errors::{custom, refused};

/// How many objects are deleted at once.
const DELETED_MAX: usize = 1000;

pub(super) async fn get_object(
    endpoint: &Endpoint,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let account = endpoint.account(&request);
    let input = request.input;
    check_version(input.version_id.as_deref())?;
    let object = open(endpoint, &account, &input.bucket, &input.key).await?;
    check_conditions(
        &object,
        &Conditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
            refused_read: true,
        },
    )?;
    let (range, content_range) = range_of(input.range, input.part_number, &object)?;
    let Described { etag, last_modified, headers, expires } = Described::of(&object);
    let content_length = i64::try_from(range.end - range.start).ok();
    Ok(S3Response::new(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(StreamingBlob::wrap(object.into_stream(range))),
        cache_control: headers.cache_control,
        content_disposition: headers.content_disposition,
        content_encoding: headers.content_encoding,
        content_language: headers.content_language,
        content_length,
        content_range,
        content_type: headers.content_type,
        e_tag: Some(etag),
        expires,
        last_modified: Some(last_modified),
        metadata: Some(headers.user.into_iter().collect()),
        ..GetObjectOutput::default()
    }))
}

pub(super) async fn head_object(
    endpoint: &Endpoint,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let account = endpoint.account(&request);
    let input = request.input;
    check_version(input.version_id.as_deref())?;
    let object = open(endpoint, &account, &input.bucket, &input.key).await?;
    check_conditions(
        &object,
        &Conditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
            refused_read: true,
        },
    )?;
    let (range, content_range) = range_of(input.range, input.part_number, &object)?;
    let Described { etag, last_modified, headers, expires } = Described::of(&object);
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: headers.cache_control,
        content_disposition: headers.content_disposition,
        content_encoding: headers.content_encoding,
        content_language: headers.content_language,
        content_length: i64::try_from(range.end - range.start).ok(),
        content_range,
        content_type: headers.content_type,
        e_tag: Some(etag),
        expires,
        last_modified: Some(last_modified),
        metadata: Some(headers.user.into_iter().collect()),
        ..HeadObjectOutput::default()
    }))
}

pub(super) async fn put_object(
    endpoint: &Endpoint,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let content = request.input.body.take();
    let announced = Announced::of(&request, request.input.content_md5.as_deref())?;
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let input = request.input;
    if input.write_offset_bytes.is_some_and(|offset| offset != 0) {
        return Err(s3_error!(NotImplemented, "an object is written from its beginning"));
    }
    check_wishes(input.acl.as_ref(), input.tagging.as_deref(), input.sse_customer_key.as_deref())?;
    let object = NewObject {
        target,
        headers: headers(Given {
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            content_type: input.content_type,
            expires: input.expires,
            metadata: input.metadata,
        })?,
        kms_key_id: kms_key_id(input.server_side_encryption.as_ref(), input.ssekms_key_id),
        condition: condition(input.if_match.as_ref(), input.if_none_match.as_ref())?,
    };
    let writer = endpoint.objects.begin_object(object).await.map_err(refused)?;
    let (written, checksum) = receive(content, announced, writer).await?;
    Ok(S3Response::new(PutObjectOutput {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        e_tag: Some(ETag::Strong(written.etag)),
        ..PutObjectOutput::default()
    }))
}

pub(super) async fn copy_object(
    endpoint: &Endpoint,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let input = request.input;
    check_wishes(input.acl.as_ref(), input.tagging.as_deref(), input.sse_customer_key.as_deref())?;
    let headers_from = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => HeadersFrom::Source,
        Some(MetadataDirective::REPLACE) => HeadersFrom::Caller,
        Some(_) => return Err(s3_error!(InvalidArgument, "unknown metadata directive")),
    };
    let (source_bucket, source_key) = source_of(&input.copy_source)?;
    if (source_bucket, source_key) == (&*target.bucket, &*target.key)
        && headers_from == HeadersFrom::Source
    {
        return Err(s3_error!(
            InvalidRequest,
            "this copies an object to itself without changing its metadata"
        ));
    }
    let source = open(endpoint, &target.account, source_bucket, source_key).await?;
    check_conditions(
        &source,
        &Conditions {
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            if_modified_since: input.copy_source_if_modified_since.as_ref(),
            if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
            refused_read: false,
        },
    )?;
    let object = NewObject {
        target,
        headers: headers(Given {
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            content_type: input.content_type,
            expires: input.expires,
            metadata: input.metadata,
        })?,
        kms_key_id: kms_key_id(input.server_side_encryption.as_ref(), input.ssekms_key_id),
        condition: Condition::None,
    };
    let copied = endpoint.objects.copy_object(source, object, headers_from).await;
    let Written { etag, size_bytes: _, modified } = copied.map_err(refused)?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(modified.into()),
            ..CopyObjectResult::default()
        }),
        ..CopyObjectOutput::default()
    }))
}

pub(super) async fn delete_object(
    endpoint: &Endpoint,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let input = request.input;
    check_version(input.version_id.as_deref())?;
    match condition(input.if_match.as_ref(), None)? {
        Condition::None => {
            let Target { account, bucket, key } = target;
            let deleted = endpoint.objects.delete_objects(&account, &bucket, vec![key]).await;
            deleted
                .and_then(|outcomes| outcomes.into_iter().collect::<Result<(), _>>())
                .map_err(refused)?;
        }
        condition @ (Condition::IsNew | Condition::IsThere(_)) => {
            endpoint.objects.delete_object_if(target, condition).await.map_err(refused)?;
        }
    }
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

pub(super) async fn delete_objects(
    endpoint: &Endpoint,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let account = endpoint.account(&request);
    let DeleteObjectsInput { bucket, delete, .. } = request.input;
    if delete.objects.is_empty() || DELETED_MAX < delete.objects.len() {
        return Err(s3_error!(MalformedXML, "1 to {DELETED_MAX} objects are deleted at once"));
    }
    for object in &delete.objects {
        check_version(object.version_id.as_deref())?;
        check_absent(object.e_tag.as_ref(), "ETag")?;
    }
    let keys: Vec<String> = delete.objects.into_iter().map(|object| object.key).collect();
    let outcomes = endpoint.objects.delete_objects(&account, &bucket, keys.clone()).await;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for (key, outcome) in keys.into_iter().zip(outcomes.map_err(refused)?) {
        match outcome.map_err(refused) {
            Ok(()) => deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
            Err(err) => errors.push(Error {
                code: Some(err.code().as_str().to_owned()),
                key: Some(key),
                message: err.message().map(str::to_owned),
                version_id: None,
            }),
        }
    }
    let deleted = if delete.quiet == Some(true) { None } else { Some(deleted) };
    let errors = Some(errors);
    Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, request_charged: None }))
}

/// Opens an object for reading.
pub(super) async fn open(
    endpoint: &Endpoint,
    account: &str,
    bucket: &str,
    key: &str,
) -> S3Result<Object> {
    endpoint.objects.open_object(account, bucket, key).await.map_err(refused)
}

/// The bucket and key of what is copied.
pub(super) fn source_of(source: &CopySource) -> S3Result<(&str, &str)> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => {
            check_version(version_id.as_deref())?;
            Ok((bucket, key))
        }
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(s3_error!(NotImplemented, "a copy's source is named by bucket and key"))
        }
    }
}

/// There is one version of each object, and S3 calls it `null`.
pub(super) fn check_version(version_id: Option<&str>) -> S3Result<()> {
    match version_id {
        None | Some("null" | "") => Ok(()),
        Some(_) => Err(s3_error!(NoSuchVersion, "objects have no versions here")),
    }
}

/// Refuses what would be lost without a word.
pub(super) fn check_absent<T: ?Sized>(value: Option<&T>, name: &str) -> S3Result<()> {
    match value {
        None => Ok(()),
        Some(_) => Err(s3_error!(NotImplemented, "{name} is not implemented")),
    }
}

/// Refuses wishes about a new object that would be lost without a word.
pub(super) fn check_wishes(
    acl: Option<&ObjectCannedACL>,
    tagging: Option<&str>,
    sse_customer_key: Option<&str>,
) -> S3Result<()> {
    check_acl(acl)?;
    check_absent(tagging, "x-amz-tagging")?;
    check_absent(sse_customer_key, "x-amz-server-side-encryption-customer-key")
}

/// Like S3 by default, there are no access control lists: everything is its account's.
fn check_acl(acl: Option<&ObjectCannedACL>) -> S3Result<()> {
    match acl.map(ObjectCannedACL::as_str) {
        None | Some(ObjectCannedACL::PRIVATE | ObjectCannedACL::BUCKET_OWNER_FULL_CONTROL) => {
            Ok(())
        }
        Some(_) => Err(s3_error!(AccessControlListNotSupported, "the bucket does not allow ACLs")),
    }
}

/// The key that a caller wants an object encrypted with.
pub(super) fn kms_key_id(
    encryption: Option<&ServerSideEncryption>,
    key_id: Option<String>,
) -> Option<String> {
    let is_kms = encryption.is_some_and(|encryption| encryption.as_str().starts_with("aws:kms"));
    // Without an id the account's own key is meant.
    key_id.or_else(|| is_kms.then(|| "alias/aws/s3".to_owned()))
}

/// The condition of a write.
pub(super) fn condition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::None),
        (None, Some(ETagCondition::Any)) => Ok(Condition::IsNew),
        (Some(ETagCondition::Any), None) => Ok(Condition::IsThere(None)),
        (Some(ETagCondition::ETag(etag)), None) => {
            Ok(Condition::IsThere(Some(etag.value().to_owned())))
        }
        (None, Some(ETagCondition::ETag(_))) | (Some(_), Some(_)) => {
            Err(s3_error!(NotImplemented, "a write takes If-Match or If-None-Match: *"))
        }
    }
}

/// Headers and metadata, as a request gives them.
pub(super) struct Given {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) metadata: Option<Metadata>,
}

/// Headers and metadata, as they are kept.
pub(super) fn headers(given: Given) -> S3Result<Headers> {
    let Given {
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        content_type,
        expires,
        metadata,
    } = given;
    let expires = match expires {
        Some(expires) => {
            let mut text = Vec::new();
            let formatted = expires.format(TimestampFormat::HttpDate, &mut text);
            formatted.map_err(|_| s3_error!(InvalidArgument, "Expires is not a date"))?;
            String::from_utf8(text).ok()
        }
        None => None,
    };
    Ok(Headers {
        content_type,
        cache_control,
        content_disposition,
        content_encoding: content_encoding.and_then(|encoding| without_chunked(&encoding)),
        content_language,
        expires,
        user: metadata.unwrap_or_default().into_iter().collect(),
    })
}

/// `aws-chunked` is how the content came, not how it is.
fn without_chunked(encoding: &str) -> Option<String> {
    let kept: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty() && *encoding != "aws-chunked")
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// What is said of an object.
struct Described {
    etag: ETag,
    last_modified: Timestamp,
    headers: Headers,
    expires: Option<Timestamp>,
}

impl Described {
    fn of(object: &Object) -> Self {
        let mut headers = object.headers.clone();
        headers.content_type.get_or_insert_with(|| "application/octet-stream".to_owned());
        let expires = headers.expires.take();
        Self {
            etag: ETag::Strong(object.etag.clone()),
            last_modified: object.modified.into(),
            headers,
            expires: expires
                .and_then(|text| Timestamp::parse(TimestampFormat::HttpDate, &text).ok()),
        }
    }
}

/// What must be true of an object for it to be read.
pub(super) struct Conditions<'a> {
    pub(super) if_match: Option<&'a ETagCondition>,
    pub(super) if_none_match: Option<&'a ETagCondition>,
    pub(super) if_modified_since: Option<&'a Timestamp>,
    pub(super) if_unmodified_since: Option<&'a Timestamp>,
    /// Whether an object that the reader has already is "not modified", and no failure.
    pub(super) refused_read: bool,
}

pub(super) fn check_conditions(object: &Object, conditions: &Conditions<'_>) -> S3Result<()> {
    let is_same = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag,
    };
    // Dates in headers have whole seconds.
    let since_1970 = object.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let modified =
        Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970.as_secs()));
    let fits = match (conditions.if_match, conditions.if_unmodified_since) {
        (Some(condition), _) => is_same(condition),
        (None, Some(since)) => modified <= *since,
        (None, None) => true,
    };
    if !fits {
        return Err(refused(FolderError::Precondition));
    }
    let is_wanted = match (conditions.if_none_match, conditions.if_modified_since) {
        (Some(condition), _) => !is_same(condition),
        (None, Some(since)) => *since < modified,
        (None, None) => true,
    };
    if is_wanted {
        return Ok(());
    }
    if !conditions.refused_read {
        return Err(refused(FolderError::Precondition));
    }
    let mut err = s3_error!(NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(etag) = ETag::Strong(object.etag.clone()).to_http_header() {
        headers.insert("etag", etag);
    }
    err.set_headers(headers);
    Err(err)
}

/// The bytes that are asked for, and how the answer names them.
fn range_of(
    range: Option<AskedRange>,
    part_number: Option<i32>,
    object: &Object,
) -> S3Result<(Range<u64>, Option<String>)> {
    // Objects do not remember their parts: each is one part.
    if part_number.is_some_and(|number| number != 1) {
        return Err(custom(
            "InvalidPartNumber",
            StatusCode::RANGE_NOT_SATISFIABLE,
            "the requested part number is not satisfiable".to_owned(),
        ));
    }
    let size_bytes = object.size_bytes;
    let Some(range) = range else {
        return Ok((0..size_bytes, None));
    };
    let range = range.check(size_bytes).map_err(|_| refused(FolderError::InvalidRange))?;
    if range.is_empty() {
        return Err(refused(FolderError::InvalidRange));
    }
    let named = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
    Ok((range, Some(named)))
}
