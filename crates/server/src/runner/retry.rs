//! Trying the storage again where that may help.

use std::time::Duration;

use objects::ObjectsError;

use super::held::Stop;

const ATTEMPTS_MAX: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A failure that may be gone when the same thing is tried again.
pub(super) trait Transient: std::fmt::Display {
    /// Whether it is such a one.
    fn is_transient(&self) -> bool;
}

impl Transient for ObjectsError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Storage(_))
    }
}

/// Calls `attempt` until it succeeds, fails for good, or `stop` is raised.
pub(super) async fn retried<T, E: Transient, F>(
    stop: &Stop,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS_MAX {
        match attempt().await {
            Err(err) if err.is_transient() && !stop.is_raised() => {
                tracing::warn!(error = %err, "trying again");
                tokio::time::sleep(pause).await;
                pause *= 4;
            }
            result => return result,
        }
    }
    attempt().await
}

/// Whether the fault is the place's and not one object's: every other object would meet it too.
pub(super) fn concerns_the_place(err: &ObjectsError) -> bool {
    match err {
        ObjectsError::NoSuchBucket(_)
        | ObjectsError::AccessDenied(_)
        | ObjectsError::KeyRefused(_)
        | ObjectsError::Full => true,
        ObjectsError::NoSuchKey(_)
        | ObjectsError::Changed(_)
        | ObjectsError::TooLarge { .. }
        | ObjectsError::InvalidKey(_)
        | ObjectsError::Storage(_) => false,
    }
}

/// What a job says of an output folder that could not be written.
pub(super) fn unwritable(err: &ObjectsError) -> String {
    if matches!(err, ObjectsError::KeyRefused(_)) {
        return format!("The encryption key could not be used: {err}");
    }
    format!("The output folder could not be written: {err}")
}
