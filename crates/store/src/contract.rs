//! The contract of [`JobStore`](crate::JobStore) and [`WorkStore`](crate::WorkStore):
//! one list of tests that every database passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::Timestamp;
use domain::job::{
    DocumentFault, Draft, InputDocument, Job, JobId, JobRequest, Outcome, Owner, Status,
};

use crate::{
    Clock, Holder, JobFilter, JobLease, JobRoom, JobTask, ListPosition, ListedPart, NewJob, NodeId,
    Progress, Report, ReportEnd, Store, StoreError, TargetFault, UnitLease,
};

/// Makes a test of each function of the contract for one kind of store.
macro_rules! contract_tests {
    ($store:ty; $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let time = crate::contract::Time::default();
                let store =
                    <$store>::open(&folder.path().join("a.db"), time.clock()).await.unwrap();
                crate::contract::$name(&store, &time).await;
            }
        )+
    };
    ($store:ty) => {
        contract_tests! { $store;
            a_repeated_token_finds_the_same_job,
            a_token_is_not_used_for_two_requests,
            a_full_queue_takes_no_more,
            another_owner_sees_nothing,
            a_job_is_read_back_as_it_was_submitted,
            a_waiting_job_is_stopped_at_once,
            a_running_job_is_asked_to_stop_and_then_stops,
            a_finished_job_is_not_changed_by_a_stop,
            jobs_begin_in_the_order_of_submission_and_not_too_many_at_once,
            lists_are_filtered_ordered_and_paged,
            a_job_is_listed_worked_on_and_finished,
            a_listing_goes_on_where_it_was_left,
            a_late_write_is_refused,
            a_late_listing_is_refused,
            a_lease_that_ended_is_not_extended,
            a_unit_given_back_keeps_its_progress,
            a_vanished_worker_leaves_a_trace,
            attempts_without_progress_are_counted,
            a_stop_waits_for_the_workers_and_not_for_the_dead,
            a_stop_after_the_last_unit_completes,
            a_fault_ends_the_job,
            a_fault_of_a_stopped_job_does_not_fail_it,
            a_late_fault_is_refused,
            a_finish_has_the_job_alone,
            only_what_there_is_room_for_is_claimed,
            an_ended_job_takes_no_more_reports,
            what_is_old_is_cleaned_up,
            a_secret_stays_the_same,
        }
    };
}
pub(crate) use contract_tests;

const TERM: Duration = Duration::from_secs(30);
const ROOM: JobRoom = JobRoom { lists: true, finishes: true };

/// A clock that is set by hand.
#[derive(Clone, Default)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        Arc::new(move || Timestamp(millis.load(Ordering::SeqCst)))
    }

    fn pass(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).expect("tests take no ages");
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

fn owner() -> Owner {
    Owner { account: "111122223333".to_owned(), region: "us-east-1".to_owned() }
}

fn node(name: &str) -> NodeId {
    NodeId(name.to_owned())
}

pub(crate) fn new_job(id: &str) -> NewJob {
    let request = JobRequest::parse(Draft {
        name: Some(format!("job {id}")),
        input: "s3://bucket/in".parse().unwrap(),
        content_type: "text/plain".to_owned(),
        output: "s3://bucket/out/".parse().unwrap(),
        encryption_key: None,
        role_arn: "arn:aws:iam::111122223333:role/x".to_owned(),
        source: "en".to_owned(),
        targets: vec!["fr".to_owned(), "es".to_owned()],
        terminologies: vec![],
        parallel_data: vec![],
        settings: None,
    });
    NewJob {
        id: JobId(id.to_owned()),
        owner: owner(),
        request: request.unwrap(),
        client_token: format!("token-{id}"),
        fingerprint: [7; 32],
    }
}

fn documents(count: usize) -> Vec<InputDocument> {
    (0..count)
        .map(|index| InputDocument {
            path: format!("{index}.txt"),
            size_bytes: 10,
            etag: "e".to_owned(),
        })
        .collect()
}

