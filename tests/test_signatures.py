"""Who may call: signatures as real signers make them, and the walls between accounts."""

import datetime
import http.client
import json
import re
import uuid
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import jobs
from server import PSEUDO, REGION, Server

ONE = {"key": "AKIAONE", "secret": "the secret of one/+="}
TWO = {"key": "AKIATWO", "secret": "the secret of two"}
ACCOUNTS = {"AKIAONE": "111111111111", "AKIATWO": "222222222222"}

CONFIG = f"""
[auth]
[[auth.keys]]
access_key_id = "AKIAONE"
secret_access_key = "{ONE["secret"]}"
account = "111111111111"
[[auth.keys]]
access_key_id = "AKIATWO"
secret_access_key_file = "two.secret"
account = "222222222222"
{PSEUDO}
"""

DIFFERS = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server that knows two keys of two accounts."""
    server = Server(tmp_path_factory.mktemp("strict"), CONFIG)
    (server.folder / "two.secret").write_text(TWO["secret"] + "\n")
    yield server.start()
    server.kill()


@pytest.fixture
def clock(monkeypatch):
    """Puts the clock of those who sign forward by so many seconds."""

    def forward(seconds):
        def now(remove_tzinfo=True):
            time = datetime.datetime.now(datetime.UTC)
            time += datetime.timedelta(seconds=seconds)
            return time.replace(tzinfo=None) if remove_tzinfo else time

        monkeypatch.setattr(botocore.auth, "get_current_datetime", now)

    return forward


class InQuery(SigV4QueryAuth):
    """Signs in the query, and leaves the body where it is."""

    def _modify_request_before_signing(self, request):
        body, request.data = request.data, None
        super()._modify_request_before_signing(request)
        request.data = body


class Signed:
    """A signed call that can be tampered with before it is sent."""

    def __init__(
        self, server, body=b"{}", key="AKIAONE", secret=ONE["secret"], service="translate",
        region=REGION, signer=SigV4Auth, token=None, **headers,
    ):  # fmt: skip
        self.server = server
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["X-Amz-Target"] = "AWSShineFrontendService_20170701.ListTextTranslationJobs"
        headers["Content-Type"] = "application/x-amz-json-1.1"
        request = AWSRequest("POST", server.url + "/", headers, body)
        signer(Credentials(key, secret, token), service, region).add_auth(request)
        prepared = request.prepare()
        self.headers = dict(prepared.headers)
        self.body = body
        split = urlsplit(prepared.url)
        self.path = f"{split.path}?{split.query}" if split.query else split.path

    def send(self):
        return self.server.http("POST", self.path, self.body, self.headers)

    @property
    def error(self):
        return self.send().error


def test_boto3_is_let_in(strict):
    for user in [ONE, TWO]:
        answer = strict.client("translate", **user).list_text_translation_jobs()
        assert answer["TextTranslationJobPropertiesList"] == []


def test_the_aws_cli_is_let_in(strict):
    done = strict.aws("translate", "list-text-translation-jobs", **TWO)
    assert json.loads(done.stdout) == {"TextTranslationJobPropertiesList": []}
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_call_signed_by_hand_is_let_in(strict):
    assert Signed(strict).send().status == 200


def test_a_signature_may_stand_in_the_query(strict):
    assert Signed(strict, signer=InQuery).send().status == 200


def test_an_unsigned_call_is_refused(strict):
    assert strict.call("ListLanguages", {}).error == (
        400,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )


@pytest.mark.parametrize("change", [{"key": "AKIANOBODY"}, {"token": "session"}])
def test_an_unknown_key_or_session_is_refused(strict, change):
    assert Signed(strict, **change).error == (
        400,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def test_a_wrong_secret_is_refused(strict):
    for wrong in ["wrong", TWO["secret"], "", ONE["secret"] + "\n"]:
        assert Signed(strict, secret=wrong).error == (400, "InvalidSignatureException", DIFFERS)


def test_boto3_and_the_cli_tell_of_a_wrong_secret(strict):
    wrong = {"key": "AKIAONE", "secret": "wrong"}
    with pytest.raises(ClientError) as caught:
        strict.client("translate", **wrong).list_languages()
    assert caught.value.response["Error"] == {
        "Code": "InvalidSignatureException",
        "Message": DIFFERS,
    }
    done = strict.aws("translate", "list-languages", **wrong)
    assert done.returncode == 255
    assert b"(InvalidSignatureException) when calling the ListLanguages operation" in done.stderr


def test_what_was_changed_after_signing_is_refused(strict):
    def body(signed):
        signed.body = b"{ "

    def target(signed):
        signed.headers["X-Amz-Target"] = "AWSShineFrontendService_20170701.ListLanguages"

    def content_type(signed):
        signed.headers["Content-Type"] = "application/json"

    def host(signed):
        signed.headers["Host"] = "elsewhere:80"

    def path(signed):
        signed.path = "/x"

    def query(signed):
        signed.path = "/?a=b"

    def signature(signed):
        old = signed.headers["Authorization"]
        signed.headers["Authorization"] = old[:-1] + ("0" if old[-1] != "0" else "1")

    for change in [body, target, content_type, host, path, query, signature]:
        signed = Signed(strict)
        change(signed)
        assert signed.error == (400, "InvalidSignatureException", DIFFERS), change.__name__


def test_a_body_must_have_the_hash_that_was_sent(strict):
    signed = Signed(strict, X_Amz_Content_Sha256="0" * 64)
    status, name, _ = signed.error
    assert (status, name) == (400, "InvalidSignatureException")


@pytest.mark.parametrize("unsigned", ["host", "x-amz-date", "x-amz-target"])
def test_what_decides_the_meaning_must_be_signed(strict, unsigned):
    class Careless(SigV4Auth):
        def headers_to_sign(self, request):
            headers = super().headers_to_sign(request)
            del headers[unsigned]
            return headers

    status, name, text = Signed(strict, signer=Careless).error
    assert (status, name) == (400, "InvalidSignatureException")
    assert unsigned in text


@pytest.mark.parametrize(
    "scope, text",
    [
        ({"service": "comprehend"}, "Credential should be scoped to correct service: 'translate'."),
        ({"region": "NO_REGION"}, "Credential should be scoped to a valid region."),
    ],
)
def test_a_signature_for_something_else_is_refused(strict, scope, text):
    assert Signed(strict, **scope).error == (400, "InvalidSignatureException", text)


def test_the_day_of_the_scope_is_the_day_of_the_date(strict):
    signed = Signed(strict)
    old = signed.headers["Authorization"]
    signed.headers["Authorization"] = re.sub(r"/\d{8}/", "/20200101/", old)
    status, name, _ = signed.error
    assert (status, name) == (400, "InvalidSignatureException")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_may_be_14_minutes_off(strict, clock, minutes):
    clock(60 * minutes)
    assert Signed(strict).send().status == 200


@pytest.mark.parametrize(
    "minutes, form",
    [
        (-20, r"Signature expired: {t} is now earlier than {t} \({t} - 15 min\.\)"),
        (20, r"Signature not yet current: {t} is still later than {t} \({t} \+ 15 min\.\)"),
    ],
)
def test_a_clock_may_not_be_20_minutes_off(strict, clock, minutes, form):
    clock(60 * minutes)
    status, name, text = Signed(strict).error
    assert (status, name) == (400, "InvalidSignatureException")
    assert re.fullmatch(form.replace("{t}", r"\d{8}T\d{6}Z"), text)


@pytest.mark.parametrize(
    "value",
    [
        "AWS4-HMAC-SHA256 garbage",
        "AWS4-HMAC-SHA256",
        "",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256 Credential=AKIAONE/20240101/us-east-1/translate, SignedHeaders=host, Signature=0",
    ],
)
def test_a_garbled_signature_is_incomplete(strict, value):
    signed = Signed(strict)
    signed.headers["Authorization"] = value
    status, name, text = signed.error
    assert (status, name) == (400, "IncompleteSignatureException") and text


@pytest.mark.parametrize("part", ["Credential", "SignedHeaders", "Signature"])
def test_a_missing_part_of_a_signature_is_named(strict, part):
    signed = Signed(strict)
    without = re.sub(part + "=[^,]*(, )?", "", signed.headers["Authorization"]).removesuffix(", ")
    signed.headers["Authorization"] = without
    assert signed.error == (
        400,
        "IncompleteSignatureException",
        f"Authorization header requires '{part}' parameter. Authorization={without}",
    )


def test_a_missing_date_is_named(strict):
    signed = Signed(strict)
    del signed.headers["X-Amz-Date"]
    assert signed.error == (
        400,
        "IncompleteSignatureException",
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        f"Authorization={signed.headers['Authorization']}",
    )


def test_another_algorithm_is_named(strict):
    signed = Signed(strict)
    signed.headers["Authorization"] = signed.headers["Authorization"].replace("SHA256", "SHA1")
    status, name, text = signed.error
    assert (status, name) == (400, "IncompleteSignatureException")
    assert text == "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'"


def test_the_target_goes_before_the_signature_and_that_before_the_body(strict):
    assert strict.call("Nope", {}).json == {"__type": "UnknownOperationException"}
    assert strict.call("ListLanguages", b"{").error[1] == "MissingAuthenticationTokenException"
    assert Signed(strict, body=b"{").error[1] == "SerializationException"


def test_no_secret_is_in_the_log(strict):
    Signed(strict, secret="wrong").send()
    said = strict.log.read_text()
    assert ONE["secret"] not in said and TWO["secret"] not in said


@pytest.mark.parametrize("authorization", [None, "AWS4-HMAC-SHA256 garbage", "Basic x"])
def test_without_keys_everyone_is_let_in(server, authorization):
    assert server.call("ListLanguages", {}, Authorization=authorization).status == 200
    headers = {"Authorization": authorization} if authorization else {}
    assert server.http("GET", "/", headers=headers).status == 200


def test_off_can_be_said_although_there_are_keys(new_server):
    server = new_server(CONFIG.replace("[auth]", '[auth]\nmode = "off"'))
    (server.folder / "two.secret").write_text(TWO["secret"])
    server.start()
    assert Signed(server, secret="wrong").send().status == 200
    # The account of a known key is believed.
    server.client("s3", "AKIATWO", "wrong").create_bucket(Bucket="off")
    assert (server.data / "buckets" / "off").read_text().strip() == ACCOUNTS["AKIATWO"]


class User:
    """A caller with a bucket and a job of its own."""

    def __init__(self, strict, key, secret):
        self.s3 = strict.client("s3", key, secret)
        self.translate = strict.client("translate", key, secret)
        self.account = ACCOUNTS[key]
        self.bucket = f"{key.lower()}-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key="in/a.txt", Body="Hello")
        self.wish = jobs.wish(self.bucket, JobName="mine")
        self.job = self.translate.start_text_translation_job(**self.wish)["JobId"]

    def names(self, **request):
        answer = self.translate.list_text_translation_jobs(**request)
        return [job["JobId"] for job in answer["TextTranslationJobPropertiesList"]]


@pytest.fixture(scope="module")
def one(strict):
    return User(strict, **ONE)


@pytest.fixture(scope="module")
def two(strict):
    return User(strict, **TWO)


def refused(call, **request):
    """The code of the error that a call meets."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"]


