//! Cases 06 to 08 and what stands around them in files of others: Dovecot's containers, Mailu's proxy, Debian's examples.

use super::*;

/// Every error of a text must stand on one of these lines and say this.
#[track_caller]
fn fails_only(text: &str, expected: &[(&str, &str)]) {
    let found = load_text(text);
    for fault in &found.errors {
        let is_right =
            |(setting, word): &(&str, &str)| fault.setting == *setting && fault.text.contains(word);
        assert!(expected.iter().any(is_right), "{fault}");
    }
    assert_eq!(found.errors.len(), expected.len(), "{:?}", lines(&found.errors));
}

#[test]
fn case_07_a_container_of_2_3_loads_with_its_nameless_listener() {
    let config = load(
        &mut Files::new(&[
            (
                "/e/t.conf",
                "mail_home=/srv/mail/%Lu\nmail_location=sdbox:~/Mail\nmail_uid=1000\nprotocols = imap pop3 submission sieve lmtp\n\
                 first_valid_uid = 1000\npassdb {\n  driver = static\n  args = password=pass\n}\nssl=yes\nssl_cert=<cert.pem\n\
                 ssl_key=<key.pem\nnamespace {\n  inbox = yes\n}\nservice lmtp {\n  inet_listener {\n    port = 24\n  }\n}\n\
                 listen = *\nlog_path=/dev/stdout\ninfo_log_path=/dev/stdout\n!include_try /etc/dovecot/conf.d/*.conf\n",
            ),
            ("/e/cert.pem", "C\n"),
            ("/e/key.pem", "K\n"),
        ]),
        Path::new("/e/t.conf"),
    );
    assert_eq!(lines(&config.errors), [""; 0]);
    let listeners = config.config.unwrap().listeners;
    assert!(listeners.iter().any(|it| it.protocol == Protocol::Lmtp && it.port == 24));
}

#[test]
fn case_05_a_container_of_2_4_loads_with_what_it_defines_itself() {
    let text = "dovecot_config_version = 2.4.2\ndovecot_storage_version = 2.4.2\nprotocols = imap submission lmtp sieve\n\
        import_environment {\n  DOVEADM_PASSWORD = %{env:DOVEADM_PASSWORD | default('changeme')}\n  \
        USER_PASSWORD = %{env:USER_PASSWORD | default('{PLAIN}changeme')}\n}\nmail_driver = maildir\nmail_home = /srv/%{user | lower}\n\
        mail_attribute {\n  dict file {\n    path = %{home}/attributes\n  }\n}\nlog_path = /dev/stdout\nprotocol imap {\n  \
        mail_plugins {\n    imap_sieve = yes\n  }\n}\nservice imap-login {\n  process_min_avail = 1\n  client_limit = 100\n}\n\
        service doveadm {\n  inet_listener http {\n    port = 8080\n    ssl = yes\n  }\n}\nservice stats {\n  process_min_avail = 1\n}\n\
        service lmtp {\n  inet_listener lmtps {\n    port = 31024\n    ssl = yes\n  }\n}\ndoveadm_password = $ENV:DOVEADM_PASSWORD\n\
        passdb static {\n  password = $ENV:USER_PASSWORD\n}\nssl_server {\n  cert_file = /c\n  key_file = /k\n}\n";
    let config = loaded(text);
    assert_eq!(config.doveadm.password.unwrap().expose(), b"changeme");
    let mut files = Files::new(&[("/e/t.conf", text)]);
    files.set("DOVEADM_PASSWORD", b"of the host");
    let config = load(&mut files, Path::new("/e/t.conf")).config.unwrap();
    assert_eq!(config.doveadm.password.unwrap().expose(), b"of the host");
}

