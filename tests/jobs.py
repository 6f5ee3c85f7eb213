"""Batch jobs as the tests run them: documents in, a job, documents out, and what they should be."""

import itertools
import json
import re
import string
import threading
import uuid
from contextlib import contextmanager

from server import ACCOUNT, ROLE, eventually

ENDED = ("COMPLETED", "COMPLETED_WITH_ERROR", "FAILED", "STOPPED")
# How far a job has come: it never goes back.
RANKS = {"SUBMITTED": 0, "IN_PROGRESS": 1, "STOP_REQUESTED": 2} | dict.fromkeys(ENDED, 3)

_ACCENTED = "áƀçđéƒĝĥíĵķļɱñóþɋŕšŧúṽŵẋýžÁɃÇĐÉƑĜĤÍĴĶĻⱮÑÓÞɊŔŠŦÚṼŴẊÝŽ"
_ACCENTS = str.maketrans(string.ascii_letters, _ACCENTED)
_PLAIN = str.maketrans(_ACCENTED, string.ascii_letters)

_numbers = itertools.count()


def pseudo(text, target):
    """What the pseudo engine makes of a text of which each line is one sentence."""

    def sentence(found):
        text = found[0].translate(_ACCENTS)
        return f"[{target} {text}]" if text != found[0] else text

    return re.sub(r"\S([^\n]*\S)?", sentence, text)


def restored(text, target):
    """The text of which the pseudo engine made this, if it has no brackets."""
    return text.replace(f"[{target} ", "").replace("]", "").translate(_PLAIN)


def sentences(count):
    """A text of so many lines, none of which any engine has seen before."""
    return "".join(f"This is sentence number {next(_numbers)}.\n" for _ in range(count))


def put(server, bucket, documents, folder="in"):
    """Puts documents into a folder over S3."""
    for name, content in documents.items():
        server.s3.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=content)


def drop(server, bucket, documents, folder="in"):
    """Puts many documents into a folder, by hand and thereby quickly."""
    for name, content in documents.items():
        path = server.data / "objects" / bucket / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def wish(bucket, **changes):
    """A request for a job from `in` to `out`, with a client token of its own."""
    return {
        "InputDataConfig": {"S3Uri": f"s3://{bucket}/in", "ContentType": "text/plain"},
        "OutputDataConfig": {"S3Uri": f"s3://{bucket}/out"},
        "DataAccessRoleArn": ROLE,
        "SourceLanguageCode": "en",
        "TargetLanguageCodes": ["fr"],
        "ClientToken": str(uuid.uuid4()),
    } | changes


def start(server, bucket, documents=None, **changes):
    """Puts documents into `in` and starts a job on them."""
    put(server, bucket, documents or {})
    answer = server.translate.start_text_translation_job(**wish(bucket, **changes))
    assert answer["JobStatus"] == "SUBMITTED"
    return Job(server, answer["JobId"])


