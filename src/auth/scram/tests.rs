use super::messages::encoded;
use super::*;
use crate::auth::saslname;
use crate::wire::base64;
use proptest::prelude::*;

/// The examples of RFC 5802 5 and RFC 7677 3: the same user, password and client's half of the nonce.
const EXAMPLES: [Example; 2] = [
    Example {
        algorithm: Algorithm::Sha1,
        first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        nonce: "3rfcNHYJY1ZVvWVs7j",
        salt: "QSXCR+Q6sek8bf92",
        last: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        proof: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    },
    Example {
        algorithm: Algorithm::Sha256,
        first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        last: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        proof: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    },
];

struct Example {
    algorithm: Algorithm,
    first: &'static str,
    nonce: &'static str,
    salt: &'static str,
    last: &'static str,
    proof: &'static str,
}

impl Example {
    fn salted(&self) -> Salted {
        let salt = base64::decode(self.salt.as_bytes()).unwrap();
        Salted { salt: salt.expose().into(), iterations: 4096 }
    }

    fn server(&self) -> Server {
        let first = ClientFirst::parse(self.first.as_bytes()).unwrap();
        Server::new(self.algorithm, first, self.nonce, &self.salted())
    }

    fn keys(&self) -> Keys {
        Keys::derive(self.algorithm, b"pencil", &self.salted())
    }
}

#[test]
fn rfc_5802_5_and_rfc_7677_3_both_sides_say_what_the_examples_say() {
    for example in &EXAMPLES {
        let (server, keys) = (example.server(), example.keys());
        assert!(keys.are_of(example.algorithm, b"pencil", &example.salted()));
        assert!(!keys.are_of(example.algorithm, b"pencil ", &example.salted()));
        let verdict = server.judge(&keys, example.last.as_bytes(), None);
        assert_eq!(verdict, Verdict::Right(example.proof.as_bytes().into()));
        let nonce = example.first.rsplit_once("r=").unwrap().1;
        let client = Inviting::new(example.algorithm, "user", None, nonce);
        assert_eq!(client.message(), example.first.as_bytes());
        let salted = client.invited(server.challenge().as_bytes()).unwrap();
        assert_eq!(salted, example.salted());
        let derived = Derived::of(example.algorithm, b"pencil", &salted);
        let (last, waiting) = client.prove(server.challenge().as_bytes(), &derived).unwrap();
        assert_eq!(last.expose(), example.last.as_bytes());
        assert!(waiting.believes(example.proof.as_bytes()));
        assert!(!waiting.believes(b"v=AAAA") && !waiting.believes(b"e=other-error"));
    }
}

#[test]
fn sa_04_a_last_message_that_is_not_the_exchanges_own_is_wrong() {
    let [_, example] = &EXAMPLES;
    let (server, keys) = (example.server(), example.keys());
    let judge = |message: &str| server.judge(&keys, message.as_bytes(), None);
    for message in [
        "",
        // Another nonce, another binding, no proof, none of the right length, reordered.
        &example.last.replace("k0,", "k1,"),
        &example.last.replace("c=biws", "c=eSws"),
        example.last.rsplit_once(",p=").unwrap().0,
        &format!("{},p=AAAA", example.last.rsplit_once(",p=").unwrap().0),
        &example.last.replace("c=biws,", "").replace(",p=", ",c=biws,p="),
        &example.last.replace("dHz", "dHy"),
    ] {
        assert_eq!(judge(message), Verdict::Wrong, "{message}");
    }
    // An extension is covered by the proof, and so makes this one wrong.
    assert_eq!(judge(&example.last.replace(",p=", ",x=1,p=")), Verdict::Wrong);
}

