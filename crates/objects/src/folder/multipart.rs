//! Multipart uploads: parts that are sent one by one and become one object.
//!
//! An upload is the folder `uploads/<id>`: the file `upload` says what it will be, and
//! a part is the file `<number>.<MD5>`. Both are durable as soon as the caller hears of them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use md5::{Digest, Md5};
use uuid::Uuid;

use super::buckets::sync_folder;
use super::error::{FolderError, failure};
use super::headers::Kept;
use super::read::Object;
use super::temporary::Temporary;
use super::tree::Condition;
use super::write::{Destination, FolderWriter, NewObject, PUT_BYTES_MAX, Target, Written};
use super::{FolderObjects, Inner, lock};

/// The highest number of a part.
const PART_NUMBER_MAX: u16 = 10_000;

/// The smallest part that is not the last.
const PART_BYTES_MIN: u64 = 5 << 20;

/// How many uploads may be in progress on this node.
const UPLOADS_MAX: usize = 10_000;

/// How long an upload may take.
const UPLOAD_TERM: Duration = Duration::from_hours(7 * 24);

/// The file in an upload's folder that says what it will be.
const UPLOAD_FILE: &str = "upload";

/// What a listing says of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadInfo {
    /// The key of the object it will be.
    pub key: String,
    /// Its id.
    pub id: String,
    /// When it was begun.
    pub begun: SystemTime,
}

/// A part of a listing of uploads, in the order of keys and ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadPage {
    /// The uploads.
    pub uploads: Vec<UploadInfo>,
    /// Whether there are more.
    pub is_truncated: bool,
}

/// What a listing says of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartInfo {
    /// Its number, from 1.
    pub number: u16,
    /// The MD5 of its content.
    pub etag: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// A part that the caller wants in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    /// Its number.
    pub number: u16,
    /// Its ETag.
    pub etag: String,
}

/// Where a part goes.
#[derive(Debug)]
pub(super) struct PartTarget {
    target: Target,
    upload_id: String,
    number: u16,
}

impl FolderObjects {
    /// Begins an upload and returns its id.
    ///
    /// # Errors
    ///
    /// [`FolderError::TooManyUploads`]; those of [`FolderObjects::begin_object`].
    pub async fn create_upload(&self, object: NewObject) -> Result<String, FolderError> {
        self.blocking(move |inner| inner.create_upload(&object)).await
    }

    /// Begins a part.
    ///
    /// # Errors
    ///
    /// [`FolderError::NoSuchUpload`], [`FolderError::InvalidPartNumber`].
    pub async fn begin_part(
        &self,
        target: Target,
        upload_id: &str,
        number: u16,
    ) -> Result<FolderWriter, FolderError> {
        let part = PartTarget { target, upload_id: upload_id.to_owned(), number };
        let part = self
            .blocking(move |inner| {
                part.check()?;
                inner.upload(&part.target, &part.upload_id)?;
                Ok(part)
            })
            .await?;
        Ok(self.writer(Destination::Part(part)))
    }

    /// Makes a part of a range of an object.
    ///
    /// # Errors
    ///
    /// Those of [`FolderObjects::begin_part`]; [`FolderError::InvalidRange`].
    pub async fn copy_part(
        &self,
        source: Object,
        range: std::ops::Range<u64>,
        target: Target,
        upload_id: &str,
        number: u16,
    ) -> Result<Written, FolderError> {
        let part = PartTarget { target, upload_id: upload_id.to_owned(), number };
        if range.end < range.start || source.size_bytes < range.end {
            return Err(FolderError::InvalidRange);
        }
        if PUT_BYTES_MAX < range.end - range.start {
            return Err(FolderError::TooLarge(PUT_BYTES_MAX));
        }
        self.blocking(move |inner| {
            part.check()?;
            inner.upload(&part.target, &part.upload_id)?;
            let mut file = inner.temporary()?;
            file.append_range(&source.file, range.start, range.end - range.start)?;
            inner.finish_part(&file, &part)
        })
        .await
    }

