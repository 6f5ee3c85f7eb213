//! What is kept of an object beside its content, and how it is written into one
//! extended attribute of its file.
//!
//! Start reading at [`Kept`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::fd::AsFd;

use rustix::fs::{Stat, XattrFlags};
use rustix::io::Errno;

use super::error::{FolderError, failure};

/// The attribute's name.
const ATTRIBUTE: &str = "user.metaphrast";

/// S3's limit on user metadata.
const USER_BYTES_MAX: usize = 2048;

/// What fits, with its name, into the 4 KiB that ext4 has for all attributes of a file.
const ATTRIBUTE_BYTES_MAX: usize = 3840;

/// The headers that a caller gives an object and gets back with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Expires`, as text.
    pub expires: Option<String>,
    /// `x-amz-meta-*`, without that beginning.
    pub user: BTreeMap<String, String>,
}

impl Headers {
    /// Refuses what the attribute cannot hold.
    pub(super) fn check(&self) -> Result<(), FolderError> {
        let user_bytes: usize =
            self.user.iter().map(|(name, value)| name.len() + value.len()).sum();
        if USER_BYTES_MAX < user_bytes {
            return Err(FolderError::MetadataTooLarge {
                what: "user metadata",
                bytes_max: USER_BYTES_MAX,
            });
        }
        let longest = Kept { etag: "0".repeat(40), headers: self.clone() };
        if ATTRIBUTE_BYTES_MAX < longest.to_text(i64::MAX).len() {
            return Err(FolderError::MetadataTooLarge {
                what: "headers and user metadata",
                bytes_max: ATTRIBUTE_BYTES_MAX,
            });
        }
        Ok(())
    }

    /// Whether anything here would be missed if only the content were kept.
    pub(super) fn need_attribute(&self) -> bool {
        let Self {
            // What is lost of a content type is found again by its reader more often than not.
            content_type: _,
            cache_control,
            content_disposition,
            content_encoding,
            content_language,
            expires,
            user,
        } = self;
        let headers =
            [cache_control, content_disposition, content_encoding, content_language, expires];
        headers.into_iter().any(Option::is_some) || !user.is_empty()
    }

    /// One letter for each header in the attribute.
    fn lettered(&mut self) -> [(char, &mut Option<String>); 5] {
        [
            ('c', &mut self.cache_control),
            ('d', &mut self.content_disposition),
            ('e', &mut self.content_encoding),
            ('l', &mut self.content_language),
            ('x', &mut self.expires),
        ]
    }
}

/// What the attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) etag: String,
    pub(super) headers: Headers,
}

impl Kept {
    /// Writes the attribute of a file whose content stands.
    pub(super) fn write(&self, file: impl AsFd) -> Result<(), FolderError> {
        let stat = rustix::fs::fstat(&file).map_err(failure)?;
        let text = self.to_text(modified_nanoseconds(&stat));
        rustix::fs::fsetxattr(&file, ATTRIBUTE, text.as_bytes(), XattrFlags::empty())
            .map_err(failure)
    }