async fn submit(store: &dyn Store, id: &str) -> Job {
    store.submit(new_job(id), 1_000).await.expect("submits")
}

async fn claim_listing(store: &dyn Store, by: &str) -> JobLease {
    match store.claim_job(&node(by), TERM, 10, ROOM).await.expect("claims") {
        Some(JobTask::List { lease, .. }) => lease,
        other => panic!("not a listing: {other:?}"),
    }
}

async fn claim_finish(store: &dyn Store) -> (JobLease, Outcome, Option<String>) {
    match store.claim_job(&node("n"), TERM, 10, ROOM).await.expect("claims") {
        Some(JobTask::Finish { lease, outcome, fault }) => (lease, outcome, fault),
        other => panic!("not a finish: {other:?}"),
    }
}

/// Submits a job and lists it: units of two documents each.
async fn listed(store: &dyn Store, id: &str, units: usize) {
    submit(store, id).await;
    let lease = claim_listing(store, "n").await;
    let part = ListedPart {
        units: vec![documents(2); units],
        cursor: Some("z".to_owned()),
        is_last: true,
    };
    store.add_units(&lease, &part, TERM).await.expect("adds");
}

async fn claim_unit(store: &dyn Store, by: &str) -> Option<UnitLease> {
    let jobs = store.runnable_jobs().await.expect("lists");
    store.claim_unit(&node(by), jobs.first()?, TERM).await.expect("claims")
}

async fn report(store: &dyn Store, lease: &UnitLease, progress: &Progress, end: ReportEnd) -> bool {
    let report =
        Report { job: &lease.job.id, no: lease.unit.no, epoch: lease.epoch, progress, end };
    store.report(&[report], TERM).await.expect("reports")[0]
}

/// All documents of a unit translated.
fn complete(lease: &UnitLease) -> Progress {
    let mut progress = lease.unit.progress.clone();
    progress.done.fill(true);
    progress.characters = vec![20, 20];
    progress
}

async fn status(store: &dyn Store, id: &str) -> Status {
    store.job(&owner(), &JobId(id.to_owned())).await.expect("is there").status
}

async fn stop(store: &dyn Store, id: &str) -> Status {
    store.request_stop(&owner(), &JobId(id.to_owned())).await.expect("is there").status
}

async fn finish(store: &dyn Store) -> Job {
    let (lease, outcome, fault) = claim_finish(store).await;
    store.finish(&lease, outcome, fault.as_deref()).await.expect("finishes")
}

pub(crate) async fn a_repeated_token_finds_the_same_job(store: &dyn Store, time: &Time) {
    let first = submit(store, "a").await;
    time.pass(TERM);
    let repeated = NewJob { id: JobId("b".to_owned()), ..new_job("a") };
    assert_eq!(store.submit(repeated, 0).await.expect("repeats"), first);
    let before = store.submitted_before(&owner(), "token-a", &[7; 32]).await.expect("looks");
    assert_eq!(before, Some(first));
    assert_eq!(store.submitted_before(&owner(), "token-b", &[7; 32]).await.expect("looks"), None);
}

pub(crate) async fn a_token_is_not_used_for_two_requests(store: &dyn Store, _: &Time) {
    submit(store, "a").await;
    let other = NewJob { fingerprint: [8; 32], ..new_job("a") };
    assert!(matches!(store.submit(other, 10).await, Err(StoreError::TokenReused(_))));
    let other = store.submitted_before(&owner(), "token-a", &[8; 32]).await;
    assert!(matches!(other, Err(StoreError::TokenReused(_))));
}

pub(crate) async fn a_full_queue_takes_no_more(store: &dyn Store, _: &Time) {
    submit(store, "a").await;
    submit(store, "b").await;
    assert!(matches!(store.submit(new_job("c"), 2).await, Err(StoreError::QueueFull(2))));
    claim_listing(store, "n").await;
    store.submit(new_job("c"), 2).await.expect("submits when one has begun");
}

