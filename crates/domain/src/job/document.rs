//! One document of a job: what is known of it, its limits, and why it may fail.

/// The most bytes of one document: 20 MB.
pub const DOCUMENT_BYTES_MAX: u64 = 20 << 20;
/// The most characters (Unicode scalar values) of one document.
pub const DOCUMENT_CHARACTERS_MAX: u64 = 1_000_000;
/// The most bytes of translatable text in one document: 1 MB of UTF-8.
pub const TRANSLATABLE_BYTES_MAX: u64 = 1 << 20;

/// An object of the input folder, as it was when the folder was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputDocument {
    /// The key below the input folder, never empty.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
    /// What the storage said of its content, so that a change is noticed.
    pub etag: String,
}

impl InputDocument {
    /// The path below the job's folder of this document's translation into `target`.
    ///
    /// The code stands before the file name, not before the path.
    pub fn output_path(&self, target: &str) -> String {
        match self.path.rsplit_once('/') {
            Some((folders, file)) => format!("{folders}/{target}.{file}"),
            None => format!("{target}.{}", self.path),
        }
    }
}

/// Why one document was not translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFault {
    /// Which error of the API it corresponds to.
    pub code: FaultCode,
    /// What was wrong, for the document's owner.
    pub message: String,
}

/// The errors of documents, by the names they have in the details file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// The document cannot be translated as it is.
    InvalidRequest,
    /// Its language could not be told.
    DetectedLanguageLowConfidence,
    /// No engine serves its language.
    UnsupportedLanguagePair,
    /// It failed on our side.
    InternalServer,
}

impl FaultCode {
    const ALL: [Self; 4] = [
        Self::InvalidRequest,
        Self::DetectedLanguageLowConfidence,
        Self::UnsupportedLanguagePair,
        Self::InternalServer,
    ];

    /// The name in the details file, which is also what is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidRequestException",
            Self::DetectedLanguageLowConfidence => "DetectedLanguageLowConfidenceException",
            Self::UnsupportedLanguagePair => "UnsupportedLanguagePairException",
            Self::InternalServer => "InternalServerException",
        }
    }

    /// The code of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// Whether the document failed on our side and not through what it is.
    pub fn is_servers(self) -> bool {
        self == Self::InternalServer
    }
}

impl DocumentFault {
    /// A document that cannot be translated as it is.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: FaultCode::InvalidRequest, message: message.into() }
    }

    /// A fault on our side.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: FaultCode::InternalServer, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        let document = InputDocument { path: path.to_owned(), size_bytes: 0, etag: String::new() };
        assert_eq!(document.output_path("zh-TW"), expected);
    }

    #[test]
    fn the_language_stands_before_the_file_name() {
        check("a.txt", "zh-TW.a.txt");
        check("sub/b.txt", "sub/zh-TW.b.txt");
        check("a//b", "a//zh-TW.b");
        check("/lead", "/zh-TW.lead");
    }

    #[test]
    fn the_codes_are_read_back() {
        for code in FaultCode::ALL {
            assert_eq!(FaultCode::from_name(code.as_str()), Some(code));
        }
    }
}
