//! What a session leads to: data centres, the keyspace, its tables; and how they are made.
//!
//! Duty: one clear sentence for each thing that would make every later call fail. Driven by `link` when a session begins, and by
//! `hale geodb init`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use scylla::client::session::Session;
use scylla::statement::unprepared::Statement;
use tokio::time::timeout;

use super::fault;
use super::link::Shared;
use super::session::Connected;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::{TABLES, TableSchema};
use crate::control::geodb::values::{Made, OpenMode};
use crate::limits;

/// Looks at data centres, keyspace and tables. What is odd, but works, comes back.
pub(super) async fn cluster(
    connected: &Connected,
    shared: &Shared,
    mode: OpenMode,
) -> Result<Vec<String>, GeoDbError> {
    let place = &shared.place;
    let nodes = nodes(&connected.session);
    let mut remarks = Vec::new();
    if let Some(dc) = &shared.settings.dc {
        if !nodes.contains_key(dc) {
            return Err(unusable(
                place,
                format!(
                    "no node is in the data centre {dc:?} (dc= in cluster_geodb); they are in {}",
                    listed(&nodes)
                ),
            ));
        }
    } else if nodes.len() > 1 {
        remarks.push(format!(
            "{place}: its nodes are in {}, and cluster_geodb has no dc=: any of them may be asked; name the nearest",
            listed(&nodes)
        ));
    }
    if mode == OpenMode::Create {
        return Ok(remarks);
    }
    let keyspace = &shared.settings.keyspace;
    let Some(replication) = replication(&connected.session, shared).await? else {
        let why = format!("the keyspace {keyspace} does not exist; run: hale geodb init");
        return Err(fault::schema(place, &why));
    };
    let local = shared.settings.dc.clone().or_else(|| nodes.keys().next().cloned());
    if let Some(local) = local.filter(|_| nodes.len() == 1 || shared.settings.dc.is_some()) {
        let copies = copies_in(&replication, &local);
        if copies == 0 {
            return Err(unusable(
                place,
                format!(
                    "the keyspace {keyspace} has no replica in the data centre {local}; alter its replication"
                ),
            ));
        }
        let there = nodes.get(&local).copied().unwrap_or_default();
        if copies > there {
            remarks.push(format!(
                "{place}: the keyspace has {copies} replicas in {local}, which has {there} nodes: reads and writes of a \
                 quorum fail; add nodes, or alter its replication"
            ));
        }
    }
    let found = columns(&connected.session, shared).await?;
    for table in &TABLES {
        if !found.contains_key(table.name) {
            let why = format!("has no table {}; run: hale geodb init", table.name);
            return Err(fault::schema(place, &why));
        }
    }
    match differing(&found) {
        Some(why) => Err(fault::schema(place, &why)),
        None => Ok(remarks),
    }
}

/// Makes what is missing, and nothing else.
pub(super) async fn init(connected: &Connected, shared: &Shared) -> Result<Vec<Made>, GeoDbError> {
    let making = make(connected, shared);
    let after = limits::CASSANDRA_SCHEMA_TIMEOUT;
    timeout(after, making).await.unwrap_or(Err(GeoDbError::Timeout { after }))
}

async fn make(connected: &Connected, shared: &Shared) -> Result<Vec<Made>, GeoDbError> {
    let (session, keyspace) = (&connected.session, &shared.settings.keyspace);
    let mut made = Vec::new();
    let is_new = replication(session, shared).await?.is_none();
    let mut what = format!("keyspace {keyspace}");
    if is_new {
        let copies: Vec<(String, usize)> =
            nodes(session).into_iter().map(|(dc, nodes)| (dc, nodes.min(COPIES))).collect();
        let each: String =
            copies.iter().map(|(dc, copies)| format!(", '{dc}': {copies}")).collect();
        let text = format!(
            "create keyspace if not exists {keyspace} with replication = {{'class': 'NetworkTopologyStrategy'{each}}}"
        );
        statement(session, shared, &text).await?;
        let each: Vec<String> =
            copies.iter().map(|(dc, copies)| format!("{copies} replicas in {dc}")).collect();
        what = format!("{what} ({})", each.join(", "));
    }
    made.push(Made { what: what.into(), is_new });
    let before = columns(session, shared).await?;
    for table in &TABLES {
        let is_new = !before.contains_key(table.name);
        if is_new {
            statement(session, shared, &table.create_in_keyspace(keyspace)).await?;
        }
        made.push(Made { what: format!("table {}", table.name).into(), is_new });
    }
    if made.iter().any(|made| made.is_new) {
        // Without it no request finds the nodes that have its row.
        let known = session.refresh_metadata().await;
        known.map_err(|error| fault::unavailable(&shared.place, &error.to_string()))?;
    }
    match differing(&columns(session, shared).await?) {
        Some(why) => Err(fault::schema(&shared.place, &why)),
        None => Ok(made),
    }
}

