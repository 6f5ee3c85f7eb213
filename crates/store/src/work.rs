//! Units of work, leases on them, and what became of their documents.

use domain::job::{DocumentFault, InputDocument, Job, JobId, Outcome};
use domain::language::LanguageCode;

/// The name of one server process, never used twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub String);

/// The right to list or finish a job.
#[derive(Clone, Debug)]
pub struct JobLease {
    /// The job as it was when the lease was taken.
    pub job: Job,
    /// What later writes must name.
    pub epoch: i64,
}

/// What there is to do for a job as a whole.
#[derive(Clone, Debug)]
pub enum JobTask {
    /// List its input, from behind the last key that was seen.
    List {
        /// The right to.
        lease: JobLease,
        /// The last key that was seen.
        cursor: Option<String>,
        /// The documents found so far.
        documents: u64,
        /// The bytes of these documents.
        input_bytes: u64,
    },
    /// Write its details and end it.
    Finish {
        /// The right to.
        lease: JobLease,
        /// How its work ended.
        outcome: Outcome,
        /// What kept it from completing, if anything did.
        fault: Option<String>,
    },
}

/// Which tasks a worker has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobRoom {
    /// Whether it can list one more job.
    pub lists: bool,
    /// Whether it can finish one more job.
    pub finishes: bool,
}

/// Who found a fault of a job.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// Who lists it.
    Job(&'a JobLease),
    /// Who works on one of its units.
    Unit(&'a UnitLease),
}

/// A unit of a job as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its number, from 0, in key order.
    pub no: u32,
    /// Its documents, in key order.
    pub documents: Vec<InputDocument>,
    /// What became of them.
    pub progress: Progress,
    /// Whether a holder vanished: it may have written documents that it did not record.
    pub was_abandoned: bool,
}

/// The right to work on a unit.
#[derive(Clone, Debug)]
pub struct UnitLease {
    /// Whose unit it is, as the job stood when the lease was taken.
    pub job: Job,
    /// What later writes must name.
    pub epoch: i64,
    /// How many holders in a row, this one not counted, vanished without progress.
    pub failed_attempts: u32,
    /// The unit.
    pub unit: Unit,
}

/// What became of the documents of a unit so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Whether each document was processed, with or without success.
    pub done: Vec<bool>,
    /// The failures, in no particular order.
    pub faults: Vec<TargetFault>,
    /// The characters translated into each target.
    pub characters: Vec<u64>,
    /// The language detected for each document; empty when none was detected.
    pub languages: Vec<Option<LanguageCode>>,
    /// The documents in which sentences stayed as they were.
    pub untranslated: Vec<Untranslated>,
}

/// Sentences of one document that have no good translation into one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untranslated {
    /// The document's place in the unit.
    pub document: usize,
    /// The target's place among the job's targets.
    pub target: usize,
    /// How many there are.
    pub sentences: u64,
}

/// The failure of one document for one target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetFault {
    /// The document's place in the unit.
    pub document: usize,
    /// The target's place among the job's targets.
    pub target: usize,
    /// What was wrong.
    pub fault: DocumentFault,
}

/// What a worker has to say about a unit.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The job.
    pub job: &'a JobId,
    /// The unit's number.
    pub no: u32,
    /// The epoch of the lease.
    pub epoch: i64,
    /// What became of the documents.
    pub progress: &'a Progress,
    /// Whether the worker goes on.
    pub end: ReportEnd,
}

/// Whether a worker goes on with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportEnd {
    /// It goes on.
    Working,
    /// It gives the unit back: done if all documents are, else for others to go on with.
    Released,
}

impl Progress {
    /// Nothing done yet.
    pub fn new(documents: usize, targets: usize) -> Self {
        Self {
            done: vec![false; documents],
            faults: Vec::new(),
            characters: vec![0; targets],
            languages: Vec::new(),
            untranslated: Vec::new(),
        }
    }

    /// Whether every document was processed.
    pub fn is_complete(&self) -> bool {
        self.done.iter().all(|&done| done)
    }

    /// How many documents were processed.
    pub fn processed(&self) -> u64 {
        self.done.iter().map(|&done| u64::from(done)).sum()
    }

    /// How many documents failed for at least one target.
    pub fn with_errors(&self) -> u64 {
        let mut documents: Vec<usize> = self.faults.iter().map(|fault| fault.document).collect();
        documents.sort_unstable();
        documents.dedup();
        documents.len() as u64
    }

    /// How many documents were translated into all targets.
    pub fn translated(&self) -> u64 {
        self.processed() - self.with_errors()
    }

    /// Remembers what language a document is in.
    pub fn detected(&mut self, document: usize, language: LanguageCode) {
        if self.languages.is_empty() {
            self.languages = vec![None; self.done.len()];
        }
        self.languages[document] = Some(language);
    }
}
