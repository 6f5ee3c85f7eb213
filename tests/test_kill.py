"""The end of the server: without warning, in order, and what does not let it begin."""

import random
import signal
import socket
import sqlite3
import subprocess
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from jobs import (
    ENDED,
    check_history,
    check_whole,
    drop,
    entry,
    failed,
    keys,
    pseudo,
    put,
    sentences,
    start,
    watched,
    whole_details,
    wish,
)
from server import eventually, slow

TARGETS = ["fr", "es"]
BAD = b"bad \xff"


@pytest.fixture(scope="module")
def documents():
    """What all the jobs here translate: the bad ones fail."""
    chance = random.Random(1)
    good = {
        f"{n % 4}/{n:03}.txt": "".join(
            f"Line {line} of document {n}.\n" for line in range(chance.randrange(4))
        )
        for n in range(150)
    }
    return good | {f"{n}/bad.txt": BAD for n in range(3)}


def check_undisturbed(job, documents):
    """The job ended as if nothing had happened to it."""
    good = {name: text for name, text in documents.items() if text != BAD}
    expected = {
        entry(name, target)["targetFile"]: pseudo(text, target)
        for name, text in good.items()
        for target in TARGETS
    }
    assert job.documents() == expected
    assert job.counts == (len(documents), len(good), len(documents) - len(good))
    characters = sum(map(len, good.values()))
    for target in TARGETS:
        entries = [
            entry(name, target)
            if name in good
            else failed(name, "Invalid utf-8 encoded texts detected")
            for name in sorted(documents)
        ]
        bad = len(documents) - len(good)
        assert job.details(target) == whole_details(job, entries, characters, target, customer=bad)
    # Nothing else: no rest of a write, no object under another name.
    bucket, folder = job.folder
    assert len(keys(job.server, bucket, folder)) == len(expected) + len(TARGETS)
    assert not any((job.server.data / "tmp").iterdir())


@pytest.fixture
def lame(new_server):
    """A server on which the documents take about a second, with a bucket."""
    server = new_server(slow(5)).start()
    server.s3.create_bucket(Bucket="bucket")
    return server


def test_an_undisturbed_run_is_what_the_others_are_compared_with(lame, documents):
    drop(lame, "bucket", documents)
    job = start(lame, "bucket", TargetLanguageCodes=TARGETS)
    job.until("COMPLETED_WITH_ERROR")
    check_undisturbed(job, documents)


@pytest.mark.parametrize("seed", range(8))
def test_a_server_killed_at_any_moment_loses_and_doubles_nothing(lame, documents, seed):
    chance = random.Random(seed)
    drop(lame, "bucket", documents)
    job = start(lame, "bucket", TargetLanguageCodes=TARGETS)
    seen = [job.describe()]
    # From right after the start to the last object; some of them twice.
    for _ in range(chance.choice([1, 1, 2])):
        written = chance.choice([0, 1, chance.randrange(300), 300])
        eventually(lambda: written <= len(job.files()) or job.status in ENDED, every=0.001)
        seen.append(job.describe())
        lame.kill()
        lame.restart()
        seen.append(job.describe())
    seen.append(job.until("COMPLETED_WITH_ERROR"))
    check_undisturbed(job, documents)
    check_history(seen)
    assert len({found["SubmittedTime"] for found in seen}) == 1


def test_a_server_that_is_killed_again_and_again_gets_there(lame, documents):
    drop(lame, "bucket", documents)
    job = start(lame, "bucket", TargetLanguageCodes=TARGETS)
    for step in range(1, 5):
        eventually(lambda: step * 40 <= len(job.files()) or job.status in ENDED)
        lame.kill()
        lame.restart()
    job.until("COMPLETED_WITH_ERROR")
    check_undisturbed(job, documents)


def test_a_server_killed_while_it_lists_goes_on(new_server):
    server = new_server().start()
    server.s3.create_bucket(Bucket="bucket")
    documents = {f"{n // 1000}/{n:05}": f"Document {n}" for n in range(3000)}
    drop(server, "bucket", documents)
    job = start(server, "bucket")
    eventually(lambda: job.status == "IN_PROGRESS", every=0.001)
    server.kill()
    server.restart()
    job.completed(seconds=120)
    assert job.counts == (3000, 3000, 0)
    found = {name: path.read_text() for name, path in job.files().items()}
    assert found == {
        entry(name)["targetFile"]: pseudo(text, "fr") for name, text in documents.items()
    }
    assert [it["sourceFile"] for it in job.details()["details"]] == sorted(documents)


