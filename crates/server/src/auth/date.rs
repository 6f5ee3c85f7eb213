//! The two ways in which a signed request tells its time.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc2822;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const BASIC: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// A moment in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// The second in which this many milliseconds since 1970 lie.
    pub(super) fn from_ms(ms: i64) -> Self {
        Self(ms.div_euclid(1000))
    }

    /// Reads `20150830T123600Z`, or the form of a `Date` header.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let basic = PrimitiveDateTime::parse(text, BASIC).map(PrimitiveDateTime::assume_utc);
        let moment = match basic {
            Ok(moment) => moment,
            Err(_) => OffsetDateTime::parse(text, &Rfc2822).ok()?,
        };
        Some(Self(moment.unix_timestamp()))
    }

    /// The moment as it stands in the text that is signed: `20150830T123600Z`.
    pub(super) fn basic(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|moment| moment.format(BASIC).ok())
            // Only a clock beyond the year 9999 comes here; its text then matches nothing.
            .unwrap_or_default()
    }

    pub(super) fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Moment::parse(text).map(Moment::basic).as_deref(), expected, "{text}");
    }

    #[test]
    fn both_forms_are_read() {
        check("20150830T123600Z", Some("20150830T123600Z"));
        check("Sun, 30 Aug 2015 12:36:00 GMT", Some("20150830T123600Z"));
        for bad in ["", "20150830", "20150830T1236Z", "20151330T123600Z", "2015-08-30T12:36:00Z"] {
            check(bad, None);
        }
    }

    #[test]
    fn milliseconds_are_cut() {
        assert_eq!(Moment::from_ms(1_440_938_160_999).basic(), "20150830T123600Z");
        assert_eq!(Moment::from_ms(-1).basic(), "19691231T235959Z");
        assert_eq!(Moment::from_ms(i64::MAX).basic(), "");
    }
}