    /// Puts parts together to one object, which then appears under its key.
    ///
    /// # Errors
    ///
    /// [`FolderError::NoSuchUpload`], [`FolderError::InvalidPart`],
    /// [`FolderError::InvalidPartOrder`], [`FolderError::PartTooSmall`],
    /// [`FolderError::Precondition`]. The upload then goes on.
    pub async fn complete_upload(
        &self,
        target: Target,
        upload_id: &str,
        parts: Vec<CompletedPart>,
        condition: Condition,
    ) -> Result<Written, FolderError> {
        let id = upload_id.to_owned();
        self.blocking(move |inner| inner.complete_upload(&target, &id, &parts, condition)).await
    }

    /// Gives an upload up.
    ///
    /// # Errors
    ///
    /// [`FolderError::NoSuchUpload`].
    pub async fn abort_upload(&self, target: Target, upload_id: &str) -> Result<(), FolderError> {
        let id = upload_id.to_owned();
        self.blocking(move |inner| {
            let (folder, _) = inner.upload(&target, &id)?;
            inner.remove_upload(&folder)
        })
        .await
    }

    /// The parts of an upload in the order of their numbers, at most 10,000.
    ///
    /// # Errors
    ///
    /// [`FolderError::NoSuchUpload`].
    pub async fn list_parts(
        &self,
        target: Target,
        upload_id: &str,
    ) -> Result<Vec<PartInfo>, FolderError> {
        let id = upload_id.to_owned();
        self.blocking(move |inner| {
            let (folder, _) = inner.upload(&target, &id)?;
            parts_in(&folder)
        })
        .await
    }

    /// The uploads of a bucket whose keys begin with `prefix`, after a key and id.
    ///
    /// # Errors
    ///
    /// Those of [`FolderObjects::check_bucket`].
    pub async fn list_uploads(
        &self,
        account: &str,
        bucket: &str,
        prefix: &str,
        after: Option<(String, String)>,
        uploads_max: usize,
    ) -> Result<UploadPage, FolderError> {
        let (account, bucket) = (account.to_owned(), bucket.to_owned());
        let prefix = prefix.to_owned();
        self.blocking(move |inner| {
            inner.bucket(&account, &bucket)?;
            let mut uploads = inner.uploads_of(&bucket)?;
            uploads.retain(|upload| {
                let place = (&upload.key, &upload.id);
                upload.key.starts_with(&prefix)
                    && after.as_ref().is_none_or(|(key, id)| (key, id) < place)
            });
            uploads.sort_unstable_by(|left, right| {
                (&left.key, &left.id).cmp(&(&right.key, &right.id))
            });
            let is_truncated = uploads_max < uploads.len();
            uploads.truncate(uploads_max);
            Ok(UploadPage { uploads, is_truncated })
        })
        .await
    }
}

impl PartTarget {
    fn check(&self) -> Result<(), FolderError> {
        if (1..=PART_NUMBER_MAX).contains(&self.number) {
            Ok(())
        } else {
            Err(FolderError::InvalidPartNumber(PART_NUMBER_MAX))
        }
    }
}

impl Inner {
    fn create_upload(&self, object: &NewObject) -> Result<String, FolderError> {
        self.check_new(object)?;
        let NewObject { target, headers, kms_key_id: _, condition: _ } = object;
        self.bucket(&target.account, &target.bucket)?;
        let begun = fs::read_dir(&self.uploads).map_err(failure)?.count();
        if UPLOADS_MAX <= begun {
            return Err(FolderError::TooManyUploads(UPLOADS_MAX));
        }
        let id = Uuid::new_v4().simple().to_string();
        let folder = self.uploads.join(&id);
        fs::create_dir(&folder).map_err(failure)?;
        let kept = Kept { etag: target.bucket.clone(), headers: headers.clone() };
        let mut file = self.temporary()?;
        // The key may contain line ends, so it comes last.
        let text = kept.to_text(0);
        file.append(format!("{}\n{text}\n{}", text.len(), target.key).as_bytes())?;
        file.sync()?;
        fs::rename(&file.path, folder.join(UPLOAD_FILE)).map_err(failure)?;
        sync_folder(&folder)?;
        sync_folder(&self.uploads)?;
        Ok(id)
    }

