//! Signatures that others published or made, with each intermediate value.

use super::*;

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