def test_every_waiting_job_is_there_after_a_kill(new_server):
    server = new_server(slow(100, "[limits]\njobs_running_max = 1")).start()
    server.s3.create_bucket(Bucket="bucket")
    put(server, "bucket", {"a.txt": sentences(3000)}, folder="long")
    long = {"InputDataConfig": {"S3Uri": "s3://bucket/long", "ContentType": "text/plain"}}
    running = start(server, "bucket", **long)
    waiting = [start(server, "bucket", {"a.txt": "Hello"}) for _ in range(3)]
    running.until("IN_PROGRESS")
    before = [job.describe() for job in waiting]
    server.kill()
    server.restart()
    assert [job.describe() for job in waiting] == before
    assert running.status == "IN_PROGRESS"
    running.stop()
    for job, then in zip(waiting, before):
        now = job.completed()
        assert now["SubmittedTime"] == then["SubmittedTime"]
        assert job.documents() == {"fr.a.txt": "[fr Ĥéļļó]"}
    ends = [job.describe()["EndTime"] for job in waiting]
    assert ends == sorted(ends)


@pytest.mark.parametrize("seed", range(4))
def test_a_stop_that_was_answered_outlives_a_kill(new_server, seed):
    server = new_server(slow(50)).start()
    server.s3.create_bucket(Bucket="bucket")
    documents = {f"{n:03}.txt": sentences(2) for n in range(80)}
    job = start(server, "bucket", documents)
    job.working()
    written = random.Random(seed).choice([0, 1, 30])
    eventually(lambda: written <= len(job.files()))
    assert job.stop() == "STOP_REQUESTED"
    server.kill()
    server.restart()
    assert job.status in ("STOP_REQUESTED", "STOPPED")
    with watched(job):
        found = job.until("STOPPED", seconds=10)
    assert found["Message"] == "Your job was stopped at your request."
    assert check_whole(job, documents) < 80


def test_an_ended_job_outlives_a_kill(lame):
    put(lame, "bucket", {"a.txt": "Hello"})
    request = wish("bucket", JobName="ended")
    job = start(lame, "bucket", **request)
    before = job.completed()
    files = {path: path.stat().st_mtime_ns for path in job.files().values()}
    lame.kill()
    lame.restart()
    assert job.describe() == before
    # The token is still known, and nothing is done again.
    again = lame.translate.start_text_translation_job(**request)
    assert (again["JobId"], again["JobStatus"]) == (job.id, "COMPLETED")
    assert {path: path.stat().st_mtime_ns for path in job.files().values()} == files


def test_objects_outlive_a_kill_and_half_of_one_is_none(lame):
    lame.s3.put_object(
        Bucket="bucket", Key="whole", Body=b"whole", ContentType="a/b", Metadata={"k": "v"}
    )
    before = lame.s3.head_object(Bucket="bucket", Key="whole")
    half = begin_put(lame, "/bucket/half", size=1 << 20, sent=1 << 19)
    again = begin_put(lame, "/bucket/whole", size=1 << 20, sent=1 << 19)
    lame.kill()
    lame.restart()
    assert keys(lame, "bucket") == ["whole"]
    after = lame.s3.head_object(Bucket="bucket", Key="whole")
    for member in ["ETag", "ContentType", "Metadata", "LastModified", "ContentLength"]:
        assert after[member] == before[member]
    assert not any((lame.data / "tmp").iterdir())
    half.close()
    again.close()


def begin_put(server, path, size, sent):
    """Sends a part of an object and no more, when the server has begun to write it."""
    host, port = server.listen.split(":")
    connection = socket.create_connection((host, int(port)))
    head = f"PUT {path} HTTP/1.1\r\nHost: {server.listen}\r\nContent-Length: {size}\r\n\r\n"
    connection.sendall(head.encode() + b"x" * sent)
    return connection


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_gives_its_work_back(new_server, with_signal):
    server = new_server(slow(50)).start()
    server.s3.create_bucket(Bucket="bucket")
    documents = {f"{n:03}.txt": sentences(2) for n in range(60)} | {"long.txt": sentences(40)}
    job = start(server, "bucket", documents)
    eventually(lambda: 10 <= len(job.files()))
    asked = time.monotonic()
    assert server.end(with_signal) == 0
    assert time.monotonic() - asked < 5
    server.restart()
    written = {path: path.stat().st_mtime_ns for path in job.files().values()}
    assert len(written) < 61
    assert job.status == "IN_PROGRESS"
    with watched(job):
        job.completed()
    # What was done is not done again.
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert check_whole(job, documents) == 61


def test_an_idle_server_ends_at_once_also_with_open_connections(new_server):
    server = new_server().start()
    assert server.translate.list_languages()  # Its connection stays open.
    asked = time.monotonic()
    assert server.end() == 0
    assert time.monotonic() - asked < 5


# What does not let it begin


def test_a_second_server_on_the_same_folder_is_refused(lame, new_server):
    second = new_server()
    second.data = lame.data
    status, said = second.refused()
    assert status == 1
    assert str(lame.data) in said and "in use" in said
    assert lame.translate.list_languages()


def test_a_port_in_use_is_named(lame, new_server):
    second = new_server()
    second.listen = lame.listen
    status, said = second.refused()
    assert status == 1
    assert lame.listen in said and "in use" in said


def test_a_data_folder_that_cannot_be_made_is_named(new_server):
    server = new_server()
    (server.folder / "file").write_text("not a folder")
    server.data = server.folder / "file" / "data"
    status, said = server.refused()
    assert status == 1
    assert str(server.data) in said


