"""The embedded S3 endpoint, with boto3 and the AWS CLI as they are."""

import base64
import hashlib
import io
import itertools
import random
import re
import socket
import urllib.request

import pytest
from boto3.s3.transfer import S3Transfer, TransferConfig
from botocore.exceptions import ClientError

from jobs import Job, check_whole, keys, start
from server import PSEUDO, Server, eventually

MEBIBYTE = 1 << 20

# Every shape of key that S3 takes.
KEYS = [
    "plain.txt",
    "a",
    "a/b",
    "a/b/c",
    "a//b",
    "a///",
    "/lead",
    "//",
    "/",
    ".",
    "..",
    "../up",
    "../../../etc/passwd",
    "./here",
    "x/../y",
    "x/./y",
    "x/..",
    "trail/",
    "é composed",
    "e\u0301 decomposed",
    "日本語/文書.txt",
    "😀/👩‍👩‍👧.txt",
    "مرحبا",
    "+ % & ? # = \" ' ! * ( ) ; : @ , $ ~ ^ ` | \\ < > [ ] { }",
    "a+b",
    "a b",
    " lead and trail ",
    "100%",
    "%2F",
    "a%2Fb",
    "%e",
    "a%o",
    "a%+",
    "line\nbreak",
    "tab\tand\rreturn",
    "\x01control\x7f",
    "nul.txt",
    "CASE",
    "case",
    "x" * 1024,
    "é" * 512,
    "y" * 240 + "/" + "y" * 240,
    "d/" * 511 + "zz",
    ".hidden/.file",
    "key?versionId=1",
    "list-type=2",
    "_/inner",
    "details/x",
    "a-b",
    "a.b",
    "a0",
]


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A server that verifies what its clients sign."""
    config = '[[auth.keys]]\naccess_key_id = "AKIATEST"\nsecret_access_key = "test"\n'
    server = Server(
        tmp_path_factory.mktemp("signed"), config + 'account = "000000000000"\n' + PSEUDO
    )
    yield server.start()
    server.kill()


@pytest.fixture
def s3(signed):
    return signed.s3


_numbers = itertools.count()


@pytest.fixture
def place(s3):
    """A new bucket of the server that verifies."""
    name = f"place-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def refused(call, **request):
    """Status and code of the error that a call meets."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def read(s3, bucket, key, **request):
    return s3.get_object(Bucket=bucket, Key=key, **request)["Body"].read()


# Keys


@pytest.fixture(scope="module", params=["signed", "server"])
def full(request):
    """Servers, with and without verification, and a bucket with every shape of key."""
    server = request.getfixturevalue(request.param)
    server.s3.create_bucket(Bucket="every-shape")
    for key in KEYS:
        server.s3.put_object(
            Bucket="every-shape", Key=key, Body=key.encode(), Metadata={"of": "it"}
        )
    return server


def test_every_shape_of_key_is_an_object_of_its_own(full):
    for key in KEYS:
        answer = full.s3.get_object(Bucket="every-shape", Key=key)
        assert answer["Body"].read() == key.encode()
        assert answer["Metadata"] == {"of": "it"}
        head = full.s3.head_object(Bucket="every-shape", Key=key)
        assert head["ETag"] == answer["ETag"] == f'"{hashlib.md5(key.encode()).hexdigest()}"'
        assert head["ContentLength"] == len(key.encode())


def test_all_keys_are_listed_in_the_order_of_their_bytes(full):
    assert keys(full, "every-shape") == sorted(KEYS, key=str.encode)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 25, len(KEYS) - 1, len(KEYS), 1000])
def test_pages_of_any_size_list_each_key_once(full, size):
    pages, token = [], {}
    while True:
        answer = full.s3.list_objects_v2(Bucket="every-shape", MaxKeys=size, **token)
        pages.append([entry["Key"] for entry in answer["Contents"]])
        assert answer["KeyCount"] == len(pages[-1]) <= size
        if not answer["IsTruncated"]:
            break
        token = {"ContinuationToken": answer["NextContinuationToken"]}
    assert all(len(page) == size for page in pages[:-1])
    assert sum(pages, []) == sorted(KEYS, key=str.encode)


