//! The rules for URLs.

use proptest::prelude::*;

use super::*;

fn refused(text: &str) -> GuardError {
    AddressGuard::new().url(text).expect_err(text)
}

fn range(text: &str) -> AddressRange {
    match refused(text) {
        GuardError::Address { range, .. } => range,
        other => panic!("{text}: {other}"),
    }
}

#[test]
fn a_webhook_url_is_absolute_https_and_fully_qualified() {
    let guard = AddressGuard::new();
    for good in [
        "https://hooks.example.com/",
        "https://hooks.example.com",
        "HTTPS://Hooks.Example.COM:8443/a?token=b",
        "https://hooks.example.com./",
        "https://bücher.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ] {
        assert!(guard.url(good).is_ok(), "{good}");
    }
    for relative in [
        "",
        "/hooks",
        "hooks.example.com",
        "//hooks.example.com/",
        "https:hooks.example.com",
        "https:/hooks.example.com",
        "https:///hooks.example.com",
        "https:hooks.example.com://",
        "https:\\\\hooks.example.com",
        " https://hooks.example.com",
        "https://hooks.example.com/\n",
        "https://hooks.exa\tmple.com/",
    ] {
        assert_eq!(
            refused(relative),
            GuardError::Url(UrlError::NotAUrl),
            "{relative:?}"
        );
    }
    for scheme in ["ftp://hooks.example.com/", "gopher://hooks.example.com/"] {
        assert_eq!(
            refused(scheme),
            GuardError::Url(UrlError::Scheme),
            "{scheme}"
        );
    }
    for plain in [
        "http://hooks.example.com/",
        "http://8.8.8.8/",
        "http://127.0.0.1:80/",
        "http://localhost/",
    ] {
        assert_eq!(refused(plain), GuardError::Plaintext, "{plain}");
    }
    for name in [
        "https://intranet/",
        "https://localhost/",
        "https://localhost./",
        "https://a.localhost/",
        "https://a..b/",
    ] {
        assert!(
            matches!(
                refused(name),
                GuardError::NotQualified { .. } | GuardError::Url(UrlError::NotAUrl)
            ),
            "{name}"
        );
    }
}

