"""Batch jobs from Start to their output: what is translated, what is told, in which order."""

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs import (
    check_whole,
    drop,
    entry,
    failed,
    keys,
    pseudo,
    put,
    restored,
    sentences,
    start,
    watched,
    whole_details,
    wish,
)
from server import ACCOUNT, PSEUDO, ROLE, Server, eventually, slow

TEXT = {"ContentType": "text/plain"}
COMPLETED = "Your job has completed successfully."
WITH_ERRORS = "Your job has completed with errors. See the details folder of the job output."
BAD = b"bad \xff\xfe"
INVALID_UTF8 = "Invalid utf-8 encoded texts detected"


def without_times(found):
    """A described job whose times have been checked and taken out."""
    assert found["EndTime"] >= found["SubmittedTime"]
    return {name: value for name, value in found.items() if not name.endswith("Time")}


# The output


def test_a_folder_is_translated_into_every_target(server, bucket):
    documents = {"a.txt": "Hello there", "sub/b.txt": "Good morning\n", "sub/deep/er/c": "Bye"}
    job = start(server, bucket, documents, TargetLanguageCodes=["fr", "zh-TW"])
    job.completed()
    assert job.output().keys() == {
        "fr.a.txt",
        "zh-TW.a.txt",
        "sub/fr.b.txt",
        "sub/zh-TW.b.txt",
        "sub/deep/er/fr.c",
        "sub/deep/er/zh-TW.c",
        "details/fr.auxiliary-translation-details.json",
        "details/zh-TW.auxiliary-translation-details.json",
    }
    assert job.documents()["fr.a.txt"] == "[fr Ĥéļļó ŧĥéŕé]"
    assert check_whole(job, documents, ["fr", "zh-TW"]) == 3


def test_a_completed_job_tells_everything(server, bucket):
    request = wish(
        bucket,
        JobName="Ünïted 日本 9",
        TargetLanguageCodes=["fr", "pl"],
        Settings={"Formality": "FORMAL", "Profanity": "MASK"},
    )
    job = start(server, bucket, {"a.txt": "a", "b.txt": "b", "c.txt": "c"}, **request)
    assert without_times(job.completed()) == {
        "JobId": job.id,
        "JobName": "Ünïted 日本 9",
        "JobStatus": "COMPLETED",
        "JobDetails": {
            "InputDocumentsCount": 3,
            "TranslatedDocumentsCount": 3,
            "DocumentsWithErrorsCount": 0,
        },
        "SourceLanguageCode": "en",
        "TargetLanguageCodes": ["fr", "pl"],
        "Settings": {"Formality": "FORMAL", "Profanity": "MASK"},
        "Message": COMPLETED,
        "InputDataConfig": {"S3Uri": f"s3://{bucket}/in", "ContentType": "text/plain"},
        "OutputDataConfig": {"S3Uri": f"s3://{bucket}/out/{ACCOUNT}-TranslateText-{job.id}/"},
        "DataAccessRoleArn": ROLE,
    }


def test_a_job_shows_nothing_that_was_not_given(server, bucket):
    job = start(server, bucket, {"a.txt": "a"}, TerminologyNames=[], ParallelDataNames=[])
    assert without_times(job.completed()).keys() == {
        "JobId",
        "JobStatus",
        "JobDetails",
        "SourceLanguageCode",
        "TargetLanguageCodes",
        "Message",
        "InputDataConfig",
        "OutputDataConfig",
        "DataAccessRoleArn",
    }


def test_the_list_shows_a_job_as_describe_does(server, bucket):
    job = start(server, bucket, {"a.txt": "a"}, JobName=bucket)
    found = job.completed()
    answer = server.translate.list_text_translation_jobs(Filter={"JobName": bucket})
    assert answer["TextTranslationJobPropertiesList"] == [found]


