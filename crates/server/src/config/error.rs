//! What can be wrong with a configuration: the key, the value, what is legal.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a configuration cannot be used. Never shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is missing or closed to us.
    #[error("{key}: the file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The key or option that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML. The line itself is not shown: it may hold a secret.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// There is no such key.
    #[error("there is no key '{key}': did you mean '{nearest}'?")]
    UnknownKey {
        /// The key as given.
        key: String,
        /// The legal key that is most like it.
        nearest: String,
    },
    /// There is no key for this environment variable.
    #[error("there is no key for the environment variable {name}: did you mean {nearest}?")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The legal variable that is most like it.
        nearest: String,
    },
    /// The value is not one this key may have.
    #[error("{key} is {value}: it must be {legal}")]
    Value {
        /// The key, with the variable or option it came from.
        key: String,
        /// The value as given, or that it is hidden.
        value: String,
        /// What would be legal.
        legal: String,
    },
    /// Something that a key needs is not there.
    #[error("{key} is missing: {remedy}")]
    Missing {
        /// The key.
        key: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Nobody could ever sign.
    #[error(
        "auth.mode is \"strict\" and there is no key that may sign: add an [[auth.keys]] with \
         access_key_id and secret_access_key, or set auth.mode to \"off\""
    )]
    StrictWithoutKeys,
    /// Everyone on the network would be let in.
    #[error(
        "auth is off and listen is {listen}, which others can reach: add an [[auth.keys]] and \
         set auth.mode to \"strict\", listen on 127.0.0.1, or set auth.insecure = true to let \
         everyone in"
    )]
    OffBeyondLoopback {
        /// The address.
        listen: SocketAddr,
    },
    /// The contract has it and this version does not.
    #[error("{key} = {value} is not supported by this version: {remedy}")]
    NotSupported {
        /// The key.
        key: &'static str,
        /// The value, without secrets.
        value: &'static str,
        /// What to use instead.
        remedy: &'static str,
    },
}
