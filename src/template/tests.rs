//! Templates: grammar, filters, and Dovecot 2.3's own answers.

use super::*;
use proptest::prelude::*;

fn lookup(name: &str) -> Option<Cow<'static, str>> {
    match name {
        "user" => Some("Ann@Example.ORG".into()),
        "passdb:site" => Some("%{user}".into()),
        "number" => Some("48879".into()),
        "protocol" => Some("imap".into()),
        _ => None,
    }
}

fn expand(text: &str) -> String {
    Template::parse(text, Letters::Variables).unwrap().expand(&lookup).unwrap()
}

#[test]
fn filters_apply_from_left_to_right() {
    assert_eq!(expand("%{user | lower}"), "ann@example.org");
    assert_eq!(expand("%{user|username|upper}-%{ user | domain }"), "ANN-Example.ORG");
    assert_eq!(expand("%{hostname | default('a | b}')}!"), "a | b}!");
    assert_eq!(expand("%{username}/%{domain | lower}"), "Ann/example.org");
    assert_eq!(expand("%Lu %n %d 100%% 5% %"), "ann@example.org Ann Example.ORG 100% 5% %");
}

#[test]
fn sa_11_values_are_never_expanded_again() {
    assert_eq!(expand("x%{passdb:site}y"), "x%{user}y");
}

/// Printed by Debian's Dovecot 2.3.19 for the user `alice` (`doveadm auth lookup` with `override_fields`).
const ALICE: &[(&str, &str)] = &[
    ("%1Mu", "6"),
    ("%2.256Nu", "f5"),
    ("%.256Nu", "f5"),
    ("%Nu", "184bcbf5"),
    ("%Hu", "682f95"),
    ("%256Hu", "95"),
    ("%-5u", "alice"),
    ("%-3u", "ali"),
    ("%05u", "alice"),
    ("%012u", "0000000alice"),
    ("%2.3u", "ice"),
    ("%-2.3u", "ce"),
    ("%-3.2u", "ic"),
    ("%2.-3u", ""),
    ("%-5.-3u", "al"),
    ("%0.3u", "ali"),
    ("%2.05u", "00ice"),
    ("%2.0-3u", "ice"),
    ("%2.-03u", ""),
    ("%2.-100u", "ice"),
    ("%3.0u", "ce"),
    ("%100.3u", ""),
    ("%-100.3u", "ali"),
    ("%Ru", "ecila"),
    ("%RMu", "7ca0403f5160aa7d0d44c2a3de40ebfd"),
    ("%MRLu", "c3656a7ac01fcce85fbcb4812b2e4836"),
    ("%LRUu", "ECILA"),
    ("%Xu", "0"),
    ("%1.1Mu", "3"),
    ("%16.16Mu", "8eccf10ca7a6563c"),
    ("%1M{user}", "6"),
    ("%2.256N{username}", "f5"),
    ("%2.100000N{user}", "bf15"),
    ("%1000000Nu", "552f5"),
    ("%-7Nu", "4"),
    ("%-7Hu", "6"),
    ("%010.5Nu", "0000000002"),
    ("%0Mu", "6384e2b2184bcbf58eccf10ca7a6563c"),
    ("%MMMMMMMMMMu", "71b2d06767db3620aa68a8cbb542488c"),
    ("%{sha1:user}", "522b276a356bdf39013dfabea2cd43e141ecc9e8"),
    ("%{sha256;truncate=8:user}", "2b"),
    ("%Du", "alice"),
    ("%%", "%"),
];

#[test]
fn case_10_letters_widths_and_modifiers_are_dovecots() {
    let alice = |name: &str| (name == "user").then_some(Cow::from("alice"));
    for (text, expected) in ALICE {
        let template = Template::parse(text, Letters::Variables).unwrap();
        assert_eq!(template.expand(&alice).as_deref(), Ok(*expected), "{text}");
    }
    let bob = |name: &str| (name == "user").then_some(Cow::from("bob.example@mail.example.org"));
    for (text, expected) in
        [("%Dd", "mail,dc=example,dc=org"), ("%2.-3u", "b.example@mail.example."), ("%1Mn", "d")]
    {
        let template = Template::parse(text, Letters::Variables).unwrap();
        assert_eq!(template.expand(&bob).as_deref(), Ok(expected), "{text}");
    }
    let quotes = |_: &str| Some(Cow::from("a\"b'c\\d \t"));
    let escaped = Template::parse("<%ETu>%05X{number}", Letters::Variables).unwrap();
    assert_eq!(escaped.expand(&quotes).as_deref(), Ok("<a\\\"b\\'c\\\\d>00000"));
}