@pytest.mark.parametrize("given", ["BUCKET/in", "BUCKET/in/"])
@pytest.mark.parametrize(
    "output, folder",
    [("BUCKET", ""), ("BUCKET/", ""), ("BUCKET/out", "out/"), ("BUCKET/a/b/", "a/b/")],
)
def test_folders_come_with_a_slash_or_without(server, bucket, given, output, folder):
    given, output = (f"s3://{uri.replace('BUCKET', bucket)}" for uri in [given, output])
    job = start(
        server,
        bucket,
        {"a.txt": "Hello"},
        InputDataConfig=TEXT | {"S3Uri": given},
        OutputDataConfig={"S3Uri": output},
    )
    found = job.completed()
    own = f"{folder}{ACCOUNT}-TranslateText-{job.id}/"
    assert found["InputDataConfig"]["S3Uri"] == given
    assert found["OutputDataConfig"] == {"S3Uri": f"s3://{bucket}/{own}"}
    assert keys(server, bucket, f"{own}fr.") == [f"{own}fr.a.txt"]
    assert job.details() == whole_details(job, [entry("a.txt")], 5)


def test_the_output_keeps_the_form_of_the_text(server, bucket):
    documents = {
        "crlf.txt": "One line\r\n\r\n  Another one  \r\nThe end\r\n",
        "bom.txt": "\ufeffWith a mark",
        "blank.txt": " \n\t\n\n",
        "numbers.txt": "12345\n-- 7 --\n",
        "placeholders.txt": "Hello {name}, you have %d of %1$s\n",
        "unicode.txt": "Ünïcode stays ünïcode 日本語\n",
        "control.txt": "A \x01 control\n",
        "long.txt": "word " * 5000,
    }
    job = start(server, bucket, documents)
    job.completed()
    found = job.documents()
    assert found["fr.crlf.txt"] == "[fr Óñé ļíñé]\r\n\r\n  [fr Áñóŧĥéŕ óñé]  \r\n[fr Ŧĥé éñđ]\r\n"
    assert found["fr.bom.txt"] == "\ufeff[fr Ŵíŧĥ á ɱáŕķ]"
    assert found["fr.blank.txt"] == documents["blank.txt"]
    assert found["fr.numbers.txt"] == documents["numbers.txt"]
    assert found["fr.placeholders.txt"] == "[fr Ĥéļļó {name}, ýóú ĥáṽé %d óƒ %1$s]\n"
    assert restored(found["fr.unicode.txt"], "fr") == documents["unicode.txt"]
    assert restored(found["fr.control.txt"], "fr") == documents["control.txt"]
    words = restored(found["fr.long.txt"], "fr").split()
    assert words == ["word"] * 5000


def test_the_details_tell_of_every_document(server, bucket):
    documents = {
        "b.txt": "Bye",
        "a.txt": "Hello",
        "sub/c.txt": "Cé\n",
        "z/bad.txt": BAD,
        "empty": "",
    }
    job = start(server, bucket, documents, TargetLanguageCodes=["fr", "es"])
    job.until("COMPLETED_WITH_ERROR")
    for target in ["fr", "es"]:
        entries = [entry(name, target) for name in ["a.txt", "b.txt", "empty", "sub/c.txt"]]
        entries.append(failed("z/bad.txt", INVALID_UTF8))
        assert job.details(target) == whole_details(job, entries, 11, target, customer=1)
    assert len(job.documents()) == 8


def test_the_output_has_the_type_of_the_job(server, bucket):
    job = start(server, bucket, {"a.txt": "a"})
    job.completed()
    place, folder = job.folder
    assert (
        server.s3.head_object(Bucket=place, Key=f"{folder}fr.a.txt")["ContentType"] == "text/plain"
    )


def test_the_same_language_is_copied(server, bucket):
    job = start(server, bucket, {"a.txt": "Hello\n"}, TargetLanguageCodes=["en", "fr"])
    job.completed()
    assert job.documents() == {"en.a.txt": "Hello\n", "fr.a.txt": "[fr Ĥéļļó]\n"}


def test_ten_targets_are_served(server, bucket):
    targets = "fr es de it pt nl sv da no fi".split()
    job = start(server, bucket, {"a.txt": "Hello"}, TargetLanguageCodes=targets)
    assert job.completed()["TargetLanguageCodes"] == targets
    assert check_whole(job, {"a.txt": "Hello"}, targets) == 1


def test_a_thousand_documents_are_each_translated(server, bucket):
    documents = {f"{n % 7}/{n:04}.txt": f"Document number {n}" for n in range(1234)}
    drop(server, bucket, documents)
    job = start(server, bucket)
    job.completed()
    found = {name: path.read_text() for name, path in job.files().items()}
    assert found == {
        entry(name)["targetFile"]: pseudo(text, "fr") for name, text in documents.items()
    }
    characters = sum(map(len, documents.values()))
    assert job.details() == whole_details(
        job, [entry(name) for name in sorted(documents)], characters
    )


