"""What is refused at once, with which text, and what is told first when several things are wrong."""

import itertools
import json

import pytest

from jobs import put, wish
from server import eventually

NAME = r"^([\p{L}\p{Z}\p{N}_.:/=+\-%@]*)$"
MISSING = "Member must not be null"


def longer(least):
    return f"Member must have length greater than or equal to {least}"


def shorter(most):
    return f"Member must have length less than or equal to {most}"


def pattern(text):
    return f"Member must satisfy regular expression pattern: {text}"


def values(*names):
    return f"Member must satisfy enum value set: [{', '.join(names)}]"


def check(server, operation, body, *violations):
    """The request is refused with exactly these violations: value as shown, path, constraint."""
    count = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
    texts = [
        f"Value {value} at '{path}' failed to satisfy constraint: {constraint}"
        for value, path, constraint in violations
    ]
    answer = server.call(operation, body)
    assert answer.json == {
        "__type": "ValidationException",
        "Message": f"{count} detected: {'; '.join(texts)}",
    }
    assert answer.status == 400


@pytest.mark.parametrize("operation", ["DescribeTextTranslationJob", "StopTextTranslationJob"])
@pytest.mark.parametrize(
    "body, value, constraint",
    [
        ({}, "null", MISSING),
        ({"JobId": None}, "null", MISSING),
        ({"JobId": ""}, "''", longer(1)),
        ({"JobId": "x" * 33}, f"'{'x' * 33}'", shorter(32)),
        ({"JobId": "日" * 33}, f"'{'日' * 33}'", shorter(32)),
        ({"JobId": "a*b"}, "'a*b'", pattern(NAME)),
        ({"JobId": "a\n"}, "'a\n'", pattern(NAME)),
    ],
)
def test_a_job_id_has_its_limits(server, operation, body, value, constraint):
    check(server, operation, body, (value, "jobId", constraint))


@pytest.mark.parametrize("operation", ["DescribeTextTranslationJob", "StopTextTranslationJob"])
@pytest.mark.parametrize("id", ["0" * 32, "日" * 32, "a b", "A"])
def test_a_job_id_within_its_limits_is_looked_for(server, operation, id):
    status, name, text = server.call(operation, {"JobId": id}).error
    assert (status, name) == (400, "ResourceNotFoundException") and text


@pytest.mark.parametrize(
    "body, value, path, constraint",
    [
        (
            {"MaxResults": 0},
            "'0'",
            "maxResults",
            "Member must have value greater than or equal to 1",
        ),
        (
            {"MaxResults": 501},
            "'501'",
            "maxResults",
            "Member must have value less than or equal to 500",
        ),
        (
            {"MaxResults": 1 << 40},
            f"'{1 << 40}'",
            "maxResults",
            "Member must have value less than or equal to 500",
        ),
        ({"NextToken": "x" * 8193}, f"'{'x' * 8193}'", "nextToken", shorter(8192)),
        ({"NextToken": "é"}, "'é'", "nextToken", pattern(r"\p{ASCII}{0,8192}")),
        ({"Filter": {"JobName": ""}}, "''", "filter.jobName", longer(1)),
        ({"Filter": {"JobName": "a*b"}}, "'a*b'", "filter.jobName", pattern(NAME)),
        (
            {"Filter": {"JobStatus": "DONE"}},
            "'DONE'",
            "filter.jobStatus",
            values(
                "SUBMITTED",
                "IN_PROGRESS",
                "COMPLETED",
                "COMPLETED_WITH_ERROR",
                "FAILED",
                "STOP_REQUESTED",
                "STOPPED",
            ),
        ),
    ],
)
def test_a_list_request_has_its_limits(server, body, value, path, constraint):
    if path == "nextToken" and len(value) > 8192:
        # Its pattern counts as well.
        extra = [(value, path, pattern(r"\p{ASCII}{0,8192}"))]
    else:
        extra = []
    check(server, "ListTextTranslationJobs", body, (value, path, constraint), *extra)


S3_URI = r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?"
KEY_ID = (
    r"(arn:aws((-us-gov)|(-iso)|(-iso-b)|(-cn))?:kms:)?([a-z]{2}-[a-z]+(-[a-z]+)?-\d:)?"
    r"(\d{12}:)?(((key/)?[a-zA-Z0-9-_]+)|(alias/[a-zA-Z0-9:/_-]+))"
)
ROLE_ARN = r"arn:aws(-[^:]+)?:iam::[0-9]{12}:role/.+"
RESOURCES = (
    "Member must satisfy constraint: [Member must have length less than or equal to 256, Member "
    "must have length greater than or equal to 1, Member must satisfy regular expression pattern: "
    "^([A-Za-z0-9-]_?)+$]"
)
CODES = (
    "Member must satisfy constraint: [Member must have length less than or equal to 5, Member "
    "must have length greater than or equal to 2]"
)


