//! Apertium, if it is installed on this machine: rules and dictionaries, best
//! between related languages.
//!
//! Each direction is a pipeline of about ten processes, described by a mode
//! file. The processes are started when a direction is used for the first
//! time, are asked many sentences at once, and go when they were not used for
//! long. Nothing of Apertium is part of this program, and nothing is started
//! to find out what there is.
//!
//! Start reading at [`ApertiumEngine::open`], then [`ApertiumEngine::translate`].

mod block;
mod mend;
mod mode;
mod names;
mod packages;
mod pipeline;
mod pool;

#[cfg(test)]
mod tests;

pub use packages::Addable;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::language::LanguagePair;

use self::block::{Block, Encoded, Piece};
use self::mode::{Mode, ModeFile};
use self::pipeline::{Broken, Pipeline};
use self::pool::{Pool, PoolLimits};
use crate::{
    CallsMax, Engine, EngineError, Installed, Limits, Links, Request, Segment, StopFlag,
    Translation,
};

/// A direction that hangs keeps one call waiting; the others shall go on.
const PIPELINES_PER_CORE: NonZero<usize> = NonZero::new(4).expect("not zero");

/// Where Apertium is and how much of the machine it may have.
#[derive(Clone, Debug)]
pub struct ApertiumSettings {
    /// The folder of mode files. It need not exist.
    pub modes_dir: PathBuf,
    /// The folders in which programs are looked for, the first one first.
    pub programs_dirs: Vec<PathBuf>,
    /// For how many calls of [`Engine::tick`], thus seconds, the processes of a
    /// direction stay that is not used.
    pub idle_ticks_max: u32,
    /// For how long processes may be silent when they owe an answer. They are
    /// ended then.
    pub silence_max: Duration,
    /// How many directions have processes at the same time. Those in use do
    /// not go for others, so that there may be more for a while.
    pub pipelines_max: usize,
    /// How many callers are served at the same time in one direction; the
    /// others wait. Each pipeline of processes occupies several cores.
    pub pipelines_per_direction_max: usize,
}

impl Default for ApertiumSettings {
    fn default() -> Self {
        Self {
            modes_dir: "/usr/share/apertium/modes".into(),
            programs_dirs: ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec(),
            idle_ticks_max: 300,
            silence_max: Duration::from_secs(30),
            pipelines_max: 8,
            pipelines_per_direction_max: 1,
        }
    }
}

impl ApertiumSettings {
    /// Looks for programs in the folders of `path` instead, which is in the
    /// form of the environment's `PATH`.
    #[must_use]
    pub fn with_search_path(mut self, path: &OsStr) -> Self {
        self.programs_dirs = std::env::split_paths(path).filter(|dir| dir.is_absolute()).collect();
        self
    }
}

/// All directions of the Apertium of this machine.
pub struct ApertiumEngine {
    directions: Vec<Direction>,
    /// Which of `directions` serves a pair.
    served: BTreeMap<LanguagePair, usize>,
    pool: Pool,
    silence_max: Duration,
    /// Why the folder of modes cannot be read, if it is there and cannot.
    folder_problem: Option<Installed>,
    per_direction: NonZero<usize>,
}

/// A mode file that translates between languages of the service.
struct Direction {
    pairs: Vec<LanguagePair>,
    file: ModeFile,
}

