//! The states of a job and the one function that leads from one to the next.

/// Where a job stands, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Received, waiting in the queue.
    Submitted,
    /// Being worked on.
    InProgress,
    /// The owner asked to stop; work is being wound up.
    StopRequested,
    /// All done.
    Completed,
    /// All done, and some documents failed.
    CompletedWithError,
    /// The job as a whole did not complete.
    Failed,
    /// Stopped at the owner's request.
    Stopped,
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A worker took it, or took it over.
    Claimed,
    /// Its owner asked to stop it.
    StopAsked,
    /// Its worker is done with it.
    Finished(Outcome),
}

/// How a job's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every document was translated.
    Translated,
    /// Every document was processed and some failed.
    PartlyTranslated,
    /// A fault of the job as a whole.
    Failed,
    /// The work was given up because of a stop.
    Stopped,
}

/// A bug in the caller: this event cannot happen in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {from:?} cannot take {event:?}")]
pub struct InvalidTransition {
    /// The state before.
    pub from: Status,
    /// What was said to have happened.
    pub event: Event,
}

impl Status {
    /// All states, in the order of a job's life.
    pub const ALL: [Self; 7] = [
        Self::Submitted,
        Self::InProgress,
        Self::StopRequested,
        Self::Completed,
        Self::CompletedWithError,
        Self::Failed,
        Self::Stopped,
    ];

    /// Returns the status that follows `event`.
    ///
    /// Asking a finished job to stop changes nothing and is not an error, so
    /// that a caller may repeat the request safely.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] means a bug in the caller, never bad user input.
    pub fn after(self, event: Event) -> Result<Self, InvalidTransition> {
        match (self, event) {
            (Self::Submitted | Self::InProgress, Event::Claimed) => Ok(Self::InProgress),
            // The worker that takes over finds nothing to do but to settle the stop.
            (Self::StopRequested, Event::Claimed) => Ok(Self::StopRequested),

            // Nothing has been read or written yet, so there is nothing to wind up.
            (Self::Submitted, Event::StopAsked) => Ok(Self::Stopped),
            (Self::InProgress | Self::StopRequested, Event::StopAsked) => Ok(Self::StopRequested),
            (
                Self::Completed | Self::CompletedWithError | Self::Failed | Self::Stopped,
                Event::StopAsked,
            ) => Ok(self),

            // A job that ends before the stop reaches it keeps its own ending.
            (
                Self::InProgress | Self::StopRequested,
                Event::Finished(outcome @ (Outcome::Translated | Outcome::PartlyTranslated)),
            )
            // A fault that is found when a job is picked up fails it.
            | (Self::Submitted | Self::InProgress, Event::Finished(outcome @ Outcome::Failed)) => {
                Ok(outcome.status())
            }
            // Who was told STOP_REQUESTED is never shown FAILED: the message names the fault.
            (Self::StopRequested, Event::Finished(Outcome::Failed | Outcome::Stopped)) => {
                Ok(Self::Stopped)
            }

            (Self::InProgress, Event::Finished(Outcome::Stopped))
            | (
                Self::Submitted,
                Event::Finished(
                    Outcome::Translated | Outcome::PartlyTranslated | Outcome::Stopped,
                ),
            )
            | (
                Self::Completed | Self::CompletedWithError | Self::Failed | Self::Stopped,
                Event::Claimed | Event::Finished(_),
            ) => Err(InvalidTransition { from: self, event }),
        }
    }

    /// Whether nothing can change any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Submitted | Self::InProgress | Self::StopRequested => false,
            Self::Completed | Self::CompletedWithError | Self::Failed | Self::Stopped => true,
        }
    }

    /// The name of the service's model, which is also what is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::InProgress => "IN_PROGRESS",
            Self::StopRequested => "STOP_REQUESTED",
            Self::Completed => "COMPLETED",
            Self::CompletedWithError => "COMPLETED_WITH_ERROR",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
        }
    }

    /// The status of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl Outcome {
    /// The status of a job that nobody asked to stop and that ended so.
    fn status(self) -> Status {
        match self {
            Self::Translated => Status::Completed,
            Self::PartlyTranslated => Status::CompletedWithError,
            Self::Failed => Status::Failed,
            Self::Stopped => Status::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        prop::sample::select(vec![
            Outcome::Translated,
            Outcome::PartlyTranslated,
            Outcome::Failed,
            Outcome::Stopped,
        ])
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Claimed),
            Just(Event::StopAsked),
            any_outcome().prop_map(Event::Finished),
        ]
    }

    /// The statuses a job goes through; events it cannot take are dropped.
    fn history(events: &[Event]) -> Vec<Status> {
        let mut statuses = vec![Status::Submitted];
        for &event in events {
            let last = statuses[statuses.len() - 1];
            statuses.push(last.after(event).unwrap_or(last));
        }
        statuses
    }

    #[test]
    fn the_edges_are_those_of_the_table_and_no_others() {
        use Status::{
            Completed, CompletedWithError, Failed, InProgress, StopRequested, Stopped, Submitted,
        };
        let allowed = [
            (Submitted, InProgress),
            (Submitted, Stopped),
            (Submitted, Failed),
            (InProgress, Completed),
            (InProgress, CompletedWithError),
            (InProgress, Failed),
            (InProgress, StopRequested),
            (StopRequested, Stopped),
            (StopRequested, Completed),
            (StopRequested, CompletedWithError),
        ];
        let events = [
            Event::Claimed,
            Event::StopAsked,
            Event::Finished(Outcome::Translated),
            Event::Finished(Outcome::PartlyTranslated),
            Event::Finished(Outcome::Failed),
            Event::Finished(Outcome::Stopped),
        ];
        let mut seen = Vec::new();
        for from in Status::ALL {
            for event in events {
                if let Ok(to) = from.after(event)
                    && to != from
                    && !seen.contains(&(from, to))
                {
                    seen.push((from, to));
                }
            }
        }
        assert_eq!(seen.len(), allowed.len(), "{seen:?}");
        assert!(allowed.iter().all(|edge| seen.contains(edge)), "{seen:?}");
    }

    #[test]
    fn the_names_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.as_str()), Some(status));
        }
        assert_eq!(Status::from_name("stopped"), None);
    }

    proptest! {
        #[test]
        fn no_job_is_stopped_unless_someone_asked(
            events in prop::collection::vec(any_event(), 0..20),
        ) {
            let stopped = history(&events).contains(&Status::Stopped);
            prop_assert!(!stopped || events.contains(&Event::StopAsked));
        }

        #[test]
        fn a_terminal_status_never_changes(events in prop::collection::vec(any_event(), 0..20)) {
            let statuses = history(&events);
            for pair in statuses.windows(2) {
                prop_assert!(!pair[0].is_terminal() || pair[0] == pair[1]);
            }
        }

        #[test]
        fn a_requested_stop_ends_stopped_or_complete(
            events in prop::collection::vec(any_event(), 0..20),
        ) {
            let statuses = history(&events);
            if let Some(at) = statuses.iter().position(|&it| it == Status::StopRequested) {
                prop_assert!(statuses[at..].iter().all(|status| matches!(
                    status,
                    Status::StopRequested
                        | Status::Stopped
                        | Status::Completed
                        | Status::CompletedWithError
                )));
            }
        }
    }
}
