//! Fetching a file of a mirror into a file of this machine, going on where an
//! earlier attempt ended.
//!
//! What is fetched is not believed: whoever asked compares it with its sum. A
//! server that is slow, away for a while or cuts connections is asked again; one
//! that says no is not.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};

/// Attempts in a row that may bring nothing.
const ATTEMPTS_MAX: u32 = 5;
/// An attempt that brought no more than this brought nothing.
const GAIN_BYTES_MIN: u64 = 64 << 10;
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a server may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const BUFFER_BYTES: usize = 64 << 10;

/// Asks servers for files.
#[derive(Clone, Debug)]
pub(super) struct Http {
    agent: Agent,
    /// How long it waits before it asks a second time; then twice that, and so on.
    patience: Duration,
}

/// What is to be fetched, and where to.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    /// Gets the content, and may have the beginning of it.
    pub(super) part: &'a Path,
    /// The size, where it is known.
    pub(super) size: Option<u64>,
    pub(super) bytes_max: u64,
}

/// Why an attempt failed.
enum Trouble {
    /// It may help to ask again.
    Passing(String),
    Lasting(String),
}

impl Default for Http {
    fn default() -> Self {
        Self::new(SILENCE_MAX, Duration::from_millis(500))
    }
}

impl Http {
    pub(super) fn new(silence_max: Duration, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_recv_response(Some(silence_max))
            .timeout_per_read(Some(silence_max))
            .timeout_per_write(Some(silence_max))
            // The machine's own certificates count, a company's included.
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .user_agent(concat!("metaphrast/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent(), patience }
    }

    /// Reads a small file whole.
    pub(super) fn read(&self, url: &str, bytes_max: u64) -> Result<Vec<u8>, String> {
        let mut attempts = Attempts::new(self.patience);
        loop {
            match self.try_to_read(url, bytes_max) {
                Ok(bytes) => return Ok(bytes),
                Err(trouble) => attempts.failed(trouble, 0)?,
            }
        }
    }

    fn try_to_read(&self, url: &str, bytes_max: u64) -> Result<Vec<u8>, Trouble> {
        let response = self.ask(url, None)?;
        check_length(response.headers(), 0, bytes_max)?;
        let mut bytes = Vec::new();
        let mut body = response.into_body().into_reader().take(bytes_max + 1);
        body.read_to_end(&mut bytes).map_err(|err| passing(&err))?;
        if bytes_max < bytes.len() as u64 {
            return Err(too_long(bytes_max));
        }
        Ok(bytes)
    }

    /// Fetches what is missing of a file. `advanced` is told how much there is.
    pub(super) fn fetch(
        &self,
        wanted: &Wanted<'_>,
        advanced: &mut dyn FnMut(u64),
    ) -> Result<(), String> {
        let mut attempts = Attempts::new(self.patience);
        loop {
            match self.try_to_fetch(wanted, advanced) {
                Ok(()) => return Ok(()),
                Err(trouble) => attempts.failed(trouble, length(wanted.part))?,
            }
        }
    }

    fn try_to_fetch(
        &self,
        wanted: &Wanted<'_>,
        advanced: &mut dyn FnMut(u64),
    ) -> Result<(), Trouble> {
        let mut have = length(wanted.part);
        if wanted.bytes_max < have {
            have = 0;
        }
        if 0 < have && wanted.size == Some(have) {
            return Ok(());
        }
        let validator = validator_file(wanted.part);
        let range = (0 < have).then(|| Range { from: have, validator: read_line(&validator) });
        let response = self.ask(wanted.url, range.as_ref())?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            restart(wanted.part)?;
            return Err(Trouble::Passing("the server has less of it than was fetched".to_owned()));
        }
        if response.status() == StatusCode::PARTIAL_CONTENT {
            if range_start(response.headers()) != Some(have) {
                restart(wanted.part)?;
                return Err(Trouble::Passing("the server sent another part of it".to_owned()));
            }
        } else {
            // The whole of it, as it is now.
            have = 0;
            restart(wanted.part)?;
            let line = validator_of(response.headers()).unwrap_or_default();
            fs::write(&validator, line).map_err(|err| unwritable(&validator, &err))?;
        }
        check_length(response.headers(), have, wanted.bytes_max)?;
        append(response, have, wanted, advanced)
    }

    // The answer, if it has the file or the rest of it.
    fn ask(&self, url: &str, range: Option<&Range>) -> Result<Response<ureq::Body>, Trouble> {
        let mut request = self.agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if let Some(range) = range {
            request = request.header(header::RANGE, format!("bytes={}-", range.from));
            if let Some(validator) = &range.validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let response = request.call().map_err(|err| {
            let is_lasting = matches!(err, ureq::Error::BadUri(_) | ureq::Error::Http(_))
                // Such as a certificate that nobody known has signed.
                || matches!(&err, ureq::Error::Io(err) if err.kind() == io::ErrorKind::InvalidData);
            if is_lasting { Trouble::Lasting(err.to_string()) } else { passing(&err) }
        })?;
        let status = response.status();
        let answer = format!("the server answers {status}");
        match status {
            StatusCode::OK => Ok(response),
            StatusCode::PARTIAL_CONTENT if range.is_some() => Ok(response),
            StatusCode::RANGE_NOT_SATISFIABLE if range.is_some() => Ok(response),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(Trouble::Passing(answer))
            }
            status if status.is_server_error() => Err(Trouble::Passing(answer)),
            _ => Err(Trouble::Lasting(answer)),
        }
    }
}

struct Range {
    from: u64,
    validator: Option<String>,
}

/// Counts attempts in a row that brought nothing, and waits between them.
struct Attempts {
    patience: Duration,
    in_vain: u32,
    most: u64,
}

impl Attempts {
    fn new(patience: Duration) -> Self {
        Self { patience, in_vain: 0, most: 0 }
    }

