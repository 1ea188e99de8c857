//! Events in, texts out.

mod exchanges;
mod given;
mod hostile;
mod json;
mod plan;
mod record;
mod terminal;
