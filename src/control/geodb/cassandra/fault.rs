//! The driver's errors as ours. Each message names the remedy.

use std::time::Duration;

use scylla::errors::{
    BadQuery, ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError,
    ExecutionError, MetadataError, NewSessionError, PrepareError, RequestAttemptError,
};

use crate::control::geodb::error::GeoDbError;
use crate::tls::{DriverFault, driver_fault};

/// What an error says about the next attempt.
#[derive(Debug)]
pub(super) enum Fault {
    /// It would fail again in the same way, whichever replicas are asked.
    Final(GeoDbError),
    /// Other replicas, fewer of them, or a later moment may do.
    Passing(Box<str>),
    /// No answer within this.
    Late(Duration),
}

impl Fault {
    /// For the caller, once nothing more is tried.
    pub(super) fn into_error(self, place: &str) -> GeoDbError {
        match self {
            Self::Final(error) => error,
            passing => unavailable(place, &passing.why()),
        }
    }

    /// In a few words.
    pub(super) fn why(&self) -> Box<str> {
        match self {
            Self::Final(error) => error.to_string().into(),
            Self::Passing(why) => why.clone(),
            Self::Late(after) => format!("no answer within {} ms", after.as_millis()).into(),
        }
    }
}

/// Cannot be asked now.
pub(super) fn unavailable(place: &str, why: &str) -> GeoDbError {
    GeoDbError::Unavailable { place: place.into(), why: why.into() }
}

/// Sorts an error of a request.
pub(super) fn of_request(place: &str, error: &ExecutionError) -> Fault {
    match error {
        ExecutionError::LastAttemptError(error) => of_attempt(place, error),
        ExecutionError::PrepareError(error) => of_prepare(place, error),
        ExecutionError::ConnectionPoolError(error) => Fault::Passing(pool(error)),
        ExecutionError::RequestTimeout(after) => Fault::Late(*after),
        ExecutionError::EmptyPlan => {
            Fault::Passing("no node of the data centre in `dc=` is known".into())
        }
        ExecutionError::BadQuery(BadQuery::SerializationError(error)) => Fault::Final(schema(
            place,
            &format!("a column has another type ({}); run: hale geodb init", one_line(error)),
        )),
        other => Fault::Passing(one_line(other)),
    }
}

/// Sorts an error of preparing.
pub(super) fn of_prepare(place: &str, error: &PrepareError) -> Fault {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(place, first_attempt),
        PrepareError::ConnectionPoolError(error) => Fault::Passing(pool(error)),
        other => Fault::Passing(one_line(other)),
    }
}

fn of_attempt(place: &str, error: &RequestAttemptError) -> Fault {
    match error {
        RequestAttemptError::DbError(error, text) => of_database(place, error, text),
        other => Fault::Passing(one_line(other)),
    }
}

fn of_database(place: &str, error: &DbError, text: &str) -> Fault {
    let text = first_line(text);
    match error {
        DbError::Invalid | DbError::SyntaxError | DbError::ConfigError => Fault::Final(schema(
            place,
            &format!("{text}; run: hale geodb init, which names what differs"),
        )),
        DbError::Unauthorized => Fault::Final(GeoDbError::Denied {
            place: place.into(),
            why: format!(
                "{text}; grant SELECT and MODIFY on the keyspace to the user in cassandra_user"
            )
            .into(),
        }),
        DbError::AuthenticationError => Fault::Final(denied(place, &text)),
        DbError::Unavailable { required, alive, .. } => Fault::Passing(
            format!("too few replicas are up: {required} are needed, {alive} are there").into(),
        ),
        DbError::ReadTimeout { required, received, .. }
        | DbError::WriteTimeout { required, received, .. } => Fault::Passing(
            format!("replicas are late: {required} have to answer, {received} did").into(),
        ),
        DbError::Overloaded | DbError::RateLimitReached { .. } => {
            Fault::Passing(format!("it is overloaded: {text}").into())
        }
        DbError::IsBootstrapping => Fault::Passing("the node is still starting".into()),
        _ => Fault::Passing(text),
    }
}

/// Sorts an error of a new session.
pub(super) fn of_session(place: &str, error: &NewSessionError) -> GeoDbError {
    match error {
        NewSessionError::FailedToResolveAnyHostname(hosts) => {
            let why = format!("no address for {}; check cassandra_hosts", hosts.join(", "));
            unavailable(place, &why)
        }
        NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
            ConnectionPoolError::Broken { last_connection_error },
        )) => of_connection(place, last_connection_error),
        other => unavailable(place, &one_line(other)),
    }
}

fn of_connection(place: &str, error: &ConnectionError) -> GeoDbError {
    if let ConnectionError::ConnectionSetupRequestError(setup) = error {
        match setup.get_error() {
            ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, text) => {
                return denied(place, &first_line(text));
            }
            ConnectionSetupRequestErrorKind::MissingAuthentication => {
                return denied(place, "it wants a user and a password");
            }
            ConnectionSetupRequestErrorKind::BrokenConnection(_) => {
                let why = format!(
                    "it ends connections at the first word; if it wants TLS, check cassandra_ssl: {}",
                    one_line(setup)
                );
                return unavailable(place, &why);
            }
            _ => {}
        }
    }
    unavailable(place, &connection(error))
}

fn denied(place: &str, text: &str) -> GeoDbError {
    let why = format!("{text}; check cassandra_user and cassandra_password");
    GeoDbError::Denied { place: place.into(), why: why.into() }
}

/// Its tables are not ours.
pub(super) fn schema(place: &str, why: &str) -> GeoDbError {
    GeoDbError::Schema { place: place.into(), why: why.into() }
}

fn pool(error: &ConnectionPoolError) -> Box<str> {
    match error {
        ConnectionPoolError::Broken { last_connection_error } => {
            connection(last_connection_error).into()
        }
        other => one_line(other),
    }
}

fn connection(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectTimeout => "no connection in time".to_owned(),
        ConnectionError::IoError(error) => match driver_fault(error) {
            Some(DriverFault::Certificate(why)) => format!(
                "its certificate is not good: {}; it has to be for the node's IP address and from an authority in ssl_client_ca_file",
                first_line(&why)
            ),
            Some(DriverFault::NotTls) => {
                "it does not speak TLS on this port; check cassandra_ssl and cassandra_port"
                    .to_owned()
            }
            Some(DriverFault::Other(why)) => format!("no TLS with it: {}", first_line(&why)),
            None => format!("no connection: {error}"),
        },
        other => format!("no connection: {}", one_line(other)),
    }
}

fn one_line(error: &dyn std::fmt::Display) -> Box<str> {
    first_line(&error.to_string())
}

/// What a node says goes into the log as one line of bounded length.
fn first_line(text: &str) -> Box<str> {
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect::<String>().into()
}

const TEXT_MAX: usize = 300;
