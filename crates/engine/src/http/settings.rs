//! Where the other server is, and how long and how often it is asked.
//!
//! Start reading at [`HttpSettings`]; the address becomes an [`Endpoint`] once.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ureq::http::Uri;

/// What another server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpKind {
    /// The chat completions of OpenAI, as vLLM, llama.cpp and Ollama have them too.
    OpenAi,
    /// LibreTranslate's API.
    LibreTranslate,
}

/// A key that another server wants. Never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Hides `key`.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Another server, and how it is treated.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Where it is, such as `http://127.0.0.1:8000`.
    pub url: String,
    /// What it speaks.
    pub kind: HttpKind,
    /// The model asked for, if the server has several.
    pub model: Option<String>,
    /// The key it wants.
    pub api_key: Option<ApiKey>,
    /// How long a request may take, from the first byte sent to the last received.
    pub timeout: Duration,
    /// How much of it connecting may take, the look-up of the name included.
    pub connect_timeout: Duration,
    /// How often a request is made until it succeeds; at least once.
    pub attempts_max: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub pause: Duration,
    /// The longest pause, also where the server asks for a longer one.
    pub pause_max: Duration,
    /// How many requests may be under way at once; at least one.
    pub concurrency_max: usize,
    /// The most bytes of an answer.
    pub answer_bytes_max: u64,
    /// After how many failures in a row the server is left alone for a while.
    pub failures_max: u32,
    /// How long it is left alone.
    pub rest: Duration,
    /// How often a LibreTranslate server is asked for its languages; sooner if
    /// it could not be reached.
    pub languages_every: Duration,
}

impl HttpSettings {
    /// How long a request may take unless the settings say otherwise.
    pub const TIMEOUT: Duration = Duration::from_mins(2);
    /// How many requests are under way at once unless the settings say otherwise.
    pub const CONCURRENCY_MAX: usize = 8;

    /// The server of `kind` at `url`, treated as most are.
    pub fn new(url: impl Into<String>, kind: HttpKind) -> Self {
        Self {
            url: url.into(),
            kind,
            model: None,
            api_key: None,
            timeout: Self::TIMEOUT,
            connect_timeout: Duration::from_secs(5),
            attempts_max: 4,
            pause: Duration::from_millis(500),
            pause_max: Duration::from_secs(30),
            concurrency_max: Self::CONCURRENCY_MAX,
            answer_bytes_max: 4 << 20,
            failures_max: 8,
            rest: Duration::from_secs(15),
            languages_every: Duration::from_mins(1),
        }
    }
}

/// Why there cannot be an engine with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpProblem {
    /// The address is none. It is not shown, since it may hold a password.
    #[error("the address of the other server is not http:// or https:// with a host and a path")]
    Url,
    /// The address holds more than an address.
    #[error(
        "the address of the other server must have no user, password or query: a key goes into \
         a file of its own"
    )]
    UrlParts,
    /// The key cannot be sent.
    #[error("the key for the other server must be of visible ASCII characters")]
    ApiKey,
}

/// The address of the other server, without anything secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    // Invariant: no slash at the end.
    url: String,
    /// Whether the way there is encrypted and leads beyond this machine, so that
    /// the proxies of the environment are asked.
    pub(super) uses_proxy: bool,
}

impl Endpoint {
    pub(super) fn parse(url: &str) -> Result<Self, HttpProblem> {
        let uri: Uri = url.parse().map_err(|_| HttpProblem::Url)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(HttpProblem::Url)?;
        let is_encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(HttpProblem::Url),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let has_user = authority.contains('@');
        if !has_user && authority.len() != host.len() && uri.port_u16().is_none() {
            return Err(HttpProblem::Url);
        }
        if has_user || url.contains(['?', '#']) {
            return Err(HttpProblem::UrlParts);
        }
        let uses_proxy = is_encrypted && !is_loopback(host);
        Ok(Self { url: url.trim_end_matches('/').to_owned(), uses_proxy })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.url
    }

    /// Where chat completions are; `url` may be anything from the host to the whole.
    pub(super) fn chat_completions(&self) -> String {
        const PATH: &str = "/chat/completions";
        let url = &self.url;
        if url.ends_with(PATH) {
            return url.clone();
        }
        if url.ends_with("/v1") { format!("{url}{PATH}") } else { format!("{url}/v1{PATH}") }
    }

    /// The address of `name` below this one, for LibreTranslate.
    pub(super) fn join(&self, name: &str) -> String {
        let base = self.url.strip_suffix("/translate").unwrap_or(&self.url);
        format!("{base}/{name}")
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether `key` can stand in a header.
pub(super) fn check_key(key: &ApiKey) -> Result<(), HttpProblem> {
    let key = key.expose();
    let is_legal = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_legal { Ok(()) } else { Err(HttpProblem::ApiKey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_chat_completions_is_found_from_any_beginning() {
        let check = |url: &str, expected: &str| {
            assert_eq!(Endpoint::parse(url).unwrap().chat_completions(), expected);
        };
        check("http://h:8000", "http://h:8000/v1/chat/completions");
        check("http://h:8000/", "http://h:8000/v1/chat/completions");
        check("https://h/v1", "https://h/v1/chat/completions");
        check("https://h/v1/", "https://h/v1/chat/completions");
        check("https://h/a/chat/completions", "https://h/a/chat/completions");
        check("http://[::1]:1/x", "http://[::1]:1/x/v1/chat/completions");
    }

    #[test]
    fn the_places_of_libretranslate_are_found_likewise() {
        let check = |url: &str| {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.join("languages"), "http://h:5000/languages");
        };
        check("http://h:5000");
        check("http://h:5000/");
        check("http://h:5000/translate");
    }

    #[test]
    fn an_address_that_is_none_or_more_is_refused() {
        for url in ["", "h", "/x", "ftp://h", "http://", "http:///x", "http://h:x"] {
            assert_eq!(Endpoint::parse(url), Err(HttpProblem::Url), "{url}");
        }
        for url in ["http://u:p@h", "https://key@h/v1", "http://h/v1?key=1", "http://h/#x"] {
            assert_eq!(Endpoint::parse(url), Err(HttpProblem::UrlParts), "{url}");
        }
    }

    #[test]
    fn proxies_are_only_for_what_is_encrypted_and_elsewhere() {
        let check = |url: &str, expected| {
            assert_eq!(Endpoint::parse(url).unwrap().uses_proxy, expected, "{url}");
        };
        check("https://h", true);
        check("http://h", false);
        check("https://localhost:1", false);
        check("https://127.0.0.1", false);
        check("https://[::1]", false);
    }

    #[test]
    fn a_key_does_not_print_and_must_fit_a_header() {
        let settings = HttpSettings {
            api_key: Some(ApiKey::new("sk-hidden")),
            ..HttpSettings::new("http://h", HttpKind::OpenAi)
        };
        assert!(!format!("{settings:?} {settings:#?}").contains("sk-hidden"));
        assert_eq!(check_key(&ApiKey::new("sk-1")), Ok(()));
        for key in ["", "a b", "a\nb", "ä"] {
            assert_eq!(check_key(&ApiKey::new(key)), Err(HttpProblem::ApiKey));
        }
    }
}