@pytest.mark.parametrize("version", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "/", "x/", "é", "d/d/", "no such"])
def test_folders_are_listed_as_one(full, version, size, prefix):
    paginator = full.s3.get_paginator(version)
    pages = paginator.paginate(
        Bucket="every-shape", Prefix=prefix, Delimiter="/", PaginationConfig={"PageSize": size}
    )
    found = []
    for page in pages:
        found += [entry["Key"] for entry in page.get("Contents", [])]
        found += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    expected = set()
    for key in KEYS:
        if key.startswith(prefix):
            name, slash, _ = key.removeprefix(prefix).partition("/")
            expected.add(prefix + name + slash)
    assert len(found) == len(set(found)) and set(found) == expected


def test_a_listing_may_begin_anywhere(full):
    ordered = sorted(KEYS, key=str.encode)
    for after in ["", " ", "a/", "a/b", "b", "z", *ordered[::5]]:
        answer = full.s3.list_objects_v2(Bucket="every-shape", StartAfter=after)
        found = [entry["Key"] for entry in answer.get("Contents", [])]
        assert found == [key for key in ordered if after.encode() < key.encode()], after
        answer = full.s3.list_objects(Bucket="every-shape", Marker=after)
        assert [entry["Key"] for entry in answer.get("Contents", [])] == found, after


@pytest.mark.parametrize("seed", range(2))
def test_every_shape_of_key_is_removed_alone(s3, signed, place, seed):
    left = random.Random(seed).sample(KEYS, len(KEYS))
    for key in left:
        s3.put_object(Bucket=place, Key=key, Body=b"")
    random.Random(-seed).shuffle(left)
    while left:
        s3.delete_object(Bucket=place, Key=left.pop())
        assert keys(signed, place) == sorted(left, key=str.encode)
    s3.delete_bucket(Bucket=place)


def test_no_key_leaves_its_bucket(signed, full):
    outside = [path for path in signed.data.parent.rglob("*") if path.name in ("passwd", "up")]
    assert all((signed.data / "objects" / "every-shape") in path.parents for path in outside)


def test_a_key_has_at_most_1024_bytes(s3, place):
    assert refused(s3.put_object, Bucket=place, Key="x" * 1025) == (400, "KeyTooLongError")
    assert refused(s3.put_object, Bucket=place, Key="é" * 513) == (400, "KeyTooLongError")
    assert refused(s3.get_object, Bucket=place, Key="x" * 1025)[1] in (
        "NoSuchKey",
        "KeyTooLongError",
    )


# Objects


def test_an_object_is_what_was_put(s3, place):
    put = s3.put_object(
        Bucket=place,
        Key="a",
        Body=b"Hello",
        ContentType="text/x-special; charset=utf-8",
        CacheControl="no-store",
        ContentDisposition='attachment; filename="a b"',
        ContentEncoding="identity",
        ContentLanguage="en",
        Metadata={"color": "blue", "with-blank": "a b"},
    )
    got = s3.get_object(Bucket=place, Key="a")
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"Hello").hexdigest()}"'
    assert got["Body"].read() == b"Hello"
    head = s3.head_object(Bucket=place, Key="a")
    for answer in [got, head]:
        assert {
            name: answer.get(name) for name in ("ContentType", "CacheControl", "ContentLength")
        } == {
            "ContentType": "text/x-special; charset=utf-8",
            "CacheControl": "no-store",
            "ContentLength": 5,
        }
        assert answer["ContentDisposition"] == 'attachment; filename="a b"'
        assert (answer["ContentEncoding"], answer["ContentLanguage"]) == ("identity", "en")
        assert answer["Metadata"] == {"color": "blue", "with-blank": "a b"}
        assert answer["AcceptRanges"] == "bytes"
    (listed,) = s3.list_objects_v2(Bucket=place)["Contents"]
    assert (listed["Key"], listed["Size"], listed["ETag"]) == ("a", 5, put["ETag"])
    assert abs((listed["LastModified"] - head["LastModified"]).total_seconds()) <= 1


def test_an_object_without_a_type_is_bytes(s3, place):
    s3.put_object(Bucket=place, Key="a", Body=b"")
    assert s3.head_object(Bucket=place, Key="a")["ContentType"].endswith("/octet-stream")
    assert read(s3, place, "a") == b""


def test_an_object_is_replaced_whole(s3, place):
    s3.put_object(Bucket=place, Key="a", Body=b"long and old", Metadata={"old": "1"})
    s3.put_object(Bucket=place, Key="a", Body=b"new")
    answer = s3.get_object(Bucket=place, Key="a")
    assert (answer["Body"].read(), answer["Metadata"]) == (b"new", {})