def test_a_job_writes_into_the_folder_of_its_account(one, two):
    for user in [one, two]:
        found = user.translate.describe_text_translation_job(JobId=user.job)
        found = found["TextTranslationJobProperties"]["OutputDataConfig"]["S3Uri"]
        assert found == f"s3://{user.bucket}/out/{user.account}-TranslateText-{user.job}/"


def test_a_job_of_another_account_is_not_there(one, two):
    for call in [
        two.translate.describe_text_translation_job,
        two.translate.stop_text_translation_job,
    ]:
        assert refused(call, JobId=one.job) == "ResourceNotFoundException"
    assert one.job in one.names() and one.job not in two.names()
    assert two.names(Filter={"JobName": "mine"}) == [two.job]


def test_a_job_of_another_region_is_not_there(strict, one):
    elsewhere = strict.client("translate", **ONE, region="eu-west-1")
    assert (
        refused(elsewhere.describe_text_translation_job, JobId=one.job)
        == "ResourceNotFoundException"
    )
    assert elsewhere.list_text_translation_jobs()["TextTranslationJobPropertiesList"] == []


def test_a_client_token_is_the_accounts_own(one, two):
    token = str(uuid.uuid4())
    started = [
        user.translate.start_text_translation_job(**user.wish | {"ClientToken": token})["JobId"]
        for user in [one, two, one]
    ]
    assert started[0] == started[2] != started[1]