#[test]
fn a_url_with_credentials_is_refused_without_repeating_them() {
    for text in [
        "https://user:hunter2@hooks.example.com/",
        "https://hunter2@hooks.example.com/",
    ] {
        let error = refused(text);
        assert_eq!(error, GuardError::Url(UrlError::Credentials));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    let error = refused("https://10.0.0.1/hunter2?token=hunter2");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    assert_eq!(
        error.to_string(),
        "10.0.0.1 is a private address: only addresses of the open internet are called, and those of networks that are listed"
    );
}

#[test]
fn literal_addresses_in_decimal_hex_octal_and_short_forms_are_refused() {
    use AddressRange::{LinkLocal, Loopback, Private, Unspecified};
    for (host, expected) in [
        ("127.0.0.1", Loopback),
        ("2130706433", Loopback),
        ("0x7f000001", Loopback),
        ("0x7F.0x0.0x0.0x1", Loopback),
        ("017700000001", Loopback),
        ("0177.0.0.1", Loopback),
        ("127.1", Loopback),
        ("127.0.1", Loopback),
        ("127.0.0.1.", Loopback),
        ("%31%32%37.0.0.1", Loopback),
        ("１２７.0.0.1", Loopback),
        ("127。0。0。1", Loopback),
        ("0", Unspecified),
        ("167772161", Private),
        ("0xa000001", Private),
        ("10.1", Private),
        ("012.0.0.1", Private),
        ("0xC0.0xA8.1", Private),
        ("3232235777", Private),
        ("2852039166", LinkLocal),
        ("0xa9fea9fe", LinkLocal),
        ("0251.0376.0251.0376", LinkLocal),
    ] {
        assert_eq!(range(&format!("https://{host}/")), expected, "{host}");
    }
    // Numbers that are no address are no host either.
    for host in [
        "256.256.256.256",
        "4294967296",
        "0x100000000",
        "1.2.3.4.5",
        "hooks.1",
    ] {
        assert_eq!(
            refused(&format!("https://{host}/")),
            GuardError::Url(UrlError::NotAUrl),
            "{host}"
        );
    }
}

#[test]
fn mapped_and_scoped_addresses_are_refused() {
    use AddressRange::{LinkLocal, Loopback, Mapped, Nat64, SixToFour, Teredo, UniqueLocal};
    for (host, expected) in [
        ("[::1]", Loopback),
        ("[0:0:0:0:0:0:0:1]", Loopback),
        ("[::ffff:127.0.0.1]", Mapped),
        ("[::FFFF:7f00:1]", Mapped),
        ("[::ffff:8.8.8.8]", Mapped),
        ("[::127.0.0.1]", Mapped),
        ("[64:ff9b::10.0.0.1]", Nat64),
        ("[64:ff9b:1::10.0.0.1]", Nat64),
        ("[2002:a00:1::]", SixToFour),
        ("[2001::1]", Teredo),
        ("[fe80::1]", LinkLocal),
        ("[fd00:ec2::254]", UniqueLocal),
    ] {
        assert_eq!(range(&format!("https://{host}/")), expected, "{host}");
    }
    for host in [
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[2606:4700::1111%251]",
        "[::1%25lo]:443",
    ] {
        assert_eq!(
            refused(&format!("https://{host}/")),
            GuardError::Scoped,
            "{host}"
        );
    }
    assert_eq!(
        refused("https://[zz]/%"),
        GuardError::Url(UrlError::NotAUrl)
    );
}

#[test]
fn private_networks_are_reached_only_when_listed() {
    let guard = AddressGuard::new()
        .allow_network("10.20.0.0/16".parse().unwrap())
        .allow_network("fd00::/8".parse().unwrap());
    assert_eq!(guard.networks().len(), 2);
    assert!(guard.url("https://10.20.30.40/").is_ok());
    assert!(guard.url("https://0x0a141e28/").is_ok());
    assert!(guard.url("https://[fd00::1]/").is_ok());
    assert!(guard.url("https://10.21.0.1/").is_err());
    assert!(guard.url("https://[::ffff:10.20.0.1]/").is_err());
    assert_eq!(guard.url("http://10.20.30.40/"), Err(GuardError::Plaintext));
}

#[test]
fn plain_http_goes_to_a_listed_loopback_address_with_its_port_alone() {
    let listed = "127.0.0.1:8080".parse().unwrap();
    let guard = AddressGuard::new()
        .allow_loopback(listed)
        .allow_loopback("10.0.0.1:80".parse().unwrap());
    assert!(guard.url("http://127.0.0.1:8080/hook").is_ok());
    assert!(guard.url("https://127.0.0.1:8080/hook").is_ok());
    for bad in [
        "http://127.0.0.1:8081/",
        "http://127.0.0.2:8080/",
        "http://localhost:8080/",
        "http://[::1]:8080/",
        "http://10.0.0.1/",
    ] {
        assert_eq!(guard.url(bad), Err(GuardError::Plaintext), "{bad}");
    }
    assert!(guard.url("https://127.0.0.1:8081/").is_err());
    // A name that leads there is not let through.
    assert!(guard.address(listed.ip()).is_err());
}

proptest! {
    #[test]
    fn no_notation_of_an_address_gets_past_the_guard(bits in any::<u32>(), notation in 0..6) {
        let address = std::net::Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = address.octets();
        let host = match notation {
            0 => address.to_string(),
            1 => bits.to_string(),
            2 => format!("{bits:#x}"),
            3 => format!("0{bits:o}"),
            4 => format!("{a}.{:#X}", bits & 0xff_ffff),
            _ => format!("0{a:o}.{b:#x}.{}", u16::from(c) << 8 | u16::from(d)),
        };
        let guard = AddressGuard::new();
        let verdict = guard.url(&format!("https://{host}/"));
        prop_assert_eq!(verdict.is_ok(), guard.address(address.into()).is_ok(), "{}", host);
    }

    #[test]
    fn any_text_is_judged_and_no_verdict_repeats_its_path(text in "(https?://)?[a-z0-9.:@%\\[\\]]{0,20}/(hunter2){0,1}.{0,10}") {
        if let Err(error) = AddressGuard::new().url(&text) {
            prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
        }
    }
}