pub(crate) async fn another_owner_sees_nothing(store: &dyn Store, _: &Time) {
    let job = submit(store, "a").await;
    let account = "999999999999".to_owned();
    let region = "eu-west-1".to_owned();
    for (id, other) in [("b", Owner { account, ..owner() }), ("c", Owner { region, ..owner() })] {
        assert!(matches!(store.job(&other, &job.id).await, Err(StoreError::NoSuchJob(_))));
        assert!(matches!(store.request_stop(&other, &job.id).await, Err(StoreError::NoSuchJob(_))));
        assert_eq!(store.list(&other, &JobFilter::All, None, 10).await.expect("lists"), []);
        let same_token = NewJob { owner: other, id: JobId(id.to_owned()), ..new_job("a") };
        assert_eq!(store.submit(same_token, 10).await.expect("submits").id.as_str(), id);
    }
}

pub(crate) async fn a_job_is_read_back_as_it_was_submitted(store: &dyn Store, time: &Time) {
    time.pass(TERM);
    let new = new_job("a");
    let job = submit(store, "a").await;
    let expected = Job {
        id: new.id,
        owner: new.owner,
        request: new.request,
        status: Status::Submitted,
        counts: None,
        message: None,
        submitted: Timestamp(30_000),
        stop_asked: None,
        ended: None,
    };
    assert_eq!(job, expected);
    assert_eq!(store.job(&owner(), &job.id).await.expect("is there"), expected);
    assert_eq!(store.count_by_status().await.expect("counts"), [(Status::Submitted, 1)]);
}

pub(crate) async fn a_waiting_job_is_stopped_at_once(store: &dyn Store, time: &Time) {
    submit(store, "a").await;
    time.pass(TERM);
    let job = store.request_stop(&owner(), &JobId("a".to_owned())).await.expect("stops");
    assert_eq!(
        (job.status, job.ended, job.counts),
        (Status::Stopped, Some(Timestamp(30_000)), None)
    );
    assert_eq!(job.message.as_deref(), Some("Your job was stopped at your request."));
    assert!(store.claim_job(&node("n"), TERM, 10, ROOM).await.expect("claims").is_none());
    time.pass(TERM);
    let again = store.request_stop(&owner(), &job.id).await.expect("stops");
    assert_eq!(again, job);
}

pub(crate) async fn a_running_job_is_asked_to_stop_and_then_stops(store: &dyn Store, time: &Time) {
    listed(store, "a", 2).await;
    assert_eq!(store.unwanted(&[JobId("a".to_owned())]).await.expect("looks"), []);
    time.pass(TERM);
    assert_eq!(stop(store, "a").await, Status::StopRequested);
    time.pass(TERM);
    assert_eq!(stop(store, "a").await, Status::StopRequested);
    let unwanted = store.unwanted(&[JobId("a".to_owned())]).await.expect("looks");
    assert_eq!(unwanted, [JobId("a".to_owned())]);
    assert!(claim_unit(store, "n").await.is_none(), "nobody begins work on it");
    let job = finish(store).await;
    assert_eq!(job.status, Status::Stopped);
    assert_eq!(job.stop_asked, Some(Timestamp(30_000)), "the first wish counts");
    assert_eq!(job.counts.map(|counts| (counts.documents, counts.translated)), Some((4, 0)));
}

pub(crate) async fn a_finished_job_is_not_changed_by_a_stop(store: &dyn Store, time: &Time) {
    listed(store, "a", 1).await;
    let unit = claim_unit(store, "n").await.expect("a unit");
    assert!(report(store, &unit, &complete(&unit), ReportEnd::Released).await);
    let job = finish(store).await;
    assert_eq!(job.status, Status::Completed);
    assert_eq!(job.message.as_deref(), Some("Your job has completed successfully."));
    time.pass(TERM);
    let stopped = store.request_stop(&owner(), &job.id).await.expect("is there");
    assert_eq!(stopped, job);
}

