//! Values that make sense and values that do not.

use super::*;

fn fields(text: &str) -> Result<Fields, FieldError> {
    let mut fields = Fields::default();
    for word in text.split_whitespace() {
        let (name, value) =
            word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        fields.set(name, value)?;
    }
    Ok(fields)
}

#[test]
fn dovecots_fields_make_the_grant() {
    let text = "proxy=y host=be1.example.org hostip=10.0.0.1 port=1143 destuser=b@x pass=s3cret master=adm \
                proxy_mech=plain proxy_timeout=45 proxy_nopipelining proxy_not_trusted=y proxy_noauth=no ssl=any-cert \
                backend_connections_max=40 forward_a=1 forward_b=x=y forward_a=2 user_quota=1 event_x=y userdb_mail=z unknown=1 proxy_redirect_reauth=y";
    let grant = fields(text).unwrap().grant.grant("bob".into(), true);
    let expected = Grant {
        destuser: Some("b@x".into()),
        pass: Some(Secret::from("s3cret")),
        master: Some("adm".into()),
        host: Some("be1.example.org".into()),
        hostip: Some("10.0.0.1".parse().unwrap()),
        port: Some(1143),
        timeout: Some(Duration::from_secs(45)),
        backend_connections_max: Some(40),
        mech: BackendMech::Plain,
        nopipelining: true,
        not_trusted: true,
        tls: Some(BackendTls::Implicit(Certificate::Any)),
        forward: vec![("b".into(), "x=y".into()), ("a".into(), "2".into())],
        ..Grant::new("bob", true)
    };
    assert_eq!(grant, expected);
    assert_eq!(fields("").unwrap().grant.grant("bob".into(), false), Grant::new("bob", false));
}

#[test]
fn flags_may_stand_alone_and_may_be_taken_back() {
    let set = fields("nopassword nologin=yes nodelay=1 nodelay=n noauthenticate=").unwrap();
    assert!(set.nopassword && set.nologin && !set.nodelay && set.noauthenticate);
    assert_eq!(
        fields("starttls=yes").unwrap().grant.tls,
        Some(BackendTls::Starttls(Certificate::Configured))
    );
    assert_eq!(fields("ssl=no").unwrap().grant.tls, Some(BackendTls::Off));
    assert_eq!(
        fields("proxy_timeout=500ms").unwrap().grant.timeout,
        Some(Duration::from_millis(500))
    );
    let delay = fields("delay_until=1700000000+30").unwrap().delay_until;
    assert_eq!(delay, Some(DelayUntil { unix_s: 1_700_000_000, random_s_max: 30 }));
}

/// A row that keeps its user out in a way that Hale does not have lets no client in.
#[test]
fn allow_real_nets_lets_nobody_in() {
    let fault = Fields::default().set("allow_real_nets", Some("10.0.0.0/8")).unwrap_err();
    assert!(fault.to_string().contains("`allow_nets` in its place"), "{fault}");
}

#[test]
fn allow_nets_takes_networks_and_local() {
    let nets = fields("allow_nets=192.0.2.0/24,2001:db8::1,local").unwrap().allow_nets.unwrap();
    for allowed in ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::1", "0.0.0.0"] {
        assert!(nets.allows(allowed.parse().unwrap()), "{allowed}");
    }
    for refused in ["192.0.3.9", "2001:db8::2", "127.0.0.1"] {
        assert!(!nets.allows(refused.parse().unwrap()), "{refused}");
    }
    assert!(
        !fields("allow_nets=").unwrap().allow_nets.unwrap().allows("127.0.0.1".parse().unwrap())
    );
}

#[test]
fn sa_21_senseless_values_name_the_field_and_not_the_value() {
    let long = format!("forward_k={}", "x".repeat(1025));
    let senseless = [
        ("port=0", Field::Port),
        ("port=65536", Field::Port),
        ("port", Field::Port),
        ("hostip=be1", Field::Hostip),
        ("host=", Field::Host),
        ("host=a/b", Field::Host),
        ("proxy=perhaps", Field::Proxy),
        ("nopassword=maybe", Field::Nopassword),
        ("ssl=always", Field::Ssl),
        ("proxy_mech=GSSAPI", Field::ProxyMech),
        ("backend_connections_max=", Field::BackendConnectionsMax),
        ("backend_connections_max=-1", Field::BackendConnectionsMax),
        ("proxy_timeout=0", Field::ProxyTimeout),
        ("proxy_timeout=3x", Field::ProxyTimeout),
        ("proxy_timeout=99999999999999999999", Field::ProxyTimeout),
        ("delay_until=soon", Field::DelayUntil),
        ("allow_nets=here", Field::AllowNets),
        ("destuser=", Field::Destuser),
        ("pass=hunter2\u{7F}", Field::Pass),
        ("forward_=x", Field::Forward),
        ("forward_abcdefghijklmnopqrstu=x", Field::Forward),
        (&long, Field::Forward),
    ];
    for (text, field) in senseless {
        assert_eq!(fields(text).unwrap_err(), FieldError(field), "{text}");
    }
    let told = FieldError(Field::Port).to_string();
    assert_eq!(told, "field port: expected a port from 1 to 65535");
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", fields("pass=hunter2 password=hunter3").unwrap());
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn palomar_5_4_delay_until_is_a_moment_of_the_world_and_a_random_part() {
    let delay = DelayUntil { unix_s: 1_700_000_031, random_s_max: 0 };
    assert_eq!(delay.at(Tick(500), 1_700_000_000_250, 77), Tick(500 + 30_750));
    assert_eq!(delay.at(Tick(500), 1_700_000_031_001, 77), Tick(500), "over");
    let delay = DelayUntil { random_s_max: 10, ..delay };
    assert_eq!(delay.at(Tick(0), 1_700_000_031_000, 10_000), Tick(10_000));
    assert_eq!(delay.at(Tick(0), 1_700_000_031_000, 10_001), Tick(0));
    let never = DelayUntil { unix_s: u64::MAX, random_s_max: u32::MAX };
    assert!(never.at(Tick(1), 0, u64::MAX) > Tick(u64::MAX / 2), "no overflow");
}
