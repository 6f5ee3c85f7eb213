//! Tests of the verifier: published examples with each intermediate value, the
//! official signer as a judge, and each way to be refused.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use axum::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z
const SIGNED_AT: i64 = 1_440_938_160;
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const TARGET: &str = "AWSShineFrontendService_20170701.ListLanguages";

fn verifier(mode: Mode, service: &'static str) -> Verifier {
    let key = Key { secret: Secret::new(SECRET), account: "111122223333".to_owned() };
    Verifier {
        mode,
        keys: Keys::from([(KEY_ID.to_owned(), key)]),
        service,
        account: "000000000000".to_owned(),
        region: "eu-west-1".to_owned(),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

#[derive(Clone, Debug)]
struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn new(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut request = Self {
            method: method.parse().unwrap(),
            uri: uri.parse().unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        for (name, value) in headers {
            request.append(name, value);
        }
        request
    }

    fn append(&mut self, name: &str, value: &str) {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.remove(name);
        self.append(name, value);
        self
    }

    fn parts(&self) -> SignedRequest<'_> {
        SignedRequest {
            method: &self.method,
            uri: &self.uri,
            headers: &self.headers,
            body: &self.body,
        }
    }

    /// Signs with the official signer.
    fn signed(mut self, signer: &Signer) -> Self {
        let identity = Credentials::new(signer.key_id, signer.secret, None, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = signer.location;
        settings.expires_in =
            (signer.location == SignatureLocation::QueryParams).then_some(Duration::from_mins(5));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(signer.region)
            .name(signer.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(signer.at.try_into().unwrap()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let host = self.headers["host"].to_str().unwrap().to_owned();
        let signable = SignableRequest::new(
            self.method.as_str(),
            format!("http://{host}{}", self.uri),
            self.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())),
            SignableBody::Bytes(&self.body),
        )
        .unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let (headers, query) = instructions.into_parts();
        for header in headers {
            self.append(header.name(), header.value());
        }
        if !query.is_empty() {
            let encode = |text: &str| {
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                    .to_string()
            };
            let query: Vec<String> = query
                .iter()
                .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
                .collect();
            self.uri = format!("{}?{}", self.uri.path(), query.join("&")).parse().unwrap();
        }
        self
    }
}

#[derive(Clone, Copy)]
struct Signer {
    key_id: &'static str,
    secret: &'static str,
    region: &'static str,
    service: &'static str,
    at: i64,
    location: SignatureLocation,
}

const SIGNER: Signer = Signer {
    key_id: KEY_ID,
    secret: SECRET,
    region: "us-east-1",
    service: "translate",
    at: SIGNED_AT,
    location: SignatureLocation::Headers,
};

fn call() -> Request {
    Request::new(
        "POST",
        "/",
        &[
            ("host", "127.0.0.1:8080"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", TARGET),
        ],
        r#"{"MaxResults":5}"#,
    )
}

fn verify(request: &Request) -> Result<Caller, AuthError> {
    verifier(Mode::Strict, "translate").verify(request.parts(), at(SIGNED_AT))
}

fn caller() -> Caller {
    Caller {
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: Some(KEY_ID.to_owned()),
    }
}

/// A published example: the request, its canonical form, the hash of that, and
/// the signature.
struct Example {
    request: Request,
    signed_headers: &'static str,
    canonical: &'static str,
    canonical_hash: &'static str,
    signature: &'static str,
}

fn check_example(example: Example) {
    let Example { request, signed_headers, canonical, canonical_hash, signature } = example;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={signed_headers}, Signature={signature}"
    );
    let request =
        request.with("x-amz-date", "20150830T123600Z").with("authorization", &authorization);
    let claim = Claim::read(request.parts()).unwrap();

    let made = canonical::request(request.parts(), &claim).unwrap();
    assert_eq!(String::from_utf8(made.clone()).unwrap(), canonical);
    let text = canonical::string_to_sign(&claim, &made);
    assert_eq!(
        text,
        format!(
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n\
             {canonical_hash}"
        )
    );
    let made = canonical::signature(&Secret::new(SECRET), &claim.credential, &text);
    assert_eq!(made, signature);
    let verified = verifier(Mode::Strict, "service").verify(request.parts(), at(SIGNED_AT));
    assert_eq!(verified, Ok(caller()));
}

const HOST: (&str, &str) = ("host", "example.amazonaws.com");

#[test]
fn published_example_get_vanilla() {
    check_example(Example {
        request: Request::new("GET", "/", &[HOST], ""),
        signed_headers: "host;x-amz-date",
        canonical: "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n\
            host;x-amz-date\n\
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        canonical_hash: "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
        signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    });
}

#[test]
fn published_example_get_relative_normalized() {
    check_example(Example {
        request: Request::new("GET", "/example/..", &[HOST], ""),
        signed_headers: "host;x-amz-date",
        canonical: "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n\
            host;x-amz-date\n\
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        canonical_hash: "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
        signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    });
}

#[test]
fn published_example_get_header_value_trim() {
    check_example(Example {
        request: Request::new(
            "GET",
            "/",
            &[HOST, ("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "",
        ),
        signed_headers: "host;my-header1;my-header2;x-amz-date",
        canonical: "GET\n/\n\nhost:example.amazonaws.com\nmy-header1:value1\n\
            my-header2:\"a b c\"\nx-amz-date:20150830T123600Z\n\n\
            host;my-header1;my-header2;x-amz-date\n\
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        canonical_hash: "a726db9b0df21c14f559d0a978e563112acb1b9e05476f0a6a1c7d68f28605c7",
        signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    });
}

#[test]
fn published_example_post_form() {
    let hash = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
    check_example(Example {
        request: Request::new(
            "POST",
            "/",
            &[
                HOST,
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-length", "13"),
                ("x-amz-content-sha256", hash),
            ],
            "Param1=value1",
        ),
        signed_headers: "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
        canonical: "POST\n/\n\ncontent-length:13\n\
            content-type:application/x-www-form-urlencoded\nhost:example.amazonaws.com\n\
            x-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e\n\
            x-amz-date:20150830T123600Z\n\n\
            content-length;content-type;host;x-amz-content-sha256;x-amz-date\n\
            9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
        canonical_hash: "b1edd1d03544c25390e32085d55b57acc9a3961bb59415ff86c45c3d89d16cfb",
        signature: "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    });
}

/// Those of the published examples whose point is in the signature alone.
#[test]
fn more_published_examples_are_verified() {
    let check = |request: Request, signed_headers: &str, signature: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/20150830/us-east-1/service/aws4_request,\
             SignedHeaders={signed_headers},Signature={signature}"
        );
        let request =
            request.with("x-amz-date", "20150830T123600Z").with("authorization", &authorization);
        let verified = verifier(Mode::Strict, "service").verify(request.parts(), at(SIGNED_AT));
        assert_eq!(verified, Ok(caller()), "{request:?}");
    };
    check(
        Request::new(
            "GET",
            "/",
            &[HOST, ("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
        ),
        "host;my-header1;x-amz-date",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    );
    check(
        Request::new("GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", &[HOST], ""),
        "host;x-amz-date",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    );
    check(
        Request::new("GET", "/?Param1=value1", &[HOST], ""),
        "host;x-amz-date",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    );
    check(
        Request::new("GET", "//example//", &[HOST], ""),
        "host;x-amz-date",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    );
}

#[test]
fn the_published_signed_query_is_verified() {
    let uri = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830\
        %2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&\
        X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature=\
        e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d";
    let request = Request::new("GET", uri, &[HOST], "");
    let verify = |now| verifier(Mode::Strict, "service").verify(request.parts(), at(now));
    assert_eq!(verify(SIGNED_AT), Ok(caller()));
    assert_eq!(verify(SIGNED_AT + 3600), Ok(caller()));
    assert_eq!(
        verify(SIGNED_AT + 3601),
        Err(AuthError::InvalidSignature(
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T133601Z - 3600 sec.)"
                .to_owned()
        ))
    );
}

#[test]
fn a_path_is_encoded_once_more_than_on_the_wire() {
    let request =
        Request::new("POST", "/functions/arn%3Aaws/invocations", &[HOST], "").signed(&SIGNER);
    let claim = Claim::read(request.parts()).unwrap();
    let canonical = canonical::request(request.parts(), &claim).unwrap();
    let expected = format!(
        "POST\n/functions/arn%253Aaws/invocations\n\nhost:example.amazonaws.com\n\
         x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n{EMPTY_HASH}"
    );
    assert_eq!(String::from_utf8(canonical).unwrap(), expected);
    assert_eq!(verify(&request), Ok(caller()));
}

/// Signatures that botocore 1.43 made for these requests.
#[test]
fn what_botocore_signs_is_verified() {
    let check = |path: &str, signature: &str| {
        let host = ("host", "127.0.0.1:8080");
        let content_type = ("content-type", "application/x-amz-json-1.1");
        let date = ("x-amz-date", "20150830T123600Z");
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/20150830/us-east-1/translate/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
        );
        let headers = [
            host,
            content_type,
            date,
            ("x-amz-target", TARGET),
            ("amz-sdk-invocation-id", "not signed"),
            ("authorization", &authorization),
        ];
        let request = Request::new("POST", path, &headers, r#"{"MaxResults": 5}"#);
        assert_eq!(verify(&request), Ok(caller()), "{path}");
    };
    check("/", "9a1b5995c6b545c9e796d332036daa2756c83a5d2bddba32d58dc77327018524");
    check("/x%20y/", "7883b21f4b1df4881e537032f0d59ad2544fb59a4536f858a93cf2ff289c9604");
}

fn check_refused(request: &Request, expected: AuthError) {
    assert_eq!(verify(request), Err(expected), "{request:?}");
}

fn invalid(message: &str) -> AuthError {
    AuthError::InvalidSignature(message.to_owned())
}

fn incomplete(message: &str) -> AuthError {
    AuthError::IncompleteSignature(message.to_owned())
}

#[test]
fn an_unsigned_request_is_refused() {
    check_refused(&call(), AuthError::MissingAuthenticationToken);
}

#[test]
fn an_unknown_key_or_token_is_refused() {
    let unknown = call().signed(&Signer { key_id: "AKIDOTHER", ..SIGNER });
    check_refused(&unknown, AuthError::UnrecognizedClient);
    let token = call().with("x-amz-security-token", "t").signed(&SIGNER);
    check_refused(&token, AuthError::UnrecognizedClient);
}

#[test]
fn a_wrong_secret_is_refused() {
    check_refused(
        &call().signed(&Signer { secret: "other", ..SIGNER }),
        invalid(SIGNATURE_DIFFERS),
    );
}

#[test]
fn another_scope_is_refused() {
    let service = call().signed(&Signer { service: "comprehend", ..SIGNER });
    let text = "Credential should be scoped to correct service: 'translate'.";
    check_refused(&service, invalid(text));
    let region = call().signed(&Signer { region: "US_EAST", ..SIGNER });
    check_refused(&region, invalid("Credential should be scoped to a valid region."));
    let day = call().signed(&SIGNER).with("x-amz-date", "20150831T000000Z");
    check_refused(
        &day,
        invalid(
            "Date in Credential scope does not match the day of the request: '20150830' is not \
             the day of '20150831T000000Z'.",
        ),
    );
}

#[test]
fn a_clock_may_be_off_by_fifteen_minutes() {
    let request = call().signed(&SIGNER);
    let verify =
        |now| verifier(Mode::Strict, "translate").verify(request.parts(), at(SIGNED_AT + now));
    for now in [-900, 0, 900] {
        assert_eq!(verify(now), Ok(caller()));
    }
    assert_eq!(
        verify(1200),
        Err(invalid(
            "Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z \
             (20150830T125600Z - 15 min.)"
        ))
    );
    assert_eq!(
        verify(-1200),
        Err(invalid(
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123100Z \
             (20150830T121600Z + 15 min.)"
        ))
    );
    assert!(verify(901).is_err() && verify(-901).is_err());
}

#[test]
fn what_is_not_a_signature_is_named() {
    let check = |authorization: &str, expected: &str| {
        let request =
            call().with("x-amz-date", "20150830T123600Z").with("authorization", authorization);
        check_refused(&request, incomplete(expected));
    };
    check(
        "AWS4-HMAC-SHA256 garbage",
        "'garbage' not a valid key=value pair (missing equal-sign) in Authorization header: \
         'AWS4-HMAC-SHA256 garbage'.",
    );
    check("Bearer abc", "Unsupported AWS 'algorithm': 'Bearer'");
    check(
        "AWS4-HMAC-SHA256 Signature=a, SignedHeaders=host",
        "Authorization header requires 'Credential' parameter. \
         Authorization=AWS4-HMAC-SHA256 Signature=a, SignedHeaders=host",
    );
    check(
        "AWS4-HMAC-SHA256",
        "Authorization header requires 'Credential' parameter. \
         Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. \
         Authorization=AWS4-HMAC-SHA256",
    );
    check(
        "AWS4-HMAC-SHA256 Credential=a/b, Signature=a, SignedHeaders=host",
        "Credential must have exactly 5 slash-delimited elements, e.g. \
         keyid/date/region/service/term, got 'a/b'",
    );

    let signed = call().signed(&SIGNER);
    let authorization = signed.headers["authorization"].to_str().unwrap().to_owned();
    check_refused(
        &signed.clone().without("x-amz-date"),
        incomplete(&format!(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
             header. Authorization={authorization}"
        )),
    );
    check_refused(
        &signed.with("x-amz-date", "yesterday"),
        incomplete("Date must be in ISO-8601 'basic format'. Got 'yesterday'."),
    );
}

#[test]
fn what_decides_must_be_signed() {
    let unsigned_target = call().without("x-amz-target").signed(&SIGNER);
    check_refused(
        &unsigned_target.with("x-amz-target", TARGET),
        invalid("'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
    );
    let check = |from: &str, to: &str, name: &str| {
        let signed = call().signed(&SIGNER);
        let authorization = signed.headers["authorization"].to_str().unwrap().replace(from, to);
        check_refused(
            &signed.with("authorization", &authorization),
            invalid(&format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")),
        );
    };
    check(";host;", ";", "host");
    check(";host;", ";Host;", "host");
    check(";x-amz-date;", ";", "x-amz-date");
}

#[test]
fn a_date_header_will_do() {
    let (day, date) = ("20150830", "Sun, 30 Aug 2015 12:36:00 GMT");
    let scope = format!("{day}/us-east-1/translate/aws4_request");
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope},SignedHeaders=date;host;x-amz-target,\
         Signature="
    );
    let request = call().with("date", date).with("authorization", &authorization);
    let claim = Claim::read(request.parts()).unwrap();
    let canonical = canonical::request(request.parts(), &claim).unwrap();
    let text = canonical::string_to_sign(&claim, &canonical);
    assert!(text.starts_with("AWS4-HMAC-SHA256\n20150830T123600Z\n"), "{text}");
    let signature = canonical::signature(&Secret::new(SECRET), &claim.credential, &text);
    let signed = request.with("authorization", &format!("{authorization}{signature}"));
    assert_eq!(verify(&signed), Ok(caller()));
}

#[test]
fn the_announced_hash_of_the_body_must_be_true() {
    let other = call().with("x-amz-content-sha256", EMPTY_HASH).signed(&SIGNER);
    check_refused(&other, invalid(SIGNATURE_DIFFERS));
}

#[test]
fn the_port_is_part_of_the_signed_host() {
    let signed = call().signed(&SIGNER);
    assert_eq!(verify(&signed), Ok(caller()));
    check_refused(&signed.with("host", "127.0.0.1:8081"), invalid(SIGNATURE_DIFFERS));
}

#[test]
fn off_mode_believes_what_a_request_says() {
    let check = |request: &Request, account: &str, region: &str, key: Option<&str>| {
        let believed = verifier(Mode::Off, "translate").verify(request.parts(), at(0));
        let expected = Caller {
            account: account.to_owned(),
            region: region.to_owned(),
            access_key_id: key.map(str::to_owned),
        };
        assert_eq!(believed, Ok(expected));
    };
    check(&call(), "000000000000", "eu-west-1", None);
    check(&call().signed(&SIGNER), "111122223333", "us-east-1", Some(KEY_ID));
    let wrong = Signer { key_id: "any", secret: "thing", region: "ap-south-1", ..SIGNER };
    check(&call().signed(&wrong), "000000000000", "ap-south-1", Some("any"));
    let wrong = Signer { location: SignatureLocation::QueryParams, ..wrong };
    check(&call().signed(&wrong), "000000000000", "ap-south-1", Some("any"));
    check(&call().with("authorization", "garbage"), "000000000000", "eu-west-1", None);
    let bad_region = Signer { region: "US_EAST", ..SIGNER };
    check(&call().signed(&bad_region), "111122223333", "eu-west-1", Some(KEY_ID));
}

fn any_location() -> impl Strategy<Value = SignatureLocation> {
    prop_oneof![Just(SignatureLocation::Headers), Just(SignatureLocation::QueryParams)]
}

prop_compose! {
    fn any_request()(
        // Signers disagree on a last segment of dots, which nobody has.
        path in "(/[a-z0-9][a-z0-9.~_%-]{0,5}){0,3}/?",
        port in any::<u16>(),
        content_type in "[a-z]{1,5}( {1,3}[a-z]{1,5}){0,2}",
        target in "[A-Za-z0-9_.]{1,20}",
        body in ".{0,40}",
    ) -> Request {
        // A percent sign on the wire stands before two digits.
        let path = format!("/{}", path.trim_start_matches('/')).replace('%', "%2F");
        let host = format!("localhost:{port}");
        Request::new(
            "POST",
            &path,
            &[("host", &host), ("content-type", &content_type), ("x-amz-target", &target)],
            &body,
        )
    }
}

proptest! {
    #[test]
    fn what_the_official_signer_signs_is_verified(
        request in any_request(),
        location in any_location(),
    ) {
        let signed = request.signed(&Signer { location, ..SIGNER });
        prop_assert_eq!(verify(&signed), Ok(caller()));
    }

    #[test]
    fn no_byte_of_the_body_can_be_changed(
        request in any_request(),
        location in any_location(),
        position in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let mut signed = request.signed(&Signer { location, ..SIGNER });
        if signed.body.is_empty() {
            signed.body.push(change);
        } else {
            let position = position.index(signed.body.len());
            signed.body[position] ^= change;
        }
        prop_assert_eq!(verify(&signed), Err(invalid(SIGNATURE_DIFFERS)));
    }

    #[test]
    fn no_byte_of_a_signed_header_can_be_changed(
        request in any_request(),
        name in prop::sample::select(vec!["host", "content-type", "x-amz-target"]),
        position in any::<prop::sample::Index>(),
    ) {
        let signed = request.signed(&SIGNER);
        let mut value = signed.headers[name].as_bytes().to_vec();
        let position = position.index(value.len());
        // A letter that the generators never make, so that the value is another one.
        value[position] = b'#';
        let changed = signed.with(name, std::str::from_utf8(&value).unwrap());
        prop_assert_eq!(verify(&changed), Err(invalid(SIGNATURE_DIFFERS)));
    }

    #[test]
    fn no_byte_of_the_path_can_be_changed(
        request in any_request(),
        position in any::<prop::sample::Index>(),
    ) {
        let mut signed = request.signed(&SIGNER);
        let mut path = signed.uri.path().as_bytes().to_vec();
        let position = position.index(path.len());
        path.insert(position + 1, b'!');
        signed.uri = std::str::from_utf8(&path).unwrap().parse().unwrap();
        prop_assert_eq!(verify(&signed), Err(invalid(SIGNATURE_DIFFERS)));
    }

    #[test]
    fn no_digit_of_the_signature_can_be_changed(digit in 0_usize..64) {
        let signed = call().signed(&SIGNER);
        let mut value = signed.headers["authorization"].as_bytes().to_vec();
        let position = value.len() - 1 - digit;
        value[position] = if value[position] == b'0' { b'1' } else { b'0' };
        let changed = signed.with("authorization", std::str::from_utf8(&value).unwrap());
        prop_assert_eq!(verify(&changed), Err(invalid(SIGNATURE_DIFFERS)));
    }

    #[test]
    fn no_bytes_make_the_verifier_panic(value in prop::collection::vec(32_u8.., 0..80)) {
        let mut request = call();
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            request.headers.insert("authorization", value.clone());
            request.headers.insert("x-amz-date", value);
            prop_assert!(verify(&request).is_err());
        }
    }
}