# The input


def test_markers_of_folders_are_not_counted(server, bucket):
    job = start(server, bucket, {"": "", "sub/": "", "sub/a.txt": "a"})
    job.completed()
    assert job.counts == (1, 1, 0)
    assert job.documents() == {"sub/fr.a.txt": "[fr á]"}


def test_a_folder_is_not_the_beginning_of_a_name(server, bucket):
    put(server, bucket, {"x.txt": "x"}, folder="in/folder")
    put(server, bucket, {"y.txt": "y"}, folder="in/fold")
    job = start(server, bucket, InputDataConfig=TEXT | {"S3Uri": f"s3://{bucket}/in/fold"})
    job.completed()
    assert job.documents() == {"fr.y.txt": "[fr ý]"}


def test_only_folders_inside_must_not_be_called_details(server, bucket):
    documents = {"details": "A file", "Details/a.txt": "Large", "mydetails/b.txt": "Longer"}
    put(server, bucket, documents, folder="details")
    job = start(server, bucket, InputDataConfig=TEXT | {"S3Uri": f"s3://{bucket}/details/"})
    job.completed()
    assert job.documents() == {
        "fr.details": pseudo("A file", "fr"),
        "Details/fr.a.txt": pseudo("Large", "fr"),
        "mydetails/fr.b.txt": pseudo("Longer", "fr"),
    }


def test_the_output_may_lie_inside_the_input(server, bucket):
    documents = {"a.txt": "a", "b.txt": "b"}
    job = start(server, bucket, documents, OutputDataConfig={"S3Uri": f"s3://{bucket}/in/out"})
    job.completed()
    assert job.counts == (2, 2, 0)
    assert check_whole(job, documents) == 2


def test_an_empty_document_gives_an_empty_one(server, bucket):
    job = start(server, bucket, {"empty.txt": ""})
    job.completed()
    assert job.counts == (1, 1, 0)
    assert job.documents() == {"fr.empty.txt": ""}


def test_bad_documents_fail_alone(server, bucket):
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    documents = {
        "bad.txt": BAD,
        "good.txt": "Good",
        "nul.txt": "a\0b",
        "picture.png": png,
        "utf-16.txt": "Hello".encode("utf-16"),
    }
    job = start(server, bucket, documents)
    found = job.until("COMPLETED_WITH_ERROR")
    assert found["Message"] == WITH_ERRORS
    assert job.counts == (5, 1, 4)
    assert job.documents() == {"fr.good.txt": "[fr Ĝóóđ]"}
    details = job.details()
    assert details["documentCountWithCustomerError"] == "4"
    errors = {it["sourceFile"]: it["auxiliaryData"].get("error") for it in details["details"]}
    assert errors.pop("good.txt") is None
    assert {name for name in documents if name != "good.txt"} == errors.keys()
    for name, error in errors.items():
        assert error["errorCode"] == "InvalidRequestException" and error["errorMessage"], name
    assert (
        errors["bad.txt"]["errorMessage"] == errors["picture.png"]["errorMessage"] == INVALID_UTF8
    )


def test_errors_of_all_documents_are_no_failure_of_the_job(server, bucket):
    job = start(server, bucket, {"a.txt": BAD, "b.txt": BAD})
    job.until("COMPLETED_WITH_ERROR")
    assert job.counts == (2, 0, 2)
    entries = [failed("a.txt", INVALID_UTF8), failed("b.txt", INVALID_UTF8)]
    assert job.details() == whole_details(job, entries, 0, customer=2)


