//! Working on one unit: its documents, some at a time.

use domain::job::DocumentFault;
use futures_util::stream::{FuturesUnordered, StreamExt};
use store::{Holder, ReportEnd, TargetFault};

use super::document::DocumentEnd;
use super::held::UnitInHand;
use super::{DOCUMENTS_IN_HAND_MAX, LEASE_TERM, Runner};

/// After so many holders in a row that vanished without progress, the server
/// no longer tries: one of the documents in hand is likely what fells them.
const ATTEMPTS_MAX: u32 = 5;

impl Runner {
    pub(super) async fn work(&self, unit: &UnitInHand) {
        let done = &unit.lease.unit.progress.done;
        let pending = (0..done.len()).filter(|&index| !done[index]);
        if ATTEMPTS_MAX <= unit.lease.failed_attempts {
            give_up_on(unit, pending);
        } else {
            self.work_on(unit, pending).await;
        }
        self.give_back(unit).await;
    }

    async fn work_on(&self, unit: &UnitInHand, mut pending: impl Iterator<Item = usize>) {
        let mut in_hand = FuturesUnordered::new();
        loop {
            while in_hand.len() < self.documents_per_unit()
                && let Some(index) = pending.next()
            {
                in_hand.push(self.document(unit, index));
            }
            match in_hand.next().await {
                None => return,
                Some(DocumentEnd::Recorded | DocumentEnd::Abandoned) => (),
                Some(DocumentEnd::JobFault(fault)) => {
                    unit.stop.raise();
                    self.record_fault(unit, &fault).await;
                }
            }
        }
    }

    /// How many documents of a unit are in hand at once: its share of all, so
    /// that those of a new unit do not wait behind a long queue.
    fn documents_per_unit(&self) -> usize {
        (DOCUMENTS_IN_HAND_MAX / self.held.counts().units.max(1)).max(1)
    }

    async fn record_fault(&self, unit: &UnitInHand, fault: &str) {
        let job = &unit.lease.job.id;
        if let Err(err) = self.store.record_fault(Holder::Unit(&unit.lease), fault).await {
            tracing::error!(job.id = %job, error = %err, cause = ?err, "could not record a fault");
        }
    }

    async fn give_back(&self, unit: &UnitInHand) {
        let progress = unit.progress();
        let report = unit.report(&progress, ReportEnd::Released);
        if let Err(err) = self.store.report(&[report], LEASE_TERM).await {
            let job = &unit.lease.job.id;
            tracing::error!(job.id = %job, error = %err, cause = ?err, "could not record a unit");
        }
    }
}

fn give_up_on(unit: &UnitInHand, pending: impl Iterator<Item = usize>) {
    let fault = DocumentFault::internal(format!(
        "The server failed {ATTEMPTS_MAX} times while this document was in work"
    ));
    unit.update(|progress| {
        for document in pending {
            progress.done[document] = true;
            for target in 0..unit.lease.job.request.targets.len() {
                progress.faults.push(TargetFault { document, target, fault: fault.clone() });
            }
        }
    });
}
