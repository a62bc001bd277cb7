//! The status page.

use crate::config::diagnostic::Findings;
use crate::config::model::Stats;
use crate::config::sort::{Section, shown};

pub(super) fn stats(root: &Section, findings: &mut Findings) -> Stats {
    let (networks, header) = ("stats_trusted_networks", "stats_user_header");
    let user_header = root.optional_text(header);
    let trusted = root.networks(networks);
    if let Some(name) = &user_header {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !name.bytes().all(is_letter) {
            let text =
                format!("found {}, expected a field's name, such as `X-Remote-User`", shown(name));
            findings.error(root.place_of(header), header, text);
        }
        if trusted.is_empty() {
            let text = "counts for nothing: name the reverse proxies that may send it in stats_trusted_networks";
            findings.error(root.place_of(header), header, text);
        }
    } else if !trusted.is_empty() {
        let text = "has no effect: name the field in which these proxies say who it is in stats_user_header";
        findings.warn(root.place_of(networks), networks, text);
    }
    let has_page = user_header.is_some() || root.secret("doveadm_password").is_some();
    let admin = root.flag("stats_admin");
    if admin && !has_page {
        let text = "has no effect: without doveadm_password, or stats_user_header, there is no status page";
        findings.warn(root.place_of("stats_admin"), "stats_admin", text);
    }
    let user_header = user_header.map(|name| name.to_ascii_lowercase().into());
    Stats { admin, trusted, user_header }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{errors, loaded};

    #[test]
    fn a_reverse_proxy_is_believed_only_with_its_address_and_its_field() {
        let both = "stats_trusted_networks = 192.0.2.0/24\nstats_user_header = X-Remote-User\n";
        let stats = loaded(both).stats;
        assert_eq!(stats.user_header.as_deref(), Some("x-remote-user"));
        assert!(stats.trusted.contains("192.0.2.7".parse().unwrap()) && !stats.admin);
        assert!(
            errors("stats_user_header = X-Remote-User\n")[0].contains("stats_trusted_networks")
        );
        assert!(errors(&both.replace("X-Remote", "X Remote"))[0].contains("a field's name"));
    }
}
