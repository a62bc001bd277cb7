//! Who among those in the operator's file may make certificates of backends (`tls::makers`).

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use super::trust::{Made, Make, NAME, said};
use super::*;
use OlderForms::Accepted;

const MAY_NOT: &str = "the certificate's issuer stands in ssl_client_ca_file, but ";

/// A backend's certificate that `maker` made, shown alone and with its maker.
fn said_below(maker: &Made) -> String {
    let leaf = Make::of(NAME[0]).hosts(NAME).by(maker);
    let words = said(&[maker], &[&leaf], Accepted);
    assert_eq!(said(&[maker], &[&leaf, maker], Accepted), words);
    // One that may make none beside it changes nothing.
    let other = Make::of("Our CA").authority().own();
    assert_eq!(said(&[&other, maker], &[&leaf], Accepted), words);
    let oldest = leaf.as_version_1(maker);
    assert_eq!(said(&[maker], &[&oldest], Accepted), words);
    words
}

#[test]
fn w_btls_1_a_backends_own_certificate_makes_no_others() {
    let authority = Make::of("Our CA").authority().own();
    let make = Make::of("be2").hosts(&["be2.example.org"]);
    let unmarked = format!(
        "{MAY_NOT}it is not marked as an authority (CA:TRUE), so it stands there for itself alone"
    );
    for own in [make.own(), make.by(&authority)] {
        assert_eq!(said_below(&own), unmarked);
        let leaf = Make::of("x").hosts(NAME).by(&own);
        let words = said(&[&authority, &own], &[&leaf, &own], Accepted);
        assert!(!words.is_empty(), "with its own authority in the file");
    }
    // Version 1 is an authority where it made itself, and nowhere else.
    let oldest = make.by(&authority).as_version_1(&authority);
    let leaf = Make::of("x").hosts(NAME).by(&oldest);
    assert_ne!(said(&[&authority, &oldest], &[&leaf, &oldest], Accepted), "");
}

#[test]
fn w_btls_1_an_authority_is_one_for_what_it_says_and_as_long_as_it_says() {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    use KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign};
    let make = || Make::of("CA").authority();
    for usages in [vec![], vec![KeyCertSign], vec![KeyCertSign, CrlSign]] {
        assert_eq!(said_below(&Make { usages, ..make() }.own()), "");
    }
    for usages in [vec![DigitalSignature], vec![CrlSign]] {
        let words = said_below(&Make { usages, ..make() }.own());
        assert_eq!(words, format!("{MAY_NOT}its keyUsage has no keyCertSign"));
    }
    assert_eq!(said_below(&Make { purposes: vec![ClientAuth, ServerAuth], ..make() }.own()), "");
    let words = said_below(&Make { purposes: vec![ClientAuth], ..make() }.own());
    assert!(words.contains("extendedKeyUsage does not name servers"), "{words}");
    let words = said_below(&Make { years: [2019, 2021], ..make() }.own());
    assert_eq!(words, format!("{MAY_NOT}it has expired, on 2021-01-01; put the renewed one there"));
    let words = said_below(&Make { years: [2100, 2101], ..make() }.own());
    assert!(words.contains("valid from 2100-01-01 on"), "{words}");
}

#[test]
fn w_btls_1_an_authority_allows_so_many_in_between() {
    for (below, good) in [(None, true), (Some(1), true), (Some(200), true), (Some(0), false)] {
        let authority = Make { below, ..Make::of("CA").authority() }.own();
        let between = Make::of("between").authority().by(&authority);
        let leaf = Make::of("x").hosts(NAME).by(&between);
        let words = said(&[&authority], &[&leaf, &between, &authority], Accepted);
        assert_eq!(words.is_empty(), good, "{below:?}: {words}");
        assert!(good || words.contains("no more than 0 others in between (pathlen)"), "{words}");
        assert_eq!(said_below(&authority), "");
    }
}

#[test]
fn w_btls_1_one_that_has_expired_costs_itself_alone() {
    let late = Make { years: [2019, 2021], ..Make::of("late").authority() }.own();
    let good = Make::of("good").authority().own();
    let leaf = |maker| Make::of("x").hosts(NAME).by(maker);
    let (of_late, of_good) = (leaf(&late), leaf(&good));
    assert_eq!(said(&[&late, &good], &[&of_good], Accepted), "");
    assert_ne!(said(&[&late, &good], &[&of_late], Accepted), "");
    // The system's too.
    let trust = Trust::system((late.pem() + &good.pem()).as_bytes()).unwrap();
    let judged = |leaf: &Made| {
        trust.judge(std::slice::from_ref(&leaf.der), NAME[0], u64::try_from(NOW).unwrap()).is_ok()
    };
    assert!(judged(&of_good) && !judged(&of_late));
}

#[test]
fn w_btls_1_what_the_library_refuses_is_told_in_words() {
    let authority = Make::of("Our CA").authority().own();
    let limited = Make { only_for: Some("example.net"), ..Make::of("limited").authority() }.own();
    let words = said(&[&limited], &[&Make::of("x").hosts(NAME).by(&limited)], Accepted);
    assert!(
        words.ends_with("may not make certificates for this name (nameConstraints)"),
        "{words}"
    );
    let plain = Make::of("plain").by(&authority);
    let below = Make::of("x").hosts(NAME).by(&plain);
    let words = said(&[&authority], &[&below, &plain], Accepted);
    assert!(words.ends_with("is not marked as an authority (CA:TRUE) made it"), "{words}");
}
