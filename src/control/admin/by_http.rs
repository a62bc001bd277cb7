//! The admin socket's commands as JSON: a path and an object in place of words, and an answer in one piece.
//!
//! Duty: which paths there are and what each takes, as the grammar of [`Request`] has it, so that no command is missing and none is
//! different; the description of all that (OpenAPI 3.1). Non-duty: who may ask, and HTTP itself (`doveadm::http`). Tests: below,
//! and `tests/appliance/e2e/admin_http.rs`.

use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use super::answer::Answer;
use super::requests::{Admin, Asker};
use super::verbs::{Request, grammar};
use crate::control::cluster::CommandError;
use crate::limits;

/// In front of every path.
pub(in crate::control) const BASE: &str = "/hale/v1";

/// The words that a request stands for. `path`: behind [`BASE`].
///
/// # Errors
/// No such command; or what of the object it does not take.
pub(in crate::control) fn words(path: &str, body: &[u8]) -> Result<Vec<String>, Fault> {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let grammar = grammar();
    let mut command = &grammar;
    for name in &names {
        command = command.find_subcommand(name).ok_or(Fault::NoCommand)?;
    }
    if names.is_empty() || command.has_subcommands() {
        return Err(Fault::NoCommand);
    }
    let object = match body.trim_ascii() {
        b"" => Map::new(),
        body => match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => object,
            _ => return Err(Fault::Wrong("the body is one JSON object, or empty".to_owned())),
        },
    };
    let takes = |name: &&String| parameters(command).any(|it| name_of(it) == name.as_str());
    if let Some(name) = object.keys().find(|name| !takes(name)) {
        return Err(Fault::Wrong(format!("`{name}` is no parameter of {}", names.join(" "))));
    }
    let (mut options, mut positional) = (Vec::new(), Vec::new());
    for parameter in parameters(command) {
        let name = name_of(parameter);
        let Some(value) = object.get(name) else { continue };
        let values = texts(value).ok_or_else(|| {
            Fault::Wrong(format!("`{name}` is a text, a number, yes or no, or a list of texts"))
        })?;
        if is_flag(parameter) {
            let is_set = value
                .as_bool()
                .ok_or_else(|| Fault::Wrong(format!("`{name}` is true or false")))?;
            options.extend(is_set.then(|| format!("--{name}")));
        } else if parameter.is_positional() {
            positional.extend(values);
        } else {
            options.extend(values.iter().map(|value| format!("--{name}={value}")));
        }
    }
    let names = names.into_iter().map(str::to_owned);
    let behind = std::iter::once("--".to_owned()).chain(positional);
    Ok(names.chain(options).chain(behind).collect())
}

/// Why a request is none.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::control) enum Fault {
    NoCommand,
    Wrong(String),
}

/// Carries a request out, and gathers its answer: its exit code, and the answer as one object.
pub(in crate::control) async fn carry_out(
    admin: &Admin,
    words: Vec<String>,
    by: Asker,
) -> (u8, Value) {
    let request = match Request::of_words(words) {
        Ok(request) => request,
        Err(error) => return failed(&error),
    };
    let Ok((ours, mut theirs)) = UnixStream::pair() else {
        return failed(&CommandError::TempFail("no descriptor is left".to_owned()));
    };
    let carrying = async move {
        let (_, writer) = theirs.split();
        let mut answer = Answer::new(writer);
        // Its reader goes when the answer is too long.
        let _ = admin.carry_out(request, by, &mut answer).await;
    };
    let reading = async move {
        let mut bytes = Vec::new();
        let most = u64::try_from(limits::ADMIN_HTTP_ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
        let read = ours.take(most).read_to_end(&mut bytes).await;
        read.map(|_| bytes)
    };
    match tokio::join!(carrying, reading).1 {
        Ok(bytes) if bytes.len() < limits::ADMIN_HTTP_ANSWER_BYTES_MAX => gathered(&bytes),
        _ => failed(&CommandError::TempFail(
            "the answer is too long; ask for less, or by the admin socket".to_owned(),
        )),
    }
}

fn failed(error: &CommandError) -> (u8, Value) {
    let exit = error.exit_code();
    (exit, json!({ "exit": exit, "error": error.to_string() }))
}

/// The lines of an answer as one object.
fn gathered(bytes: &[u8]) -> (u8, Value) {
    let mut answer = Map::new();
    let (mut rows, mut notices) = (Vec::new(), Vec::new());
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(Value::Object(mut object)) => match object.remove("notice") {
                Some(notice) => notices.push(notice),
                None => answer.extend(object),
            },
            Ok(row) => rows.push(row),
            Err(_) => {}
        }
    }
    if answer.contains_key("columns") {
        answer.insert("rows".to_owned(), rows.into());
        answer.insert("notices".to_owned(), notices.into());
    }
    let exit = answer.get("exit").and_then(Value::as_u64).and_then(|it| u8::try_from(it).ok());
    (exit.unwrap_or(EX_SOFTWARE), answer.into())
}