def test_an_object_is_seen_whole_or_not_at_all(signed, s3, place):
    host, port = signed.listen.split(":")
    link = signed.client("s3", signature_version="s3v4").generate_presigned_url(
        "put_object", Params={"Bucket": place, "Key": "a"}
    )
    head = f"PUT {link.removeprefix(signed.url)} HTTP/1.1\r\nHost: {signed.listen}\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b"x" * 600_000)
        eventually(lambda: any((signed.data / "tmp").iterdir()))
        assert keys(signed, place) == []
    eventually(lambda: not any((signed.data / "tmp").iterdir()))
    assert keys(signed, place) == []


def test_parts_of_an_object_are_read(s3, place):
    s3.put_object(Bucket=place, Key="a", Body=b"0123456789")
    for asked, found, told in [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ]:
        answer = s3.get_object(Bucket=place, Key="a", Range=asked)
        assert (answer["Body"].read(), answer["ContentRange"]) == (found, told)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["ContentLength"] == len(found)
    assert refused(s3.get_object, Bucket=place, Key="a", Range="bytes=10-") == (416, "InvalidRange")


def test_reads_may_have_conditions(s3, place):
    etag = s3.put_object(Bucket=place, Key="a", Body=b"Hello")["ETag"]
    other = '"00000000000000000000000000000000"'
    assert read(s3, place, "a", IfMatch=etag) == read(s3, place, "a", IfNoneMatch=other) == b"Hello"
    assert refused(s3.get_object, Bucket=place, Key="a", IfMatch=other) == (
        412,
        "PreconditionFailed",
    )
    assert refused(s3.get_object, Bucket=place, Key="a", IfNoneMatch=etag) == (304, "304")
    modified = s3.head_object(Bucket=place, Key="a")["LastModified"]
    assert refused(s3.get_object, Bucket=place, Key="a", IfModifiedSince=modified) == (304, "304")
    assert read(s3, place, "a", IfUnmodifiedSince=modified) == b"Hello"