    /// The folder of an upload and what it will be.
    fn upload(&self, target: &Target, id: &str) -> Result<(PathBuf, NewObject), FolderError> {
        self.bucket(&target.account, &target.bucket)?;
        let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let folder = self.uploads.join(id);
        let described = if is_id { read_upload(&folder)? } else { None };
        match described {
            Some((kept, key)) if kept.etag == target.bucket && key == target.key => {
                let object = NewObject {
                    target: target.clone(),
                    headers: kept.headers,
                    kms_key_id: None,
                    condition: Condition::None,
                };
                Ok((folder, object))
            }
            Some(_) | None => Err(FolderError::NoSuchUpload),
        }
    }

    pub(super) fn finish_part(
        &self,
        file: &Temporary,
        part: &PartTarget,
    ) -> Result<Written, FolderError> {
        file.sync()?;
        let etag = hex::encode(file.md5());
        let name = format!("{:05}.{etag}", part.number);
        let _change = lock(&self.upload_change);
        let (folder, _) = self.upload(&part.target, &part.upload_id)?;
        fs::rename(&file.path, folder.join(&name)).map_err(failure)?;
        // The last part with a number is the one that counts.
        for entry in fs::read_dir(&folder).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let other = entry.file_name().into_string().unwrap_or_default();
            if other != name && part_of(&other).is_some_and(|(number, _)| number == part.number) {
                fs::remove_file(entry.path()).map_err(failure)?;
            }
        }
        sync_folder(&folder)?;
        let modified = file.file.metadata().and_then(|data| data.modified()).map_err(failure)?;
        Ok(Written { etag, size_bytes: file.size_bytes, modified })
    }

    fn complete_upload(
        &self,
        target: &Target,
        id: &str,
        parts: &[CompletedPart],
        condition: Condition,
    ) -> Result<Written, FolderError> {
        let (folder, mut object) = self.upload(target, id)?;
        object.condition = condition;
        let mut file = self.temporary()?;
        let mut md5 = Md5::new();
        let sources = choose_parts(&parts_in(&folder)?, parts)?;
        for name in &sources {
            let mut source = File::open(folder.join(name)).map_err(vanished)?;
            file.append_unseen(&mut source)?;
            let digest = part_of(name).and_then(|(_, etag)| hex::decode(etag).ok());
            md5.update(digest.unwrap_or_default());
        }
        let etag = format!("{}-{}", hex::encode(md5.finalize()), sources.len());
        let written = self.finish_object(&file, &object, etag)?;
        self.remove_upload(&folder)?;
        Ok(written)
    }

    fn remove_upload(&self, folder: &Path) -> Result<(), FolderError> {
        let _change = lock(&self.upload_change);
        // Without the file that describes it there is no upload, whatever else is left.
        fs::remove_file(folder.join(UPLOAD_FILE)).map_err(vanished)?;
        fs::remove_dir_all(folder).map_err(failure)
    }

    fn uploads_of(&self, bucket: &str) -> Result<Vec<UploadInfo>, FolderError> {
        let mut uploads = Vec::new();
        for entry in fs::read_dir(&self.uploads).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let Ok(id) = entry.file_name().into_string() else {
                continue;
            };
            let Some((kept, key)) = read_upload(&entry.path())? else {
                continue;
            };
            if kept.etag == bucket {
                let begun = fs::metadata(entry.path().join(UPLOAD_FILE))
                    .and_then(|metadata| metadata.modified())
                    .map_err(vanished)?;
                uploads.push(UploadInfo { key, id, begun });
            }
        }
        Ok(uploads)
    }
}