/// HTTP's word for an exit code.
pub(in crate::control) fn status(exit: u8) -> u16 {
    match exit {
        0 => 200,
        2 => 409,
        64 => 400,
        67 | 68 => 404,
        75 => 503,
        77 => 403,
        _ => 422,
    }
}

// === The grammar ===

/// What a command takes, but for what is about the terminal.
fn parameters(command: &Command) -> impl Iterator<Item = &Arg> {
    let is_ours = |it: &&Arg| it.is_positional() || it.get_long().is_some();
    command.get_arguments().filter(is_ours).filter(|it| !["help", "version"].contains(&name_of(it)))
}

fn name_of(parameter: &Arg) -> &str {
    parameter.get_long().unwrap_or_else(|| parameter.get_id().as_str())
}

fn is_flag(parameter: &Arg) -> bool {
    matches!(parameter.get_action(), ArgAction::SetTrue)
}

fn takes_many(parameter: &Arg) -> bool {
    let values = parameter.get_num_args().is_some_and(|range| range.max_values() > 1);
    values || matches!(parameter.get_action(), ArgAction::Append)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(is_so) => Some(vec![if *is_so { "yes" } else { "no" }.to_owned()]),
        Value::Array(all) => {
            let one = |value: &Value| match value {
                Value::Array(_) => None,
                value => texts(value)?.pop(),
            };
            all.iter().map(one).collect()
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// The description of all commands.
pub(in crate::control) fn openapi() -> Value {
    let mut paths = Map::new();
    let mut grammar = grammar();
    grammar.build();
    describe(&grammar, BASE, &mut paths);
    let answer = json!({ "type": "object", "required": ["exit"], "properties": {
        "columns": { "type": "array", "items": { "type": "string" } },
        "rows": { "type": "array", "items": { "type": "array", "items": { "type": ["string", "null"] } } },
        "notices": { "type": "array", "items": { "type": "string" } },
        "exit": { "type": "integer", "description": "The exit code that the command line would have" },
        "error": { "type": "string" },
    }});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hale",
            "version": "1",
            "description": "The commands of hale(1) that ask a running Hale, by HTTP.",
        },
        "paths": paths,
        "components": {
            "schemas": { "Answer": answer },
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "X-Dovecot-API, a space, and doveadm_api_key in base64" },
                "password": { "type": "http", "scheme": "basic",
                    "description": "the user doveadm, and doveadm_password" },
            },
        },
        "security": [{ "key": [] }, { "password": [] }],
    })
}