#[test]
fn filters_of_dovecot_2_4() {
    for (text, expected) in [
        ("%{user | md5}", "148ab4a0c4be3afb281d2a23631b90d7"),
        ("%{user | lower | sha1 | hexlify(4)}", &expand("%{user | lower | sha1}")[..4]),
        ("%{user | sha256 | substr(0, 1) | hexlify}", &expand("%{user | sha256}")[..2]),
        ("%{user | hash('sha512', rounds=2, salt='x') | truncate(bits=12)}", &{
            let all = expand("%{user | sha512(salt='x', rounds=2)}");
            format!("0{}", &all[..3])
        }),
        ("%{user | sha384 % 10 + 3 * 2 - 1 / 5}", &{
            let rest: i64 = expand("%{user | sha384 % 10}").parse().unwrap();
            (((rest + 3) * 2 - 1) / 5).to_string()
        }),
        ("%{number | hex}", "beef"),
        ("%{number | hex(6)}%{number | hex(2)}%{number | hex(-6)}", "00beefefbeef00"),
        ("%{literal('beef') | unhex}", "48879"),
        ("%{literal('4142') | unhexlify | benumber}", "16706"),
        ("%{literal('4142') | unhexlify | lenumber}", "16961"),
        ("%{user | username | base64}", "QW5u"),
        ("%{literal('ab') | base64(pad=0, url=1)}%{literal('ab') | base64}", "YWIYWI="),
        ("%{literal('QW5u') | unbase64 | hexlify}", "416e6e"),
        ("%{user | reverse | substr(-3)}", "nnA"),
        ("%{user | substr(1, -2) | truncate(3)}", "nn@"),
        ("%{user | domain | ldap_dn}", "Example,dc=ORG"),
        ("%{user | index('@', 1)}%{user | index('@', -2)}", "Example.ORGAnn"),
        ("%{protocol | lfill(6, '-')}%{protocol | rfill(5)}", "--imapimap0"),
        ("%{user | concat('/', protocol)}%{concat('a', 'b')}", "Ann@Example.ORG/imapab"),
        (
            "%{protocol | if('eq', 'imap', 'yes', 'no')}%{if(number, '<', 5, 'a', user)}",
            "yesAnn@Example.ORG",
        ),
        ("%{user | if('*', '*@example.*', 'in', 'out')}", "out"),
        ("%{user | lower | if('!*', '*@ex?mple.*', 'out', 'in')}", "in"),
        ("%{none | default(user)}%{none | default}%{none | default(3)}", "Ann@Example.ORG3"),
        ("%{literal('\\'\\x41\\t\\\\')}", "'A\t\\"),
    ] {
        assert_eq!(expand(text), expected, "{text}");
    }
}

#[test]
fn a_filter_that_cannot_do_its_work_fails_the_text() {
    for text in [
        "%{user | hex}",
        "%{user | unhexlify}",
        "%{user | substr(100)}",
        "%{user | substr(0, 100)}",
        "%{user | index('@', 7)}",
        "%{user | benumber}",
        "%{number / none}",
        "%{user | if('<', 3, 'a', 'b')}",
        "%{user | concat('ä') | reverse}",
    ] {
        let template = Template::parse(text, Letters::Variables).unwrap();
        assert_eq!(template.expand(&lookup), Err(Unexpandable), "{text}");
    }
}

#[test]
fn where_letters_are_no_variables_they_are_mistakes_and_shown_to_nobody() {
    for letters in [Letters::Text, Letters::Refused] {
        for text in ["hush%unter2", "%w", "%1Mu", "a%-3.05LUd"] {
            let fault = Template::parse(text, letters).unwrap_err();
            assert!(fault.contains("a percent sign with a letter") && !fault.contains("hush"));
        }
        let template = Template::parse("5%!%%{user}%A%{user}%", letters).unwrap();
        assert_eq!(template.expand(&lookup).as_deref(), Ok("5%!%{user}%AAnn@Example.ORG%"));
    }
    assert_eq!(
        Template::parse("%%%{user}", Letters::Text).unwrap().expand(&lookup).as_deref(),
        Ok("%%{user}")
    );
    assert_eq!(Template::parse("a%%b", Letters::Text), Ok(Template::literal("a%%b")));
    assert!(Template::parse("a%%b", Letters::Refused).unwrap_err().contains("two for 2.4"));
}