pub(crate) async fn jobs_begin_in_the_order_of_submission_and_not_too_many_at_once(
    store: &dyn Store,
    time: &Time,
) {
    for id in ["c", "b", "a"] {
        submit(store, id).await;
        time.pass(Duration::from_millis(1));
    }
    for expected in ["c", "b"] {
        match store.claim_job(&node("n"), TERM, 2, ROOM).await.expect("claims") {
            Some(JobTask::List { lease, .. }) => assert_eq!(lease.job.id.as_str(), expected),
            other => panic!("not a listing: {other:?}"),
        }
    }
    assert!(store.claim_job(&node("n"), TERM, 2, ROOM).await.expect("claims").is_none());
    assert_eq!(status(store, "a").await, Status::Submitted);

    let other = Owner { account: "999999999999".to_owned(), ..owner() };
    store.submit(NewJob { owner: other, ..new_job("d") }, 10).await.expect("submits");
    let theirs = store.claim_job(&node("n"), TERM, 2, ROOM).await.expect("claims");
    assert!(theirs.is_some(), "another owner has running jobs of its own");
}

pub(crate) async fn lists_are_filtered_ordered_and_paged(store: &dyn Store, time: &Time) {
    // Two jobs of each moment: b and a at 0, d and c at 10.
    for (id, pass) in [("b", 0), ("a", 10), ("d", 0), ("c", 10)] {
        submit(store, id).await;
        time.pass(Duration::from_millis(pass));
    }
    stop(store, "a").await;
    let owner = owner();
    let all = |filter: JobFilter| {
        let owner = owner.clone();
        async move {
            let jobs = store.list(&owner, &filter, None, 10).await.expect("lists");
            let ids: String = jobs.iter().map(|job| job.id.as_str()).collect();
            // Page by page it is the same list.
            let (mut paged, mut after) = (String::new(), None);
            while let Some(job) =
                store.list(&owner, &filter, after.as_ref(), 1).await.expect("lists").pop()
            {
                paged.push_str(job.id.as_str());
                after = Some(ListPosition { submitted: job.submitted, id: job.id });
            }
            assert_eq!(paged, ids, "{filter:?}");
            ids
        }
    };
    assert_eq!(all(JobFilter::All).await, "cdab");
    assert_eq!(all(JobFilter::Named("job b".to_owned())).await, "b");
    assert_eq!(all(JobFilter::InStatus(Status::Submitted)).await, "cdb");
    assert_eq!(all(JobFilter::SubmittedBefore(Timestamp(10))).await, "ab");
    assert_eq!(all(JobFilter::SubmittedBefore(Timestamp(11))).await, "abcd");
    assert_eq!(all(JobFilter::SubmittedAfter(Timestamp(0))).await, "cd");
}

pub(crate) async fn a_job_is_listed_worked_on_and_finished(store: &dyn Store, _: &Time) {
    listed(store, "a", 2).await;
    let job = JobId("a".to_owned());
    assert_eq!(store.touched_units(&job, None, 10).await.expect("reads"), []);
    let first = claim_unit(store, "n").await.expect("a unit");
    let second = claim_unit(store, "m").await.expect("another");
    assert_eq!((first.unit.no, second.unit.no), (0, 1));
    assert_eq!(first.unit.documents, documents(2));
    assert!(claim_unit(store, "n").await.is_none());

    let mut progress = complete(&first);
    progress.detected(1, "de".parse().unwrap());
    let fault = TargetFault { document: 1, target: 0, fault: DocumentFault::invalid("bad") };
    progress.faults.push(fault);
    assert!(report(store, &first, &progress, ReportEnd::Released).await);
    assert!(store.claim_job(&node("n"), TERM, 10, ROOM).await.expect("claims").is_none());
    assert!(report(store, &second, &complete(&second), ReportEnd::Released).await);

    let units = store.touched_units(&first.job.id, None, 10).await.expect("reads");
    assert_eq!(units.len(), 2);
    assert_eq!(units[0].progress, progress);
    assert_eq!(store.touched_units(&first.job.id, Some(0), 10).await.expect("reads"), units[1..]);

    let job = finish(store).await;
    let counts = job.counts.expect("is listed");
    assert_eq!((counts.documents, counts.translated, counts.with_errors), (4, 3, 1));
    assert_eq!(job.status, Status::CompletedWithError);
    assert_eq!(status(store, "a").await, Status::CompletedWithError);
}

