//! The modal in which a person changes the arguments of a call before they approve it: an input for
//! each field, as the tool's schema says. What cannot be edited here stays as it is.

use chrono::NaiveDate;
use domain::approval::Approval;
use serde_json::{Map, Value, json};

use super::{
    blocks::{choice, context, plain_text, section},
    limits,
    preview::title,
    text::{cut, escape, length, plain},
};

pub const CALLBACK: &str = "sixty_edit";
/// The block of a field is this and the field's name.
pub const FIELD: &str = "field:";
/// The block of all arguments as one JSON text.
pub const WHOLE: &str = "input";

/// Fields of a modal; with more of them the arguments are one JSON text.
const FIELDS: usize = limits::VIEW_BLOCKS - 10;
/// Longest label, hint and name of a tool.
const LABEL: usize = 150;
/// Texts that are longer, or may be, get several lines.
const ONE_LINE: usize = 100;
const MAY_BE_LONG: u64 = 400;

/// What kind of input a field has. It is the id of the input, so that what comes back is read by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// One of the schema's values.
    Choice,
    Date,
    Boolean,
    Integer,
    Number,
    /// A text a line.
    List,
    Json,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Text,
        Kind::Choice,
        Kind::Date,
        Kind::Boolean,
        Kind::Integer,
        Kind::Number,
        Kind::List,
        Kind::Json,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Choice => "choice",
            Kind::Date => "date",
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::List => "list",
            Kind::Json => "json",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A view for `views.open`. `schema` is the tool's JSON Schema; without it the inputs are as the
/// arguments are.
pub fn edit_modal(approval: &Approval, schema: Option<&Value>) -> Value {
    let input: Value = serde_json::from_str(approval.input.get()).unwrap_or(Value::Null);
    let name = title(&approval.name);
    let words = format!("Approving carries out *{}* with these values.", escape(&name, LABEL));
    let mut blocks = vec![section(&words)];
    match fields(&input, schema) {
        Some(fields) => blocks.extend(fields.iter().map(block)),
        None => blocks.push(whole(&input)),
    }
    let mut view = json!({
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": approval.id.to_string(),
        "title": plain_text(&name, limits::VIEW_TITLE),
        "close": plain_text("Cancel", limits::VIEW_TITLE),
    });
    // Without an input there is nothing to submit.
    if blocks.iter().any(|block| block["type"] == "input") {
        view["submit"] = plain_text("Approve", limits::VIEW_TITLE);
    }
    view["blocks"] = blocks.into();
    view
}

struct Field<'a> {
    name: &'a str,
    schema: &'a Value,
    value: Option<&'a Value>,
    required: bool,
}

/// The fields: those that are required first. None, where one JSON text serves better.
fn fields<'a>(input: &'a Value, schema: Option<&'a Value>) -> Option<Vec<Field<'a>>> {
    let given = input.as_object()?;
    let properties = schema.and_then(|schema| schema["properties"].as_object());
    let required: Vec<&str> = schema
        .and_then(|schema| schema["required"].as_array())
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let known = properties.into_iter().flat_map(Map::keys);
    let mut names: Vec<&str> = known.chain(given.keys()).map(String::as_str).collect();
    names.sort_by_key(|name| required.iter().position(|other| other == name).unwrap_or(usize::MAX));
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    if names.is_empty() || names.len() > FIELDS {
        return None;
    }
    let field = |name: &'a str| Field {
        name,
        schema: properties.and_then(|all| all.get(name)).unwrap_or(&Value::Null),
        value: given.get(name).filter(|value| !value.is_null()),
        required: required.contains(&name),
    };
    Some(names.into_iter().map(field).collect())
}

fn whole(input: &Value) -> Value {
    let text = serde_json::to_string_pretty(input).unwrap_or_default();
    if length(&text) > limits::INPUT {
        return section("These arguments are too long to be edited here. Approve or deny them as they are.");
    }
    let element = json!({"type": "plain_text_input", "action_id": Kind::Json.as_str(), "multiline": true,
        "initial_value": text, "max_length": limits::INPUT});
    json!({"type": "input", "block_id": WHOLE, "label": plain_text("Arguments (JSON)", LABEL),
        "optional": false, "element": element})
}

fn block(field: &Field<'_>) -> Value {
    let label = title(field.name);
    let id = format!("{FIELD}{}", field.name);
    let fits = length(&id) <= limits::BLOCK_ID && !id.contains(char::is_control);
    let element = fits.then(|| element(field)).flatten();
    let Some((kind, mut element)) = element else {
        return context(&format!("*{}* cannot be edited here and stays as it is.", escape(&label, LABEL)));
    };
    element["action_id"] = kind.as_str().into();
    // An empty text may be right: Slack would not take it for one that is not optional.
    let empty = field.value.is_some_and(|value| value.as_str() == Some(""));
    let mut block = json!({"type": "input", "block_id": id, "label": plain_text(&label, LABEL),
        "optional": !field.required || empty, "element": element});
    if let Some(hint) = hint(field, kind) {
        block["hint"] = plain_text(&hint, LABEL);
    }
    block
}