#[test]
fn what_is_known_at_load_is_put_in_and_the_rest_is_asked_for_later() {
    let known = |name: &str| match name {
        "env:A" => Some(Ok(Cow::from("x%{user}"))),
        "env:B" => Some(Err(NoValue::Missing("B is not set".to_owned()))),
        "env:C" => Some(Err(NoValue::Bad("C is bad".to_owned()))),
        _ => None,
    };
    let resolved = |text: &str| {
        let mut template = Template::parse(text, Letters::Variables).unwrap();
        template.resolve(&known).map(|()| template)
    };
    let later =
        resolved("%{env:A | upper}-%{user | default(env:A)}%{env:A | concat(protocol)}").unwrap();
    assert_eq!(later.variables().collect::<Vec<_>>(), ["user", "protocol"]);
    assert_eq!(later.expand(&lookup).as_deref(), Ok("X%{USER}-Ann@Example.ORGx%{user}imap"));
    assert_eq!(resolved("%{env:B | default('y')}"), Ok(Template::literal("y")));
    assert_eq!(resolved("%{env:B}").unwrap_err(), "B is not set");
    assert_eq!(resolved("%{user | default(env:B)}").unwrap_err(), "B is not set");
    assert_eq!(resolved("%{env:C | default('y')}").unwrap_err(), "C is bad");
    assert!(resolved("%{env:A | hex}").is_err());
}

#[test]
fn ready_made_templates_are_what_they_are_called() {
    let parse = |text| Template::parse(text, Letters::Variables).unwrap();
    assert_eq!(parse("%{user | lower}"), Template::lower_user());
    assert_eq!(parse("%{user}"), Template::user());
    assert_eq!(parse("100%% %%{user}"), Template::literal("100% %{user}"));
    assert!(Template::literal("").is_empty() && Template::default().is_empty());
}

#[test]
fn debug_shows_nothing_because_fields_may_hold_passwords() {
    let template = Template::parse("hunter2 %{user}", Letters::Text).unwrap();
    assert_eq!(format!("{template:?}"), "Template(…)");
}

#[test]
fn displays_in_a_form_that_parses_to_the_same() {
    let filters = "%{user | md5(rounds=3, salt='a\\'b') | base64(url=1) | lfill(3, '-')}%{if(user, '==', 3, 'a', 'b')}\
                   %{user | sha1 % 256 | hex(2)}%{x:y | default('z') | truncate(bits=3) | substr(-1, 2) | index('@', 0)}";
    for text in ["%Lu", "a%%b%{user | username}", "plain", filters, "%{literal('\\n')}"]
        .into_iter()
        .chain(ALICE.iter().map(|(text, _)| *text))
    {
        let template = Template::parse(text, Letters::Variables).unwrap();
        let written = template.to_string();
        assert!(Template::parse(&written, Letters::Variables) == Ok(template), "{text}: {written}");
    }
}

#[test]
fn op_01_mistakes_say_what_is_known() {
    for (text, expected) in [
        ("%{user", "without"),
        ("%{user | default('a}", "without"),
        ("%{}", "no variable"),
        ("%{| lower}", "does not begin with the name"),
        ("%{user | rot13}", "there are lower"),
        ("%{user | regexp('a', 'b')}", "there are lower"),
        ("%{user | hash('crc32')}", "there are md5"),
        ("%x", "not known"),
        ("%q", "not known"),
        ("%Lw", "not known"),
        ("%{us er}", "a `|` was expected, found `er`"),
        ("%{us/er}", "has a `/` in it"),
        ("%99999999999u", "larger than"),
        ("%0300u", "more than 255 zeros"),
        ("%300.2Nu", "more than 255 zeros"),
        ("%{user | lower(3)}", "so many arguments"),
        ("%{user | md5(turns=3)}", "no argument `turns`"),
        ("%{user | md5(rounds=99999999)}", "from 1 to 10000"),
        ("%{user | substr}", "needs an offset"),
        ("%{user | substr('a')}", "expected a number"),
        ("%{user | if('=~', 'a', 'b', 'c')}", "operator `=~`"),
        ("%{user | if('eq')}", "`if` takes"),
        ("%{user | default('a'}", "not closed"),
        ("%{lower()}", "needs a variable in front"),
        ("%{user % x y}", "was expected"),
        ("%{md5;turns=3:user}", "no option of a hash"),
        ("%{md5;salt=x,truncate=8:user}", "behind `salt=…`"),
        ("%{md5:}", "behind the colon"),
    ] {
        let fault = Template::parse(text, Letters::Variables).unwrap_err();
        assert!(fault.contains(expected), "{text}: {fault}");
    }
}

proptest! {
    #[test]
    fn any_template_is_refused_or_displays_as_itself(
        text in r#"([ -~ä]|%[-0-9.]{0,5}[LUEXRHNMDT]{0,3}[{a-zA-Z]|user|env:A|\| ?(default\('x'\)|sha1|hex\(3\)|% 7)|\}){0,20}"#
    ) {
        for letters in [Letters::Variables, Letters::Text, Letters::Refused] {
            if let Ok(mut template) = Template::parse(&text, letters) {
                prop_assert_eq!(Template::parse(&template.to_string(), Letters::Variables), Ok(template.clone()));
                let _ = template.expand(&lookup);
                let _ = template.resolve(&|name| name.strip_prefix("env:").map(|_| Ok("%u".into())));
                let _ = template.expand(&lookup);
            }
        }
    }
}
