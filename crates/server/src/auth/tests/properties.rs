//! The official signer as a judge: what it signs is verified, and no byte of it can be changed.

use proptest::prelude::*;

use super::*;

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