pub(crate) async fn a_listing_goes_on_where_it_was_left(store: &dyn Store, time: &Time) {
    submit(store, "a").await;
    let lease = claim_listing(store, "n").await;
    let part = ListedPart {
        units: vec![documents(3)],
        cursor: Some("in/2.txt".to_owned()),
        is_last: false,
    };
    store.add_units(&lease, &part, TERM).await.expect("adds");
    assert_eq!(store.job(&owner(), &lease.job.id).await.expect("is there").counts, None);
    assert!(store.claim_job(&node("m"), TERM, 10, ROOM).await.expect("claims").is_none());
    time.pass(TERM);
    match store.claim_job(&node("m"), TERM, 10, ROOM).await.expect("claims") {
        Some(JobTask::List { cursor, documents, input_bytes, .. }) => {
            assert_eq!((cursor.as_deref(), documents, input_bytes), (Some("in/2.txt"), 3, 30));
        }
        other => panic!("not a listing: {other:?}"),
    }
}

/// A worker that was declared dead, and was not, must not undo its successor's work.
pub(crate) async fn a_late_write_is_refused(store: &dyn Store, time: &Time) {
    listed(store, "a", 1).await;
    let slow = claim_unit(store, "slow").await.expect("a unit");
    time.pass(TERM);
    let next = claim_unit(store, "next").await.expect("the unit");
    assert!(!report(store, &slow, &complete(&slow), ReportEnd::Released).await);
    assert!(report(store, &next, &complete(&next), ReportEnd::Released).await);
    assert!(!report(store, &slow, &complete(&slow), ReportEnd::Working).await);
    let job = finish(store).await;
    assert_eq!(job.counts.map(|counts| counts.translated), Some(2));
}

pub(crate) async fn a_late_listing_is_refused(store: &dyn Store, time: &Time) {
    submit(store, "a").await;
    let slow = claim_listing(store, "slow").await;
    time.pass(TERM);
    let next = claim_listing(store, "next").await;
    let part = ListedPart { units: vec![documents(1)], cursor: None, is_last: true };
    let refused = store.add_units(&slow, &part, TERM).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)));
    assert!(matches!(store.renew_job(&slow, TERM).await, Err(StoreError::LeaseLost)));
    store.add_units(&next, &part, TERM).await.expect("adds");
}

/// A heartbeat may be late: what it would extend has ended, and others go on.
pub(crate) async fn a_lease_that_ended_is_not_extended(store: &dyn Store, _: &Time) {
    submit(store, "a").await;
    let lease = claim_listing(store, "n").await;
    store.renew_job(&lease, TERM).await.expect("extends");
    store.release_job(&lease).await.expect("gives back");
    assert!(matches!(store.renew_job(&lease, TERM).await, Err(StoreError::LeaseLost)));
    let lease = claim_listing(store, "n").await;
    let part = ListedPart { units: vec![], cursor: None, is_last: true };
    store.add_units(&lease, &part, TERM).await.expect("adds");
    assert!(matches!(store.renew_job(&lease, TERM).await, Err(StoreError::LeaseLost)));
    assert_eq!(finish(store).await.status, Status::Completed);
    assert!(matches!(store.renew_job(&lease, TERM).await, Err(StoreError::LeaseLost)));
}

pub(crate) async fn a_unit_given_back_keeps_its_progress(store: &dyn Store, _: &Time) {
    listed(store, "a", 1).await;
    let unit = claim_unit(store, "n").await.expect("a unit");
    let mut progress = unit.unit.progress.clone();
    progress.done[0] = true;
    progress.characters = vec![5, 5];
    assert!(report(store, &unit, &progress, ReportEnd::Released).await);
    let again = claim_unit(store, "m").await.expect("the unit");
    assert_eq!(again.unit.progress, progress);
    assert_eq!((again.failed_attempts, again.unit.was_abandoned), (0, false));
    assert!(report(store, &again, &complete(&again), ReportEnd::Released).await);
    let job = finish(store).await;
    assert_eq!(job.counts.map(|counts| counts.translated), Some(2), "nothing counts twice");
}