def test_a_data_folder_of_a_newer_version_is_refused(new_server):
    server = new_server().start()
    server.s3.create_bucket(Bucket="bucket")
    job = start(server, "bucket", {"a.txt": "Hello"})
    job.completed()
    assert server.end() == 0
    with sqlite3.connect(server.data / "metaphrast.db") as database:
        database.execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) "
            "VALUES (999, 'of the future', 1, x'00', 0)"
        )
    status, said = server.refused()
    assert status == 1
    assert "newer version" in said
    with sqlite3.connect(server.data / "metaphrast.db") as database:
        database.execute("DELETE FROM _sqlx_migrations WHERE version = 999")
    server.restart()
    assert job.status == "COMPLETED"


def test_a_file_that_is_no_database_is_refused(new_server):
    server = new_server()
    server.data.mkdir()
    (server.data / "metaphrast.db").write_bytes(b"no database" * 1000)
    status, said = server.refused()
    assert status == 1
    assert "metaphrast.db" in said
    assert (server.data / "metaphrast.db").read_bytes() == b"no database" * 1000


# A disk that is full


@pytest.fixture
def small_disk(tmp_path):
    """What stands before the command of a server whose data folder is to have 24 MiB.

    A mount needs rights that not every machine gives; where it is refused, single files are
    bounded instead, which the server meets as failing writes just the same.
    """
    mount = 'mkdir -p data && mount -t tmpfs -o size=24m tmpfs data && exec "$@"'
    for rights in [[], ["--user", "--map-root-user"]]:
        command = ["unshare", "--mount", *rights, "sh", "-c", mount, "sh"]
        if subprocess.run([*command, "true"], cwd=tmp_path, capture_output=True).returncode == 0:
            return command
    return ["sh", "-c", 'trap "" XFSZ; ulimit -f 5120; exec "$@"', "sh"]


def test_a_full_disk_ends_the_job_and_not_the_server(new_server, small_disk):
    server = new_server(before=small_disk).start()
    server.s3.create_bucket(Bucket="bucket")
    # The input fits, and each translation needs three times its room.
    text = ("v" * 999 + "\n") * 1000
    documents = {f"{n}.txt": text for n in range(8)}
    put(server, "bucket", documents)
    job = start(server, "bucket")
    with watched(job):
        found = job.until("FAILED", "COMPLETED_WITH_ERROR")
    if found["JobStatus"] == "FAILED":
        assert found["Message"].startswith("The output folder could not be written: ")
    written = job.documents()
    assert len(written) < 8
    assert all(document == pseudo(text, "fr") for document in written.values())
    # There is room again, and the server goes on.
    for key in keys(server, "bucket"):
        server.s3.delete_object(Bucket="bucket", Key=key)
    after = start(server, "bucket", {"a.txt": "Hello"})
    after.completed()
    assert after.documents() == {"fr.a.txt": "[fr Ĥéļļó]"}


def test_an_object_that_does_not_fit_is_refused_and_leaves_no_trace(new_server, small_disk):
    server = new_server(before=small_disk).start()
    server.s3.create_bucket(Bucket="bucket")
    server.s3.put_object(Bucket="bucket", Key="small", Body=b"small")
    with pytest.raises(ClientError) as caught:
        server.s3.put_object(Bucket="bucket", Key="large", Body=b"x" * (25 << 20))
    assert caught.value.response["Error"]["Code"] in ("InsufficientStorage", "InternalError")
    assert keys(server, "bucket") == ["small"]
    # Nothing of it takes up room.
    server.s3.put_object(Bucket="bucket", Key="large", Body=b"x" * (2 << 20))
    assert keys(server, "bucket") == ["large", "small"]


def test_a_server_recovers_when_a_full_disk_has_room_again(new_server, small_disk):
    server = new_server(slow(50), before=small_disk).start()
    server.s3.create_bucket(Bucket="bucket")
    job = start(server, "bucket", {f"{n:02}.txt": sentences(2) for n in range(40)})
    job.working()
    fill(server, "bucket")
    # Whether or not this finds room, it must not be the last request that is served.
    server.call("StartTextTranslationJob", wish("bucket"))
    fill(server, "bucket")
    with watched(job):
        for key in keys(server, "bucket", "fill/"):
            server.s3.delete_object(Bucket="bucket", Key=key)
        job.until(*ENDED)
    after = start(server, "bucket", {"a.txt": "Hello"})
    after.completed()
    assert after.documents()["fr.a.txt"] == "[fr Ĥéļļó]"


def fill(server, bucket):
    """Leaves no room on a disk: not for large objects, and then not for small ones."""
    for size in [4 << 20, 1 << 20, 1 << 16, 1 << 12, 1]:
        for _ in range(30):
            try:
                server.s3.put_object(Bucket=bucket, Key=f"fill/{uuid.uuid4()}", Body=b"x" * size)
            except ClientError:
                break
