//! One model of the shelf: stored, being loaded, loaded, or damaged.
//!
//! Who asks how it stands never waits for a model that is being loaded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::language::LanguagePair;

use super::model::Model;
use super::package::{ModelProblem, Package};
use super::stamp::Stamp;
use crate::Installed;

pub(super) struct Entry {
    source: Source,
    origin: String,
    version: Option<String>,
    size_bytes: u64,
    revision: u64,
    state: Mutex<State>,
    // Held by whoever loads.
    turn: Mutex<()>,
    last_used: AtomicU64,
}

/// Where a model is.
pub(super) enum Source {
    Bundled,
    /// In a folder that looked so, if one could look at it.
    Folder(Option<Stamp>),
}

enum State {
    Unloaded(Arc<Package>),
    Loading(Arc<Package>),
    Loaded { package: Arc<Package>, model: Arc<Model>, memory_bytes: u64 },
    Damaged(ModelProblem),
}

impl Entry {
    pub(super) fn new(
        origin: String,
        source: Source,
        package: Result<Package, ModelProblem>,
    ) -> Self {
        let (version, size_bytes, revision, state) = match package {
            Ok(package) => (
                package.metadata.version.clone(),
                package.size_bytes(),
                package.revision(),
                State::Unloaded(Arc::new(package)),
            ),
            Err(problem) => (None, 0, 0, State::Damaged(problem)),
        };
        let (state, turn) = (Mutex::new(state), Mutex::new(()));
        let last_used = AtomicU64::new(0);
        Self { source, origin, version, size_bytes, revision, state, turn, last_used }
    }

    /// Changes with the content of the model.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn is_bundled(&self) -> bool {
        matches!(self.source, Source::Bundled)
    }

    /// Whether it is from a folder that looked like `stamp`.
    pub(super) fn looks_like(&self, stamp: Option<&Stamp>) -> bool {
        match &self.source {
            Source::Bundled | Source::Folder(None) => false,
            Source::Folder(Some(then)) => stamp == Some(then),
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        match &*self.state() {
            State::Unloaded(_) | State::Loading(_) | State::Loaded { .. } => true,
            State::Damaged(_) => false,
        }
    }

    pub(super) fn installed(&self, pair: LanguagePair) -> Installed {
        let (memory_bytes, is_loading, problem) = match &*self.state() {
            State::Unloaded(_) => (0, false, None),
            State::Loading(_) => (0, true, None),
            State::Loaded { memory_bytes, .. } => (*memory_bytes, false, None),
            State::Damaged(problem) => (0, false, Some(problem.to_string())),
        };
        Installed {
            pair: Some(pair),
            origin: self.origin.clone(),
            version: self.version.clone(),
            size_bytes: self.size_bytes,
            memory_bytes,
            is_loading,
            problem,
        }
    }

    /// The memory it takes at present.
    pub(super) fn memory_bytes(&self) -> u64 {
        match &*self.state() {
            State::Unloaded(_) | State::Damaged(_) => 0,
            // About as much, as soon as it is loaded.
            State::Loading(package) => package.size_bytes(),
            State::Loaded { memory_bytes, .. } => *memory_bytes,
        }
    }

    /// When it was used last, by the count of uses.
    pub(super) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    pub(super) fn used(&self, now: u64) {
        self.last_used.fetch_max(now, Ordering::Relaxed);
    }

    /// The model. Whoever comes first loads it, and the others wait for it.
    /// `make_room` is called before it is loaded, when it counts as loaded.
    pub(super) fn model(&self, make_room: impl FnOnce()) -> Result<Arc<Model>, ModelProblem> {
        if let Some(ready) = self.ready() {
            return ready;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = self.ready() {
            return ready;
        }
        let package = self.begin_loading()?;
        make_room();
        let loaded = Model::load(&package).map(Arc::new);
        *self.state() = match &loaded {
            Ok(model) => {
                let memory_bytes = model.size_bytes();
                State::Loaded { package, model: Arc::clone(model), memory_bytes }
            }
            // A disk may fail for a moment; what is damaged stays so.
            Err(ModelProblem::Unreadable { .. }) => State::Unloaded(package),
            Err(problem) => State::Damaged(problem.clone()),
        };
        loaded
    }

    fn ready(&self) -> Option<Result<Arc<Model>, ModelProblem>> {
        match &*self.state() {
            State::Unloaded(_) | State::Loading(_) => None,
            State::Loaded { model, .. } => Some(Ok(Arc::clone(model))),
            State::Damaged(problem) => Some(Err(problem.clone())),
        }
    }

    fn begin_loading(&self) -> Result<Arc<Package>, ModelProblem> {
        let mut state = self.state();
        let package = match &*state {
            State::Damaged(problem) => return Err(problem.clone()),
            State::Unloaded(package) | State::Loading(package) | State::Loaded { package, .. } => {
                Arc::clone(package)
            }
        };
        *state = State::Loading(Arc::clone(&package));
        Ok(package)
    }

    /// Lets go of the model, unless someone works with it.
    pub(super) fn unload(&self) -> bool {
        let mut state = self.state();
        let State::Loaded { package, model, .. } = &*state else {
            return false;
        };
        // Nobody can get another one while the state is locked.
        if 1 < Arc::strong_count(model) {
            return false;
        }
        let package = Arc::clone(package);
        *state = State::Unloaded(package);
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
