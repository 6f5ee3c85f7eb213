//! What a job, a language, a location and a document are, and every rule about them.
//!
//! The core of the program: data and pure functions. It knows no clock, no
//! database, no network, no file and no wire format; callers pass in what they
//! read and persist what comes out.
//!
//! Start reading at [`job::Status::after`].

pub mod document;
pub mod job;
pub mod language;
pub mod location;
pub mod text;

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);
