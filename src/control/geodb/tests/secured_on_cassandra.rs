//! A node that wants a password and TLS, in a data centre with another name.

use std::time::Duration;

use rcgen::generate_simple_self_signed;

use super::node::{Node, PORT, shared};
use super::*;
use crate::config::{Cassandra as Settings, GeoDb as Location};
use crate::secret::Secret;

fn open(settings: &Settings, mode: OpenMode) -> GeoDb {
    let geodb = GeoDb::open(&Location::Cassandra(Box::new(settings.clone())), mode).unwrap();
    geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT)
}

/// What the first call says, as one line.
async fn fails(settings: &Settings) -> GeoDbError {
    let error = open(settings, OpenMode::Existing).read_user("bob").await.unwrap_err();
    assert!(!error.to_string().contains('\n') && error.is_outage(), "{error}");
    error
}

fn says(error: &GeoDbError, text: &str) {
    assert!(error.to_string().contains(text), "{error}");
}

/// Passes bytes on from another address, which the node's certificate is not for.
async fn pass_on(from: String, to: String) {
    let listener = tokio::net::TcpListener::bind(from).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let Ok(mut node) = tokio::net::TcpStream::connect(to).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            });
        }
    });
}

#[tokio::test]
async fn password_tls_and_another_data_centre_work_and_each_of_them_wrong_is_told() {
    let node = Node::start_as("secured", 3, &["--password", "--tls", "--dc", "east"]).await;
    let settings = Settings {
        dc: Some("east".to_owned()),
        user: Some("cassandra".to_owned()),
        password: Some(Secret::from("cassandra")),
        tls: true,
        ca_file: Some(node.folder.join("ca.pem")),
        ..node.settings("secured")
    };
    let maker = open(&settings, OpenMode::Create);
    let made = async {
        // A new node makes its first user some time after it answers.
        loop {
            match maker.init().await {
                Ok(made) => break made,
                Err(error) => says(&error, "cassandra_password"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let made = tokio::time::timeout(Duration::from_secs(60), made).await.unwrap();
    assert_eq!(&*made[0].what, "keyspace secured (1 replicas in east)");
    let bob = User { username: "bob".into(), group_name: "g".into(), ..User::default() };
    assert_eq!(maker.replace_user(None, &bob, NOW).await.unwrap(), Applied::Written);
    let another = open(&settings, OpenMode::Existing);
    assert_eq!(&*another.read_user("bob").await.unwrap().unwrap().group_name, "g");

    let hush = Some(Secret::from("hush-hush"));
    let error = fails(&Settings { password: hush, ..settings.clone() }).await;
    assert!(matches!(error, GeoDbError::Denied { .. }), "{error}");
    says(&error, "check cassandra_user and cassandra_password");
    assert!(!error.to_string().contains("hush"), "{error}");
    let error = fails(&Settings { user: None, password: None, ..settings.clone() }).await;
    assert!(matches!(error, GeoDbError::Denied { .. }), "{error}");
    says(&error, "it wants a user and a password");

    let other = node.folder.join("other.pem");
    let made = generate_simple_self_signed(vec![node.address.clone()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    let error = fails(&Settings { ca_file: Some(other), ..settings.clone() }).await;
    says(&error, "its certificate is not good");
    says(&error, "ssl_client_ca_file");
    let (front, _) = node.address.rsplit_once('.').unwrap();
    let elsewhere = format!("{front}.33");
    pass_on(format!("{elsewhere}:{PORT}"), format!("{}:{PORT}", node.address)).await;
    let error = fails(&Settings { hosts: vec![elsewhere], ..settings.clone() }).await;
    says(&error, "its certificate is not good");
    let nothing = node.folder.join("nothing.pem");
    let error = fails(&Settings { ca_file: Some(nothing), ..settings.clone() }).await;
    says(&error, "ssl_client_ca_file: ");
    says(&error, "nothing.pem can't be read");

    let error = fails(&Settings { tls: false, ..settings.clone() }).await;
    says(&error, "check cassandra_ssl");
    let plain = Settings { hosts: vec![shared().await.address.clone()], ..settings.clone() };
    says(&fails(&plain).await, "it does not speak TLS on this port; check cassandra_ssl");
    let error = fails(&Settings { dc: Some("west".to_owned()), ..settings }).await;
    says(&error, "no node is in the data centre \"west\" (dc= in cluster_geodb); they are in east");
}
