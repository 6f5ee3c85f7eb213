//! Multipart uploads.

use ::objects::folder::{CompletedPart, Condition, NewObject, PartInfo, Target, Written};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyPartResult, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListPartsInput, ListPartsOutput, MultipartUpload, Part, Range as AskedRange,
    UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::body::{Announced, receive};
use super::endpoint::{Endpoint, owner};
use super::errors::refused;
use super::listings::{KeyEncoding, entries_max};
use super::objects::{
    Conditions, Given, check_absent, check_conditions, check_wishes, condition, headers,
    kms_key_id, open, source_of,
};

pub(super) async fn create(
    endpoint: &Endpoint,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let input = request.input;
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
        condition: Condition::None,
    };
    let upload_id = endpoint.objects.create_upload(object).await.map_err(refused)?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        key: Some(input.key),
        upload_id: Some(upload_id),
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn upload_part(
    endpoint: &Endpoint,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let content = request.input.body.take();
    let announced = Announced::of(&request, request.input.content_md5.as_deref())?;
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let UploadPartInput { upload_id, part_number, .. } = request.input;
    let begun = endpoint.objects.begin_part(target, &upload_id, number(part_number)).await;
    let (written, checksum) = receive(content, announced, begun.map_err(refused)?).await?;
    Ok(S3Response::new(UploadPartOutput {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        e_tag: Some(ETag::Strong(written.etag)),
        ..UploadPartOutput::default()
    }))
}

pub(super) async fn upload_part_copy(
    endpoint: &Endpoint,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let input = request.input;
    let (bucket, key) = source_of(&input.copy_source)?;
    let source = open(endpoint, &target.account, bucket, key).await?;
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
    let range = match &input.copy_source_range {
        Some(range) => AskedRange::parse(range)
            .ok()
            .and_then(|range| range.check(source.size_bytes).ok())
            .ok_or_else(|| s3_error!(InvalidRange))?,
        None => 0..source.size_bytes,
    };
    let part_number = number(input.part_number);
    let copied =
        endpoint.objects.copy_part(source, range, target, &input.upload_id, part_number).await;
    let Written { etag, size_bytes: _, modified } = copied.map_err(refused)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(modified.into()),
            ..CopyPartResult::default()
        }),
        ..UploadPartCopyOutput::default()
    }))
}

pub(super) async fn complete(
    endpoint: &Endpoint,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let input = request.input;
    let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let mut parts = Vec::with_capacity(named.len());
    for part in named {
        let (Some(part_number), Some(etag)) = (part.part_number, part.e_tag) else {
            return Err(s3_error!(MalformedXML, "a part has a number and an ETag"));
        };
        parts.push(CompletedPart { number: number(part_number), etag: etag.into_value() });
    }
    let completed =
        endpoint.objects.complete_upload(target, &input.upload_id, parts, condition).await;
    let written = completed.map_err(refused)?;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(written.etag)),
        ..CompleteMultipartUploadOutput::default()
    }))
}

pub(super) async fn abort(
    endpoint: &Endpoint,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let upload_id = &request.input.upload_id;
    endpoint.objects.abort_upload(target, upload_id).await.map_err(refused)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(super) async fn list_parts(
    endpoint: &Endpoint,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let target = endpoint.target(&request, &request.input.bucket, &request.input.key);
    let Target { account, .. } = target.clone();
    let ListPartsInput { bucket, key, max_parts, part_number_marker, upload_id, .. } =
        request.input;
    let parts_max = entries_max(max_parts, "max-parts")?;
    let mut parts = endpoint.objects.list_parts(target, &upload_id).await.map_err(refused)?;
    let after = part_number_marker.unwrap_or_default();
    parts.retain(|part| after < i32::from(part.number));
    let length = usize::try_from(parts_max).unwrap_or_default();
    let is_truncated = length < parts.len();
    parts.truncate(length);
    let last = parts.last().map(|part| i32::from(part.number));
    let listed = parts.into_iter().map(|PartInfo { number, etag, size_bytes, modified }| Part {
        e_tag: Some(ETag::Strong(etag)),
        last_modified: Some(modified.into()),
        part_number: Some(i32::from(number)),
        size: i64::try_from(size_bytes).ok(),
        ..Part::default()
    });
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(bucket),
        is_truncated: Some(is_truncated),
        key: Some(key),
        max_parts: Some(parts_max),
        next_part_number_marker: last.filter(|_| is_truncated),
        owner: Some(owner(account)),
        part_number_marker,
        parts: Some(listed.collect()),
        upload_id: Some(upload_id),
        ..ListPartsOutput::default()
    }))
}

pub(super) async fn list_uploads(
    endpoint: &Endpoint,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let account = endpoint.account(&request);
    let input = request.input;
    check_absent(input.delimiter.as_ref(), "a delimiter for uploads")?;
    let encoding = KeyEncoding::of(input.encoding_type.as_ref())?;
    let uploads_max = entries_max(input.max_uploads, "max-uploads")?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.key_marker.clone().filter(|key| !key.is_empty()).map(|key| {
        // Without an id all uploads of the key lie before: `~` is behind all ids.
        (key, input.upload_id_marker.clone().unwrap_or_else(|| "~".to_owned()))
    });
    let length = usize::try_from(uploads_max).unwrap_or_default();
    let listed = endpoint.objects.list_uploads(&account, &input.bucket, &prefix, after, length);
    let page = listed.await.map_err(refused)?;
    let last = page.uploads.last().filter(|_| page.is_truncated).cloned();
    let uploads = page.uploads.into_iter().map(|upload| MultipartUpload {
        initiated: Some(upload.begun.into()),
        key: Some(encoding.encode(upload.key)),
        owner: Some(owner(account.clone())),
        upload_id: Some(upload.id),
        ..MultipartUpload::default()
    });
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        encoding_type: input.encoding_type,
        is_truncated: Some(page.is_truncated),
        key_marker: input.key_marker.map(|key| encoding.encode(key)),
        max_uploads: Some(uploads_max),
        next_key_marker: last.as_ref().map(|upload| encoding.encode(upload.key.clone())),
        next_upload_id_marker: last.map(|upload| upload.id),
        prefix: Some(encoding.encode(prefix)),
        upload_id_marker: input.upload_id_marker,
        uploads: Some(uploads.collect()),
        ..ListMultipartUploadsOutput::default()
    }))
}

/// A part's number; one that is out of range becomes 0, which no part has.
fn number(number: i32) -> u16 {
    u16::try_from(number).unwrap_or_default()
}