@pytest.mark.parametrize(
    "change, value, path, constraint",
    [
        ({"JobName": ""}, "''", "jobName", longer(1)),
        ({"JobName": "x" * 257}, f"'{'x' * 257}'", "jobName", shorter(256)),
        ({"JobName": "a*b"}, "'a*b'", "jobName", pattern(NAME)),
        ({"InputDataConfig": None}, "null", "inputDataConfig", MISSING),
        ({"InputDataConfig.S3Uri": None}, "null", "inputDataConfig.s3Uri", MISSING),
        (
            {"InputDataConfig.S3Uri": "http://x"},
            "'http://x'",
            "inputDataConfig.s3Uri",
            pattern(S3_URI),
        ),
        (
            {"InputDataConfig.S3Uri": "s3://Big/in"},
            "'s3://Big/in'",
            "inputDataConfig.s3Uri",
            pattern(S3_URI),
        ),
        ({"InputDataConfig.ContentType": None}, "null", "inputDataConfig.contentType", MISSING),
        (
            {"InputDataConfig.ContentType": "text/html; charset=utf-8"},
            "'text/html; charset=utf-8'",
            "inputDataConfig.contentType",
            pattern(r"^[-\w.]+\/[-\w.+]+$"),
        ),
        ({"OutputDataConfig": None}, "null", "outputDataConfig", MISSING),
        (
            {"OutputDataConfig.S3Uri": "s3://ab"},
            "'s3://ab'",
            "outputDataConfig.s3Uri",
            pattern(S3_URI),
        ),
        (
            {"OutputDataConfig.EncryptionKey": {"Type": "AES", "Id": "k"}},
            "'AES'",
            "outputDataConfig.encryptionKey.type",
            values("KMS"),
        ),
        (
            {"OutputDataConfig.EncryptionKey": {"Type": "KMS"}},
            "null",
            "outputDataConfig.encryptionKey.id",
            MISSING,
        ),
        (
            {"OutputDataConfig.EncryptionKey": {"Type": "KMS", "Id": "a b"}},
            "'a b'",
            "outputDataConfig.encryptionKey.id",
            pattern(KEY_ID),
        ),
        ({"DataAccessRoleArn": None}, "null", "dataAccessRoleArn", MISSING),
        (
            {"DataAccessRoleArn": "arn:aws:iam::1:role/x"},
            "'arn:aws:iam::1:role/x'",
            "dataAccessRoleArn",
            pattern(ROLE_ARN),
        ),
        ({"SourceLanguageCode": None}, "null", "sourceLanguageCode", MISSING),
        ({"SourceLanguageCode": "e"}, "'e'", "sourceLanguageCode", longer(2)),
        ({"SourceLanguageCode": "english"}, "'english'", "sourceLanguageCode", shorter(5)),
        ({"TargetLanguageCodes": None}, "null", "targetLanguageCodes", MISSING),
        ({"TargetLanguageCodes": []}, "'[]'", "targetLanguageCodes", longer(1)),
        ({"TargetLanguageCodes": ["fr", "x"]}, "'[fr, x]'", "targetLanguageCodes", CODES),
        ({"TerminologyNames": ["a__b"]}, "'[a__b]'", "terminologyNames", RESOURCES),
        ({"TerminologyNames": ["_a", "b"]}, "'[_a, b]'", "terminologyNames", RESOURCES),
        ({"ParallelDataNames": [""]}, "'[]'", "parallelDataNames", RESOURCES),
        ({"ClientToken": None}, "null", "clientToken", MISSING),
        ({"ClientToken": ""}, "''", "clientToken", longer(1)),
        ({"ClientToken": "x" * 65}, f"'{'x' * 65}'", "clientToken", shorter(64)),
        ({"ClientToken": "a_b"}, "'a_b'", "clientToken", pattern("^[a-zA-Z0-9-]+$")),
        (
            {"Settings": {"Formality": "X"}},
            "'X'",
            "settings.formality",
            values("FORMAL", "INFORMAL"),
        ),
        ({"Settings": {"Profanity": "X"}}, "'X'", "settings.profanity", values("MASK")),
        ({"Settings": {"Brevity": "OFF"}}, "'OFF'", "settings.brevity", values("ON")),
    ],
)
def test_a_job_has_its_limits(server, change, value, path, constraint):
    violations = [(value, path, constraint)]
    if value == "''" and path == "clientToken":
        violations.append((value, path, pattern("^[a-zA-Z0-9-]+$")))
    check(server, "StartTextTranslationJob", changed(wish("bucket"), change), *violations)