#[test]
fn a_proxy_as_mailu_renders_it_fails_only_where_it_is_right() {
    let text = "log_path = /dev/stderr\nauth_verbose=yes\nmail_debug=yes\n\
        login_log_format_elements = user=<%u> method=%m rip=%r rport=%b lip=%l lport=%a mpid=%e %c\n\
        protocols = sieve imap pop3 lmtp submission\npostmaster_address = postmaster@example.org\nhostname = mail.example.org\n\
        submission_host = smtp\nsubmission_relay_host = smtp\nsubmission_relay_port = 10025\nsubmission_relay_trusted = yes\n\
        submission_relay_ssl = no\nsubmission_max_mail_size = 50000000\nsubmission_backend_capabilities = 8BITMIME DSN VRFY\n\
        imap_urlauth_host=\nlmtp_proxy = yes\nlisten = *\ndefault_internal_user = dovecot\ndefault_login_user = mail\n\
        haproxy_trusted_networks = 10.0.0.0/8\nauth_username_chars =\nauth_mechanisms = plain login\ndisable_plaintext_auth = no\n\
        ssl = no\npassdb {\n  driver = lua\n  args = file=/etc/dovecot/login.lua blocking=yes\n}\nservice auth-worker {\n  \
        user = dovenull\n  unix_listener auth-worker {\n  }\n}\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n\
        service managesieve-login {\n  executable = managesieve-login\n  inet_listener sieve {\n    port = 4190\n    haproxy = yes\n  }\n  \
        inet_listener sieve-webmail {\n    port = 14190\n  }\n}\nprotocol imap {\n  mail_max_userip_connections = 20\n  \
        imap_idle_notify_interval = 29mins\n}\nservice imap-login {\n  inet_listener imap {\n    port = 143\n    haproxy = yes\n  }\n  \
        inet_listener imaps {\n    port = 993\n  }\n}\nrecipient_delimiter = +\nservice lmtp {\n  user = $default_internal_user\n  \
        inet_listener lmtp {\n    port = 2525\n  }\n}\n";
    fails_only(text, &[("driver", "Hale runs no scripts; use `sql` or `ldap`")]);
    let served = text
        .replace("driver = lua", "driver = static")
        .replace("file=/etc/dovecot/login.lua blocking=yes", "proxy=y host=front nopassword=y");
    let config = loaded(&served);
    assert_eq!(config.protocol(Protocol::Imap).mail_max_userip_connections, 20);
    assert!(config.listeners.iter().any(|it| it.name == "sieve-webmail" && it.port == 14190));
}

#[test]
fn blocks_for_every_protocol_but_one_hold_for_the_others() {
    let config = loaded(
        "protocol !pop3 {\n mail_max_userip_connections = 7\n}\nprotocol !indexer-worker {\n relay_idle_timeout = 5s\n}\n",
    );
    let of = |protocol| config.protocol(protocol).mail_max_userip_connections;
    assert_eq!((of(Protocol::Imap), of(Protocol::Pop3), of(Protocol::Sieve)), (7, 0, 7));
    assert!(Protocol::ALL.iter().all(|it| config.protocol(*it).relay_idle_timeout.as_secs() == 5));
    let [fault] = &errors("protocol !imap {\n listen = ::1\n}\n")[..] else { panic!() };
    assert!(fault.contains("t.conf:2: setting listen: `listen` cannot differ"), "{fault}");
    assert!(errors("protocol !imp {\n}\n")[0].contains("found `!imp`"));
}

#[test]
fn case_06_services_of_the_operators_own_are_ignored_and_slips_are_not() {
    let found = load_text(
        "service quota-warning {\n executable = script /usr/local/bin/x\n user = dovecot\n}\n",
    );
    assert_eq!(lines(&found.errors), [""; 0]);
    assert!(found.warnings.iter().any(|it| it.text.contains("Hale starts no programs")));
    assert!(
        errors("service imap-logn {\n executable = imap-login\n}\n")[0].contains("did you mean")
    );
    assert!(errors("service quota-warning {\n}\n")[0].contains("found `quota-warning`"));
    let empty = loaded(
        "protocols = lmtp\nservice lmtp {\n inet_listener lmtp {\n  address =\n  port =\n }\n}\n",
    );
    assert!(empty.listeners.is_empty(), "as in Debian's commented example");
}
