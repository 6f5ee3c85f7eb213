"""How requests and answers travel: targets, bodies, types, headers and limits."""

import email.utils
import http.client
import json
import re
import socket
import time

import pytest

from jobs import put, start, wish

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
JSON = "application/x-amz-json-1.1"
PREFIX = "AWSShineFrontendService_20170701"
NO_JOB = "0" * 32

UNKNOWN = {"__type": "UnknownOperationException"}
NOT_JSON = {"__type": "SerializationException"}


def test_an_operation_is_answered_with_a_json_object(server):
    answer = server.call("ListLanguages", {"MaxResults": 1})
    assert answer.status == 200
    assert answer.json == {
        "Languages": [{"LanguageName": "Afrikaans", "LanguageCode": "af"}],
        "DisplayLanguageCode": "en",
        "NextToken": answer.json["NextToken"],
    }
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert re.fullmatch(UUID, headers.pop("x-amzn-requestid"))
    assert abs(email.utils.parsedate_to_datetime(headers.pop("date")).timestamp() - time.time()) < 2
    assert headers == {"content-type": JSON, "content-length": str(len(answer.body))}


def test_every_answer_has_a_request_id_of_its_own(server):
    operations = ["ListLanguages", "Nope", "DescribeTextTranslationJob"] * 2
    answers = [server.call(operation, {}) for operation in operations]
    ids = [answer.headers["x-amzn-RequestId"] for answer in answers]
    assert all(re.fullmatch(UUID, id) for id in ids)
    assert len(set(ids)) == len(ids)


def test_boto3_shows_the_request_id(server):
    metadata = server.translate.list_text_translation_jobs()["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 200
    assert re.fullmatch(UUID, metadata["RequestId"])


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        f"{PREFIX}.Nope",
        "ListLanguages",
        f"{PREFIX}.listLanguages",
        f"{PREFIX.lower()}.ListLanguages",
        f"{PREFIX}..ListLanguages",
        f"{PREFIX}.ListLanguages ListLanguages",
        "AWSShineFrontendService_20170702.ListLanguages",
    ],
)
def test_an_unusable_target_is_an_unknown_operation(server, target):
    answer = server.call("", {}, X_Amz_Target=target)
    assert (answer.status, answer.json) == (400, UNKNOWN)
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["x-amzn-ErrorType"] is None


def test_an_unknown_operation_is_told_before_the_body_is_read(server):
    answer = server.call("Nope", b"{")
    assert (answer.status, answer.json) == (400, UNKNOWN)


@pytest.mark.parametrize(
    "content_type",
    [JSON, f"{JSON}; charset=utf-8", "application/x-amz-json-1.0", "application/json"],
)
def test_the_json_types_are_taken_and_answered_alike(server, content_type):
    answer = server.call("ListLanguages", {}, Content_Type=content_type)
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml"])
def test_other_types_are_an_unknown_operation(server, content_type):
    answer = server.call("ListLanguages", {}, Content_Type=content_type)
    assert (answer.status, answer.json) == (400, UNKNOWN)


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"null", b'"x"', b"5", b"true", b'{"JobId":"a",}', b"{} {}", b'{"JobId":"\xff"}'],
)
def test_what_is_not_an_object_is_refused_without_a_text(server, body):
    answer = server.call("DescribeTextTranslationJob", body)
    assert (answer.status, answer.json) == (400, NOT_JSON)


def test_a_list_is_refused_by_name(server):
    answer = server.call("DescribeTextTranslationJob", b"[]")
    assert answer.status == 400
    assert answer.json == NOT_JSON | {"Message": "Start of list found where not expected"}


LIST, STRUCTURE = (
    "Start of list found where not expected",
    "Start of structure or map found where not expected.",
)