def test_a_page_token_of_another_account_is_refused(one, two):
    one.translate.start_text_translation_job(**one.wish | {"ClientToken": str(uuid.uuid4())})
    token = one.translate.list_text_translation_jobs(MaxResults=1)["NextToken"]
    assert one.translate.list_text_translation_jobs(NextToken=token)
    assert (
        refused(two.translate.list_text_translation_jobs, NextToken=token)
        == "InvalidRequestException"
    )


def test_a_bucket_of_another_account_is_closed(one, two):
    for call, request in [
        (two.s3.list_objects_v2, {}),
        (two.s3.get_object, {"Key": "in/a.txt"}),
        (two.s3.put_object, {"Key": "in/b.txt", "Body": b"b"}),
        (two.s3.delete_object, {"Key": "in/a.txt"}),
        (two.s3.create_multipart_upload, {"Key": "in/c.txt"}),
        (two.s3.delete_bucket, {}),
        (two.s3.get_bucket_location, {}),
    ]:
        assert refused(call, Bucket=one.bucket, **request) == "AccessDenied", call.__name__
    source = {"Bucket": one.bucket, "Key": "in/a.txt"}
    assert (
        refused(two.s3.copy_object, Bucket=two.bucket, Key="a", CopySource=source) == "AccessDenied"
    )
    assert refused(two.s3.create_bucket, Bucket=one.bucket) == "BucketAlreadyExists"
    assert one.bucket not in [bucket["Name"] for bucket in two.s3.list_buckets()["Buckets"]]
    assert one.s3.get_object(Bucket=one.bucket, Key="in/a.txt")["Body"].read() == b"Hello"


