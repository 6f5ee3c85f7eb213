//! Another server as an engine: one that completes chats as OpenAI's does, or one
//! that speaks LibreTranslate's API.
//!
//! This is how a machine with large models is used. Nothing here trusts the other
//! side: answers are bounded and checked, requests end in time, and a server that
//! is away holds nobody up. No text and no key gets into an error.
//!
//! Start reading at [`HttpEngine`]; [`caller::Caller`] makes the requests.

mod answer;
mod breaker;
mod caller;
mod client;
mod languages;
mod libretranslate;
mod openai;
mod permits;
mod prompt;
mod settings;

pub use settings::{ApiKey, HttpKind, HttpProblem, HttpSettings};

use std::num::NonZero;
use std::time::{Duration, Instant};

use domain::language::{LanguageCode, LanguagePair};
use domain::text::StandIn;

use self::libretranslate::LibreTranslate;
use self::openai::OpenAi;
use self::settings::Endpoint;
use crate::{Abilities, CallsMax, Engine, EngineError, Installed, Limits, Request, Translation};

/// How long to wait between two looks at a stop flag.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The engine.
#[derive(Debug)]
pub struct HttpEngine {
    place: String,
    service: Service,
    concurrency_max: NonZero<usize>,
}

#[derive(Debug)]
enum Service {
    OpenAi(OpenAi),
    LibreTranslate(LibreTranslate),
}

impl HttpEngine {
    /// An engine that asks the server of `settings`, which need not run yet.
    ///
    /// # Errors
    ///
    /// If the address is none or the key cannot be sent.
    pub fn open(settings: &HttpSettings) -> Result<Self, HttpProblem> {
        let concurrency_max =
            NonZero::new(settings.concurrency_max).unwrap_or(NonZero::<usize>::MIN);
        let endpoint = Endpoint::parse(&settings.url)?;
        let service = match settings.kind {
            HttpKind::OpenAi => Service::OpenAi(OpenAi::new(settings, &endpoint)?),
            HttpKind::LibreTranslate => {
                Service::LibreTranslate(LibreTranslate::new(settings, &endpoint)?)
            }
        };
        let place = endpoint.as_str().to_owned();
        Ok(Self { place, service, concurrency_max })
    }

    /// Whether a request for `pair` is worth a try.
    fn accepts(&self, pair: LanguagePair) -> bool {
        match &self.service {
            Service::OpenAi(_) => pair.source != pair.target,
            Service::LibreTranslate(server) => server.had(pair),
        }
    }
}

impl Engine for HttpEngine {
    fn name(&self) -> &'static str {
        "http"
    }

    fn pairs(&self) -> Vec<LanguagePair> {
        match &self.service {
            Service::OpenAi(_) => LanguageCode::all()
                .flat_map(|source| {
                    LanguageCode::all().map(move |target| LanguagePair { source, target })
                })
                .filter(|pair| pair.source != pair.target)
                .collect(),
            Service::LibreTranslate(server) => server.pairs(),
        }
    }

    fn serves(&self, pair: LanguagePair) -> bool {
        match &self.service {
            Service::OpenAi(_) => pair.source != pair.target,
            Service::LibreTranslate(server) => server.serves(pair),
        }
    }

    fn installed(&self) -> Vec<Installed> {
        let entry = |pair, origin, problem| Installed {
            pair,
            origin,
            version: None,
            size_bytes: 0,
            memory_bytes: 0,
            is_loading: false,
            problem,
        };
        let place = &self.place;
        match &self.service {
            Service::OpenAi(server) => {
                let model = server.model().map(|model| format!("{model} at "));
                vec![entry(None, format!("{}{place}", model.unwrap_or_default()), None)]
            }
            Service::LibreTranslate(server) => match server.problem() {
                Some(problem) => vec![entry(None, place.clone(), Some(problem))],
                None => server
                    .pairs()
                    .into_iter()
                    .map(|pair| entry(Some(pair), place.clone(), None))
                    .collect(),
            },
        }
    }

    fn limits(&self, _pair: LanguagePair) -> Limits {
        match self.service {
            // Models lose count of more, and much of it at once does not fit small ones.
            Service::OpenAi(_) => {
                Limits { segment_bytes_max: 4_000, batch_segments_max: 16, batch_bytes_max: 8_000 }
            }
            Service::LibreTranslate(_) => {
                Limits { segment_bytes_max: 4_000, batch_segments_max: 64, batch_bytes_max: 16_000 }
            }
        }
    }

    fn abilities(&self, _pair: LanguagePair) -> Abilities {
        match self.service {
            Service::OpenAi(_) => Abilities { formality: true, brevity: true, examples: true },
            Service::LibreTranslate(_) => Abilities::default(),
        }
    }

    fn stand_in(&self) -> StandIn {
        match self.service {
            Service::OpenAi(_) => StandIn::Brace,
            Service::LibreTranslate(_) => StandIn::Word,
        }
    }

    // Calls wait for another machine, and keep no core of this one busy.
    fn calls_max(&self, _cores: NonZero<usize>) -> CallsMax {
        CallsMax { all: self.concurrency_max, per_pair: self.concurrency_max }
    }

    fn tick(&self) {
        match &self.service {
            Service::OpenAi(_) => (),
            Service::LibreTranslate(server) => server.tick(),
        }
    }

    fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
        let pair = request.pair;
        if request.stop.is_raised() {
            return Err(EngineError::Stopped);
        }
        if !self.accepts(pair) {
            return Err(EngineError::UnsupportedPair(pair));
        }
        let texts: Vec<&str> = request.segments.iter().map(|segment| segment.text.trim()).collect();
        let wanted: Vec<&str> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
        let translated = if wanted.is_empty() {
            Vec::new()
        } else {
            match &self.service {
                Service::OpenAi(server) => server.translate(request, &wanted),
                Service::LibreTranslate(server) => server.translate(request, &wanted),
            }
            .map_err(|err| err.into_engine_error(pair))?
        };
        let mut translated = translated.into_iter();
        let restore = |segment: &crate::Segment<'_>| {
            let translation = match segment.text.trim() {
                "" => String::new(),
                _ => translated.next().unwrap_or_default(),
            };
            Translation::from(with_space_of(segment.text, translation.trim()))
        };
        Ok(request.segments.iter().map(restore).collect())
    }
}

/// `translation` with the white space around `source`, which others drop.
fn with_space_of(source: &str, translation: &str) -> String {
    let core = source.trim();
    if core.is_empty() {
        return source.to_owned();
    }
    let before = source.len() - source.trim_start().len();
    let after = before + core.len();
    [&source[..before], translation, &source[after..]].concat()
}

#[expect(
    clippy::disallowed_methods,
    reason = "rests and the age of answers are measured on threads that block"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