    fn failed(&mut self, trouble: Trouble, have: u64) -> Result<(), String> {
        let reason = match trouble {
            Trouble::Passing(reason) => reason,
            Trouble::Lasting(reason) => return Err(reason),
        };
        self.in_vain += 1;
        if self.most + GAIN_BYTES_MIN < have {
            (self.most, self.in_vain) = (have, 1);
        }
        if ATTEMPTS_MAX <= self.in_vain {
            return Err(format!("{reason}; given up after {ATTEMPTS_MAX} attempts"));
        }
        std::thread::sleep(self.patience * 2u32.pow(self.in_vain - 1));
        Ok(())
    }
}

fn append(
    response: Response<ureq::Body>,
    mut have: u64,
    wanted: &Wanted<'_>,
    advanced: &mut dyn FnMut(u64),
) -> Result<(), Trouble> {
    let failed = |err: io::Error| unwritable(wanted.part, &err);
    let mut file = File::options().append(true).create(true).open(wanted.part).map_err(failed)?;
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = body.read(&mut buffer).map_err(|err| passing(&err))?;
        if count == 0 {
            break;
        }
        have += count as u64;
        if wanted.bytes_max < have {
            drop(file);
            restart(wanted.part)?;
            return Err(too_long(wanted.bytes_max));
        }
        file.write_all(&buffer[..count]).map_err(failed)?;
        advanced(have);
    }
    match wanted.size {
        Some(size) if have < size => {
            Err(Trouble::Passing(format!("it ended after {have} of {size} bytes")))
        }
        _ => Ok(()),
    }
}

// Where the rest of the file begins that the server sends.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

// What tells this state of the file from others: a weak tag does not.
fn validator_of(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let tag = text(header::ETAG).filter(|tag| !tag.starts_with("W/"));
    tag.or_else(|| text(header::LAST_MODIFIED))
}

fn check_length(headers: &HeaderMap, have: u64, bytes_max: u64) -> Result<(), Trouble> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length: u64 = length.and_then(|length| length.parse().ok()).unwrap_or_default();
    if bytes_max < have.saturating_add(length) {
        return Err(too_long(bytes_max));
    }
    Ok(())
}

fn passing(err: &impl ToString) -> Trouble {
    Trouble::Passing(err.to_string())
}

fn too_long(bytes_max: u64) -> Trouble {
    Trouble::Lasting(format!("it has more than the {bytes_max} bytes it may have"))
}

fn unwritable(path: &Path, err: &io::Error) -> Trouble {
    Trouble::Lasting(format!("{} cannot be written: {err}", path.display()))
}

fn restart(part: &Path) -> Result<(), Trouble> {
    File::create(part).map(drop).map_err(|err| unwritable(part, &err))
}

/// Where it stands which state of the file the part is of.
pub(super) fn validator_file(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(".etag");
    path.into()
}

fn read_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Reads a file of this machine that must not be longer.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|err| err.to_string())?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|err| err.to_string())?;
    if bytes_max < bytes.len() as u64 {
        return Err(format!("it has more than the {bytes_max} bytes it may have"));
    }
    Ok(bytes)
}