def changed(request, change):
    """The request with other members, whose names may lead inside."""
    request = json.loads(json.dumps(request))
    for name, value in change.items():
        *outer, inner = name.split(".")
        place = request
        for step in outer:
            place = place[step]
        place[inner] = value
    return request


def test_everything_that_is_missing_is_told_in_the_order_of_the_model(server):
    names = [
        "inputDataConfig",
        "outputDataConfig",
        "dataAccessRoleArn",
        "sourceLanguageCode",
        "targetLanguageCodes",
        "clientToken",
    ]
    check(server, "StartTextTranslationJob", {}, *[("null", name, MISSING) for name in names])


def test_all_broken_limits_are_told_together(server):
    request = changed(
        wish("bucket"),
        {
            "InputDataConfig": {},
            "OutputDataConfig.S3Uri": "x",
            "TargetLanguageCodes": [],
            "Settings": {"Formality": "X", "Brevity": "Y"},
        },
    )
    check(
        server,
        "StartTextTranslationJob",
        request,
        ("null", "inputDataConfig.s3Uri", MISSING),
        ("null", "inputDataConfig.contentType", MISSING),
        ("'x'", "outputDataConfig.s3Uri", pattern(S3_URI)),
        ("'[]'", "targetLanguageCodes", longer(1)),
        ("'X'", "settings.formality", values("FORMAL", "INFORMAL")),
        ("'Y'", "settings.brevity", values("ON")),
    )


def test_at_most_10_broken_limits_are_told(server):
    request = {
        "JobName": "*",
        "InputDataConfig": {"S3Uri": "x", "ContentType": "x"},
        "OutputDataConfig": {"S3Uri": "x", "EncryptionKey": {}},
        "DataAccessRoleArn": "x",
        "SourceLanguageCode": "x",
        "TargetLanguageCodes": [],
        "ClientToken": "*",
        "Settings": {"Formality": "X", "Profanity": "X", "Brevity": "X"},
    }
    status, name, text = server.call("StartTextTranslationJob", request).error
    assert (status, name) == (400, "ValidationException")
    assert text.startswith("10 validation errors detected: Value '*' at 'jobName'")
    assert text.count("failed to satisfy constraint") == 10


@pytest.mark.parametrize(
    "change, code, text",
    [
        (
            {"InputDataConfig.ContentType": "application/pdf"},
            "InvalidParameterValueException",
            "application/pdf",
        ),
        (
            {"InputDataConfig.ContentType": "TEXT/PLAIN"},
            "InvalidParameterValueException",
            "TEXT/PLAIN",
        ),
        (
            {"TargetLanguageCodes": "fr es de it pt nl sv da no fi pl".split()},
            "InvalidParameterValueException",
            "10",
        ),
        ({"TargetLanguageCodes": ["fr", "es", "fr"]}, "InvalidParameterValueException", "fr"),
        ({"TerminologyNames": ["a", "b"]}, "InvalidParameterValueException", "terminology"),
        ({"ParallelDataNames": ["a", "b"]}, "InvalidParameterValueException", "parallel data"),
        ({"TerminologyNames": ["nope"]}, "ResourceNotFoundException", "nope"),
        ({"ParallelDataNames": ["nope"]}, "ResourceNotFoundException", "nope"),
        ({"Settings": {"Brevity": "ON"}}, "InvalidRequestException", "Brevity"),
        ({"InputDataConfig.S3Uri": "s3://BUCKET"}, "InvalidRequestException", "BUCKET"),
        ({"InputDataConfig.S3Uri": "s3://BUCKET/"}, "InvalidRequestException", "BUCKET"),
        ({"InputDataConfig.S3Uri": "s3://not-there/in"}, "InvalidRequestException", "not-there"),
        ({"InputDataConfig.S3Uri": "s3://BUCKET/empty"}, "InvalidRequestException", "empty"),
        ({"InputDataConfig.S3Uri": "s3://BUCKET/in/a.txt"}, "InvalidRequestException", "in/a.txt"),
        (
            {"InputDataConfig.S3Uri": "s3://BUCKET/nested"},
            "InvalidRequestException",
            "sub/details/x.txt",
        ),
        ({"OutputDataConfig.S3Uri": "s3://not-there/out"}, "InvalidRequestException", "not-there"),
        (
            {"OutputDataConfig.EncryptionKey": {"Type": "KMS", "Id": "alias/a"}},
            "InvalidRequestException",
            "objects.kms",
        ),
    ],
)
def test_a_job_that_cannot_run_is_refused_by_the_error_that_fits(
    server, folders, change, code, text
):
    change = {
        name: value.replace("BUCKET", folders) if isinstance(value, str) else value
        for name, value in change.items()
    }
    request = changed(wish(folders, JobName=folders), change)
    status, name, found = server.call("StartTextTranslationJob", request).error
    assert (status, name) == (400, code)
    assert text.replace("BUCKET", folders) in found
    assert not list_named(server, folders)


