//! Tests of the verifier: published examples with each intermediate value, the
//! official signer as a judge, and each way to be refused.

mod examples;
mod properties;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use axum::http::{HeaderName, HeaderValue};

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
