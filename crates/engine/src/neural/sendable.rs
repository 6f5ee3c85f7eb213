//! The one place with `unsafe`: an engine that may be dropped on any thread.
//!
//! `fxtranslate` says that its engine may be shared between threads, but not
//! that it may move from one to another, because it holds raw pointers.

#![expect(unsafe_code, reason = "the library marks its engine Sync and forgets Send")]

use std::ops::Deref;

use fxtranslate::engine::Engine;

/// A loaded engine, to be shared by all threads.
pub(super) struct SendableEngine(Engine);

// SAFETY: `Engine` is `Sync`, hence without `Rc`, `Cell` or guards. What keeps
// it from being `Send` is `gemm::PreparedB`, whose pointer owns a block of
// plain memory from `aligned_alloc`: written once while loading, only read
// afterwards, and given to `free` when dropped, which any thread may do. The
// scratch memory of the library is thread-local and not part of the engine.
unsafe impl Send for SendableEngine {}

impl SendableEngine {
    pub(super) fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

impl Deref for SendableEngine {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.0
    }
}
