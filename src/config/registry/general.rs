//! The settings outside of blocks.

use super::Kind::{
    Addresses, AutoNumber, AutoTime, Bool, Character, Choice, Core, Cores, GeoDb, LocalDb,
    LoginLogElements, LoginLogFormat, LoginTemplate, Networks, Number, Path, Port, ProbeTemplate,
    Secret, Size, Text, Time, Words,
};
use super::Origin::{Dovecot, Hale, Palomar};
use super::{Kind, Origin, Scope, Setting};
use crate::names::Protocol;

const SIEVE: &[Protocol] = &[Protocol::Sieve];
const LMTP: &[Protocol] = &[Protocol::Lmtp];
/// All but LMTP, which has no logins and no relay.
const LOGINS: &[Protocol] =
    &[Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];

pub(super) const fn global(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    origin: Origin,
    doc: &'static str,
) -> Setting {
    Setting::new(Scope::Global, name, kind, default, origin, doc)
}

/// Dovecot's, without the process that serves a mailbox, and with what a proxy knows besides.
const LOGIN_LOG_ELEMENTS: &str = "user=<%{user}> method=%{mechanism} rip=%{remote_ip} lip=%{local_ip} rport=%{remote_port} %{secured} \
     %{ssl_security} master=%{master_user} backend=%{backend} group=%{group} header_ms=%{header_ms} tls_ms=%{tls_ms} \
     auth_ms=%{auth_ms} delay_ms=%{delay_ms} route_ms=%{route_ms} connect_ms=%{connect_ms} \
     backend_tls_ms=%{backend_tls_ms} login_ms=%{login_ms} session=<%{session}>";

