//! `hale cluster tag …`

use uuid::Uuid;

use super::error::CommandError;
use super::names::find_tag;
use super::render::Output;
use super::settings::Cluster;
use super::verbs::TagCommand;
use crate::route::rows::Tag;

pub(super) async fn run(
    command: &TagCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    match command {
        TagCommand::Create { id, name } => create(cluster, *id, name).await,
        TagCommand::Update { new_name, tag } => {
            let tag = find_tag(cluster, tag).await?;
            let Some(name) = new_name else {
                return Err(CommandError::Usage("nothing to change; give --name".to_owned()));
            };
            check_new_name(cluster, name).await?;
            cluster.geodb.rename_tag(tag.id, name).await?;
            Ok(Output::default())
        }
        TagCommand::Delete { tag } => {
            let tag = find_tag(cluster, tag).await?;
            cluster.geodb.delete_tag(tag.id).await?;
            Ok(Output::default())
        }
        TagCommand::List => Ok(show(cluster.geodb.tags().await?)),
    }
}

async fn create(
    cluster: &Cluster<'_>,
    id: Option<Uuid>,
    name: &str,
) -> Result<Output, CommandError> {
    check_new_name(cluster, name).await?;
    let tag = Tag { id: id.unwrap_or_else(Uuid::new_v4), tag: name.into() };
    if tag.id.is_nil() || !cluster.geodb.insert_tag(&tag).await? {
        return Err(CommandError::Data(format!("id {} is in use or nil", tag.id)));
    }
    Ok(show(vec![tag]))
}

async fn check_new_name(cluster: &Cluster<'_>, name: &str) -> Result<(), CommandError> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(CommandError::Data(format!("{name:?} is no name")));
    }
    if cluster.geodb.tags().await?.iter().any(|tag| &*tag.tag == name) {
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