fn hint(field: &Field<'_>, kind: Kind) -> Option<String> {
    let described = field.schema["description"].as_str().filter(|text| !text.trim().is_empty());
    let form = match kind {
        Kind::List => Some("One on each line."),
        Kind::Json => Some("As JSON."),
        _ => None,
    };
    match (described, form) {
        (None, form) => form.map(str::to_owned),
        (Some(described), None) => Some(described.to_owned()),
        (Some(described), Some(form)) => Some(format!("{form} {}", cut(described, LABEL - form.len() - 1))),
    }
}

/// The input with what stands in it. None, if it does not fit.
fn element(field: &Field<'_>) -> Option<(Kind, Value)> {
    let kind = kind(field);
    let element = match (kind, field.value) {
        (Kind::Choice, value) => menu(&options(field.schema)?, value.and_then(Value::as_str)),
        (Kind::Boolean, value) => {
            let options = [choice("Yes", "true"), choice("No", "false")];
            menu(&options, value.and_then(Value::as_bool).map(|yes| if yes { "true" } else { "false" }))
        }
        (Kind::Date, None) => json!({"type": "datepicker"}),
        (Kind::Date, Some(date)) => json!({"type": "datepicker", "initial_date": date}),
        (Kind::Integer | Kind::Number, value) => {
            let mut element = json!({"type": "number_input", "is_decimal_allowed": kind == Kind::Number});
            if let Some(value) = value {
                element["initial_value"] = value.to_string().into();
            }
            element
        }
        (Kind::Text, value) => text(field, value.and_then(Value::as_str).unwrap_or_default(), false)?,
        (Kind::List, value) => text(field, &lines(value), true)?,
        (Kind::Json, None) => text(field, "", true)?,
        (Kind::Json, Some(value)) => text(field, &serde_json::to_string_pretty(value).ok()?, true)?,
    };
    Some((kind, element))
}

/// The lines of a list of texts.
pub fn lines(value: Option<&Value>) -> String {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

fn menu(options: &[Value], now: Option<&str>) -> Value {
    let initial = options.iter().find(|option| now.is_some_and(|now| option["value"] == now)).cloned();
    let mut element = json!({"type": "static_select", "options": options});
    if let Some(initial) = initial {
        element["initial_option"] = initial;
    }
    element
}

fn text(field: &Field<'_>, now: &str, lines: bool) -> Option<Value> {
    let size = length(now);
    if size > limits::INPUT || now.contains('\0') {
        return None;
    }
    let longest = field.schema["maxLength"].as_u64().filter(|_| !lines);
    let long = lines || size > ONE_LINE || now.contains('\n') || longest.is_some_and(|max| max > MAY_BE_LONG);
    let most = longest.and_then(|max| usize::try_from(max).ok()).unwrap_or(limits::INPUT);
    let mut element = json!({"type": "plain_text_input", "multiline": long,
        "max_length": most.clamp(size.max(1), limits::INPUT)});
    if !now.is_empty() {
        element["initial_value"] = now.into();
    }
    Some(element)
}

/// The values of an enumeration, if a menu can show them all.
fn options(schema: &Value) -> Option<Vec<Value>> {
    let values: Vec<&str> = schema["enum"].as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    let fits = |value: &&str| {
        !value.is_empty() && length(value) <= limits::LABEL && plain(value, usize::MAX) == **value
    };
    let fit = (1..=limits::MENU).contains(&values.len()) && values.iter().all(fits);
    fit.then(|| values.into_iter().map(|value| choice(value, value)).collect())
}

/// By the schema, as far as the present value allows; else by that value.
fn kind(field: &Field<'_>) -> Kind {
    let Field { schema, value, .. } = *field;
    let fits = |test: fn(&Value) -> bool| value.is_none_or(test);
    if let Some(options) = options(schema)
        && value.is_none_or(|value| options.iter().any(|option| &option["value"] == value))
    {
        return Kind::Choice;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    };
    let wanted = match types.as_slice() {
        [one] => *one,
        [] => value.map_or("", type_of),
        _ => "",
    };
    match wanted {
        "string" if schema["format"] == "date" && fits(is_date) => Kind::Date,
        "string" if fits(Value::is_string) => Kind::Text,
        "boolean" if fits(Value::is_boolean) => Kind::Boolean,
        "integer" if fits(|value| value.is_i64() || value.is_u64()) => Kind::Integer,
        "number" if fits(is_plain_number) => Kind::Number,
        "array" if fits(is_lines) && schema["items"]["type"].as_str().is_none_or(|name| name == "string") => {
            Kind::List
        }
        _ => Kind::Json,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::Array(items) if !items.is_empty() => "array",
        _ => "",
    }
}

fn is_date(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 10 && text.parse::<NaiveDate>().is_ok())
}

/// Digits with at most one point, as Slack's input for numbers takes them.
fn is_plain_number(value: &Value) -> bool {
    value.is_number() && value.to_string().chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
}

/// Whether a list is what its lines say: no item is blank, padded, or of several lines.
fn is_lines(value: &Value) -> bool {
    let plain = |item: &Value| {
        item.as_str().is_some_and(|text| !text.is_empty() && text.trim() == text && !text.contains('\n'))
    };
    value.as_array().is_some_and(|items| items.iter().all(plain))
}