def test_a_job_neither_reads_nor_writes_the_bucket_of_another_account(one, two):
    text = {"S3Uri": f"s3://{one.bucket}/in", "ContentType": "text/plain"}
    for change in [
        {"InputDataConfig": text},
        {"OutputDataConfig": {"S3Uri": f"s3://{one.bucket}/out"}},
    ]:
        wish = two.wish | change | {"ClientToken": str(uuid.uuid4())}
        assert (
            refused(two.translate.start_text_translation_job, **wish) == "InvalidRequestException"
        )


def test_the_objects_are_closed_to_those_who_do_not_sign(strict, one):
    for method, path in [
        ("GET", "/"),
        ("GET", f"/{one.bucket}/in/a.txt"),
        ("PUT", f"/{one.bucket}/x"),
    ]:
        answer = strict.http(method, path, b"x" if method == "PUT" else None)
        assert (answer.status, b"<Code>AccessDenied</Code>" in answer.body) == (403, True)


def test_the_objects_are_closed_to_wrong_signatures(strict, one):
    wrong = strict.client("s3", ONE["key"], "wrong")
    unknown = strict.client("s3", "AKIANOBODY", "x")
    assert refused(wrong.list_objects_v2, Bucket=one.bucket) == "SignatureDoesNotMatch"
    assert refused(unknown.list_objects_v2, Bucket=one.bucket) == "InvalidAccessKeyId"


