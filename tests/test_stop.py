"""Stopping a job: in every phase, by many at once, and what a stopped job leaves."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from jobs import (
    ENDED,
    check_history,
    check_whole,
    drop,
    keys,
    put,
    sentences,
    start,
    watched,
    whole_details,
)
from server import eventually, slow

STOPPED = "Your job was stopped at your request."
STOP_SECONDS_MAX = 5


@pytest.fixture
def lame(new_server):
    """A server whose engine takes 50 ms a segment, with a bucket."""
    server = new_server(slow(50)).start()
    server.s3.create_bucket(Bucket="bucket")
    return server


@pytest.fixture
def narrow(new_server):
    """A server that runs one job at a time, slowly."""
    server = new_server(slow(100, "[limits]\njobs_running_max = 1")).start()
    for bucket in ["bucket", "other"]:
        server.s3.create_bucket(Bucket=bucket)
    return server


def some_documents(count, lines=2):
    return {f"{n % 3}/{n:03}.txt": sentences(lines) for n in range(count)}


def check_stopped(job, documents, targets=("fr",)):
    """The job is stopped and tells the truth about what it did."""
    found = job.describe()
    assert (found["JobStatus"], found["Message"]) == ("STOPPED", STOPPED)
    total, translated, with_errors = job.counts or (0, 0, 0)
    assert total in (0, len(documents)) and translated + with_errors < len(documents)
    assert check_whole(job, documents, targets) == translated
    check_nothing_is_under_way(job.server)


def check_nothing_is_under_way(server):
    """No half-written object lies about."""
    assert not [path for path in (server.data / "tmp").iterdir() if path.is_file()]


def test_a_waiting_job_is_stopped_at_once_and_leaves_nothing(narrow):
    first = start(narrow, "bucket", {"a.txt": sentences(3000)})
    waiting = [start(narrow, "other", {"a.txt": "a"}) for _ in range(2)]
    first.until("IN_PROGRESS")
    seen = [waiting[0].describe()]
    with watched(waiting[0]):
        assert waiting[0].stop() == "STOPPED"
        seen.append(waiting[0].describe())
        assert waiting[0].stop() == "STOPPED"
        first.stop()
        waiting[1].completed()
        seen.append(waiting[0].describe())
    check_history(seen)
    assert [found["JobStatus"] for found in seen] == ["SUBMITTED", "STOPPED", "STOPPED"]
    assert seen[1]["Message"] == STOPPED and "JobDetails" not in seen[1]
    assert waiting[0].output() == {}
    assert keys(narrow, "other", "out/") == sorted(
        waiting[1].folder[1] + name for name in waiting[1].output()
    )


def test_a_job_is_stopped_while_its_input_is_listed(lame):
    documents = {f"{n // 1000}/{n:05}": "x" for n in range(20_000)}
    drop(lame, "bucket", documents)
    job = start(lame, "bucket")
    with watched(job):
        job.until("IN_PROGRESS")
        asked = time.monotonic()
        assert job.stop() == "STOP_REQUESTED"
        assert job.status in ("STOP_REQUESTED", "STOPPED")
        job.until("STOPPED")
        assert time.monotonic() - asked < STOP_SECONDS_MAX
    files = set(job.files())
    listed, translated, with_errors = job.counts or (0, 0, 0)
    assert (translated, with_errors) == (len(files), 0)
    assert translated <= listed <= 20_000 and translated < 20_000
    if files:
        entries = job.details()["details"]
        assert {entry["targetFile"] for entry in entries} == files
    check_nothing_is_under_way(lame)


def test_a_job_is_stopped_while_it_works(lame):
    documents = some_documents(100)
    job = start(lame, "bucket", documents, TargetLanguageCodes=["fr", "es"])
    with watched(job):
        eventually(lambda: 10 < len(job.files()))
        asked = time.monotonic()
        assert job.stop() == "STOP_REQUESTED"
        assert job.status in ("STOP_REQUESTED", "STOPPED")
        assert job.stop() in ("STOP_REQUESTED", "STOPPED")
        job.until("STOPPED")
        assert time.monotonic() - asked < STOP_SECONDS_MAX
    check_stopped(job, documents, ["fr", "es"])
    assert 10 <= len(job.documents())


def test_the_answer_to_a_stop_has_two_members(lame):
    job = start(lame, "bucket", {"a.txt": sentences(1000)})
    job.until("IN_PROGRESS")
    answer = lame.call("StopTextTranslationJob", {"JobId": job.id})
    assert (answer.status, answer.json) == (200, {"JobId": job.id, "JobStatus": "STOP_REQUESTED"})


def test_a_stop_does_not_wait_for_a_long_document(lame):
    documents = {"long.txt": sentences(3000)}
    job = start(lame, "bucket", documents)
    job.working()
    # Well within the document: the engine is at work on it.
    asked = time.monotonic()
    assert job.stop() == "STOP_REQUESTED"
    job.until("STOPPED")
    assert time.monotonic() - asked < STOP_SECONDS_MAX
    assert (job.counts, job.output()) == ((1, 0, 0), {})
    check_stopped(job, documents)


def test_four_busy_jobs_are_stopped_within_seconds(lame):
    documents = some_documents(60, lines=5)
    put(lame, "bucket", documents)
    busy = [start(lame, "bucket") for _ in range(4)]
    for job in busy:
        eventually(job.files)
    for job in busy:
        asked = time.monotonic()
        assert job.stop() == "STOP_REQUESTED"
        job.until("STOPPED")
        assert time.monotonic() - asked < STOP_SECONDS_MAX
        check_stopped(job, documents)


def test_the_other_jobs_go_on(lame):
    documents = some_documents(30)
    put(lame, "bucket", documents)
    stopped, other = start(lame, "bucket"), start(lame, "bucket")
    eventually(stopped.files)
    stopped.stop()
    stopped.until("STOPPED")
    check_stopped(stopped, documents)
    other.completed()
    assert check_whole(other, documents) == 30


def test_twenty_stops_at_once_are_as_one(lame):
    documents = some_documents(100)
    job = start(lame, "bucket", documents)
    with watched(job), ThreadPoolExecutor(20) as threads:
        eventually(job.files)
        answers = set(threads.map(lambda _: job.stop(), range(20)))
        assert answers <= {"STOP_REQUESTED", "STOPPED"} and "STOP_REQUESTED" in answers
        job.until("STOPPED")
    check_stopped(job, documents)


def test_a_finished_job_stays_as_it_is(lame):
    good = start(lame, "bucket", {"a.txt": "Hello"})
    good.completed()
    bad = start(lame, "bucket", {"b.txt": b"\xff"})
    bad.until("COMPLETED_WITH_ERROR")
    stopped = start(lame, "bucket", {"c.txt": sentences(1000)})
    stopped.until("IN_PROGRESS")
    stopped.stop()
    stopped.until("STOPPED")
    for job in [good, bad, stopped]:
        before, output = job.describe(), job.output()
        for _ in range(2):
            assert job.stop() == before["JobStatus"]
        assert (job.describe(), job.output()) == (before, output)


def test_a_failed_job_stays_failed(narrow):
    first = start(narrow, "bucket", {"a.txt": sentences(1000)})
    job = start(narrow, "other", {"a.txt": "a"}, OutputDataConfig={"S3Uri": "s3://bucket/out"})
    narrow.s3.delete_object(Bucket="other", Key="in/a.txt")
    narrow.s3.delete_bucket(Bucket="other")
    first.stop()
    before = job.until("FAILED")
    assert job.stop() == "FAILED"
    assert job.describe() == before


@pytest.mark.parametrize("id", ["0" * 32, "no such job"])
def test_an_unknown_job_is_not_found(server, id):
    client = server.translate
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.stop_text_translation_job(JobId=id)


def test_an_id_in_capitals_is_another_id(server, bucket):
    job = start(server, bucket, {"a.txt": "a"})
    job.completed()
    assert job.id != job.id.upper()
    with pytest.raises(ClientError) as caught:
        server.translate.stop_text_translation_job(JobId=job.id.upper())
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("seed", range(12))
def test_a_stop_about_the_end_ends_in_the_truth(server, bucket, seed):
    chance = random.Random(seed)
    documents = some_documents(40, lines=1)
    put(server, bucket, documents)
    job = start(server, bucket)
    # From some time before the last document to some time after the end.
    written = chance.choice([1, 20, 38, 39, 40, 40, 40])
    eventually(lambda: written <= len(job.files()), every=0.001)
    pause_until = time.monotonic() + chance.uniform(0, 0.02)
    while time.monotonic() < pause_until:
        pass
    answer = job.stop()
    found = job.until("STOPPED", "COMPLETED")
    translated = check_whole(job, documents)
    assert job.counts == (40, translated, 0)
    if found["JobStatus"] == "COMPLETED":
        assert translated == 40
    else:
        assert translated < 40 and answer == "STOP_REQUESTED"
    if answer in ENDED:
        assert found["JobStatus"] == answer


def test_a_job_is_stopped_the_moment_it_is_picked_up(narrow):
    """Either the stop or the pick-up comes first, and both are told truly."""
    answers = set()
    for n in range(12):
        job = start(narrow, "bucket", {"a.txt": sentences(100)})
        if n % 2:
            job.until("IN_PROGRESS")
        answers.add(answer := job.stop())
        found = job.until("STOPPED")
        assert answer in ("STOPPED", "STOP_REQUESTED")
        assert job.output() == {}
        if answer == "STOPPED":
            assert "JobDetails" not in found
    assert "STOP_REQUESTED" in answers


def test_a_stopped_job_with_errors_tells_them(lame):
    documents = {f"a{n}.txt": b"\xff" for n in range(3)} | some_documents(100)
    job = start(lame, "bucket", documents)
    eventually(job.files)
    job.stop()
    job.until("STOPPED")
    details = job.details()
    total, translated, with_errors = job.counts
    assert total == 103 and translated + with_errors == len(details["details"]) < 103
    assert translated == len(job.documents())
    assert details["documentCountWithCustomerError"] == str(with_errors)
    characters = sum(
        len(documents[it["sourceFile"]]) for it in details["details"] if "targetFile" in it
    )
    assert details == whole_details(job, details["details"], characters, customer=with_errors)


def test_the_list_finds_jobs_that_stop(lame):
    put(lame, "bucket", {"a.txt": sentences(1000)})
    jobs = [start(lame, "bucket") for _ in range(3)]
    for job in jobs:
        job.until("IN_PROGRESS")
        job.stop()
        job.until("STOPPED")
    answer = lame.translate.list_text_translation_jobs(Filter={"JobStatus": "STOPPED"})
    found = [job["JobId"] for job in answer["TextTranslationJobPropertiesList"]]
    assert found == [job.id for job in reversed(jobs)]