    /// Reads the attribute of a file, or makes up what it would say.
    ///
    /// A file that was dropped in by hand has no attribute, and one that was
    /// changed by hand has an old one: its ETag then comes from size and time,
    /// and contains a hyphen, so that nobody takes it for an MD5.
    pub(super) fn read(file: impl AsFd, stat: &Stat) -> Self {
        let mut buffer = [0_u8; 4096];
        let modified = modified_nanoseconds(stat);
        let read = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut buffer[..]);
        read.ok()
            .and_then(|length| std::str::from_utf8(&buffer[..length]).ok())
            .and_then(|text| Self::from_text(text, modified))
            .unwrap_or_else(|| Self::derived(stat))
    }

    /// What is known of a file without its attribute.
    pub(super) fn derived(stat: &Stat) -> Self {
        let etag = format!("{:x}-{:x}", stat.st_size, modified_nanoseconds(stat));
        Self { etag, headers: Headers::default() }
    }

    /// One line each: ETag, a trace of the time of the content, content type, and
    /// what else there is. Short on purpose: up to 60 bytes lie in the inode itself.
    pub(super) fn to_text(&self, modified_nanoseconds: i64) -> String {
        let mut headers = self.headers.clone();
        let trace = trace(modified_nanoseconds);
        let mut text = format!("{}\n{trace:x}\n", self.etag);
        push_escaped(&mut text, headers.content_type.as_deref().unwrap_or_default());
        for (letter, value) in headers.lettered() {
            if let Some(value) = value {
                write!(text, "\n{letter}").expect("a String takes all");
                push_escaped(&mut text, value);
            }
        }
        for (name, value) in &self.headers.user {
            text.push_str("\nu");
            push_escaped(&mut text, name);
            text.push('=');
            push_escaped(&mut text, value);
        }
        text
    }

    /// Nothing if the text is not one, or is of another content.
    pub(super) fn from_text(text: &str, modified_nanoseconds: i64) -> Option<Self> {
        let mut lines = text.split('\n');
        let etag = lines.next()?.to_owned();
        if u64::from_str_radix(lines.next()?, 16).ok()? != trace(modified_nanoseconds) {
            return None;
        }
        let content_type = unescape(lines.next()?)?;
        let mut headers = Headers {
            content_type: (!content_type.is_empty()).then_some(content_type),
            ..Headers::default()
        };
        for line in lines {
            let letter = line.chars().next()?;
            let rest = &line[letter.len_utf8()..];
            if letter == 'u' {
                let (name, value) = rest.split_once('=')?;
                headers.user.insert(unescape(name)?, unescape(value)?);
                continue;
            }
            // A letter that is not known comes from a later version.
            if let Some((_, value)) = headers.lettered().into_iter().find(|(own, _)| *own == letter)
            {
                *value = Some(unescape(rest)?);
            }
        }
        Some(Self { etag, headers })
    }
}

/// Whether the file system of a file keeps attributes.
pub(super) fn are_kept(file: impl AsFd) -> Result<bool, FolderError> {
    match rustix::fs::fsetxattr(file, ATTRIBUTE, b"probe", XattrFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::INVAL) => Ok(false),
        Err(err) => Err(failure(err)),
    }
}

/// When the content of a file was last written, in nanoseconds.
pub(super) fn modified_nanoseconds(stat: &Stat) -> i64 {
    let nanoseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
    stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// The part of a time that tells two writes apart, in few digits.
fn trace(nanoseconds: i64) -> u64 {
    nanoseconds.unsigned_abs() & 0xffff_ffff_ffff
}

fn push_escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        if character == '%' || character == '=' || character.is_ascii_control() {
            write!(text, "%{:02X}", u32::from(character)).expect("a String takes all");
        } else {
            text.push(character);
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        value.push_str(before);
        value.push(char::from(u8::from_str_radix(after.get(..2)?, 16).ok()?));
        rest = &after[2..];
    }
    value.push_str(rest);
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_attribute_fits_into_an_inode() {
        let headers = Headers { content_type: Some("text/plain".to_owned()), ..Headers::default() };
        let kept = Kept { etag: "d".repeat(32), headers };
        assert!(kept.to_text(i64::MAX).len() <= 60);
    }

    #[test]
    fn an_attribute_of_another_content_is_nothing() {
        let kept = Kept { etag: "e".to_owned(), headers: Headers::default() };
        assert_eq!(Kept::from_text(&kept.to_text(7), 7), Some(kept.clone()));
        assert_eq!(Kept::from_text(&kept.to_text(7), 8), None);
        assert_eq!(Kept::from_text("", 0), None);
    }

    fn any_text() -> impl Strategy<Value = String> {
        r"[a-z=%\n ü]{1,8}"
    }

    proptest! {
        #[test]
        fn what_was_kept_comes_back(
            content_type in prop::option::of(any_text()),
            cache_control in prop::option::of(any_text()),
            content_encoding in prop::option::of(any_text()),
            expires in prop::option::of(any_text()),
            user in prop::collection::btree_map(any_text(), any_text(), 0..4),
        ) {
            let headers = Headers {
                content_type, cache_control, content_encoding, expires, user, ..Headers::default()
            };
            let kept = Kept { etag: "abc-2".to_owned(), headers };
            prop_assert_eq!(Kept::from_text(&kept.to_text(5), 5), Some(kept));
        }
    }
}