impl ApertiumEngine {
    /// Finds the modes and what they need. Starts no process. What cannot be
    /// used is taken down with the reason.
    pub fn open(settings: &ApertiumSettings) -> Self {
        let (directions, folder_problem) = match directions_in(settings) {
            Ok(directions) => (directions, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let mut served = BTreeMap::new();
        for (index, direction) in directions.iter().enumerate() {
            if direction.file.mode.is_ok() {
                for pair in &direction.pairs {
                    served.entry(*pair).or_insert(index);
                }
            }
        }
        let pool = Pool::new(PoolLimits {
            pipelines_per_direction: settings.pipelines_per_direction_max,
            pipelines: settings.pipelines_max,
            idle_ticks: settings.idle_ticks_max,
        });
        let per_direction =
            NonZero::new(settings.pipelines_per_direction_max).unwrap_or(NonZero::<usize>::MIN);
        let silence_max = settings.silence_max;
        Self { directions, served, pool, silence_max, folder_problem, per_direction }
    }

    /// The packages of Debian that add directions, installed or not.
    pub fn addable() -> Vec<Addable> {
        packages::addable()
    }

    /// Asks the processes of a direction for all texts at once and, if that
    /// goes wrong, new ones for each.
    fn ask(
        &self,
        direction: usize,
        mode: &Mode,
        encoded: &[&Encoded],
        stop: &StopFlag,
    ) -> Result<Vec<Vec<Piece>>, Broken> {
        let mut lent = self.pool.lend(direction, mode, stop)?;
        match ask(&mut lent, encoded, self.silence_max, stop) {
            Ok(answers) => {
                lent.give_back();
                return Ok(answers);
            }
            // Once more would take as long, or is not wanted.
            Err(err @ (Broken::Stopped | Broken::Silent(_) | Broken::Start { .. })) => {
                return Err(err);
            }
            Err(Broken::Ended | Broken::Endless | Broken::OutOfStep | Broken::Unreadable(_)) => {
                lent.replace(mode)?;
            }
        }
        let mut answers = Vec::with_capacity(encoded.len());
        for one in encoded {
            answers.extend(ask(&mut lent, &[one], self.silence_max, stop)?);
        }
        lent.give_back();
        Ok(answers)
    }
}

/// One exchange. The pipeline is of no use after an error.
fn ask(
    pipeline: &mut Pipeline,
    encoded: &[&Encoded],
    silence_max: Duration,
    stop: &StopFlag,
) -> Result<Vec<Vec<Piece>>, Broken> {
    let block = Block::of(pipeline.next_serial(), encoded.iter().copied());
    let answer = pipeline.ask(&block.bytes, silence_max, stop)?;
    Ok(block::read(&answer, &block, encoded)?)
}

/// The directions of the folder of modes, in the order of their names.
fn directions_in(settings: &ApertiumSettings) -> Result<Vec<Direction>, Installed> {
    let folder = &settings.modes_dir;
    let unreadable = |err: std::io::Error| Installed {
        pair: None,
        origin: folder.display().to_string(),
        version: None,
        size_bytes: 0,
        memory_bytes: 0,
        is_loading: false,
        problem: Some(format!("the folder cannot be read: {err}")),
    };
    let listing = match fs::read_dir(folder) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(unreadable)?,
    };
    let mut modes: Vec<PathBuf> = Vec::new();
    for entry in listing {
        modes.push(entry.map_err(unreadable)?.path());
    }
    modes.sort_unstable();
    let direction = |path: &PathBuf| {
        let name = name_of(path)?;
        let pairs = names::pairs_of_mode(name);
        let file = || ModeFile::read(path, name, &settings.programs_dirs);
        (!pairs.is_empty()).then(|| Direction { pairs, file: file() })
    };
    Ok(modes.iter().filter_map(direction).collect())
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_suffix(".mode")
}

impl Engine for ApertiumEngine {
    fn name(&self) -> &'static str {
        "apertium"
    }

    fn pairs(&self) -> Vec<LanguagePair> {
        self.served.keys().copied().collect()
    }

    fn serves(&self, pair: LanguagePair) -> bool {
        self.served.contains_key(&pair)
    }

    fn installed(&self) -> Vec<Installed> {
        let mut installed: Vec<Installed> = self.folder_problem.iter().cloned().collect();
        for (index, direction) in self.directions.iter().enumerate() {
            for pair in &direction.pairs {
                let serving = self.served.get(pair);
                let problem = direction.file.mode.as_ref().err();
                // Another mode may do the same, or do what this one cannot.
                if serving.is_some_and(|serving| *serving != index) {
                    continue;
                }
                installed.push(Installed {
                    pair: Some(*pair),
                    origin: direction.file.origin.clone(),
                    version: None,
                    size_bytes: direction.file.size_bytes,
                    memory_bytes: self.pool.memory_bytes(index),
                    is_loading: false,
                    problem: problem.cloned(),
                });
            }
        }
        installed
    }

    fn limits(&self, _pair: LanguagePair) -> Limits {
        // One call is one exchange; little is gained by longer ones, and whoever
        // waits for this direction waits for all of one.
        Limits { segment_bytes_max: 5_000, batch_segments_max: 16, batch_bytes_max: 6_000 }
    }