/// Removes uploads that were begun too long ago, and what is left of others.
pub(super) fn clean(uploads: &Path, now: SystemTime) -> Result<(), FolderError> {
    for entry in fs::read_dir(uploads).map_err(failure)? {
        let folder = entry.map_err(failure)?.path();
        let begun = fs::metadata(folder.join(UPLOAD_FILE)).and_then(|data| data.modified());
        let is_abandoned = match begun {
            Ok(begun) => now.duration_since(begun).is_ok_and(|age| UPLOAD_TERM < age),
            Err(err) => err.kind() == io::ErrorKind::NotFound,
        };
        if is_abandoned && folder.is_dir() {
            fs::remove_dir_all(&folder).map_err(failure)?;
        }
    }
    Ok(())
}

/// What an upload will be: its bucket in place of an ETag, its headers, and its key.
fn read_upload(folder: &Path) -> Result<Option<(Kept, String)>, FolderError> {
    let text = match fs::read_to_string(folder.join(UPLOAD_FILE)) {
        Ok(text) => text,
        Err(err)
            if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(err) => return Err(failure(err)),
    };
    Ok(text.split_once('\n').and_then(|(length, rest)| {
        let (kept, key) = rest.split_at_checked(length.parse().ok()?)?;
        Some((Kept::from_text(kept, 0)?, key.strip_prefix('\n')?.to_owned()))
    }))
}

fn parts_in(folder: &Path) -> Result<Vec<PartInfo>, FolderError> {
    let mut parts: Vec<PartInfo> = Vec::new();
    for entry in fs::read_dir(folder).map_err(vanished)? {
        let entry = entry.map_err(failure)?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some((number, etag)) = part_of(&name) else {
            continue;
        };
        let metadata = entry.metadata().map_err(vanished)?;
        parts.push(PartInfo {
            number,
            etag: etag.to_owned(),
            size_bytes: metadata.len(),
            modified: metadata.modified().map_err(failure)?,
        });
    }
    // After a crash two parts may have one number: the later one counts.
    parts.sort_unstable_by(|left, right| {
        left.number.cmp(&right.number).then(right.modified.cmp(&left.modified))
    });
    parts.dedup_by_key(|part| part.number);
    Ok(parts)
}

/// The number and ETag in the name of a part's file.
fn part_of(name: &str) -> Option<(u16, &str)> {
    let (number, etag) = name.split_once('.')?;
    Some((number.parse().ok()?, etag))
}

/// The files of the parts that were named, in order.
fn choose_parts(present: &[PartInfo], named: &[CompletedPart]) -> Result<Vec<String>, FolderError> {
    if named.is_empty() {
        return Err(FolderError::InvalidPart(1));
    }
    if !named.is_sorted_by(|left, right| left.number < right.number) {
        return Err(FolderError::InvalidPartOrder);
    }
    let mut files = Vec::with_capacity(named.len());
    for (index, CompletedPart { number, etag }) in named.iter().enumerate() {
        let found = present.binary_search_by_key(number, |part| part.number);
        let part = found.map(|at| &present[at]).ok().filter(|part| part.etag == *etag);
        let Some(part) = part else {
            return Err(FolderError::InvalidPart(*number));
        };
        if index + 1 < named.len() && part.size_bytes < PART_BYTES_MIN {
            return Err(FolderError::PartTooSmall { number: *number, bytes_min: PART_BYTES_MIN });
        }
        files.push(format!("{number:05}.{etag}"));
    }
    Ok(files)
}

/// A failure to open what another request may just have removed.
fn vanished(err: io::Error) -> FolderError {
    if err.kind() == io::ErrorKind::NotFound { FolderError::NoSuchUpload } else { failure(err) }
}