@pytest.mark.parametrize(
    "operation, body, message",
    [
        ("List", '{"MaxResults":"1"}', "STRING_VALUE can not be converted to an Integer"),
        ("List", '{"MaxResults":true}', "TRUE_VALUE can not be converted to an Integer"),
        ("List", '{"MaxResults":false}', "FALSE_VALUE can not be converted to an Integer"),
        ("List", '{"MaxResults":[1]}', LIST),
        ("List", '{"MaxResults":{}}', STRUCTURE),
        ("List", '{"Filter":"x"}', "Expected null"),
        ("List", '{"Filter":5}', "Expected null"),
        ("List", '{"Filter":true}', "Expected null"),
        ("List", '{"Filter":[]}', LIST),
        ("List", '{"Filter":{"JobName":5}}', "NUMBER_VALUE can not be converted to a String"),
        ("List", '{"NextToken":true}', "TRUE_VALUE can not be converted to a String"),
        ("List", '{"NextToken":["x"]}', LIST),
        ("List", '{"NextToken":{"x":1}}', STRUCTURE),
        ("Start", '{"TargetLanguageCodes":"fr"}', "Expected list or null"),
        ("Start", '{"TargetLanguageCodes":5}', "Expected list or null"),
        ("Start", '{"TargetLanguageCodes":{}}', "Expected list or null"),
        ("Start", '{"TargetLanguageCodes":[5]}', "NUMBER_VALUE can not be converted to a String"),
        (
            "Start",
            '{"InputDataConfig":{"S3Uri":false}}',
            "FALSE_VALUE can not be converted to a String",
        ),
    ],
)
def test_a_wrong_type_is_told_before_a_missing_member(server, operation, body, message):
    name = {"List": "ListTextTranslationJobs", "Start": "StartTextTranslationJob"}[operation]
    answer = server.call(name, body.encode())
    assert answer.status == 400
    assert answer.json == NOT_JSON | {"Message": message}


def test_a_date_in_words_is_a_wrong_type(server):
    body = {"Filter": {"SubmittedAfterTime": "2024-01-01T00:00:00Z"}}
    status, name, _ = server.call("ListTextTranslationJobs", body).error
    assert (status, name) == (400, "SerializationException")


@pytest.mark.parametrize("number", ["1704067200", "1704067200.5", "1.7040672E9", "0", "-1", "9e99"])
def test_a_date_is_any_number(server, number):
    body = f'{{"Filter":{{"SubmittedAfterTime":{number}}}}}'.encode()
    assert server.call("ListTextTranslationJobs", body).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"Filter":null,"NextToken":null,"MaxResults":null}',
        b'{"Filter":{"JobName":null}}',
        b'{"Filter":{},"NextToken":""}',
        b'{"Foo":1,"filter":"x","Filter":{"Bar":[[]]}}',
        b'\n{ "MaxResults" : 500 }\t',
    ],
)
def test_null_is_absent_and_the_unknown_is_ignored(server, bucket, body):
    start(server, bucket, {"a.txt": "a"}).completed()
    answer = server.call("ListTextTranslationJobs", body)
    newest = answer.json["TextTranslationJobPropertiesList"][0]
    assert (answer.status, newest["InputDataConfig"]["S3Uri"]) == (200, f"s3://{bucket}/in")


def test_a_fraction_is_cut_and_the_last_of_two_equal_keys_counts(server, bucket):
    for _ in range(2):
        start(server, bucket, {"a.txt": "a"})
    for body in [b'{"MaxResults":1.9}', b'{"MaxResults":0,"MaxResults":1}']:
        answer = server.call("ListTextTranslationJobs", body)
        assert len(answer.json["TextTranslationJobPropertiesList"]) == 1


def test_boto3_raises_the_modelled_error_with_its_text(server):
    client = server.translate
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.describe_text_translation_job(JobId=NO_JOB)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"]["Code"] == "ResourceNotFoundException"
    assert answer["Message"] == answer["Error"]["Message"] != ""


def test_an_error_has_its_name_and_text_and_nothing_else(server):
    answer = server.call("DescribeTextTranslationJob", {"JobId": NO_JOB})
    assert answer.status == 400
    assert list(answer.json) == ["__type", "Message"]
    assert answer.headers["Content-Type"] == JSON