def test_a_document_has_its_limits(server, bucket):
    line = "x" * 99 + "\n"
    documents = {
        "a-million.txt": line * 10_000,
        "one-more.txt": line * 10_000 + "x",
        "20-mb.txt": "x" * (20 << 20),
        "over-20-mb.txt": "x" * ((20 << 20) + 1),
        "over-1-mb-of-text.txt": "é" * 524_289,
        "small.txt": "Small",
    }
    job = start(server, bucket, documents)
    job.until("COMPLETED_WITH_ERROR")
    characters = "Document exceeds the limit of 1000000 characters"
    entries = [
        failed("20-mb.txt", characters),
        entry("a-million.txt"),
        failed("one-more.txt", characters),
        failed("over-1-mb-of-text.txt", "Translatable text exceeds the limit of 1 MB"),
        failed("over-20-mb.txt", "Document size exceeds the limit of 20 MB"),
        entry("small.txt"),
    ]
    assert job.details() == whole_details(job, entries, 1_000_005, customer=4)
    assert job.counts == (6, 2, 4)
    found = job.documents()
    assert found == {"fr.small.txt": "[fr Šɱáļļ]", "fr.a-million.txt": pseudo(line, "fr") * 10_000}


# Client tokens


def test_a_request_may_be_repeated(server, bucket):
    put(server, bucket, {"a.txt": "a"})
    request = wish(bucket, JobName=bucket)
    first = server.translate.start_text_translation_job(**request)
    again = server.translate.start_text_translation_job(**request)
    assert again["JobId"] == first["JobId"]
    eventually(lambda: describe(server, first["JobId"])["JobStatus"] == "COMPLETED")
    # An absent member and an empty one are not the same request, `null` and absent are.
    later = server.call("StartTextTranslationJob", request | {"Settings": None})
    assert later.json == {"JobId": first["JobId"], "JobStatus": "COMPLETED"}
    assert len(named(server, bucket)) == 1


def describe(server, id):
    return server.translate.describe_text_translation_job(JobId=id)["TextTranslationJobProperties"]


def named(server, name):
    answer = server.translate.list_text_translation_jobs(Filter={"JobName": name})
    return answer["TextTranslationJobPropertiesList"]


def test_another_request_with_the_same_token_is_refused(server, bucket):
    put(server, bucket, {"a.txt": "a"})
    request = wish(bucket, JobName=bucket)
    server.translate.start_text_translation_job(**request)
    other = request | {"TargetLanguageCodes": ["es"]}
    status, name, text = server.call("StartTextTranslationJob", other).error
    assert (status, name) == (400, "InvalidParameterValueException") and text
    assert len(named(server, bucket)) == 1


def test_a_refused_request_does_not_use_up_its_token(server, bucket):
    request = wish(bucket)
    assert server.call("StartTextTranslationJob", request).error[1] == "InvalidRequestException"
    put(server, bucket, {"a.txt": "a"})
    other = request | {"JobName": "other"}
    assert server.call("StartTextTranslationJob", other).status == 200


def test_equal_requests_at_the_same_time_make_one_job(server, bucket):
    put(server, bucket, {"a.txt": "a"})
    for _ in range(3):
        request = wish(bucket, JobName=str(uuid.uuid4()))
        together = threading.Barrier(8)

        def call(_):
            together.wait()
            return server.translate.start_text_translation_job(**request)["JobId"]

        with ThreadPoolExecutor(8) as threads:
            ids = set(threads.map(call, range(8)))
        assert [job["JobId"] for job in named(server, request["JobName"])] == list(ids)


