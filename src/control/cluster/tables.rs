//! `hale geodb show`: the tables as they are, ids and nonsense included.

use super::error::CommandError;
use super::render::Output;
use super::settings::Cluster;
use crate::control::geodb::schema::{TABLES, TableSchema};

pub(super) async fn show(
    cluster: &Cluster<'_>,
    table: Option<&str>,
) -> Result<Output, CommandError> {
    let Some(name) = table else {
        let mut output = Output::new(&["table", "rows"]);
        for table in &TABLES {
            let count = cluster.geodb.count(table).await?;
            output.rows.push(vec![Some(table.name.to_owned()), Some(count.to_string())]);
        }
        return Ok(output);
    };
    let Some(table) = TableSchema::by_name(name) else {
        let known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        let text = format!("{name:?} is none of the tables {}", known.join(", "));
        return Err(CommandError::Usage(text));
    };
    let dump = cluster.geodb.dump(table).await?;
    Ok(Output { columns: dump.columns, rows: dump.rows, ..Output::default() })
}