@pytest.fixture(scope="module")
def folders(server):
    """A bucket with one good folder and some bad ones."""
    bucket = "good-and-bad"
    server.s3.create_bucket(Bucket=bucket)
    put(server, bucket, {"a.txt": "Hello"})
    put(server, bucket, {"sub/details/x.txt": "x", "a.txt": "a"}, folder="nested")
    server.s3.put_object(Bucket=bucket, Key="empty/", Body=b"")
    return bucket


def list_named(server, name):
    answer = server.translate.list_text_translation_jobs(Filter={"JobName": name})
    return answer["TextTranslationJobPropertiesList"]


@pytest.mark.parametrize(
    "source, targets, told, unknown",
    [
        ("xx", ["fr", "es"], "fr", "Source language 'xx'"),
        ("EN", ["fr"], "fr", "Source language 'EN'"),
        ("en", ["fr", "xx"], "xx", "Target language 'xx'"),
        ("en", ["auto"], "auto", "Target language 'auto'"),
        ("en", ["zh-tw"], "zh-tw", "Target language 'zh-tw'"),
    ],
)
def test_an_unknown_language_is_named(server, folders, source, targets, told, unknown):
    request = wish(folders, SourceLanguageCode=source, TargetLanguageCodes=targets)
    answer = server.call("StartTextTranslationJob", request)
    assert answer.status == 400
    assert answer.json == {
        "__type": "UnsupportedLanguagePairException",
        "Message": f"Unsupported language pair: {source} to {told}. {unknown} is not supported",
        "SourceLanguageCode": source,
        "TargetLanguageCode": told,
    }


def test_a_pair_that_nobody_serves_is_named(new_server):
    server = new_server('[engines]\norder = ["neural"]\n').start()
    server.s3.create_bucket(Bucket="bucket")
    put(server, "bucket", {"a.txt": "Hello"})
    request = wish("bucket", TargetLanguageCodes=["es", "fr"])
    assert server.call("StartTextTranslationJob", request).json == {
        "__type": "UnsupportedLanguagePairException",
        "Message": "Unsupported language pair: en to fr.",
        "SourceLanguageCode": "en",
        "TargetLanguageCode": "fr",
    }


# One fault of each kind, in the order in which they are told.
FAULTS = [
    {"JobName": ""},
    {"ClientToken": "used-before"},
    {"InputDataConfig.ContentType": "application/pdf"},
    {"TargetLanguageCodes": ["fr", "fr"]},
    {"SourceLanguageCode": "xx"},
    {"TerminologyNames": ["a", "b"]},
    {"ParallelDataNames": ["nope"]},
    {"Settings": {"Brevity": "ON"}},
    {"InputDataConfig.S3Uri": "s3://good-and-bad"},
    {"OutputDataConfig.S3Uri": "s3://not-there"},
]


@pytest.mark.parametrize("first, second", itertools.combinations(range(len(FAULTS)), 2))
def test_the_first_of_two_faults_is_told(server, folders, first, second):
    request = wish(folders, JobName="the first of two")
    server.call(
        "StartTextTranslationJob", request | {"ClientToken": "used-before", "JobName": "before"}
    )
    alone = server.call("StartTextTranslationJob", changed(request, FAULTS[first]))
    both = server.call("StartTextTranslationJob", changed(request, FAULTS[second] | FAULTS[first]))
    assert both.status == 400
    assert both.json == alone.json
    assert not list_named(server, "the first of two")


def test_a_request_with_two_filters_is_refused(server):
    filters = {
        "JobName": "a",
        "JobStatus": "COMPLETED",
        "SubmittedBeforeTime": 1.5,
        "SubmittedAfterTime": 0,
    }
    for pair in itertools.combinations(filters.items(), 2):
        status, name, text = server.call("ListTextTranslationJobs", {"Filter": dict(pair)}).error
        assert (status, name) == (400, "InvalidFilterException") and text


def test_the_write_check_leaves_nothing(server, bucket):
    put(server, bucket, {"a.txt": "Hello"})
    request = wish(
        bucket, InputDataConfig={"S3Uri": f"s3://{bucket}/none", "ContentType": "text/plain"}
    )
    assert server.call("StartTextTranslationJob", request).status == 400
    job = server.call("StartTextTranslationJob", wish(bucket)).json["JobId"]

    def names():
        found = server.s3.list_objects_v2(Bucket=bucket, Prefix="out/")
        return [entry["Key"] for entry in found.get("Contents", [])]

    eventually(lambda: any("/details/" in name for name in names()))
    folder = f"out/000000000000-TranslateText-{job}/"
    assert names() == [
        f"{folder}details/fr.auxiliary-translation-details.json",
        f"{folder}fr.a.txt",
    ]