class Job:
    """A job of a server."""

    def __init__(self, server, id):
        self.server = server
        self.id = id

    def describe(self):
        answer = self.server.translate.describe_text_translation_job(JobId=self.id)
        return answer["TextTranslationJobProperties"]

    @property
    def status(self):
        return self.describe()["JobStatus"]

    @property
    def counts(self):
        """Documents in the input, translated, and with errors; none while they are not known."""
        return _counts(self.describe())

    def stop(self):
        """Asks the job to stop; the status in the answer."""
        answer = self.server.translate.stop_text_translation_job(JobId=self.id)
        assert answer.keys() == {"JobId", "JobStatus", "ResponseMetadata"}
        assert answer["JobId"] == self.id
        return answer["JobStatus"]

    def until(self, *statuses, seconds=60):
        """Waits for a status; the job as it is then. Fails when it ends in another one."""

        def reached():
            found = self.describe()
            if found["JobStatus"] not in statuses:
                assert found["JobStatus"] not in ENDED, found
                return None
            return found

        return eventually(reached, seconds)

    def completed(self, seconds=60):
        return self.until("COMPLETED", seconds=seconds)

    def working(self):
        """Waits until the input is listed and the work has begun."""
        return eventually(lambda: self.status == "IN_PROGRESS" and self.counts)

    @property
    def folder(self):
        """Bucket and prefix of the job's own output folder."""
        bucket, prefix = self.describe()["OutputDataConfig"]["S3Uri"][5:].split("/", 1)
        assert prefix.endswith(f"{ACCOUNT}-TranslateText-{self.id}/")
        return bucket, prefix

    def output(self):
        """All objects of the output folder by their keys in it, read over S3."""
        bucket, prefix = self.folder
        return {
            key.removeprefix(prefix): self.server.s3.get_object(Bucket=bucket, Key=key)[
                "Body"
            ].read()
            for key in keys(self.server, bucket, prefix)
        }

    def documents(self):
        """The translated documents, as texts."""
        return {
            name: content.decode()
            for name, content in self.output().items()
            if not name.startswith("details/")
        }

    def details(self, target="fr"):
        """The details file of a target."""
        bucket, prefix = self.folder
        key = f"{prefix}details/{target}.auxiliary-translation-details.json"
        return json.loads(self.server.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def files(self):
        """The files of the output folder on the disk, without those of the details."""
        bucket, prefix = self.folder
        folder = self.server.data / "objects" / bucket / prefix
        found = (path for path in folder.rglob("*") if path.is_file())
        return {
            path.relative_to(folder).as_posix(): path
            for path in found
            if path.parent.name != "details"
        }


def keys(server, bucket, prefix=""):
    """All keys of a bucket, in the order in which they are listed."""
    pages = server.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _counts(found):
    details = found.get("JobDetails")
    return details and (
        details["InputDocumentsCount"],
        details["TranslatedDocumentsCount"],
        details["DocumentsWithErrorsCount"],
    )


def entry(name, target="fr", **more):
    """What the details file says of a translated document."""
    folder, _, file = name.rpartition("/")
    path = f"{folder}/{target}.{file}" if "/" in name else f"{target}.{file}"
    return {"sourceFile": name, "targetFile": path, "auxiliaryData": {}} | more


def failed(name, message, code="InvalidRequestException"):
    """What the details file says of a document that failed."""
    error = {"errorCode": code, "errorMessage": message}
    return {"sourceFile": name, "auxiliaryData": {"error": error}}


def whole_details(job, entries, characters, target="fr", customer=0, of_server=0, source="en"):
    """The details file of a target, whole."""
    found = job.describe()
    return {
        "sourceLanguageCode": source,
        "targetLanguageCode": target,
        "charactersTranslated": str(characters),
        "documentCountWithCustomerError": str(customer),
        "documentCountWithServerError": str(of_server),
        "inputDataPrefix": found["InputDataConfig"]["S3Uri"],
        "outputDataPrefix": found["OutputDataConfig"]["S3Uri"],
        "details": entries,
    }


def check_whole(job, documents, targets=("fr",)):
    """Whatever a job did, stopped or not: each document is there whole for all targets or not at
    all, the details say which, and the counts agree."""
    output, found = job.output(), job.describe()
    written = {name for name in output if not name.startswith("details/")}
    translated = {name for name in documents if entry(name, targets[0])["targetFile"] in written}
    assert written == {entry(name, to)["targetFile"] for name in translated for to in targets}
    for name, to in itertools.product(translated, targets):
        text = output[entry(name, to)["targetFile"]].decode()
        assert text == pseudo(documents[name], to), name
    characters = sum(len(documents[name]) for name in translated)
    if translated:
        for to in targets:
            entries = [entry(name, to) for name in sorted(translated, key=str.encode)]
            assert job.details(to) == whole_details(job, entries, characters, to)
    assert output.keys() - written == {
        f"details/{to}.auxiliary-translation-details.json" for to in targets if translated
    }
    _, counted, with_errors = _counts(found) or (0, 0, 0)
    assert (counted, with_errors) == (len(translated), 0)
    return len(translated)


@contextmanager
def watched(job):
    """Describes a job without pause, and checks that nothing it shows goes backwards."""
    seen, is_over = [], threading.Event()

    def watch():
        while not is_over.is_set():
            seen.append(job.describe())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    check_history([*seen, job.describe()])


def check_history(seen):
    """What Describe showed of a job, in order, is a story that can be told."""
    for before, after in itertools.pairwise(seen):
        assert RANKS[before["JobStatus"]] <= RANKS[after["JobStatus"]], (before, after)
        if before["JobStatus"] in ENDED:
            assert after == before
        if known := _counts(before):
            assert known[0] == _counts(after)[0]
            assert all(old <= new for old, new in zip(known, _counts(after)))
    for found in seen:
        has_ended = found["JobStatus"] in ENDED
        assert ("EndTime" in found) == ("Message" in found) == has_ended, found
        if counts := _counts(found):
            assert counts[1] + counts[2] <= counts[0]
        if has_ended:
            assert found["SubmittedTime"] <= found["EndTime"]