/// Changes the schema, and waits until every node knows: the next statement may go to another, which has to have the keyspace,
/// and must not change what it has not heard of.
async fn statement(session: &Session, shared: &Shared, text: &str) -> Result<(), GeoDbError> {
    let done = session.query_unpaged(patient(text, limits::CASSANDRA_SCHEMA_TIMEOUT), &[]).await;
    done.map_err(|error| fault::of_request(&shared.place, &error).into_error(&shared.place))?;
    let agreed = session.await_schema_agreement().await;
    agreed.map_err(|error| fault::unavailable(&shared.place, &error.to_string()))?;
    Ok(())
}

/// No login waits for this, and a node that has just begun takes seconds over its first statements.
fn patient(text: &str, deadline: Duration) -> Statement {
    let mut statement = Statement::new(text);
    statement.set_request_timeout(Some(deadline));
    statement
}

fn unusable(place: &str, why: String) -> GeoDbError {
    GeoDbError::Unusable { place: place.into(), why: why.into() }
}

/// Data centres, and how many nodes each has.
fn nodes(session: &Session) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for node in session.get_cluster_state().get_nodes_info() {
        *found.entry(node.datacenter.clone().unwrap_or_default()).or_default() += 1;
    }
    found
}

fn listed(nodes: &BTreeMap<String, usize>) -> String {
    nodes.keys().cloned().collect::<Vec<String>>().join(", ")
}

/// How a keyspace is replicated; none when there is no such keyspace.
async fn replication(
    session: &Session,
    shared: &Shared,
) -> Result<Option<HashMap<String, String>>, GeoDbError> {
    let text = "select replication from system_schema.keyspaces where keyspace_name = ?";
    let found: Vec<(HashMap<String, String>,)> = rows(session, shared, text).await?;
    Ok(found.into_iter().next().map(|(replication,)| replication))
}

fn copies_in(replication: &HashMap<String, String>, dc: &str) -> usize {
    let is_simple = replication.get("class").is_some_and(|class| class.ends_with("SimpleStrategy"));
    let key = if is_simple { "replication_factor" } else { dc };
    replication.get(key).and_then(|copies| copies.parse().ok()).unwrap_or_default()
}

/// A column of a table that exists: its type, its part in the key, its place there.
type Column = (String, String, i32);

/// What there is, by table and column.
async fn columns(
    session: &Session,
    shared: &Shared,
) -> Result<HashMap<String, HashMap<String, Column>>, GeoDbError> {
    let text = "select table_name, column_name, type, kind, position from system_schema.columns \
                where keyspace_name = ?";
    let rows: Vec<(String, String, String, String, i32)> = rows(session, shared, text).await?;
    let mut found: HashMap<String, HashMap<String, Column>> = HashMap::new();
    for (table, column, kind, part, position) in rows {
        found.entry(table).or_default().insert(column, (kind, part, position));
    }
    Ok(found)
}

async fn rows<R>(session: &Session, shared: &Shared, text: &str) -> Result<Vec<R>, GeoDbError>
where
    R: for<'f, 'm> scylla::deserialize::row::DeserializeRow<'f, 'm>,
{
    let place = &shared.place;
    let unreadable = |error: &dyn std::fmt::Display| {
        let why = error.to_string();
        unusable(
            place,
            format!("its system tables can't be read: {}", why.lines().next().unwrap_or_default()),
        )
    };
    let question = patient(text, limits::CASSANDRA_METADATA_TIMEOUT);
    let result = session.query_unpaged(question, (&shared.settings.keyspace,)).await;
    let result = result.map_err(|error| fault::of_request(place, &error).into_error(place))?;
    let result = result.into_rows_result().map_err(|error| unreadable(&error))?;
    let rows = result.rows::<R>().map_err(|error| unreadable(&error))?;
    rows.collect::<Result<Vec<R>, _>>().map_err(|error| unreadable(&error))
}

/// The first of the ten tables that exists and is not as it should be.
fn differing(found: &HashMap<String, HashMap<String, Column>>) -> Option<String> {
    TABLES.iter().find_map(|table| {
        let columns = found.get(table.name)?;
        table.columns.iter().find_map(|(column, kind)| {
            let Some((is, part, position)) = columns.get(*column) else {
                return Some(format!(
                    "table {} has no column {column}; add it: alter table {0} add {column} {}",
                    table.name,
                    kind.in_cassandra()
                ));
            };
            let (wanted_part, wanted_position) = part_of_key(table, column);
            if is != kind.in_cassandra() {
                return Some(format!(
                    "table {}, column {column}: its type is {is}, not {}; make the table anew, or name another keyspace",
                    table.name,
                    kind.in_cassandra()
                ));
            }
            (part != wanted_part || *position != wanted_position).then(|| {
                format!(
                    "table {}: the primary key is another one (column {column} is {part}); make the table anew, or name \
                     another keyspace",
                    table.name
                )
            })
        })
    })
}

/// How `system_schema.columns` calls a column's part in the key, and its place there.
fn part_of_key(table: &TableSchema, column: &str) -> (&'static str, i32) {
    match table.key.iter().position(|key| *key == column) {
        None => ("regular", -1),
        Some(0) => ("partition_key", 0),
        Some(at) => ("clustering", i32::try_from(at).unwrap_or(i32::MAX) - 1),
    }
}

/// Replicas in a data centre, where it has as many nodes.
const COPIES: usize = 3;
