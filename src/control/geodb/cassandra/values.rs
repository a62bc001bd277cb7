//! Rows as Cassandra holds them.

use scylla::value::{CqlTimestamp, CqlValue, MaybeUnset, Row};
use uuid::Uuid;

use crate::control::geodb::columns::{Columns, NotAUuid};
use crate::control::geodb::schema::{Kind, TableName, TableSchema};
use crate::route::problem::{Complaint, Problem};

/// A value to be written. Unset leaves a column as it is; a null would be a tombstone, each time it is written.
pub(super) type Cell = MaybeUnset<Option<CqlValue>>;

/// Text, when there is any.
pub(super) fn text(text: Option<&str>) -> Cell {
    text.map_or(Cell::Unset, |text| Cell::Set(Some(CqlValue::Text(text.to_owned()))))
}

/// An id, when there is one.
pub(super) fn id(id: Option<Uuid>) -> Cell {
    id.map_or(Cell::Unset, |id| Cell::Set(Some(CqlValue::Uuid(id))))
}

/// A number that fits the column.
pub(super) fn number(number: Option<i64>) -> Cell {
    let small = number.map(|number| {
        i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
    });
    small.map_or(Cell::Unset, |number| Cell::Set(Some(CqlValue::Int(number))))
}

/// A number that may have a fraction.
pub(super) fn real(number: f64) -> Cell {
    Cell::Set(Some(CqlValue::Double(number)))
}

/// Milliseconds since 1970.
pub(super) fn time(millis: Option<i64>) -> Cell {
    millis.map_or(Cell::Unset, |millis| Cell::Set(Some(CqlValue::Timestamp(CqlTimestamp(millis)))))
}

/// The same, written as null when it takes away what `held` says the column has.
pub(super) fn or_cleared(cell: Cell, held: bool) -> Cell {
    match cell {
        Cell::Unset if held => Cell::Set(None),
        cell => cell,
    }
}

/// A column's value out of an operator's or another engine's text.
pub(super) fn parsed(kind: Kind, text: &str) -> Option<CqlValue> {
    Some(match kind {
        Kind::Uuid => CqlValue::Uuid(Uuid::try_parse(text).ok()?),
        Kind::Text => CqlValue::Text(text.to_owned()),
        Kind::Int => CqlValue::Int(text.parse().ok()?),
        Kind::Timestamp => CqlValue::Timestamp(CqlTimestamp(text.parse().ok()?)),
        Kind::Double => CqlValue::Double(text.parse().ok()?),
    })
}

/// A value as text; null is none.
pub(super) fn shown(value: Option<&CqlValue>) -> Option<String> {
    Some(match value? {
        CqlValue::Uuid(id) => id.to_string(),
        CqlValue::Timeuuid(id) => id.to_string(),
        CqlValue::Text(text) | CqlValue::Ascii(text) => text.clone(),
        CqlValue::Double(number) => number.to_string(),
        CqlValue::Empty => String::new(),
        other => {
            whole_number(other).map_or_else(|| format!("{other:?}"), |number| number.to_string())
        }
    })
}

fn whole_number(value: &CqlValue) -> Option<i64> {
    Some(match value {
        CqlValue::Int(number) => i64::from(*number),
        CqlValue::BigInt(number) | CqlValue::Timestamp(CqlTimestamp(number)) => *number,
        CqlValue::SmallInt(number) => i64::from(*number),
        CqlValue::TinyInt(number) => i64::from(*number),
        CqlValue::Boolean(flag) => i64::from(*flag),
        _ => return None,
    })
}

/// A row's columns by name: those of the table, in its order.
pub(super) struct Fields<'r> {
    pub(super) table: &'static TableSchema,
    pub(super) row: &'r Row,
}

impl Fields<'_> {
    fn value(&self, column: &str) -> Option<&CqlValue> {
        let at = self.table.columns.iter().position(|(name, _)| *name == column)?;
        self.row.columns.get(at)?.as_ref()
    }

    /// Why a row is left out.
    pub(super) fn problem(&self, NotAUuid(column): NotAUuid) -> Problem {
        let key: Vec<String> =
            self.table.key.iter().filter_map(|column| shown(self.value(column))).collect();
        Problem {
            table: self.table.name,
            row: key.join(" ").into(),
            complaint: Complaint::NotAUuid(column),
        }
    }
}

impl Columns for Fields<'_> {
    type Error = NotAUuid;

    fn text(&self, column: &'static str) -> Result<Option<Box<str>>, NotAUuid> {
        Ok(shown(self.value(column)).map(String::into_boxed_str))
    }

    fn number(&self, column: &'static str) -> Result<Option<i64>, NotAUuid> {
        Ok(self.value(column).and_then(whole_number))
    }

    fn real(&self, column: &'static str) -> Result<Option<f64>, NotAUuid> {
        Ok(match self.value(column) {
            Some(CqlValue::Double(value)) => Some(*value),
            _ => None,
        })
    }

    fn optional_id(&self, column: &'static str) -> Result<Option<Uuid>, NotAUuid> {
        match self.value(column) {
            None => Ok(None),
            Some(CqlValue::Uuid(id)) => Ok(Some(*id)),
            // Zero bytes, which CQL lets in.
            Some(_) => Err(NotAUuid(column)),
        }
    }
}

/// The latest write time among the columns that a row was read with, behind those of the table.
pub(super) fn latest_stamp(table: TableName, row: &Row) -> Option<i64> {
    let stamps = row.columns.get(table.schema().columns.len()..)?;
    let stamps = stamps.iter().filter_map(|stamp| match stamp {
        Some(CqlValue::BigInt(stamp)) => Some(*stamp),
        _ => None,
    });
    stamps.max()
}
