//! Where hosts were.

use std::net::IpAddr;

use super::*;
use crate::limits;

#[test]
fn c_local_2_of_hosts_and_their_addresses_a_bounded_number_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    let many = limits::LOCALDB_ADDRESSES_OF_HOST_MAX + 3;
    let of_one: Vec<IpAddr> =
        (0..many).map(|last| IpAddr::from([10, 0, 0, u8::try_from(last).unwrap()])).collect();
    let mut all: Addresses = (0..limits::LOCALDB_HOSTS_MAX + 50)
        .map(|number| (format!("be{number:05}").into(), vec![IpAddr::from([10, 0, 0, 1])]))
        .collect();
    all.insert("be00000".into(), of_one.clone());
    all.insert("be00001".into(), Vec::new());
    live(&settings, async |local, _| {
        local.tables_changed(Tables { addresses: Arc::new(all.clone()), ..tables() });
    });
    live(&settings, async |local, _| {
        let known = local.opened().await.unwrap().addresses;
        assert_eq!(known.len(), limits::LOCALDB_HOSTS_MAX - 1, "one has none");
        assert_eq!(known["be00000"], of_one[..limits::LOCALDB_ADDRESSES_OF_HOST_MAX]);
        // Fewer take their place whole.
        local.tables_changed(tables());
    });
    live(&settings, async |local, _| {
        assert_eq!(local.opened().await.unwrap().addresses, tables().addresses);
    });
}
