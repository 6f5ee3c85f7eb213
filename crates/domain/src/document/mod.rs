//! Documents: bytes taken apart into translatable segments, and put together again.
//!
//! One file per format. Everything that is not translatable text stays as it is.