def test_times_and_counts_are_plain_numbers(server, bucket):
    job = start(server, bucket, {"a.txt": "a"})
    job.completed()
    answer = server.call("DescribeTextTranslationJob", {"JobId": job.id})
    found = json.loads(answer.body, parse_float=lambda text: ("float", text))
    found = found["TextTranslationJobProperties"]
    assert found["JobDetails"] == {
        "InputDocumentsCount": 1,
        "TranslatedDocumentsCount": 1,
        "DocumentsWithErrorsCount": 0,
    }
    assert re.search(rb'"SubmittedTime":\d{10}(\.\d{1,3})?[,}]', answer.body)
    assert re.search(rb'"EndTime":\d{10}(\.\d{1,3})?[,}]', answer.body)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_of_17_mebibytes_is_too_large(server, is_chunked):
    body = b'{"Foo":"' + b"x" * (17 << 20) + b'"}'
    headers = {"X-Amz-Target": f"{PREFIX}.ListLanguages", "Content-Type": JSON}
    if is_chunked:
        answer = server.http("POST", "/", _pieces(body), headers, encode_chunked=True)
    else:
        answer = server.http("POST", "/", body, headers)
    assert (answer.status, answer.json["__type"]) == (413, "RequestEntityTooLargeException")
    assert re.fullmatch(UUID, answer.headers["x-amzn-RequestId"])


def test_a_body_of_16_mebibytes_is_taken(server):
    body = b'{"Foo":"' + b"x" * ((16 << 20) - 10) + b'"}'
    assert server.call("ListLanguages", body).status == 200


def test_a_body_may_come_in_chunks(server):
    headers = {"X-Amz-Target": f"{PREFIX}.ListLanguages", "Content-Type": JSON}
    headers["Transfer-Encoding"] = "chunked"
    pieces = _pieces(b'{"MaxResults":3}', size=5)
    answer = server.http("POST", "/", pieces, headers, encode_chunked=True)
    assert (answer.status, len(answer.json["Languages"])) == (200, 3)


def _pieces(body, size=1 << 20):
    return (body[at : at + size] for at in range(0, len(body), size))


def test_a_connection_is_kept_also_after_errors(server):
    connection = http.client.HTTPConnection(server.listen)
    statuses, sockets = [], set()
    for operation, body in [("ListLanguages", {}), ("Nope", {}), ("ListLanguages", b"{")] * 2:
        statuses.append(server.call(operation, body, connection=connection).status)
        sockets.add(connection.sock)
    assert statuses == [200, 400, 400] * 2
    assert len(sockets) == 1 and None not in sockets


def test_any_path_will_do_when_the_target_is_valid(server):
    assert server.call("ListLanguages", {}, path="/some/prefix/").status == 200


def test_a_post_to_the_root_without_a_target_is_an_unknown_operation(server):
    answer = server.http("POST", "/", b"{}", {"Content-Type": JSON})
    assert (answer.status, answer.json) == (400, UNKNOWN)


def test_unknown_headers_are_ignored(server):
    answer = server.call(
        "ListLanguages",
        {},
        amz_sdk_invocation_id="0",
        amz_sdk_request="attempt=1; max=5",
        X_Amz_Content_Sha256="0",
        Accept="text/html",
        Accept_Encoding="gzip, br",
    )
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, None)


@pytest.mark.parametrize("path", ["/_/health/live", "/_/health/ready"])
def test_the_server_tells_that_it_is_well(server, path):
    assert server.http("GET", path).status == 200


def test_the_server_tells_its_figures(server, bucket):
    start(server, bucket, {"a.txt": "a"}).completed()
    answer = server.http("GET", "/_/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert re.search(rb'^metaphrast_jobs\{status="COMPLETED"\} [1-9]', answer.body, re.MULTILINE)


def test_nothing_else_is_under_the_inner_paths(server):
    assert server.http("GET", "/_/nope").status == 404
    assert server.http("PUT", "/_/nope", b"x").status == 404


@pytest.mark.parametrize(
    "noise",
    [
        b"GARBAGE\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: no\r\n\r\n",
        b"GET /" + b"x" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_noise_does_not_hurt_the_next_request(server, noise):
    host, port = server.listen.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(noise)
    assert server.call("ListLanguages", {}).status == 200


def test_a_full_request_is_answered_as_the_model_says(server, bucket):
    put(server, bucket, {"a.txt": "a"})
    answer = server.call("StartTextTranslationJob", wish(bucket))
    assert answer.status == 200
    assert answer.json == {"JobId": answer.json["JobId"], "JobStatus": "SUBMITTED"}
    assert re.fullmatch("[0-9a-f]{32}", answer.json["JobId"])