pub(super) const SETTINGS: &[Setting] = &[
    // === The host ===
    global("base_dir", Path, "/run/hale", Dovecot, "Folder of the lock that keeps a second Hale out, and of what commands find the running one by."),
    global("state_dir", Path, "/var/lib/hale", Dovecot, "Folder of what must survive a restart."),
    global(
        "data_cores", Cores, "auto", Hale,
        "CPUs that carry connections, one thread each: a list such as `0-6` or `0,2,4`. `auto` takes all but the \
         control core's.",
    ),
    global(
        "control_core", Core, "auto", Hale,
        "CPU of the thread that reads the GeoDB, password files and certificates, and writes the log. `auto` takes the last.",
    ),
    global(
        "connections_per_core_max", Number { min: 1, max: 1 << 20 }, "131072", Hale,
        "Connections of one data core. When fewer than 64 places (an eighth, if there are fewer than 512) are left, each new \
         client takes the place of the one that has waited longest without logging in; without such, it is told to try \
         again later. Each connection needs two descriptors; where `LimitNOFILE=` of the service allows fewer, a line at start says \
         how many are left. Takes the place of Dovecot's `client_limit`, which counts \
         per process.",
    ),
    global(
        "connections_per_address_max", Number { min: 0, max: 1 << 20 }, "0", Hale,
        "Connections that one address (IPv6: one /48) may have at once, logged in or not; behind a load balancer the \
         client's own address counts. 0: any number. `login_trusted_networks` are exempt.",
    ),
    global(
        "connection_rate_per_address", Number { min: 0, max: 1 << 20 }, "0", Hale,
        "New connections that one address (IPv6: one /48) may make in a second. 0: any number. `login_trusted_networks` \
         are exempt.",
    ),
    global("hostname", Text, "", Dovecot, "This host's name in greetings. Empty: the system's host name."),
    // === Listening ===
    global(
        "protocols", Words, "imap pop3 lmtp sieve submission", Dovecot,
        "Protocols that are served. Listeners of others are not opened.",
    ),
    global(
        "listen", Addresses, "*, ::", Dovecot,
        "Addresses that listeners without an address of their own are opened on. `*` stands for all of IPv4, `::` for \
         all of IPv6.",
    ),
    global(
        "haproxy_trusted_networks", Networks, "", Dovecot,
        "Load balancers whose PROXY headers are believed. On a listener with `haproxy = yes` every other peer is \
         disconnected.",
    ),
    global("haproxy_timeout", Time, "3s", Dovecot, "How long to wait for a complete PROXY header."),
    global(
        "proxy_protocol_implies_secure", Bool, "no", Hale,
        "Whether a connection with a PROXY header from a trusted network counts as encrypted, so that passwords may \
         be sent over it. Only for load balancers that end TLS without saying so in the header.",
    ),
    global(
        "login_trusted_networks", Networks, "", Dovecot,
        "Peers that may tell whom they connect for (ID, XCLIENT) and, unless `ssl = required`, may log in without TLS: \
         other sites' proxies, web mail, this host.",
    ),
    global("login_greeting", Text, "Hale ready.", Dovecot, "Text of the greeting."),
    global(
        "managesieve_implementation_string", Text, "Hale", Dovecot,
        "What ManageSieve clients are told of who we are.",
    ).only(SIEVE).per_protocol(),
    global(
        "managesieve_sieve_capability", Text,
        "fileinto reject envelope encoded-character vacation subaddress comparator-i;ascii-numeric relational regex \
         imap4flags copy include variables body enotify environment mailbox date index ihave duplicate mime \
         foreverypart extracttext", Dovecot,
        "Sieve extensions that ManageSieve clients are told of before they log in: those that every backend has. The \
         default is that of Dovecot's Pigeonhole.",
    ).only(SIEVE).per_protocol(),
    global(
        "managesieve_notify_capability", Text, "mailto", Dovecot,
        "Notification methods that ManageSieve clients are told of before they log in. Empty: none.",
    ).only(SIEVE).per_protocol(),
    global(
        "submission_backend_capabilities", Words, "8BITMIME ENHANCEDSTATUSCODES PIPELINING", Dovecot,
        "What every Submission backend can do: keywords of EHLO. Clients are told before it is known where they will be \
         served and do not ask again: a keyword that is not true of all backends makes mail fail there.",
    ),
    global(
        "lmtp_backend_capabilities", Words, "8BITMIME", Hale,
        "What every LMTP backend can do, of what Hale can only pass on: `8BITMIME`, `SMTPUTF8`, `DSN`. Clients are told at LHLO, \
         before it is known where a recipient's mail goes. What is not offered here comes back at once: Postfix bounces mail \
         that needs SMTPUTF8. What is offered and missing on a backend costs its own recipients their mail (`550 5.6.7`, `554 \
         5.6.3`); DSN's parameters are left out there. CHUNKING, ENHANCEDSTATUSCODES, PIPELINING and SIZE are Hale's own and \
         always there.",
    ).only(LMTP).per_protocol(),
    global(
        "lmtp_client_workarounds", Words, "", Dovecot,
        "LMTP: `mailbox-for-path` takes MAIL and RCPT without the angle brackets (`RCPT TO:tim@example.org`). \
         `whitespace-before-path` is always taken.",
    ).only(LMTP).per_protocol(),
    global(
        "lmtp_xclient_ipv6_prefix", Bool, "no", Hale,
        "LMTP: whether IPv6 addresses that backends are told by XCLIENT begin with `IPV6:`, as Postfix writes them. Dovecot \
         before 2.4 does not understand that.",
    ),
    global(
        "recipient_delimiter", Text, "+", Dovecot,
        "LMTP: what separates a user's name from a detail in an address. `tim+box@example.org` is the user \
         `tim@example.org`; the backend gets the address as it came. Of several characters each does. Empty: nothing does.",
    ),
    // === TLS ===
    global(
        "ssl", Choice(&["yes", "required", "no"]), "yes", Dovecot,
        "TLS towards clients: offered, demanded for every login, or not there at all.",
    ).per_protocol(),
    global("ssl_server_cert_file", Path, "", Dovecot, "Certificate shown to clients, with its chain (PEM).")
        .older(&["ssl_cert", "ssl_cert_file"]).per_protocol(),
    global("ssl_server_key_file", Path, "", Dovecot, "Private key of the certificate (PEM).").older(&["ssl_key", "ssl_key_file"]).per_protocol(),
    global(
        "ssl_server_key_password", Secret, "", Dovecot,
        "Password of the private key, and of `ssl_server_alt_key_file`. Keys open that are PKCS #8 (PBES2) or the older form of \
         PEM (`Proc-Type: 4,ENCRYPTED`), sealed with AES or triple DES. In `local_name` blocks without one of their own, too.",
    ).older(&["ssl_key_password"]).per_protocol(),
    global(
        "ssl_server_alt_cert_file", Path, "", Dovecot,
        "A second certificate, whose key is of another kind: one ECDSA, one RSA. Each client is shown the one whose kind comes \
         first among the signatures that it accepts; who knows only one kind gets that.",
    ).older(&["ssl_alt_cert", "ssl_alt_cert_file"]).per_protocol(),
    global("ssl_server_alt_key_file", Path, "", Dovecot, "Private key of the second certificate (PEM).")
        .older(&["ssl_alt_key", "ssl_alt_key_file"]).per_protocol(),
    global(
        "ssl_min_protocol", Choice(&["TLSv1.2", "TLSv1.3"]), "TLSv1.2", Dovecot,
        "Oldest version of TLS spoken, with clients and with backends. What stands in `protocol NAME { … }` holds for \
         clients.",
    ).per_protocol(),
    global(
        "ssl_server_min_protocol", Choice(&["auto", "TLSv1.2", "TLSv1.3"]), "auto", Hale,
        "Oldest version of TLS spoken with clients. `auto`: that of `ssl_min_protocol`. Dovecot's form of it is \
         `ssl_server { ssl_min_protocol = … }`.",
    ).per_protocol(),
    global(
        "ssl_client_min_protocol", Choice(&["auto", "TLSv1.2", "TLSv1.3"]), "auto", Hale,
        "Oldest version of TLS spoken with backends. `auto`: that of `ssl_min_protocol`. Dovecot's form of it is \
         `ssl_client { ssl_min_protocol = … }`.",
    ),
    global(
        "ssl_cipher_list", Text, "", Dovecot,
        "Ciphers for TLS 1.2 in OpenSSL's language, such as `EECDH+AESGCM`. It can only take some of Hale's six away \
         (ECDHE with AES-GCM or ChaCha20-Poly1305); their order is Hale's. Empty: all. Holds towards clients and backends.",
    ).per_protocol(),
    global(
        "ssl_server_cipher_list", Text, "", Hale,
        "The same towards clients only. Empty: as `ssl_cipher_list`. Dovecot's form of it is `ssl_server { ssl_cipher_list = … }`.",
    ).per_protocol(),
    global(
        "ssl_client_cipher_list", Text, "", Hale,
        "The same towards backends only. Empty: as `ssl_cipher_list`. Dovecot's form of it is `ssl_client { ssl_cipher_list = … }`.",
    ),
    global(
        "ssl_cipher_suites", Text, "", Dovecot,
        "Suites for TLS 1.3, by name. It can only take some of Hale's three away. Empty: all. Holds towards clients and backends.",
    ).per_protocol(),
    global(
        "ssl_server_cipher_suites", Text, "", Hale,
        "The same towards clients only. Empty: as `ssl_cipher_suites`. Dovecot's form of it is `ssl_server { ssl_cipher_suites = … }`.",
    ).per_protocol(),
    global(
        "ssl_client_cipher_suites", Text, "", Hale,
        "The same towards backends only. Empty: as `ssl_cipher_suites`. Dovecot's form of it is `ssl_client { ssl_cipher_suites = … }`.",
    ),
    global(
        "ssl_curve_list", Text, "", Dovecot,
        "Groups for the key exchange, such as `X25519:prime256v1`. It can only take some of Hale's four away (`X25519MLKEM768`, \
         `X25519`, `P-256`, `P-384`). Empty: all. Holds towards clients and backends.",
    ).per_protocol(),
    global(
        "ssl_server_curve_list", Text, "", Hale,
        "The same towards clients only. Empty: as `ssl_curve_list`. Dovecot's form of it is `ssl_server { ssl_curve_list = … }`.",
    ).per_protocol(),
    global(
        "ssl_client_curve_list", Text, "", Hale,
        "The same towards backends only. Empty: as `ssl_curve_list`. Dovecot's form of it is `ssl_client { ssl_curve_list = … }`.",
    ),
    global(
        "ssl_server_request_client_cert", Choice(&["no", "yes", "required"]), "no", Dovecot,
        "Whether clients are asked for a certificate. `yes`: a client without one may go on, a client that shows one that \
         `ssl_server_ca_file` does not vouch for is sent away. `required`, which Dovecot does not have: a client without one is \
         sent away, too. Where certificates are asked for, TLS sessions are not resumed.",
    ).older(&["ssl_verify_client_cert", "ssl_request_client_cert"]).per_protocol(),
    global(
        "ssl_server_ca_file", Path, "", Dovecot,
        "Authorities that clients' certificates are checked with, and their lists of revoked certificates (PEM). A client's own may stand there, too, for itself alone. Read \
         again by `hale reload`.",
    ).older(&["ssl_ca", "ssl_ca_file"]).per_protocol(),
    global(
        "ssl_server_require_crl", Bool, "yes", Dovecot,
        "Whether each certificate of a client's chain must be covered by a list of revoked certificates that is in force. \
         `no`: lists in `ssl_server_ca_file` are obeyed as far as they go, however old.",
    ).older(&["ssl_require_crl"]).per_protocol(),
    global(
        "ssl_server_cert_username_field",
        Choice(&["commonName", "emailAddress", "serialNumber", "subjectAltName", "userId", "x500UniqueIdentifier"]),
        "commonName", Dovecot,
        "Which text of a client's certificate is the user: an attribute of its subject, or with `subjectAltName`, which \
         Dovecot does not have, the e-mail address among its alternative names. A certificate where it is missing, or \
         stands twice, lets no client in. A PROXY header tells the common name, whatever stands here.",
    ).older(&["ssl_cert_username_field"]).per_protocol(),
    global(
        "ssl_client_ca_file", Path, "", Dovecot,
        "Authorities that backends' certificates are checked with (PEM). Empty: the system's. A backend's own certificate may \
         stand here, too, whatever authority made it and whether or not it is marked as an authority (CA:TRUE): then that backend needs no \
         other to vouch for it; unmarked, it makes none for others. Its name and its dates count in any case; of an authority its dates and marks \
         (CA:TRUE, keyUsage, extendedKeyUsage, pathlen) do. Dovecot 2.3's proxies use `ssl_ca` for this: where \
         only that is written, it is used here, too, with a warning. `hale check-config` says what is odd about the file, and \
         `hale check-config --connect` what each backend shows. Connections to Cassandra take another file when Hale is started again.",
    ),
    global(
        "ssl_client_older_certs", Bool, "yes", Hale,
        "Whether a backend may show a certificate that has its name in the common name only, without a subjectAltName, or one \
         of version 1, as `openssl x509 -req` makes it without an extension file. OpenSSL, and with it Dovecot's proxies, \
         takes both. Only for certificates made by those in `ssl_client_ca_file` (version 1: directly), never with the \
         system's authorities. `no`: refused, and the log says which of the two it was.",
    ),
    global(
        "ssl_client_require_valid_cert", Bool, "yes", Dovecot,
        "Whether backends must show a valid certificate when TLS is used towards them.",
    ).per_protocol(),
    // === Who may log in ===
    global(
        "auth_mechanisms", Words, "plain login", Dovecot,
        "SASL mechanisms offered: `plain`, `login`, `external`, `xoauth2`, `oauthbearer`, `scram-sha-1`, `scram-sha-256`, \
         `scram-sha-1-plus`, `scram-sha-256-plus`, `cram-md5`, `digest-md5`, `apop`, `anonymous`. \
         Bearer tokens are judged by a passdb that can read them, or by the backend where a passdb has `nopassword`; the backend \
         also leads the exchange of SCRAM then. Else SCRAM needs a passdb with the password as it is, or with keys of it \
         (`{SCRAM-SHA-256}`, as `doveadm pw` makes them), and, like `external`, a password for the backend. `scram-…-plus` is offered where \
         TLS 1.3 ends in Hale, and bound to it (`tls-exporter`). `cram-md5`, `digest-md5` and POP3's `apop` are weak; they need the password \
         as it is, or `{CRAM-MD5}` and `{DIGEST-MD5}`. With `anonymous` every client is `auth_anonymous_username`. `external` is offered to clients with a certificate that was \
         verified here (`ssl_server_request_client_cert`) or, as a PROXY header of `haproxy_trusted_networks` tells, by a \
         load balancer. The user is the one in the certificate, passdbs are asked without a password, and one of them has \
         to name what the backend accepts instead: `pass`, mostly with `master`, or in Submission `proxy_noauth`.",
    ),
    global(
        "auth_anonymous_username", Text, "anonymous", Dovecot,
        "Who clients are that log in by `anonymous`. A passdb has to have the user, with a password for the backend (`pass`).",
    ),
    global(
        "auth_ssl_require_client_cert", Bool, "no", Dovecot,
        "Whether logins are refused, whatever the password, when no client certificate was verified.",
    ).only(LOGINS).per_protocol(),
    global(
        "auth_ssl_username_from_cert", Bool, "no", Dovecot,
        "Whether the user in a verified client certificate takes the place of the one that was typed; the password has to \
         be his. A certificate that names no user lets no client in. `external` needs no such setting.",
    ).only(LOGINS).per_protocol(),
    global(
        "auth_allow_cleartext", Bool, "no", Dovecot,
        "Whether every client may send passwords over connections that are not encrypted. With `no` only \
         `login_trusted_networks` and clients on this host may; with `ssl = required` not even they. Where nothing is \
         written, every client may as long as there is no certificate that they could use instead, and `hale check-config` \
         warns of it.",
    ).only(LOGINS)
    .per_protocol()
    .said(),
    global(
        "auth_username_format", LoginTemplate, "%{user | lower}", Dovecot,
        "Makes the user name that is looked up, routed by, logged and limited.",
    ),
    global(
        "auth_username_chars", Text,
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@", Dovecot,
        "Characters that user names may have; other names are refused before any database is asked. Empty: all.",
    ),
    global("auth_default_domain", Text, "", Dovecot, "Domain added to user names that have none.")
        .older(&["auth_default_realm"]),
    global(
        "auth_master_user_separator", Character, "", Dovecot,
        "Character between user and master user in a login as `user*master`. Empty: no such logins.",
    ),
    global(
        "auth_failure_delay", Time, "2s", Dovecot,
        "How long a refused login waits for its answer. Further wrong passwords from the same address (IPv6: the same /48) \
         wait 2, 4 and 7.5 times as long, and from the fifth on such logins are answered one at a time; the same wrong \
         password sent again is not counted, and a success or a quarter of an hour makes it forgotten. \
         `login_trusted_networks` are exempt. 0: no login waits and nothing is counted.",
    ),
    global(
        "auth_cache_size", Size { min: 0, max: 1 << 34 }, "32M", Dovecot,
        "Memory in which all data cores together remember how costly hashes of passwords came out, about 100 bytes each; three \
         quarters of it are for right passwords. A password file that changes takes effect at once all the same: what \
         is remembered belongs to one stored hash and one password. Cheap schemes, such as `PLAIN`, are compared every time. At least 64k. 0, \
         which is Dovecot's default: nothing is remembered.",
    ),
    global(
        "auth_cache_ttl", Time, "1 hour", Dovecot,
        "How long it is remembered that a password is right; being asked again does not lengthen it. 0: not at all.",
    ),
    global(
        "auth_cache_negative_ttl", Time, "1 hour", Dovecot,
        "How long it is remembered that a password is wrong, so that a program that repeats an outdated one costs nothing. Another \
         password is always compared, and refusals are answered as late as ever (`auth_failure_delay`). Users that are not \
         there need no memory. 0: not at all.",
    ),
    global(
        "auth_hash_threads", AutoNumber { min: 1, max: 256 }, "auto", Hale,
        "Threads that verify hashed passwords, so that data cores never do. `auto` looks at the number of CPUs.",
    ),
    global(
        "auth_hash_memory", Size { min: 1 << 20, max: 1 << 40 }, "1G", Hale,
        "Memory that Argon2 hashes running at the same time may take together. Further ones wait, in order; a hash that needs \
         more than all of it is refused as an internal failure.",
    ),
    global(
        "mail_max_userip_connections", Number { min: 0, max: 1 << 20 }, "0", Dovecot,
        "Sessions that one user may have from one address through this Hale, counted for each protocol apart; a further login is \
         refused (`[LIMIT]`, `[IN-USE]`). 0: \
         Hale does not count, and the backends' own limit (10 in Dovecot) holds. `login_trusted_networks` are exempt.",
    ).only(LOGINS).per_protocol(),
    // === Towards backends ===
    global(
        "login_proxy_timeout", Time, "30s", Dovecot,
        "From the first connect to a backend to its answer to the login, further attempts included.",
    ),
    global("login_proxy_max_reconnects", Number { min: 0, max: 20 }, "3", Dovecot, "Further attempts after the first."),
    global(
        "login_proxy_max_disconnect_delay", Time, "30s", Dovecot,
        "When a backend goes, is lost, or is kicked as a whole, its clients are told over this long, so that they do not \
         return all at once: one second's share, fifty of a data core at least, and those that sent something just before, at \
         once; a silent one as soon as it sends something. 0: all at once.",
    ),
    global(
        "login_source_ips", Addresses, "", Dovecot,
        "Addresses to connect to backends from, in turn. Empty: the system chooses.",
    ),
    // === The cluster ===
    global("cluster_local_site", Text, "", Palomar, "Name of the site this proxy is at, as in `hale cluster site`."),
    global(
        "cluster_geodb", GeoDb, "sqlite:geodb.sqlite", Palomar,
        "The database all sites share. `sqlite:FILE` is embedded (relative files are in `state_dir`). \
         `cassandra:hosts=A,B;keyspace=NAME` names a cluster of Cassandra or ScyllaDB; further keys are `port`, `user`, `password`, \
         `tls` (`yes` or `no`), and `dc`: the data centre whose nodes are asked, and no others. A password with `;` in it \
         belongs into `cassandra_password`. What is not said here is as in the settings `cassandra_…`; `cassandra:` alone takes \
         everything from there. Hale starts while the cluster is away, and connects when it comes. `hale geodb init` makes keyspace \
         and tables, `hale geodb copy` fills them from another GeoDB.",
    ),
    global(
        "cluster_localdb", LocalDb, "sqlite:/dev/shm/hale-localdb.sqlite", Palomar,
        "What this host knows of users, groups and backends, so that a Hale that is started while the GeoDB is gone serves \
         them: `sqlite:FILE`, in memory (`/dev/shm`). It may be lost and is filled again from the GeoDB. One Hale has one; \
         it belongs to Hale's user and lies in a folder where no other user can replace it. Also: `dict_server { dict \
         cluster-localdb { sqlite_path = FILE } }`.",
    ),
    global(
        "cluster_localdb_users_max", Number { min: 1, max: 1 << 30 }, "2000000", Hale,
        "Users that `cluster_localdb` keeps at most; beyond it those go that have not logged in for longest.",
    ),
    global(
        "cluster_localdb_size_max", Size { min: 1 << 20, max: 1 << 40 }, "512M", Hale,
        "Bytes that `cluster_localdb` takes at most, give or take a batch; a million users take about 100M. Beyond it those go \
         that have not logged in for longest.",
    ),
    global(
        "cluster_default_group_count", Number { min: 1, max: 1_000_000 }, "100", Palomar,
        "New users are spread over the groups `default-1` to `default-N`; this is N.",
    ),
    global(
        "cluster_backend_test_username", ProbeTemplate, "", Palomar,
        "User that health probes log in as, at every backend of the local site. `%{backend_host}` is the host that is probed, so \
         that one broken account affects one backend only. Empty: no backend is probed, and a dead one stays online until \
         an operator sets it offline. A login under one of these names is always sent to the backend it belongs to.",
    ),
    global("cluster_backend_test_password", Secret, "", Palomar, "Password of the user of health probes."),
    global(
        "cluster_proxy_check_backends", Bool, "yes", Palomar,
        "Whether this proxy probes backends, if there is a `cluster_backend_test_username`. With `no` it never sets one \
         offline or online, and still tells the other proxies what logins have seen.",
    ),
    global(
        "cluster_backend_check_protocols", Words, "imap", Hale,
        "Protocols by which backends are probed, of those that are served; with the ports, TLS and PROXY headers of logins. A \
         backend is down when it is down by one of them.",
    ),
    global(
        "site_failover_auto", Bool, "yes", Hale,
        "Whether groups leave a site that cannot be reached. With `no` they leave only one whose status an operator sets \
         to offline or standby; users move by `hale cluster site force-move` either way.",
    ),
    global(
        "site_failover_delay", Time, "120secs", Hale,
        "How long a site has to be out of reach without a break before its groups begin to leave; until then its users \
         get a temporary failure. None when an operator sets the site to offline or standby.",
    ),
    global(
        "site_failover_ramp", Number { min: 1, max: 100 }, "10", Hale,
        "How many percent of a site's groups follow in each minute, away and, once the site has been well for five \
         minutes, back. A short outage moves few users.",
    ),
    global(
        "site_failover_max_logins_per_sec", Number { min: 1, max: 1_000_000 }, "50", Hale,
        "How many logins a second of this proxy may have a group failed over or a user evacuated; the others are \
         answered as if that had not begun yet.",
    ),
    global(
        "site_send_header", Choice(&["no", "v1", "v2"]), "no", Hale,
        "PROXY header towards other sites, for a load balancer (`hale cluster site update --load-balancer`) that demands \
         one. It says that the connection is this proxy's own (`LOCAL`, or `UNKNOWN` in version 1), so that \
         `login_trusted_networks` over there goes by the address of this proxy; who the client is, is told as without.",
    ).per_protocol(),
    global(
        "site_send_header_to", Words, "", Hale,
        "The load balancers that are sent `site_send_header`, by the names that their sites have for them. Empty: those of \
         all sites.",
    ).per_protocol(),
    global(
        "cluster_hosts_file", Path, "", Hale,
        "File in the format of hosts(5) that is asked for names of backends before the system's resolver.",
    ),
    // === Relaying and stopping ===
    global(
        "relay_idle_timeout", AutoTime, "auto", Hale,
        "A logged-in session without a byte in either direction is ended after this long; 0: never. `auto`: \
         11 mins for pop3 and submission, 31 mins for the others. IMAP clients may be silent for 29 minutes: less breaks \
         IDLE.",
    ).only(LOGINS).per_protocol(),
    global(
        "relay_receive_buffer", Size { min: 4096, max: 1 << 28 }, "512k", Hale,
        "Bytes the kernel may hold of a sender whose reader does not read. Half of it is the TCP window, which bounds \
         the speed over long distances. A backend's connection has 128k until its client has taken a megabyte. Twice \
         the kernel's `net.core.rmem_max` is the most; a line at start says where that cuts it.",
    ),
    global(
        "relay_unsent_buffer", Size { min: 4096, max: 1 << 28 }, "128k", Hale,
        "Unsent bytes held in the kernel for a slow reader before its peer is made to wait.",
    ),
    global("shutdown_timeout", Time, "60s", Hale, "How long sessions may go on when Hale stops, idle ones first."),
    global(
        "shutdown_clients", Bool, "yes", Dovecot,
        "Whether sessions are ended when Hale stops. With `no` it waits until the last one has ended by itself.",
    ),
    // === Seeing what happens ===
    global(
        "log_path", Path, "/dev/stderr", Dovecot,
        "File for log lines. `/dev/stderr` is the journal under systemd, `journal` the same with fields; `syslog`; `/dev/stdout`.",
    ),
    global(
        "login_log_format", LoginLogFormat, "%{message}: %{elements}", Dovecot,
        "How lines about logins are composed: of what happened, `%{message}` (2.3: `%$`), and of `%{elements}` (`%s`).",
    ).per_protocol(),
    global(
        "login_log_format_elements", LoginLogElements, LOGIN_LOG_ELEMENTS, Dovecot,
        "What lines about logins tell, between spaces; elements whose variables are all empty are left out. docs/LOGS.md \
         has the variables, Dovecot's of 2.3 and 2.4 and our own. Keep the beginning up to `rip=` and the end as they are if \
         something like fail2ban reads the log.",
    ).per_protocol(),
    global("log_debug", Bool, "no", Dovecot, "Whether details are logged. Dovecot's event filters count as `yes`."),
    global(
        "doveadm_port", Port, "0", Dovecot,
        "Port of the doveadm service on backends and other proxies, the same everywhere. 0: there is none.",
    ),
    global(
        "doveadm_password", Secret, "", Dovecot,
        "Password of the doveadm service, the same everywhere: clients of `service doveadm` have to know it, and other hosts are \
         asked with it. Without one no client of the plain protocol is let in.",
    ),
    global(
        "doveadm_api_key", Secret, "", Dovecot,
        "Key of clients that come by HTTP (`Authorization: X-Dovecot-API`, in base64), to a listener of `service doveadm` that is \
         called `http`. They may show the user `doveadm` and `doveadm_password` instead.",
    ),
    global(
        "doveadm_ssl", Choice(&["no", "starttls", "ssl"]), "no", Dovecot,
        "TLS towards the doveadm service of other hosts: none, by STARTTLS, or from the first byte.",
    ),
];
