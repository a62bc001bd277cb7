//! A session of the driver with all we ask of it: settings, statements prepared once, one request under our own deadline.
//!
//! Non-duty: whether a session is there (`link`), what a failure means for the next call (`health`).

use std::sync::Arc;
use std::time::Duration;

use scylla::client::PoolSize;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::Consistency as Replicas;
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::fault::{self, Fault};
use super::health::Doing;
use super::statements::{STATEMENTS, Statement};
use super::values::Cell;
use crate::config::{Cassandra as Settings, Consistencies, Consistency};
use crate::control::certificates::SYSTEM_AUTHORITIES;
use crate::control::geodb::error::GeoDbError;
use crate::limits;
use crate::tls::{DriverConfig, OlderForms, Trust, driver_config};

/// A session that was built, and its statements.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) session: Session,
    statements: [OnceCell<PreparedStatement>; STATEMENTS],
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    pub(super) statement: Statement,
    pub(super) cells: &'a [Cell],
    pub(super) consistency: Consistency,
    /// When the write is to have happened, in microseconds since 1970.
    pub(super) stamp: Option<i64>,
    pub(super) page: PagingState,
    pub(super) deadline: Duration,
}

impl Connected {
    /// Builds a session. Takes as long as it takes: the caller has a deadline.
    pub(super) async fn build(settings: &Settings, place: &str) -> Result<Self, GeoDbError> {
        let mut policy = DefaultPolicy::builder().token_aware(true);
        if let Some(dc) = &settings.dc {
            // A foreign node would take LOCAL_QUORUM for its own data centre's.
            policy = policy.prefer_datacenter(dc.clone()).permit_dc_failover(false);
        }
        let speculation = SimpleSpeculativeExecutionPolicy {
            max_retry_count: limits::CASSANDRA_SPECULATIONS_MAX,
            retry_interval: limits::CASSANDRA_SPECULATION_AFTER,
        };
        let profile = ExecutionProfile::builder()
            .consistency(replicas(settings.read.first))
            .request_timeout(Some(settings.request_timeout))
            .load_balancing_policy(policy.build())
            .speculative_execution_policy(Some(Arc::new(speculation)))
            .build();
        let mut builder = SessionBuilder::new()
            .known_nodes(settings.hosts.iter().map(|host| node(host, settings.port)))
            .default_execution_profile_handle(profile.into_handle())
            .pool_size(PoolSize::PerHost(std::num::NonZeroUsize::MIN))
            .connection_timeout(settings.connect_timeout)
            .hostname_resolution_timeout(Some(settings.connect_timeout))
            .keepalive_interval(limits::CASSANDRA_KEEPALIVE)
            .keepalive_timeout(limits::CASSANDRA_KEEPALIVE)
            .metadata_request_clientside_timeout(limits::CASSANDRA_METADATA_TIMEOUT)
            .fetch_full_schema_metadata(false)
            .auto_await_schema_agreement(false)
            .driver_config_reporting(false)
            .tcp_nodelay(true);
        if let Some(user) = &settings.user {
            let password = settings.password.as_ref().map_or(&b""[..], |secret| secret.expose());
            builder = builder.user(user.as_str(), String::from_utf8_lossy(password));
        }
        if settings.tls {
            builder = builder.tls_context(Some(tls(settings, place)?));
        }
        let session = builder.build().await.map_err(|error| fault::of_session(place, &error))?;
        Ok(Self { session, statements: [const { OnceCell::const_new() }; STATEMENTS] })
    }

    /// Nodes that may be asked: how many are connected, and how many there are. Those of a foreign data centre are not counted.
    pub(super) fn nodes(&self, dc: Option<&str>) -> [usize; 2] {
        let state = self.session.get_cluster_state();
        let is_ours = |node: &&Arc<scylla::cluster::Node>| {
            dc.is_none_or(|dc| node.datacenter.as_deref() == Some(dc))
        };
        let ours = || state.get_nodes_info().iter().filter(is_ours);
        [ours().filter(|node| node.is_connected()).count(), ours().count()]
    }

    /// Makes a request; prepares its statement first when it is the first of its kind.
    pub(super) async fn request(
        &self,
        settings: &Settings,
        place: &str,
        request: Request<'_>,
    ) -> Result<(QueryResult, PagingStateResponse), Fault> {
        let deadline = request.deadline;
        let work = async {
            let mut prepared = self.prepared(settings, place, request.statement).await?.clone();
            prepared.set_consistency(replicas(request.consistency));
            prepared.set_timestamp(request.stamp);
            prepared.set_request_timeout(Some(deadline));
            let answer = self.session.execute_single_page(&prepared, request.cells, request.page);
            answer.await.map_err(|error| fault::of_request(place, &error))
        };
        // The driver's own time limit does not cover all that it waits for.
        timeout(deadline, work).await.unwrap_or_else(|_| Err(Fault::Late(deadline)))
    }

    async fn prepared(
        &self,
        settings: &Settings,
        place: &str,
        statement: Statement,
    ) -> Result<&PreparedStatement, Fault> {
        let Some(kept) = self.statements.get(statement.place()) else {
            return Err(Fault::Passing("no such statement".into()));
        };
        let prepare = async || {
            let text = statement.text(&settings.keyspace);
            let prepared = self.session.prepare(text).await;
            let mut prepared = prepared.map_err(|error| fault::of_prepare(place, &error))?;
            prepared.set_is_idempotent(true);
            prepared.set_page_size(limits::CASSANDRA_PAGE_ROWS);
            Ok(prepared)
        };
        kept.get_or_try_init(prepare).await
    }
}

/// How the driver wants a contact point.
fn node(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// What is asked for, and what will do.
pub(super) fn consistencies(settings: &Settings, doing: Doing) -> Consistencies {
    match doing {
        Doing::Read => settings.read,
        Doing::Write => settings.write,
        Doing::Delete => settings.delete,
    }
}

fn replicas(consistency: Consistency) -> Replicas {
    match consistency {
        Consistency::One => Replicas::One,
        Consistency::Two => Replicas::Two,
        Consistency::Three => Replicas::Three,
        Consistency::Quorum => Replicas::Quorum,
        Consistency::All => Replicas::All,
        Consistency::LocalQuorum => Replicas::LocalQuorum,
        Consistency::EachQuorum => Replicas::EachQuorum,
        Consistency::LocalOne => Replicas::LocalOne,
    }
}

/// Read with each new session, so that a new file of authorities needs no restart.
fn tls(settings: &Settings, place: &str) -> Result<DriverConfig, GeoDbError> {
    let unusable = |why: String| GeoDbError::Unusable { place: place.into(), why: why.into() };
    let trust = match &settings.ca_file {
        Some(file) => {
            let name = format!("ssl_client_ca_file: {}", file.display());
            let bytes = std::fs::read(file);
            let bytes =
                bytes.map_err(|error| unusable(format!("{name} can't be read: {error}")))?;
            let trust = Trust::new(&bytes, OlderForms::Accepted);
            trust.map_err(|fault| unusable(format!("{name} {fault}")))?
        }
        None => {
            let readable = SYSTEM_AUTHORITIES.iter().find_map(|path| std::fs::read(path).ok());
            let trust = readable.and_then(|bytes| Trust::system(&bytes).ok());
            let missing = "no authority is trusted, so no node can prove itself: set ssl_client_ca_file, or install \
                           the system's ca-certificates";
            trust.ok_or_else(|| unusable(missing.to_owned()))?
        }
    };
    driver_config(&trust)
        .ok_or_else(|| unusable("the TLS library refuses its own defaults".to_owned()))
}
