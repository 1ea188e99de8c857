//! What is sent: a call of the suite with its variables filled in and a credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Body, Call, Credential, Suite, TargetIndex};
use crate::template::{Encoding, Scope, Unresolved, url_component};

/// A request, ready to be sent exactly as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The system that is called.
    pub target: TargetIndex,
    /// The method.
    pub method: String,
    /// Scheme, authority, path and query.
    pub url: String,
    /// Headers in order, the credential last.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
}

/// What a session sends with each call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A header: name, what stands before the secret, the secret.
    Header {
        /// The name.
        name: String,
        /// `Bearer `, `Basic ` or nothing.
        prefix: &'static str,
        /// The rest of the value.
        value: String,
        /// What `lockstep token` prints: the value, or for HTTP basic `user:password`.
        printed: String,
    },
    /// A query parameter.
    Query {
        /// The name.
        name: String,
        /// The value, not yet encoded.
        value: String,
    },
    /// Cookies: the value of the `Cookie` header after the login. They change while a session
    /// lives, so that [`request`] leaves them to whoever keeps them.
    Cookies(String),
}

impl Sent {
    /// What `lockstep token` prints.
    pub fn printed(&self) -> &str {
        match self {
            Self::Header { printed, .. } => printed,
            Self::Query { value, .. } => value,
            Self::Cookies(header) => header,
        }
    }

    /// The texts that must never be shown.
    pub fn secrets(&self) -> Vec<String> {
        match self {
            Self::Header { value, printed, .. } => vec![value.clone(), printed.clone()],
            Self::Query { value, .. } => vec![value.clone()],
            Self::Cookies(header) => cookie_values(header).map(str::to_owned).collect(),
        }
    }
}

/// The values in a `Cookie` header (RFC 6265, section 4.2.1).
pub fn cookie_values(header: &str) -> impl Iterator<Item = &str> {
    let pairs = header.split("; ");
    pairs.filter_map(|pair| pair.split_once('=').map(|(_, value)| value))
}

/// What a session sends with each call of an actor; `cookies` is the value of its `Cookie` header.
///
/// # Errors
/// A variable of the credential that has no value.
pub fn credential(
    credential: Option<&Credential>,
    cookies: &str,
    scope: &dyn Scope,
) -> Result<Sent, Unresolved> {
    let fill = |template: &crate::template::Template| template.fill(scope, Encoding::Verbatim);
    Ok(match credential {
        None | Some(Credential::Cookie(_)) => Sent::Cookies(cookies.to_owned()),
        Some(Credential::Basic { user, password }) => {
            let printed = format!("{}:{}", fill(user)?, fill(password)?);
            Sent::Header {
                name: "authorization".to_owned(),
                prefix: "Basic ",
                value: STANDARD.encode(&printed),
                printed,
            }
        }
        Some(Credential::Bearer(token)) => {
            let value = fill(token)?;
            Sent::Header {
                name: "authorization".to_owned(),
                prefix: "Bearer ",
                printed: value.clone(),
                value,
            }
        }
        Some(Credential::Header { name, value }) => {
            let value = fill(value)?;
            Sent::Header {
                name: name.to_ascii_lowercase(),
                prefix: "",
                printed: value.clone(),
                value,
            }
        }
        Some(Credential::Query { name, value }) => Sent::Query {
            name: name.clone(),
            value: fill(value)?,
        },
    })
}

/// A call as a request.
///
/// # Errors
/// A variable that has no value.
pub fn request(
    suite: &Suite,
    call: &Call,
    scope: &dyn Scope,
    sent: Option<&Sent>,
) -> Result<Request, Unresolved> {
    let base = suite
        .targets
        .get(call.target)
        .map_or("", |target| target.base.as_str());
    let mut url = format!("{base}{}", call.path.fill(scope, Encoding::UrlComponent)?);
    let mut headers = Vec::with_capacity(call.headers.len() + 2);
    for (name, value) in &call.headers {
        headers.push((
            name.to_ascii_lowercase(),
            value.fill(scope, Encoding::Verbatim)?,
        ));
    }
    let body = body(&call.body, scope, &mut headers)?;
    match sent {
        None | Some(Sent::Cookies(_)) => {}
        Some(Sent::Header {
            name,
            prefix,
            value,
            ..
        }) => headers.push((name.clone(), format!("{prefix}{value}"))),
        Some(Sent::Query { name, value }) => {
            let separator = if url.contains('?') { '&' } else { '?' };
            let pair = format!("{}={}", url_component(name), url_component(value));
            url.push(separator);
            url.push_str(&pair);
        }
    }
    Ok(Request {
        target: call.target,
        method: call.method.clone(),
        url,
        headers,
        body,
    })
}

/// A text that no target takes for a token.
pub const NO_TOKEN: &str = "0000.no-token.0000";

