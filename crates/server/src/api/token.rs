//! Page tokens: where a listing goes on, in a form that only this service can make.
//!
//! A token is bound to what was listed and for whom, and holds for a day. It
//! says nothing of the size of pages. Knows no clock and no operation: the time
//! and the key come in, and the caller chooses the error.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const VERSION: u8 = 1;
const LIFE_MS: i64 = 24 * 60 * 60 * 1000;
const TIME_BYTES: usize = 8;
const MAC_BYTES: usize = 32;
const HEAD_BYTES: usize = 1 + TIME_BYTES + MAC_BYTES;

/// The key that signs tokens: the same on all nodes and after a restart.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

/// What a token is for. With another one of these it is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The operation's name.
    pub operation: &'a str,
    /// The caller's account.
    pub account: &'a str,
    /// The caller's region.
    pub region: &'a str,
    /// Whatever else decides what is listed, such as the fingerprint of a filter.
    pub filter: &'a str,
}

/// A token that this service did not make for this listing within the last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the NextToken is not one of this listing, or is older than 24 hours: \
     list again from the beginning"
)]
pub struct InvalidToken;

impl TokenKey {
    /// The key made of these secret bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token for the page after `position`, which is whatever the listing
    /// needs to find its place again: a few hundred bytes at most.
    pub fn issue(&self, scope: Scope<'_>, position: &str, now: Timestamp) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&now.0.to_be_bytes());
        bytes.extend_from_slice(&self.mac(scope, position, now).finalize().into_bytes());
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that a token was issued for.
    pub fn open(
        &self,
        scope: Scope<'_>,
        token: &str,
        now: Timestamp,
    ) -> Result<String, InvalidToken> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidToken)?;
        let (head, position) = bytes.split_at_checked(HEAD_BYTES).ok_or(InvalidToken)?;
        let (version, head) = head.split_at(1);
        let (issued, mac) = head.split_at(TIME_BYTES);
        if version != [VERSION] {
            return Err(InvalidToken);
        }
        let issued = issued.try_into().expect("the part before was split off at this length");
        let issued = Timestamp(i64::from_be_bytes(issued));
        let position = str::from_utf8(position).map_err(|_| InvalidToken)?;
        // Compares in constant time.
        self.mac(scope, position, issued).verify_slice(mac).map_err(|_| InvalidToken)?;
        if LIFE_MS < now.0.saturating_sub(issued.0) {
            return Err(InvalidToken);
        }
        Ok(position.to_owned())
    }

    fn mac(&self, scope: Scope<'_>, position: &str, issued: Timestamp) -> Hmac<Sha256> {
        let Scope { operation, account, region, filter } = scope;
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"page token");
        mac.update(&issued.0.to_be_bytes());
        for part in [operation, account, region, filter, position] {
            // With its length before it no part can be taken for the end of another.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCOPE: Scope<'_> = Scope {
        operation: "ListLanguages",
        account: "111122223333",
        region: "us-east-1",
        filter: "",
    };
    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    fn key() -> TokenKey {
        TokenKey::new([7; 32])
    }

    fn check(scope: Scope<'_>, now: Timestamp, expected: Result<&str, InvalidToken>) {
        let token = key().issue(SCOPE, "here", NOW);
        assert_eq!(key().open(scope, &token, now).as_deref(), expected.as_ref().map(|it| *it));
    }

    #[test]
    fn a_token_is_bound_to_its_listing() {
        check(SCOPE, NOW, Ok("here"));
        check(Scope { operation: "ListTerminologies", ..SCOPE }, NOW, Err(InvalidToken));
        check(Scope { account: "444455556666", ..SCOPE }, NOW, Err(InvalidToken));
        check(Scope { region: "us-east-2", ..SCOPE }, NOW, Err(InvalidToken));
        check(Scope { filter: "x", ..SCOPE }, NOW, Err(InvalidToken));
        let moved = Scope { region: "us-east", filter: "-1", ..SCOPE };
        check(moved, NOW, Err(InvalidToken));
    }

    #[test]
    fn a_token_holds_for_a_day() {
        check(SCOPE, Timestamp(NOW.0 + LIFE_MS), Ok("here"));
        check(SCOPE, Timestamp(NOW.0 + LIFE_MS + 1), Err(InvalidToken));
        // Another node's clock may be behind.
        check(SCOPE, Timestamp(NOW.0 - 1000), Ok("here"));
    }

    #[test]
    fn another_key_makes_other_tokens() {
        let token = TokenKey::new([8; 32]).issue(SCOPE, "here", NOW);
        assert_eq!(key().open(SCOPE, &token, NOW), Err(InvalidToken));
    }

    proptest! {
        #[test]
        fn a_token_is_printable_and_leads_back(position in ".{0,100}", now in any::<i64>()) {
            let token = key().issue(SCOPE, &position, Timestamp(now));
            prop_assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(token.len() < 8192);
            prop_assert_eq!(key().open(SCOPE, &token, Timestamp(now)), Ok(position));
        }

        #[test]
        fn no_altered_token_is_accepted(
            position in "[a-z]{0,20}",
            at in any::<prop::sample::Index>(),
            letter in "[A-Za-z0-9_-]",
        ) {
            let token = key().issue(SCOPE, &position, NOW);
            let at = at.index(token.len());
            let altered = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
            prop_assume!(altered != token);
            prop_assert_eq!(key().open(SCOPE, &altered, NOW), Err(InvalidToken));
        }

        #[test]
        fn no_text_makes_it_panic(token in ".{0,80}") {
            prop_assert_eq!(key().open(SCOPE, &token, NOW), Err(InvalidToken));
        }
    }
}