# The list


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A server with 103 jobs that have ended; their properties in the order of submission."""
    server = Server(tmp_path_factory.mktemp("many")).start()
    for bucket, content in [("good", b"Good"), ("bad", BAD)]:
        server.s3.create_bucket(Bucket=bucket)
        put(server, bucket, {"a.txt": content})
    ids = []
    for n in range(103):
        request = wish("bad" if n % 20 == 7 else "good", JobName=f"job {n % 4}")
        ids.append(server.translate.start_text_translation_job(**request)["JobId"])
    server.jobs = [eventually(lambda: ended(server, id)) for id in ids]
    yield server
    server.kill()


def ended(server, id):
    found = describe(server, id)
    return found if found["JobStatus"].startswith("COMPLETED") else None


def listed(server, **request):
    """All pages of a list."""
    pages = []
    while True:
        answer = server.call("ListTextTranslationJobs", request)
        assert answer.status == 200, answer.body
        pages.append([job["JobId"] for job in answer.json["TextTranslationJobPropertiesList"]])
        if "NextToken" not in answer.json:
            return pages
        request["NextToken"] = answer.json["NextToken"]


def ids(found):
    return [job["JobId"] for job in found]


def newest_first(found):
    return ids(sorted(found, key=lambda job: (-job["SubmittedTime"].timestamp(), job["JobId"])))


def oldest_first(found):
    return ids(sorted(found, key=lambda job: (job["SubmittedTime"], job["JobId"])))


def test_the_newest_hundred_jobs_come_first(many):
    pages = listed(many)
    assert [len(page) for page in pages] == [100, 3]
    assert sum(pages, []) == newest_first(many.jobs)


@pytest.mark.parametrize("size", [1, 50, 103, 500])
def test_pages_of_any_size_show_every_job_once(many, size):
    pages = listed(many, MaxResults=size)
    assert all(len(page) == size for page in pages[:-1]) and 0 < len(pages[-1]) <= size
    assert sum(pages, []) == newest_first(many.jobs)


def test_pages_may_change_their_size(many):
    first = many.translate.list_text_translation_jobs(MaxResults=7)
    rest = listed(many, NextToken=first["NextToken"], MaxResults=60)
    found = ids(first["TextTranslationJobPropertiesList"]) + sum(rest, [])
    assert found == newest_first(many.jobs)


def test_a_list_without_jobs_is_empty(many):
    answer = many.call("ListTextTranslationJobs", {"Filter": {"JobName": "Job 1"}})
    assert answer.json == {"TextTranslationJobPropertiesList": []}


@pytest.mark.parametrize("status", ["COMPLETED", "COMPLETED_WITH_ERROR", "STOPPED", "IN_PROGRESS"])
def test_jobs_are_found_by_their_status(many, status):
    found = sum(listed(many, Filter={"JobStatus": status}, MaxResults=40), [])
    assert found == newest_first([job for job in many.jobs if job["JobStatus"] == status])


def test_jobs_are_found_by_their_name(many):
    found = sum(listed(many, Filter={"JobName": "job 2"}, MaxResults=10), [])
    assert found == newest_first([job for job in many.jobs if job["JobName"] == "job 2"])
    assert len(found) == 26


def test_jobs_are_found_by_their_time(many):
    middle = many.jobs[50]["SubmittedTime"]
    number = round(middle.timestamp(), 3)
    before = [job for job in many.jobs if job["SubmittedTime"] < middle]
    after = [job for job in many.jobs if middle < job["SubmittedTime"]]
    for size in [20, 500]:
        found = listed(many, Filter={"SubmittedBeforeTime": number}, MaxResults=size)
        assert sum(found, []) == oldest_first(before)
        found = listed(many, Filter={"SubmittedAfterTime": number}, MaxResults=size)
        assert sum(found, []) == newest_first(after)


def test_a_token_that_nobody_gave_is_refused(many):
    good = many.translate.list_text_translation_jobs(MaxResults=1)["NextToken"]
    assert re.fullmatch(r"[!-~]+", good)
    altered = [
        good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        for at in range(0, len(good), 7)
    ]
    for token in ["garbage", " ", good[:-1], good + "A", good + good, *altered]:
        status, name, text = many.call("ListTextTranslationJobs", {"NextToken": token}).error
        assert (status, name) == (400, "InvalidRequestException") and text, token


def test_a_token_of_another_filter_is_refused(many):
    filters = [
        {},
        {"JobName": "job 1"},
        {"JobName": "job 2"},
        {"JobStatus": "COMPLETED"},
        {"SubmittedAfterTime": 0},
    ]
    for given in filters:
        token = many.call("ListTextTranslationJobs", {"Filter": given, "MaxResults": 1}).json[
            "NextToken"
        ]
        for used in filters:
            answer = many.call("ListTextTranslationJobs", {"Filter": used, "NextToken": token})
            expected = 200 if used == given else 400
            assert answer.status == expected, (given, used)
            if expected == 400:
                assert answer.json["__type"] == "InvalidRequestException"


def test_a_token_of_another_operation_is_refused(many):
    token = many.translate.list_languages(MaxResults=1)["NextToken"]
    status, name, _ = many.call("ListTextTranslationJobs", {"NextToken": token}).error
    assert (status, name) == (400, "InvalidRequestException")


def test_new_jobs_between_pages_neither_repeat_nor_hide_others(server, bucket):
    name = {"JobName": bucket}
    before = [start(server, bucket, {"a.txt": "a"}, **name).id for _ in range(4)]
    first = server.call("ListTextTranslationJobs", {"Filter": name, "MaxResults": 2}).json
    start(server, bucket, **name)
    rest = listed(server, Filter=name, NextToken=first["NextToken"])
    found = ids(first["TextTranslationJobPropertiesList"]) + sum(rest, [])
    assert sorted(found) == sorted(before)


# The queue


def test_at_most_ten_jobs_run_and_the_oldest_waiting_one_is_next(new_server):
    server = new_server(slow(100)).start()
    server.s3.create_bucket(Bucket="bucket")
    put(server, "bucket", {"a.txt": sentences(3000)})
    queue = [start(server, "bucket") for _ in range(13)]

    def statuses():
        answer = server.translate.list_text_translation_jobs()
        found = {
            job["JobId"]: job["JobStatus"] for job in answer["TextTranslationJobPropertiesList"]
        }
        return [found[job.id] for job in queue]

    def running(*numbers):
        return ["IN_PROGRESS" if n in numbers else "SUBMITTED" for n in range(13)]

    eventually(lambda: statuses() == running(*range(10)))
    for stopped in range(3):
        assert statuses()[stopped:] == running(*range(10 + stopped))[stopped:]
        waiting = queue[10 + stopped].describe()
        assert waiting.keys().isdisjoint({"JobDetails", "EndTime", "Message"})
        assert waiting["OutputDataConfig"]["S3Uri"].endswith(
            f"/{ACCOUNT}-TranslateText-{waiting['JobId']}/"
        )
        queue[stopped].stop()
        queue[stopped].until("STOPPED")
        queue[10 + stopped].until("IN_PROGRESS")


def test_a_full_queue_takes_no_more(new_server):
    server = new_server(slow(100, "[limits]\njobs_running_max = 1\njobs_queued_max = 2")).start()
    server.s3.create_bucket(Bucket="bucket")
    put(server, "bucket", {"a.txt": sentences(3000)})
    running = start(server, "bucket")
    running.until("IN_PROGRESS")
    waiting = [start(server, "bucket") for _ in range(2)]
    request = wish("bucket")
    status, name, text = server.call("StartTextTranslationJob", request).error
    assert (status, name) == (400, "TooManyRequestsException") and text
    # What is wrong with a request is told before that.
    assert (
        server.call("StartTextTranslationJob", wish("missing")).error[1]
        == "InvalidRequestException"
    )
    waiting[0].stop()
    answer = server.call("StartTextTranslationJob", request)
    assert (answer.status, answer.json["JobStatus"]) == (200, "SUBMITTED")
    assert waiting[1].status == "SUBMITTED"


# What happens to a job while it runs


@pytest.fixture
def lame(new_server):
    """A server whose engine takes 50 ms a segment, with the buckets `in-bucket` and `out-bucket`."""
    server = new_server(slow(50)).start()
    for bucket in ["in-bucket", "out-bucket"]:
        server.s3.create_bucket(Bucket=bucket)
    return server


def start_between(server, documents, **changes):
    """A job from one bucket to the other, at work."""
    out = {"OutputDataConfig": {"S3Uri": "s3://out-bucket/out"}}
    job = start(server, "in-bucket", documents, **out | changes)
    job.working()
    return job


def test_a_running_job_counts_as_it_goes(lame):
    documents = {f"{n:02}.txt": sentences(2) for n in range(60)}
    job = start(lame, "in-bucket", documents)
    with watched(job):
        found = eventually(lambda: job.counts and 0 < job.counts[1] < 60 and job.describe())
        assert found["JobDetails"]["InputDocumentsCount"] == 60
        assert found.keys().isdisjoint({"EndTime", "Message"})
        job.completed()
    assert check_whole(job, documents) == 60


def test_what_is_added_after_the_listing_is_ignored(lame):
    documents = {f"{n:02}.txt": sentences(2) for n in range(30)}
    job = start_between(lame, documents)
    put(lame, "in-bucket", {"00.added.txt": "a", "zz.added.txt": "z"})
    job.completed()
    assert check_whole(job, documents) == 30


def test_what_is_removed_or_replaced_after_the_listing_fails_alone(lame):
    documents = {f"{n:03}.txt": sentences(2) for n in range(80)}
    job = start_between(lame, documents)
    lame.s3.delete_object(Bucket="in-bucket", Key="in/078.txt")
    put(lame, "in-bucket", {"079.txt": "Another text"})
    job.until("COMPLETED_WITH_ERROR")
    assert job.counts == (80, 78, 2)
    entries = {it["sourceFile"]: it for it in job.details()["details"]}
    for name in ["078.txt", "079.txt"]:
        error = entries[name]["auxiliaryData"]["error"]
        assert error["errorCode"] == "InvalidRequestException" and error["errorMessage"]
        assert f"fr.{name}" not in job.documents()
    assert job.details()["documentCountWithCustomerError"] == "2"


def test_an_input_that_goes_away_fails_the_documents_that_were_left(lame):
    documents = {f"{n:03}.txt": sentences(2) for n in range(80)}
    job = start_between(lame, documents)
    names = [{"Key": f"in/{name}"} for name in documents]
    lame.s3.delete_objects(Bucket="in-bucket", Delete={"Objects": names})
    lame.s3.delete_bucket(Bucket="in-bucket")
    job.until("COMPLETED_WITH_ERROR")
    total, translated, with_errors = job.counts
    assert total == 80 == translated + with_errors and 0 < with_errors
    found = job.documents()
    assert len(found) == translated
    for name, text in found.items():
        assert text == pseudo(documents[name.removeprefix("fr.")], "fr")
    assert job.details()["documentCountWithCustomerError"] == str(with_errors)


def test_an_output_that_goes_away_fails_the_job(lame):
    # Each takes a second, so that nothing is written yet when the bucket goes.
    job = start_between(lame, {f"{n}.txt": sentences(20) for n in range(4)})
    with watched(job):
        lame.s3.delete_bucket(Bucket="out-bucket")
        found = job.until("FAILED")
    assert found["Message"].startswith("The output folder could not be written: ")
    assert "\n" not in found["Message"] and str(lame.folder) not in found["Message"]
    assert job.counts[1] == 0


def test_an_input_that_goes_away_before_the_listing_fails_the_job(new_server):
    server = new_server(slow(100, "[limits]\njobs_running_max = 1")).start()
    server.s3.create_bucket(Bucket="busy")
    server.s3.create_bucket(Bucket="gone")
    first = start(server, "busy", {"a.txt": sentences(3000)})
    job = start(server, "gone", {"a.txt": "a"}, OutputDataConfig={"S3Uri": "s3://busy/out"})
    server.s3.delete_object(Bucket="gone", Key="in/a.txt")
    server.s3.delete_bucket(Bucket="gone")
    first.stop()
    with watched(job):
        found = job.until("FAILED")
    assert found["Message"].startswith("The input folder could not be listed: ")
    assert "EndTime" in found and job.output() == {}


def test_a_nested_folder_details_that_comes_late_fails_the_job(new_server):
    server = new_server(slow(100, "[limits]\njobs_running_max = 1")).start()
    server.s3.create_bucket(Bucket="bucket")
    put(server, "bucket", {"a.txt": "a"}, folder="late")
    first = start(server, "bucket", {"a.txt": sentences(3000)})
    job = start(server, "bucket", InputDataConfig=TEXT | {"S3Uri": "s3://bucket/late"})
    put(server, "bucket", {"details/x.txt": "x"}, folder="late")
    first.stop()
    found = job.until("FAILED")
    assert (
        found["Message"] == "The input folder contains a nested folder named details: details/x.txt"
    )


# Engines and languages


def test_the_bundled_models_translate_both_ways(new_server):
    server = new_server("").start()
    server.s3.create_bucket(Bucket="bucket")
    english = "The house is red.\n\nMy mother has two brothers. They live in Madrid.\n"
    job = start(server, "bucket", {"en.txt": english}, TargetLanguageCodes=["es"])
    job.completed()
    spanish = job.documents()["es.en.txt"]
    assert spanish.count("\n") == english.count("\n") and "\n\n" in spanish
    for word in ["casa", "roj", "madre", "dos hermanos", "Madrid"]:
        assert word in spanish

    put(
        server,
        "bucket",
        {"es.txt": "La casa es roja.\nMi madre tiene dos hermanos.\n"},
        folder="back",
    )
    back = start(
        server,
        "bucket",
        InputDataConfig=TEXT | {"S3Uri": "s3://bucket/back"},
        SourceLanguageCode="es",
        TargetLanguageCodes=["en"],
    )
    back.completed()
    english = back.documents()["en.es.txt"]
    assert english.count("\n") == 2
    for word in ["house", "red", "mother", "two brothers"]:
        assert word in english


def test_the_first_engine_that_serves_a_pair_is_taken(new_server):
    server = new_server('[engines]\norder = ["neural", "pseudo"]\n').start()
    server.s3.create_bucket(Bucket="bucket")
    job = start(server, "bucket", {"a.txt": "Good morning"}, TargetLanguageCodes=["es", "fr"])
    job.completed()
    found = job.documents()
    assert found["fr.a.txt"] == pseudo("Good morning", "fr")
    assert "[" not in found["es.a.txt"] and "días" in found["es.a.txt"].lower()


GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund, und die Sonne scheint."
ENGLISH = "The quick brown fox jumps over the lazy dog, and the sun is shining today."
SPANISH = "El rápido zorro marrón salta sobre el perro perezoso, y hoy brilla el sol."


def test_the_language_of_each_document_is_found_out(new_server):
    server = new_server('[engines]\norder = ["neural", "pseudo"]\n').start()
    server.s3.create_bucket(Bucket="bucket")
    documents = {"de.txt": GERMAN, "en.txt": ENGLISH, "es.txt": SPANISH}
    job = start(
        server,
        "bucket",
        documents,
        SourceLanguageCode="auto",
        TargetLanguageCodes=["fr", "es"],
    )
    assert job.completed()["SourceLanguageCode"] == "auto"
    characters = sum(map(len, documents.values()))
    for target in ["fr", "es"]:
        entries = [entry(name, target, sourceLanguage=name[:2]) for name in documents]
        assert job.details(target) == whole_details(job, entries, characters, target, source="auto")
    found = job.documents()
    for name, text in documents.items():
        assert found[f"fr.{name}"] == pseudo(text, "fr")
    # What is in the target language already stays as it is.
    assert found["es.es.txt"] == SPANISH
    assert found["es.de.txt"] == pseudo(GERMAN, "es")
    assert "[" not in found["es.en.txt"] and "zorro" in found["es.en.txt"]


def test_a_document_whose_language_cannot_be_found_out_fails_alone(server, bucket):
    documents = {"en.txt": ENGLISH, "numbers.txt": "12345 ???"}
    job = start(server, bucket, documents, SourceLanguageCode="auto")
    job.until("COMPLETED_WITH_ERROR")
    error = job.details()["details"][1]["auxiliaryData"]["error"]
    assert error["errorCode"] == "DetectedLanguageLowConfidenceException"
    assert job.counts == (2, 1, 1)
    assert job.documents() == {"fr.en.txt": pseudo(ENGLISH, "fr")}


def test_a_detected_language_that_nobody_serves_fails_alone(new_server):
    server = new_server('[engines]\norder = ["neural"]\n').start()
    server.s3.create_bucket(Bucket="bucket")
    documents = {"de.txt": GERMAN, "en.txt": ENGLISH}
    job = start(server, "bucket", documents, SourceLanguageCode="auto", TargetLanguageCodes=["es"])
    job.until("COMPLETED_WITH_ERROR")
    entries = job.details("es")["details"]
    assert entries[0]["auxiliaryData"]["error"] == {
        "errorCode": "UnsupportedLanguagePairException",
        "errorMessage": "Unsupported language pair: de to es.",
    }
    assert entries[1] == entry("en.txt", "es", sourceLanguage="en")


# Encryption


def test_an_encryption_key_may_be_ignored_and_is_told_as_given(new_server):
    server = new_server(f'[objects]\nkms = "ignore"\n{PSEUDO}').start()
    server.s3.create_bucket(Bucket="bucket")
    key = {"Type": "KMS", "Id": "alias/my-key"}
    out = {"S3Uri": "s3://bucket/out", "EncryptionKey": key}
    job = start(server, "bucket", {"a.txt": "Hello"}, OutputDataConfig=out)
    assert job.completed()["OutputDataConfig"]["EncryptionKey"] == key
    assert job.documents() == {"fr.a.txt": "[fr Ĥéļļó]"}