def test_writes_may_have_conditions(s3, place):
    first = s3.put_object(Bucket=place, Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    failed = (412, "PreconditionFailed")
    assert refused(s3.put_object, Bucket=place, Key="a", Body=b"2", IfNoneMatch="*") == failed
    s3.put_object(Bucket=place, Key="a", Body=b"3", IfMatch=first)
    assert refused(s3.put_object, Bucket=place, Key="a", Body=b"4", IfMatch=first) == failed
    assert read(s3, place, "a") == b"3"


def test_an_object_is_copied_with_its_metadata_or_with_others(s3, place):
    s3.put_object(
        Bucket=place, Key="ä/+ %.txt", Body=b"Hello", ContentType="a/b", Metadata={"k": "1"}
    )
    source = {"Bucket": place, "Key": "ä/+ %.txt"}
    s3.copy_object(Bucket=place, Key="same", CopySource=source)
    s3.copy_object(
        Bucket=place, Key="other", CopySource=source, MetadataDirective="REPLACE", ContentType="c/d"
    )
    found = {key: s3.get_object(Bucket=place, Key=key) for key in ["same", "other"]}
    assert {key: (it["ContentType"], it["Metadata"]) for key, it in found.items()} == {
        "same": ("a/b", {"k": "1"}),
        "other": ("c/d", {}),
    }
    assert all(answer["Body"].read() == b"Hello" for answer in found.values())
    missing = {"Bucket": place, "Key": "missing"}
    assert refused(s3.copy_object, Bucket=place, Key="x", CopySource=missing) == (404, "NoSuchKey")


def test_many_objects_are_deleted_at_once(s3, signed, place):
    for key in ["a", "b/c", "d\n", "left"]:
        s3.put_object(Bucket=place, Key=key, Body=b"x")
    gone = ["a", "b/c", "d\n", "was never there"]
    answer = s3.delete_objects(Bucket=place, Delete={"Objects": [{"Key": key} for key in gone]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == sorted(gone)
    assert "Errors" not in answer
    assert keys(signed, place) == ["left"]


def test_deleting_what_is_not_there_is_no_error(s3, place):
    for _ in range(2):
        answer = s3.delete_object(Bucket=place, Key="missing")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


# Content that is not what was announced


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
@pytest.mark.parametrize("make", [lambda: b"Hello", lambda: io.BytesIO(b"Hello")])
def test_checksums_are_verified_and_told(s3, place, algorithm, make):
    answer = s3.put_object(Bucket=place, Key="a", Body=make(), ChecksumAlgorithm=algorithm)
    assert answer[f"Checksum{algorithm}"]
    assert read(s3, place, "a") == b"Hello"


def test_wrong_digests_are_refused(s3, signed, place):
    def digest(name, of):
        return base64.b64encode(hashlib.new(name, of).digest()).decode()

    put = {"Bucket": place, "Key": "a", "Body": b"Hello"}
    s3.put_object(**put, ContentMD5=digest("md5", b"Hello"))
    s3.put_object(**put, ChecksumSHA256=digest("sha256", b"Hello"))
    s3.delete_object(Bucket=place, Key="a")
    assert refused(s3.put_object, **put, ContentMD5=digest("md5", b"other")) == (400, "BadDigest")
    assert refused(s3.put_object, **put, ContentMD5="no digest") == (400, "InvalidDigest")
    assert refused(s3.put_object, **put, ChecksumSHA256=digest("sha256", b"other")) == (
        400,
        "BadDigest",
    )
    assert keys(signed, place) == []


def test_metadata_has_its_limit(s3, place):
    fits = {f"key-{n}": "x" * 190 for n in range(10)}
    s3.put_object(Bucket=place, Key="a", Body=b"", Metadata=fits)
    assert s3.head_object(Bucket=place, Key="a")["Metadata"] == fits
    over = {"key": "x" * 2046}
    assert refused(s3.put_object, Bucket=place, Key="b", Metadata=over) == (400, "MetadataTooLarge")


# Objects in parts


def test_a_large_object_goes_up_and_comes_down_in_parts(s3, signed, place, tmp_path):
    content = random.Random(0).randbytes(12 * MEBIBYTE + 1)
    (tmp_path / "up").write_bytes(content)
    config = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    transfer = S3Transfer(s3, config)
    transfer.upload_file(
        str(tmp_path / "up"),
        place,
        "large",
        extra_args={"Metadata": {"k": "v"}, "ContentType": "a/b"},
    )
    transfer.download_file(place, "large", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == content
    head = s3.head_object(Bucket=place, Key="large")
    parts = [content[at : at + 5 * MEBIBYTE] for at in range(0, len(content), 5 * MEBIBYTE)]
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    assert head["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert (head["ContentType"], head["Metadata"]) == ("a/b", {"k": "v"})
    assert s3.list_multipart_uploads(Bucket=place).get("Uploads", []) == []


def test_an_upload_is_listed_completed_and_forgotten(s3, signed, place):
    upload = {"Bucket": place, "Key": "ü/+ %"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    first = b"1" * 5 * MEBIBYTE
    etags = [
        s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]
        for number, body in [(1, b"will be replaced"), (7, b"the end"), (1, first)]
    ]
    (listed,) = s3.list_multipart_uploads(Bucket=place)["Uploads"]
    assert (listed["Key"], listed["UploadId"]) == (upload["Key"], upload["UploadId"])
    parts = s3.list_parts(**upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, len(first)), (7, 7)]
    assert keys(signed, place) == []

    wanted = [{"PartNumber": 1, "ETag": etags[2]}, {"PartNumber": 7, "ETag": etags[1]}]
    complete = s3.complete_multipart_upload
    assert refused(complete, **upload, MultipartUpload={"Parts": wanted[::-1]}) == (
        400,
        "InvalidPartOrder",
    )
    old = [{"PartNumber": 1, "ETag": etags[0]}]
    assert refused(complete, **upload, MultipartUpload={"Parts": old}) == (400, "InvalidPart")
    complete(**upload, MultipartUpload={"Parts": wanted})
    assert read(s3, place, upload["Key"]) == first + b"the end"
    assert refused(s3.upload_part, **upload, PartNumber=2, Body=b"late") == (404, "NoSuchUpload")


def test_an_upload_may_be_given_up(s3, signed, place):
    upload = {"Bucket": place, "Key": "a"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    small = [
        {"PartNumber": n, "ETag": s3.upload_part(**upload, PartNumber=n, Body=b"small")["ETag"]}
        for n in [1, 2]
    ]
    too_small = refused(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": small})
    assert too_small == (400, "EntityTooSmall")
    s3.abort_multipart_upload(**upload)
    assert refused(s3.list_parts, **upload) == (404, "NoSuchUpload")
    assert keys(signed, place) == [] and not any((signed.data / "uploads").iterdir())


def test_an_object_is_put_together_from_copies(s3, place):
    s3.put_object(Bucket=place, Key="source", Body=b"0123456789" * MEBIBYTE)
    upload = {"Bucket": place, "Key": "a"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    copied = s3.upload_part_copy(
        **upload,
        PartNumber=1,
        CopySource={"Bucket": place, "Key": "source"},
        CopySourceRange=f"bytes=1-{5 * MEBIBYTE}",
    )
    etag = copied["CopyPartResult"]["ETag"]
    s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    assert read(s3, place, "a") == (b"0123456789" * MEBIBYTE)[1 : 5 * MEBIBYTE + 1]


# Buckets and errors


def test_buckets_come_and_go(s3):
    for name in ["b.with-dots.1", "xyz", "a" * 63]:
        s3.create_bucket(Bucket=name)
        assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        s3.get_bucket_location(Bucket=name)
        s3.delete_bucket(Bucket=name)
        assert refused(s3.head_bucket, Bucket=name) == (404, "404")


@pytest.mark.parametrize(
    "name", ["Capitals", "under_score", "two..dots", "-lead", "trail-", ".dot"]
)
def test_a_bucket_has_a_name_that_s3_takes(s3, name):
    assert refused(s3.create_bucket, Bucket=name) == (400, "InvalidBucketName")


def test_errors_have_the_names_that_clients_know(s3, place):
    s3.put_object(Bucket=place, Key="a", Body=b"x")
    gone = {"Bucket": "no-such-bucket"}
    for call, request, error in [
        (s3.get_object, {"Bucket": place, "Key": "missing"}, (404, "NoSuchKey")),
        (s3.head_object, {"Bucket": place, "Key": "missing"}, (404, "404")),
        (s3.get_object, gone | {"Key": "a"}, (404, "NoSuchBucket")),
        (s3.put_object, gone | {"Key": "a"}, (404, "NoSuchBucket")),
        (s3.list_objects_v2, gone, (404, "NoSuchBucket")),
        (s3.delete_bucket, gone, (404, "NoSuchBucket")),
        (s3.delete_bucket, {"Bucket": place}, (409, "BucketNotEmpty")),
        (s3.create_bucket, {"Bucket": place}, (409, "BucketAlreadyOwnedByYou")),
        (s3.create_multipart_upload, gone | {"Key": "a"}, (404, "NoSuchBucket")),
    ]:
        assert refused(call, **request) == error, (call.__name__, request)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=place, Key="missing")


def test_every_answer_has_a_request_id(s3, place):
    answers = [s3.list_buckets(), s3.list_objects_v2(Bucket=place)]
    ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
    assert all(ids) and len(set(ids)) == 2


# Files put there by hand


def test_files_put_there_by_hand_are_objects(signed, s3):
    folder = signed.data / "objects" / "by-hand" / "sub"
    folder.mkdir(parents=True)
    (folder / "ä.txt").write_text("Hello")
    assert keys(signed, "by-hand") == ["sub/ä.txt"]
    assert read(s3, "by-hand", "sub/ä.txt") == b"Hello"
    (folder / "ä.txt").write_text("Changed")
    assert read(s3, "by-hand", "sub/ä.txt") == b"Changed"


# Jobs on such keys


def test_a_job_takes_every_shape_of_key(signed, s3, place):
    # The name of a translation is longer than its source's, and must fit as well.
    shapes = [key for key in KEYS if len(key.encode()) < 900 and not key.startswith("details/")]
    documents = {key: f"This is document {number}." for number, key in enumerate(shapes)}
    for key, text in documents.items():
        s3.put_object(Bucket=place, Key=f"in/{key}", Body=text)
    job = start(signed, place)
    job.completed()
    translatable = {key: text for key, text in documents.items() if not key.endswith("/")}
    assert job.counts == (len(translatable), len(translatable), 0)
    assert check_whole(job, translatable) == len(translatable)


def test_a_translation_whose_key_would_be_too_long_fails_alone(signed, s3, place):
    s3.put_object(Bucket=place, Key="in/" + "x" * 1000, Body="Hello")
    s3.put_object(Bucket=place, Key="in/a", Body="Hello")
    job = start(signed, place)
    job.until("COMPLETED_WITH_ERROR")
    assert job.counts == (2, 1, 1)
    assert job.details()["details"][1]["auxiliaryData"]["error"]["errorMessage"]
    assert job.documents() == {"fr.a": "[fr Ĥéļļó]"}


# The AWS CLI


def cli(signed, *arguments, stdin=b""):
    """Runs `aws s3`; what it prints."""
    done = signed.aws("s3", *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_the_cli_carries_folders_there_and_back(signed, s3, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    files = {"a.txt": b"a", "sub/b c.txt": b"b", "sub/deep/é.bin": bytes(range(256))}
    for name, content in files.items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(content)
    assert cli(signed, "mb", "s3://cli-sync") == "make_bucket: cli-sync\n"
    cli(signed, "sync", there, "s3://cli-sync/in")
    assert keys(signed, "cli-sync") == sorted(f"in/{name}" for name in files)
    assert cli(signed, "sync", there, "s3://cli-sync/in") == ""
    (there / "a.txt").unlink()
    cli(signed, "sync", "--delete", there, "s3://cli-sync/in")
    cli(signed, "cp", "--recursive", "s3://cli-sync/in", back)
    del files["a.txt"]
    found = {
        path.relative_to(back).as_posix(): path.read_bytes()
        for path in back.rglob("*")
        if path.is_file()
    }
    assert found == files
    assert cli(signed, "rb", "--force", "s3://cli-sync").endswith("remove_bucket: cli-sync\n")
    assert refused(s3.head_bucket, Bucket="cli-sync") == (404, "404")


def test_the_cli_reads_and_writes_streams_and_lists(signed, place):
    cli(signed, "cp", "-", f"s3://{place}/sub/from stdin.txt", stdin=b"Hello")
    assert cli(signed, "cp", f"s3://{place}/sub/from stdin.txt", "-") == "Hello"
    cli(signed, "mv", f"s3://{place}/sub/from stdin.txt", f"s3://{place}/b.txt")
    cli(signed, "cp", f"s3://{place}/b.txt", f"s3://{place}/sub/a.txt")
    assert re.fullmatch(
        r" +PRE sub/\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +5 b\.txt\n",
        cli(signed, "ls", f"s3://{place}"),
    )
    listed = cli(signed, "ls", "--recursive", "--summarize", f"s3://{place}")
    assert re.search(r" 5 b\.txt\n.* 5 sub/a\.txt\n\nTotal Objects: 2\n +Total Size: 10\n", listed)
    assert f" {place}\n" in cli(signed, "ls")


def test_the_cli_sends_large_files_in_parts(signed, place, tmp_path):
    content = random.Random(1).randbytes(9 * MEBIBYTE)
    (tmp_path / "large").write_bytes(content)
    cli(signed, "cp", tmp_path / "large", f"s3://{place}/large")
    cli(signed, "cp", f"s3://{place}/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content


def test_the_cli_presigns_links_that_work(signed, s3, place):
    s3.put_object(Bucket=place, Key="ä + b.txt", Body=b"Hello")
    link = cli(signed, "presign", f"s3://{place}/ä + b.txt").strip()
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"Hello"


def test_the_cli_removes_and_tells_errors(signed, s3, place):
    for key in ["a/1", "a/2", "b"]:
        s3.put_object(Bucket=place, Key=key, Body=b"x")
    cli(signed, "rm", "--recursive", f"s3://{place}/a")
    assert keys(signed, place) == ["b"]
    done = signed.aws("s3", "rb", f"s3://{place}")
    assert (done.returncode, b"BucketNotEmpty" in done.stderr) == (1, True)
    done = signed.aws("s3", "ls", "s3://no-such-bucket")
    assert (done.returncode, b"NoSuchBucket" in done.stderr) == (255, True)


def test_a_folder_goes_through_the_cli_alone(signed, tmp_path):
    """What a user does, from the documents on disk to the translations on disk."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Hello")
    cli(signed, "mb", "s3://by-cli")
    cli(signed, "sync", tmp_path / "docs", "s3://by-cli/in")
    done = signed.aws(
        "translate", "start-text-translation-job",
        "--input-data-config", "S3Uri=s3://by-cli/in,ContentType=text/plain",
        "--output-data-config", "S3Uri=s3://by-cli/out",
        "--data-access-role-arn", "arn:aws:iam::000000000000:role/x",
        "--source-language-code", "en",
        "--target-language-codes", "fr",
        "--query", "JobId", "--output", "text",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    job = Job(signed, done.stdout.decode().strip())
    job.completed()
    cli(signed, "sync", job.describe()["OutputDataConfig"]["S3Uri"], tmp_path / "out")
    assert (tmp_path / "out" / "fr.a.txt").read_text() == "[fr Ĥéļļó]"