pub(crate) async fn a_vanished_worker_leaves_a_trace(store: &dyn Store, time: &Time) {
    listed(store, "a", 1).await;
    claim_unit(store, "n").await.expect("a unit");
    time.pass(TERM);
    let next = claim_unit(store, "m").await.expect("the unit");
    assert!(next.unit.was_abandoned);
    assert!(report(store, &next, &next.unit.progress, ReportEnd::Released).await);
    assert!(store.touched_units(&next.job.id, None, 1).await.expect("reads")[0].was_abandoned);
}

pub(crate) async fn attempts_without_progress_are_counted(store: &dyn Store, time: &Time) {
    listed(store, "a", 1).await;
    for expected in [0, 1, 2] {
        let unit = claim_unit(store, "n").await.expect("the unit");
        assert_eq!(unit.failed_attempts, expected);
        assert!(report(store, &unit, &unit.unit.progress, ReportEnd::Working).await);
        time.pass(TERM);
    }
    let unit = claim_unit(store, "n").await.expect("the unit");
    let mut progress = unit.unit.progress.clone();
    progress.done[0] = true;
    assert!(report(store, &unit, &progress, ReportEnd::Working).await);
    time.pass(TERM);
    assert_eq!(claim_unit(store, "n").await.expect("the unit").failed_attempts, 1);
}

pub(crate) async fn a_stop_waits_for_the_workers_and_not_for_the_dead(
    store: &dyn Store,
    time: &Time,
) {
    listed(store, "a", 2).await;
    let (alive, _dead) =
        (claim_unit(store, "n").await.expect("a unit"), claim_unit(store, "m").await);
    assert_eq!(stop(store, "a").await, Status::StopRequested);
    assert!(report(store, &alive, &alive.unit.progress, ReportEnd::Released).await);
    assert!(store.claim_job(&node("n"), TERM, 10, ROOM).await.expect("claims").is_none());
    time.pass(TERM);
    assert_eq!(finish(store).await.status, Status::Stopped);
}

pub(crate) async fn a_stop_after_the_last_unit_completes(store: &dyn Store, _: &Time) {
    listed(store, "a", 1).await;
    let unit = claim_unit(store, "n").await.expect("a unit");
    assert!(report(store, &unit, &complete(&unit), ReportEnd::Released).await);
    let (lease, outcome, _) = claim_finish(store).await;
    assert_eq!(stop(store, "a").await, Status::StopRequested);
    let job = store.finish(&lease, outcome, None).await.expect("finishes");
    assert_eq!(job.status, Status::Completed);
}

pub(crate) async fn a_fault_ends_the_job(store: &dyn Store, _: &Time) {
    listed(store, "a", 2).await;
    let unit = claim_unit(store, "n").await.expect("a unit");
    store.record_fault(Holder::Unit(&unit), "The output folder vanished").await.expect("records");
    store.record_fault(Holder::Unit(&unit), "a later one").await.expect("records");
    assert!(claim_unit(store, "m").await.is_none());
    assert_eq!(store.unwanted(std::slice::from_ref(&unit.job.id)).await.expect("looks").len(), 1);
    assert!(report(store, &unit, &unit.unit.progress, ReportEnd::Released).await);
    let job = finish(store).await;
    assert_eq!(job.status, Status::Failed);
    assert_eq!(job.message.as_deref(), Some("The output folder vanished"));
}

pub(crate) async fn a_fault_of_a_stopped_job_does_not_fail_it(store: &dyn Store, _: &Time) {
    listed(store, "a", 1).await;
    let unit = claim_unit(store, "n").await.expect("a unit");
    stop(store, "a").await;
    store.record_fault(Holder::Unit(&unit), "The output folder vanished").await.expect("records");
    assert!(report(store, &unit, &unit.unit.progress, ReportEnd::Released).await);
    let job = finish(store).await;
    assert_eq!(job.status, Status::Stopped);
    assert!(job.message.expect("has one").ends_with("The output folder vanished"));
}

