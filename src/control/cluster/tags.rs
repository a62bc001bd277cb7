//! `hale cluster tag …`

use uuid::Uuid;

use super::names::find_tag;
use super::verbs::TagCommand;
use super::{CommandError, Output};
use crate::control::geodb::GeoDb;
use crate::route::rows::Tag;

pub(super) fn run(command: &TagCommand, geodb: &mut GeoDb) -> Result<Output, CommandError> {
    match command {
        TagCommand::Create { id, name } => create(geodb, *id, name),
        TagCommand::Update { new_name, tag } => {
            let tag = find_tag(geodb, tag)?;
            let Some(name) = new_name else {
                return Err(CommandError::Usage("nothing to change; give --name".to_owned()));
            };
            check_new_name(geodb, name)?;
            geodb.rename_tag(tag.id, name)?;
            Ok(Output::default())
        }
        TagCommand::Delete { tag } => {
            let tag = find_tag(geodb, tag)?;
            geodb.delete_tag(tag.id)?;
            Ok(Output::default())
        }
        TagCommand::List => Ok(show(geodb.tags()?)),
    }
}

fn create(geodb: &mut GeoDb, id: Option<Uuid>, name: &str) -> Result<Output, CommandError> {
    check_new_name(geodb, name)?;
    let tag = Tag { id: id.unwrap_or_else(Uuid::new_v4), tag: name.into() };
    if tag.id.is_nil() || !geodb.insert_tag(&tag)? {
        return Err(CommandError::Data(format!("id {} is in use or nil", tag.id)));
    }
    Ok(show(vec![tag]))
}

fn check_new_name(geodb: &mut GeoDb, name: &str) -> Result<(), CommandError> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(CommandError::Data(format!("{name:?} is no name")));
    }
    if geodb.tags()?.iter().any(|tag| &*tag.tag == name) {
        return Err(CommandError::Data(format!("tag {name}: exists")));
    }
    Ok(())
}

fn show(tags: Vec<Tag>) -> Output {
    let mut output = Output::new(&["id", "tag"]);
    let rows =
        tags.into_iter().map(|tag| vec![Some(tag.id.to_string()), Some(tag.tag.into_string())]);
    output.rows.extend(rows);
    output
}
