//! Values as YAML in one line.

use serde_json::Value;

/// A value as it stands in one line of YAML: `{ title: "canary {{ unique }}" }`.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(key, item)| format!("{}: {}", text(key), flow(item)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(word) => text(word),
        other => other.to_string(),
    }
}

/// A text, in quotes where it must be.
pub(super) fn text(text: &str) -> String {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '/';
    let is_other = ["true", "false", "null", "yes", "no", "on", "off"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if starts_well && text.chars().all(plain) && !is_other {
        return text.to_owned();
    }
    // A string of JSON is one of YAML.
    Value::String(text.to_owned()).to_string()
}