fn describe(command: &Command, path: &str, paths: &mut Map<String, Value>) {
    for child in command.get_subcommands().filter(|it| it.get_name() != "help") {
        let path = format!("{path}/{}", child.get_name());
        if child.has_subcommands() {
            describe(child, &path, paths);
            continue;
        }
        let text = |about: Option<&clap::builder::StyledStr>| about.map(ToString::to_string);
        let mut properties = Map::new();
        for parameter in parameters(child) {
            let kind = match (is_flag(parameter), takes_many(parameter)) {
                (true, _) => json!({ "type": "boolean" }),
                (false, true) => json!({ "type": "array", "items": { "type": "string" } }),
                (false, false) => json!({ "type": "string" }),
            };
            let mut kind = kind;
            if let (Some(help), Some(object)) = (text(parameter.get_help()), kind.as_object_mut()) {
                object.insert("description".to_owned(), help.into());
            }
            properties.insert(name_of(parameter).to_owned(), kind);
        }
        let required: Vec<&str> =
            parameters(child).filter(|it| it.is_required_set()).map(name_of).collect();
        let mut schema = json!({
            "type": "object", "properties": properties, "additionalProperties": false,
        });
        if let (false, Some(object)) = (required.is_empty(), schema.as_object_mut()) {
            object.insert("required".to_owned(), required.into());
        }
        let answer = |about: &str| {
            let schema = json!({ "$ref": "#/components/schemas/Answer" });
            json!({ "description": about, "content": { "application/json": { "schema": schema } } })
        };
        let operation = json!({
            "operationId": path.trim_start_matches(BASE).trim_start_matches('/').replace('/', "-"),
            "summary": text(child.get_about()).unwrap_or_default(),
            "requestBody": { "content": { "application/json": { "schema": schema } } },
            "responses": { "200": answer("done"), "default": answer("not done, or in part; exit and error say why") },
        });
        paths.insert(path, json!({ "post": operation }));
    }
}

const EX_SOFTWARE: u8 = 70;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, body: &str) -> Result<Vec<String>, Fault> {
        words(path, body.as_bytes())
    }

    #[test]
    fn a_path_and_an_object_are_the_words_of_the_command_line() {
        assert_eq!(of("/status", "").unwrap(), ["status", "--"]);
        assert_eq!(
            of("listener/drain", r#"{"name":"imap"}"#).unwrap(),
            ["listener", "drain", "--", "imap"]
        );
        assert_eq!(
            of("kick", r#"{"backend":"be1","whom":["-x","10.0.0.0/8"],"reason":"a b"}"#).unwrap(),
            ["kick", "--backend=be1", "--reason=a b", "--", "-x", "10.0.0.0/8"]
        );
        for (path, body) in [
            ("listener/drain", r#"{"name":"--help"}"#),
            ("kick", r#"{"reason":"--","whom":["*"]}"#),
        ] {
            Request::of_words(of(path, body).unwrap()).unwrap();
        }
    }

    #[test]
    fn op_08_what_is_no_command_and_what_it_does_not_take_is_told() {
        for path in ["", "/", "cluster", "run", "listener/stop", "status/x", "../status", "help"] {
            assert_eq!(of(path, ""), Err(Fault::NoCommand), "{path}");
        }
        for body in
            ["[]", "x", r#"{"x":1}"#, r#"{"name":{}}"#, r#"{"name":null}"#, r#"{"name":[["a"]]}"#]
        {
            assert!(matches!(of("listener/drain", body), Err(Fault::Wrong(_))), "{body}");
        }
        assert!(
            matches!(of("who", r#"{"each":true}"#), Err(Fault::Wrong(_))),
            "the terminal's own"
        );
    }

    /// Every command that a running Hale is asked is described, and takes what its description says.
    #[test]
    fn the_description_in_the_repository_is_up_to_date() {
        let described = openapi();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        let text = serde_json::to_string_pretty(&described).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == text,
            "run UPDATE_DOCS=1 cargo test --lib openapi and look at the difference"
        );
        let paths = described["paths"].as_object().unwrap();
        for must in [
            "status",
            "who",
            "kick",
            "reload",
            "listener/drain",
            "explain",
            "cluster/backend/update",
            "geodb/show",
        ] {
            assert!(paths.contains_key(&format!("{BASE}/{must}")), "{must}");
        }
        for path in paths.keys() {
            let own = path.strip_prefix(BASE).unwrap();
            assert!(of(own, "").is_ok(), "{path}");
        }
    }

    #[test]
    fn an_answer_is_one_object() {
        let lines = b"{\"columns\":[\"a\"]}\n[\"x\"]\n[null]\n{\"notice\":\"n\"}\n{\"exit\":0}\n";
        let (exit, answer) = gathered(lines);
        assert_eq!(exit, 0);
        let expected =
            json!({"columns": ["a"], "rows": [["x"], [null]], "notices": ["n"], "exit": 0});
        assert_eq!(answer, expected);
        assert_eq!(
            gathered(b"{\"exit\":68,\"error\":\"no\"}\n").1,
            json!({"exit": 68, "error": "no"})
        );
        assert_eq!(gathered(b"").0, EX_SOFTWARE);
    }
}
