//! What may lie in a job's input folder, judged object by object as it is listed.

/// The most documents a job takes.
pub const DOCUMENTS_MAX: u64 = 1_000_000;
/// The most bytes all documents of a job have together: 5 GB.
pub const INPUT_BYTES_MAX: u64 = 5 << 30;

/// The object that shows whether a folder can be written; the real service uses
/// the same name. It is there for a moment, maybe in the input of another job.
pub const WRITE_CHECK: &str = ".write_access_check_file.temp";

/// The name no folder inside the input may have: the output has one of its own.
const DETAILS: &str = "details";

/// Counts the documents of an input folder and refuses what a job does not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputTally {
    /// Documents seen.
    pub documents: u64,
    /// Their sizes together.
    pub bytes: u64,
}

/// Why an input folder is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputFault {
    /// More than [`INPUT_BYTES_MAX`].
    #[error("The input exceeds the limit of 5 GB")]
    TooManyBytes,
    /// More than [`DOCUMENTS_MAX`].
    #[error("The input exceeds the limit of {DOCUMENTS_MAX} documents")]
    TooManyDocuments,
    /// A folder inside it is called `details`.
    #[error("The input folder contains a nested folder named details: {0}")]
    NestedDetails(String),
}

impl InputTally {
    /// Takes one more object, `path` being its key below the input folder.
    /// Tells whether it is a document; markers of folders and [`WRITE_CHECK`] are not.
    pub fn add(&mut self, path: &str, size_bytes: u64) -> Result<bool, InputFault> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        if folders.split('/').any(|folder| folder == DETAILS) {
            return Err(InputFault::NestedDetails(path.to_owned()));
        }
        if name.is_empty() || name == WRITE_CHECK {
            return Ok(false);
        }
        self.documents += 1;
        self.bytes = self.bytes.saturating_add(size_bytes);
        if DOCUMENTS_MAX < self.documents {
            return Err(InputFault::TooManyDocuments);
        }
        if INPUT_BYTES_MAX < self.bytes {
            return Err(InputFault::TooManyBytes);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &Result<bool, InputFault>) {
        assert_eq!(&InputTally::default().add(path, 1), expected, "{path}");
    }

    #[test]
    fn markers_of_folders_are_no_documents() {
        check("a.txt", &Ok(true));
        check("", &Ok(false));
        check("sub/", &Ok(false));
        check("sub//", &Ok(false));
    }

    #[test]
    fn the_check_of_another_job_is_no_document() {
        check(WRITE_CHECK, &Ok(false));
        check(&format!("sub/{WRITE_CHECK}"), &Ok(false));
        check(&format!("{WRITE_CHECK}/a"), &Ok(true));
        check(&format!("a{WRITE_CHECK}"), &Ok(true));
    }

    #[test]
    fn a_folder_named_details_is_refused_and_a_file_is_not() {
        check("details", &Ok(true));
        check("sub/details", &Ok(true));
        check("Details/a.txt", &Ok(true));
        check("mydetails/a.txt", &Ok(true));
        for path in ["details/a.txt", "sub/details/a/b.txt", "sub/details/"] {
            check(path, &Err(InputFault::NestedDetails(path.to_owned())));
        }
    }

    #[test]
    fn the_limits_are_the_services() {
        let mut tally = InputTally { documents: DOCUMENTS_MAX - 1, bytes: 0 };
        assert_eq!(tally.add("a", INPUT_BYTES_MAX), Ok(true));
        assert_eq!(tally.add("b", 0), Err(InputFault::TooManyDocuments));
        let mut tally = InputTally { documents: 0, bytes: INPUT_BYTES_MAX };
        assert_eq!(tally.add("a", 0), Ok(true));
        assert_eq!(tally.add("b", 1), Err(InputFault::TooManyBytes));
        assert_eq!(InputFault::TooManyBytes.to_string(), "The input exceeds the limit of 5 GB");
    }
}