pub(crate) async fn a_late_fault_is_refused(store: &dyn Store, time: &Time) {
    submit(store, "a").await;
    let slow = claim_listing(store, "slow").await;
    time.pass(TERM);
    let next = claim_listing(store, "next").await;
    store.record_fault(Holder::Job(&slow), "late").await.expect("is not heard");
    let part = ListedPart { units: vec![documents(1)], cursor: None, is_last: true };
    store.add_units(&next, &part, TERM).await.expect("adds");
    let slow = claim_unit(store, "slow").await.expect("a unit");
    time.pass(TERM);
    let next = claim_unit(store, "next").await.expect("the unit");
    store.record_fault(Holder::Unit(&slow), "late").await.expect("is not heard");
    assert!(report(store, &next, &complete(&next), ReportEnd::Released).await);
    assert_eq!(finish(store).await.status, Status::Completed);
}

pub(crate) async fn a_finish_has_the_job_alone(store: &dyn Store, time: &Time) {
    listed(store, "a", 1).await;
    let late = claim_unit(store, "n").await.expect("a unit");
    stop(store, "a").await;
    time.pass(TERM);
    let (lease, outcome, _) = claim_finish(store).await;
    assert!(!report(store, &late, &complete(&late), ReportEnd::Released).await);
    assert!(store.touched_units(&lease.job.id, None, 1).await.expect("reads")[0].was_abandoned);
    let job = store.finish(&lease, outcome, None).await.expect("finishes");
    assert_eq!(job.counts.map(|counts| counts.translated), Some(0));
}

pub(crate) async fn only_what_there_is_room_for_is_claimed(store: &dyn Store, _: &Time) {
    listed(store, "a", 1).await;
    submit(store, "b").await;
    stop(store, "a").await;
    let none = JobRoom { lists: false, finishes: false };
    assert!(store.claim_job(&node("n"), TERM, 10, none).await.expect("claims").is_none());
    let listing = JobRoom { lists: true, finishes: false };
    let task = store.claim_job(&node("n"), TERM, 10, listing).await.expect("claims");
    assert!(matches!(task, Some(JobTask::List { .. })), "{task:?}");
    assert_eq!(finish(store).await.status, Status::Stopped);
}

pub(crate) async fn an_ended_job_takes_no_more_reports(store: &dyn Store, time: &Time) {
    listed(store, "a", 1).await;
    let late = claim_unit(store, "n").await.expect("a unit");
    stop(store, "a").await;
    time.pass(TERM);
    let ended = finish(store).await;
    assert!(!report(store, &late, &complete(&late), ReportEnd::Released).await);
    assert_eq!(store.job(&owner(), &ended.id).await.expect("is there"), ended);
}

pub(crate) async fn what_is_old_is_cleaned_up(store: &dyn Store, time: &Time) {
    listed(store, "a", 3).await;
    stop(store, "a").await;
    let old = finish(store).await;
    submit(store, "b").await;
    time.pass(TERM);
    while store.clean_up(None).await.expect("cleans") {}
    assert_eq!(store.touched_units(&old.id, None, 10).await.expect("reads"), []);
    assert_eq!(store.job(&owner(), &old.id).await.expect("is kept"), old);
    while store.clean_up(Some(Timestamp(1))).await.expect("cleans") {}
    assert!(matches!(store.job(&owner(), &old.id).await, Err(StoreError::NoSuchJob(_))));
    assert_eq!(status(store, "b").await, Status::Submitted);
}

pub(crate) async fn a_secret_stays_the_same(store: &dyn Store, _: &Time) {
    assert_eq!(store.secret("tokens", [1; 32]).await.expect("keeps"), [1; 32]);
    assert_eq!(store.secret("tokens", [2; 32]).await.expect("keeps"), [1; 32]);
    assert_eq!(store.secret("links", [3; 32]).await.expect("keeps"), [3; 32]);
}
