//! Who is let in: the keys that may sign, and whether anyone must.

use std::path::Path;

use toml::Table;

use super::error::ConfigError;
use super::keys::{self, Settings};
use super::{Auth, read};
use crate::auth::{self, Key, Keys, Mode};
use crate::secret::Secret;

impl Auth {
    pub(super) fn from_settings(settings: &Settings, account: &str) -> Result<Self, ConfigError> {
        let mut keys = Keys::new();
        for (index, table) in settings.tables("auth.keys")?.into_iter().enumerate() {
            let at = format!("auth.keys[{index}]");
            let (id, key) = access_key(&at, table, account)?;
            if keys.insert(id, key).is_some() {
                return Err(ConfigError::Value {
                    key: format!("{at}.access_key_id"),
                    value: "the id of another key too".to_owned(),
                    legal: "different for each key".to_owned(),
                });
            }
        }
        let default = if keys.is_empty() { Mode::Off } else { Mode::Strict };
        let modes = [("off", Mode::Off), ("strict", Mode::Strict)];
        Ok(Self {
            mode: settings.choice("auth.mode", &modes)?.unwrap_or(default),
            is_insecure: settings.flag("auth.insecure", false)?,
            keys,
        })
    }
}

/// Reads one key. No value of it is ever shown.
fn access_key(at: &str, table: &Table, account: &str) -> Result<(String, Key), ConfigError> {
    const NAMES: [&str; 4] =
        ["access_key_id", "secret_access_key", "secret_access_key_file", "account"];
    if let Some(name) = table.keys().find(|name| !NAMES.contains(&name.as_str())) {
        let nearest = keys::most_like(name, NAMES);
        return Err(ConfigError::UnknownKey {
            key: format!("{at}.{name}"),
            nearest: format!("{at}.{nearest}"),
        });
    }
    let illegal = |name: &str, legal: &str| ConfigError::Value {
        key: format!("{at}.{name}"),
        value: "a hidden value".to_owned(),
        legal: legal.to_owned(),
    };
    let text = |name: &str| match table.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_str().map(Some).ok_or_else(|| illegal(name, "a text in quotation marks"))
        }
    };
    let id = text("access_key_id")?.ok_or_else(|| ConfigError::Missing {
        key: format!("{at}.access_key_id"),
        remedy: "give the key an id, such as \"AKIAEXAMPLE\"",
    })?;
    if !is_access_key_id(id) {
        return Err(illegal("access_key_id", "1 to 128 letters, digits, '_', '-' and '.'"));
    }
    let secret = match (text("secret_access_key")?, text("secret_access_key_file")?) {
        (Some(secret), None) => secret.to_owned(),
        (None, Some(file)) => {
            read(&format!("{at}.secret_access_key_file"), Path::new(file))?.trim().to_owned()
        }
        (Some(_), Some(_)) => {
            let legal = "left out where there is a secret_access_key_file";
            return Err(illegal("secret_access_key", legal));
        }
        (None, None) => {
            return Err(ConfigError::Missing {
                key: format!("{at}.secret_access_key"),
                remedy: "give the key a secret_access_key or a secret_access_key_file",
            });
        }
    };
    if secret.is_empty() {
        return Err(illegal("secret_access_key", "at least one character long"));
    }
    let account = text("account")?.unwrap_or(account);
    if !auth::is_account(account) {
        return Err(illegal("account", "twelve digits"));
    }
    Ok((id.to_owned(), Key { secret: Secret::new(secret), account: account.to_owned() }))
}

/// Whether `text` can stand in a signature's credential.
fn is_access_key_id(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_legal)
}