    // The work is done in processes of their own, one pipeline for a direction.
    fn calls_max(&self, cores: NonZero<usize>) -> CallsMax {
        CallsMax { all: cores.saturating_mul(PIPELINES_PER_CORE), per_pair: self.per_direction }
    }

    fn tick(&self) {
        self.pool.tick();
    }

    fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
        let pair = request.pair;
        let index = *self.served.get(&pair).ok_or(EngineError::UnsupportedPair(pair))?;
        let Ok(mode) = &self.directions[index].file.mode else {
            return Err(EngineError::UnsupportedPair(pair));
        };
        if request.stop.is_raised() {
            return Err(EngineError::Stopped);
        }
        let texts: Vec<Text<'_>> =
            request.segments.iter().map(|segment| Text::of(segment, pair)).collect();
        let encoded: Vec<&Encoded> =
            texts.iter().filter_map(|text| text.encoded.as_ref()).collect();
        let answers = match encoded.as_slice() {
            [] => Vec::new(),
            encoded => self
                .ask(index, mode, encoded, request.stop)
                .map_err(|broken| error_of(&broken, pair))?,
        };
        let mut answers = answers.into_iter();
        let translations = texts.iter().map(|text| match &text.encoded {
            Some(encoded) => text.translated(encoded, &answers.next().unwrap_or_default()),
            None => text.unchanged(),
        });
        Ok(translations.collect())
    }
}

fn error_of(broken: &Broken, pair: LanguagePair) -> EngineError {
    match broken {
        Broken::Stopped => EngineError::Stopped,
        Broken::Start { .. } => EngineError::Unavailable { pair, reason: broken.to_string() },
        Broken::Ended
        | Broken::Silent(_)
        | Broken::Endless
        | Broken::OutOfStep
        | Broken::Unreadable(_) => EngineError::Failed { pair, reason: broken.to_string() },
    }
}

/// A segment on its way.
struct Text<'a> {
    whole: &'a str,
    /// The text without the white space around it.
    core: Range<usize>,
    /// The places asked for, at borders of characters.
    marks: Vec<usize>,
    /// None if there is nothing to translate.
    encoded: Option<Encoded>,
}

impl<'a> Text<'a> {
    fn of(segment: &Segment<'a>, pair: LanguagePair) -> Self {
        let whole = segment.text;
        let start = whole.len() - whole.trim_start().len();
        let core = start..start + whole.trim().len();
        let marks = segment.marks.iter().map(|mark| whole.floor_char_boundary(*mark)).collect();
        let mut text = Self { whole, core, marks, encoded: None };
        let inner = &whole[text.core.clone()];
        if inner.contains(char::is_alphabetic) {
            text.encoded = Some(Encoded::of(inner, &text.inner_marks(), pair));
        }
        text
    }

    /// The places that may move, as offsets in the core.
    fn inner_marks(&self) -> Vec<usize> {
        let is_inner = |mark: &&usize| self.core.start < **mark && **mark < self.core.end;
        self.marks.iter().filter(is_inner).map(|mark| mark - self.core.start).collect()
    }

    fn unchanged(&self) -> Translation {
        Translation { text: self.whole.to_owned(), links: Links::Marks(self.marks.clone()) }
    }

    fn translated(&self, encoded: &Encoded, pieces: &[Piece]) -> Translation {
        let core = &self.whole[self.core.clone()];
        let inner_marks = self.inner_marks();
        let Some(Translation { text, links }) =
            mend::mend(core, &inner_marks, &encoded.carried(), pieces)
        else {
            return self.unchanged();
        };
        let end = self.core.start + text.len();
        let (before, after) = (&self.whole[..self.core.start], &self.whole[self.core.end..]);
        let links = match links {
            Links::Marks(inner) => {
                let mut inner = inner.into_iter();
                let moved = |mark: &usize| {
                    if *mark <= self.core.start {
                        *mark
                    } else if self.core.end <= *mark {
                        end + (mark - self.core.end)
                    } else {
                        self.core.start + inner.next().unwrap_or(text.len())
                    }
                };
                Links::Marks(self.marks.iter().map(moved).collect())
            }
            other @ (Links::None | Links::Words(_)) => other,
        };
        Translation { text: format!("{before}{text}{after}"), links }
    }
}