#[test]
fn sa_04_first_messages() {
    let parse = |text: &str| ClientFirst::parse(text.as_bytes());
    let plain = parse("n,,n=t=2Ci=3Dm,r=x=1,ext=1").unwrap();
    assert_eq!((&*plain.user, plain.binding), (&b"t,i=m"[..], Binding::Unsupported));
    assert_eq!((&*plain.nonce, &*plain.gs2_header), (&b"x=1"[..], &b"n,,"[..]));
    let acting = parse("y,a=tom,n=root,r=x").unwrap();
    assert_eq!(
        (acting.authorize_as.as_deref(), acting.binding),
        (Some(&b"tom"[..]), Binding::NotOffered)
    );
    assert_eq!(parse("p=tls-exporter,,n=u,r=x").unwrap().binding, Binding::TlsExporter);
    assert_eq!(parse("p=tls-unique,,n=u,r=x").unwrap().binding, Binding::Other);
    for text in [
        "",
        "n,,",
        "n,,n=u",
        "n,,n=u,r=",
        "n,,r=x,n=u",
        "n,,m=1,n=u,r=x",
        "n,n=u,r=x",
        "p=,,n=u,r=x",
        "x,,n=u,r=x",
        "n,,n=,r=x",
        "n,,n=a=b,r=x",
        "n,,n=a=2c,r=x",
        "n,a=,n=u,r=x",
        "n,,n=u,r=x y",
        "n,,n=u,r=\u{e4}",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn sa_04_a_bound_channel_is_this_very_one() {
    let [_, example] = &EXAMPLES;
    let first = ClientFirst::parse(b"p=tls-exporter,,n=user,r=abc").unwrap();
    let server = Server::new(example.algorithm, first, "def", &example.salted());
    let derived = Derived::of(example.algorithm, b"pencil", &example.salted());
    let last = |exported: &str| {
        let bound = encoded(format!("p=tls-exporter,,{exported}").as_bytes());
        let without_proof = format!("c={bound},r=abcdef");
        let message = format!("n=user,r=abc,{},{without_proof}", server.challenge());
        let stored = example.algorithm.hash(derived.client.expose());
        let signature = example.algorithm.hmac(&stored, message.as_bytes());
        let proof: Vec<u8> =
            derived.client.expose().iter().zip(signature.iter()).map(|(a, b)| a ^ b).collect();
        format!("{without_proof},p={}", encoded(&proof))
    };
    let keys = example.keys();
    let ours = Some(&b"exported"[..]);
    assert!(matches!(server.judge(&keys, last("exported").as_bytes(), ours), Verdict::Right(_)));
    for (said, ours) in [("exported", Some(&b"another"[..])), ("", ours), ("exported", None)] {
        assert_eq!(server.judge(&keys, last(said).as_bytes(), ours), Verdict::Wrong);
    }
}

#[test]
fn sa_04_what_a_server_may_ask_of_us() {
    let client = Inviting::new(Algorithm::Sha256, "t,m", Some("u=v"), "abc");
    assert_eq!(client.message(), b"n,a=u=3Dv,n=t=2Cm,r=abc");
    assert!(client.invited(b"r=abcd,s=c2FsdA==,i=4096,x=1").is_some());
    for text in [
        "",
        "r=abc,s=c2FsdA==,i=4096",
        "r=xabcd,s=c2FsdA==,i=4096",
        "r=abcd,s=,i=4096",
        "r=abcd,s=!,i=1",
        "r=abcd,s=c2FsdA==,i=0",
        "r=abcd,s=c2FsdA==,i=-1",
        "r=abcd,s=c2FsdA==,i=1000000000",
        "e=invalid-encoding",
    ] {
        assert!(client.invited(text.as_bytes()).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_a_name_holds_it_comes_back(name in "[^\\x00]{1,40}", nonce in "[!-+\\--~]{1,20}") {
        let message = format!("n,,n={},r={nonce}", saslname::written(&name));
        let first = ClientFirst::parse(message.as_bytes()).unwrap();
        prop_assert_eq!((&*first.user, &*first.nonce), (name.as_bytes(), nonce.as_bytes()));
    }
}