/// The same request with a credential that does not exist; none where it is sent in cookies.
pub fn with_unknown_credential(request: &Request, sent: &Sent) -> Option<Request> {
    let mut unknown = request.clone();
    match sent {
        Sent::Header {
            name,
            prefix,
            value,
            ..
        } => {
            let genuine = format!("{prefix}{value}");
            let text = match *prefix {
                "Basic " => STANDARD.encode(format!("{NO_TOKEN}:{NO_TOKEN}")),
                _ => NO_TOKEN.to_owned(),
            };
            let mut headers = unknown.headers.iter_mut();
            let header = headers.find(|(key, value)| key == name && *value == genuine)?;
            header.1 = format!("{prefix}{text}");
        }
        Sent::Query { value, .. } => {
            let genuine = format!("={}", url_component(value));
            let (before, after) = unknown.url.rsplit_once(&genuine)?;
            unknown.url = format!("{before}={NO_TOKEN}{after}");
        }
        Sent::Cookies(_) => return None,
    }
    Some(unknown)
}

fn body(
    body: &Body,
    scope: &dyn Scope,
    headers: &mut Vec<(String, String)>,
) -> Result<Option<String>, Unresolved> {
    let (text, content_type) = match body {
        Body::Empty => return Ok(None),
        Body::Json(json) => (json.fill(scope)?.to_string(), "application/json"),
        Body::Form(fields) => {
            let mut pairs = Vec::with_capacity(fields.len());
            for (name, value) in fields {
                let value = value.fill(scope, Encoding::Verbatim)?;
                pairs.push(format!("{}={}", url_component(name), url_component(&value)));
            }
            (pairs.join("&"), "application/x-www-form-urlencoded")
        }
        Body::Text(text) => (text.fill(scope, Encoding::Verbatim)?, "text/plain"),
    };
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    Ok(Some(text))
}

/// Cuts the last bracket off the body of a request: no proper beginning of a JSON object or array
/// is JSON. Nothing more, because half of a secret would not be known as one and be shown.
pub fn cut_off(request: &mut Request) {
    if let Some(body) = &mut request.body {
        body.pop();
    }
}

/// Adds a field to the form that a request carries; a request without a body becomes one. JSON
/// and other texts have no place for it.
pub fn add_form_field(request: &mut Request, name: &str, value: &str) {
    const FORM: &str = "application/x-www-form-urlencoded";
    let field = format!("{}={}", url_component(name), url_component(value));
    let carries_form =
        |(name, value): &(String, String)| name == "content-type" && value.starts_with(FORM);
    match &mut request.body {
        None => {
            request.body = Some(field);
            request
                .headers
                .push(("content-type".to_owned(), FORM.to_owned()));
        }
        Some(body) if request.headers.iter().any(carries_form) => {
            let separator = if body.is_empty() { "" } else { "&" };
            *body = format!("{body}{separator}{field}");
        }
        Some(_) => {}
    }
}

/// The request as a `curl` command in which the credential is a call of `lockstep token`, in the
/// environment of the suite.
pub fn curl(suite: &Suite, request: &Request, actor: &str, sent: Option<&Sent>) -> String {
    let mut words = vec!["curl".to_owned()];
    // Otherwise curl resolves dot segments and reads brackets as patterns.
    if request.url.contains("/.") || request.url.contains("%2e") || request.url.contains("%2E") {
        words.push("--path-as-is".to_owned());
    }
    if request.url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    if request.method != "GET" {
        words.extend(["-X".to_owned(), request.method.clone()]);
    }
    let environment = suite.environment.as_deref();
    let environment = environment.map(|name| format!("--env {} ", quote_word(name)));
    let token = format!(
        "$(lockstep token {}{})",
        environment.unwrap_or_default(),
        quote_word(actor)
    );
    words.push(match sent {
        // Only the credential is left to the shell; the rest stays in single quotes.
        Some(Sent::Query { value, .. }) => request
            .url
            .split(&url_component(value))
            .map(quote)
            .collect::<Vec<_>>()
            .join(&format!("\"{token}\"")),
        _ => quote(&request.url),
    });
    for (name, value) in &request.headers {
        match sent {
            Some(Sent::Header {
                name: secret_name,
                prefix,
                ..
            }) if secret_name == name => words.push(match *prefix {
                "Basic " => format!("-u \"{token}\""),
                prefix => format!("-H \"{name}: {prefix}{token}\""),
            }),
            Some(Sent::Cookies(_)) if name == "cookie" => {
                words.push(format!("-H \"cookie: {token}\""));
            }
            _ => words.push(format!("-H {}", quote(&format!("{name}: {value}")))),
        }
    }
    if let Some(body) = &request.body {
        words.push(format!("--data-raw {}", quote(body)));
    }
    words.join(" ")
}

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A name as one word, without quotes where none are needed.
fn quote_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        quote(text)
    }
}
