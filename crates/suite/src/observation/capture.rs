//! Values to remember of an answer.

use serde_json::Value;

use super::Answer;
use crate::model::CaptureSource;

/// The value at a place of an answer, if there is one. O(size of the answer).
pub fn captured(source: &CaptureSource, answer: &Answer) -> Option<Value> {
    match source {
        CaptureSource::Json(path) => path.query(answer.json()?).first().cloned(),
        CaptureSource::Header(name) => answer.header(name).map(Value::from),
        CaptureSource::Cookie(name) => {
            let mut set = set_cookies(answer);
            // The last one counts, as in a browser.
            set.rfind(|(found, _)| found == name)
                .map(|(_, value)| value.into())
        }
        CaptureSource::Text(regex) => {
            let text = answer.text();
            let group = regex.captures(&text)?.get(1)?;
            Some(group.as_str().into())
        }
    }
}

/// The cookies that an answer sets, by name (RFC 6265, section 5.2).
pub fn set_cookies(answer: &Answer) -> impl DoubleEndedIterator<Item = (&str, &str)> {
    let headers = answer.headers.iter();
    let set = headers.filter(|(name, _)| name == "set-cookie");
    set.filter_map(|(_, value)| {
        let pair = value
            .split_once(';')
            .map_or(value.as_str(), |(pair, _)| pair);
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

/// Where a value was looked for, in words: "nothing at `$.token`".
pub fn place_of(source: &CaptureSource) -> String {
    match source {
        CaptureSource::Json(path) => format!("nothing at `{path}`"),
        CaptureSource::Header(name) => format!("no header `{name}`"),
        CaptureSource::Cookie(name) => format!("no cookie `{name}`"),
        CaptureSource::Text(regex) => format!("nothing that matches `{regex}`"),
    }
}