@pytest.mark.parametrize("minutes", [-20, 20])
def test_the_objects_are_closed_to_wrong_clocks(one, clock, minutes):
    clock(60 * minutes)
    assert refused(one.s3.list_objects_v2, Bucket=one.bucket) == "RequestTimeTooSkewed"


def test_an_object_must_have_the_hash_that_was_signed(strict, one):
    url = f"{strict.url}/{one.bucket}/tampered"
    request = AWSRequest("PUT", url, data=b"what was signed")
    botocore.auth.S3SigV4Auth(Credentials(*ONE.values()), "s3", REGION).add_auth(request)
    answer = strict.http(
        "PUT", urlsplit(url).path, b"what was sent!!", dict(request.prepare().headers)
    )
    assert 400 <= answer.status < 500
    assert refused(one.s3.get_object, Bucket=one.bucket, Key="tampered") == "NoSuchKey"


def fetch(url, data=None):
    """Status and body of a URL that needs no more than itself."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.netloc)
    connection.request("PUT" if data else "GET", f"{split.path}?{split.query}", data)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.fixture(params=["s3v4", None], ids=["version 4", "what boto3 does by itself"])
def link(request, strict, one):
    """Makes links to the bucket of the first user. By itself boto3, and with it the AWS CLI,
    signs links by version 2 and all else by version 4."""
    s3 = strict.client("s3", **ONE, signature_version=request.param)

    def link(operation="get_object", key="in/a.txt", seconds=60):
        request = {"Bucket": one.bucket, "Key": key}
        return s3.generate_presigned_url(operation, Params=request, ExpiresIn=seconds)

    return link


def test_a_presigned_link_gets_and_puts(one, link):
    assert fetch(link()) == (200, b"Hello")
    assert fetch(link("put_object", "put here"), b"by link")[0] == 200
    assert one.s3.get_object(Bucket=one.bucket, Key="put here")["Body"].read() == b"by link"


def test_a_presigned_link_expires(link, clock, monkeypatch):
    clock(-120)
    time = botocore.auth.time.time
    monkeypatch.setattr(botocore.auth.time, "time", lambda: time() - 120)
    old, valid = link(seconds=60), link(seconds=3600)
    status, body = fetch(old)
    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)
    assert fetch(valid) == (200, b"Hello")


def test_a_link_is_for_one_object_and_one_use(link):
    good = link()
    assert fetch(good) == (200, b"Hello")
    altered = re.sub("Signature=....", "Signature=0000", good)
    assert altered != good
    for bad in [
        altered,
        good.replace("a.txt", "b.txt"),
        good.replace("AKIAONE", "AKIATWO"),
        re.sub("Expires=60|Expires=179", lambda found: found[0][:-1] + "8", good),
        re.sub("&(X-Amz-)?Expires=[0-9]*", "", good),
        re.sub("&(X-Amz-)?Signature=[^&]*", "", good),
    ]:
        status, body = fetch(bad)
        assert bad != good and 400 <= status < 500 and b"Hello" not in body, bad
    assert fetch(good, b"not for writing")[0] == 403


def test_a_header_signed_by_version_2_is_refused(strict, one):
    request = AWSRequest("GET", f"{strict.url}/{one.bucket}/in/a.txt")
    botocore.auth.HmacV1Auth(Credentials(*ONE.values())).add_auth(request)
    answer = strict.http("GET", f"/{one.bucket}/in/a.txt", headers=dict(request.prepare().headers))
    assert (answer.status, b"AWS4-HMAC-SHA256" in answer.body) == (400, True)
