//! What holds of every model that was read. The fuzz targets of the languages hold it too.

use authz::RelationModel;
use authz::language::{openfga, spicedb};
use authz::source::Source;

/// A model, which is printed and read again in every form that its language has.
pub(crate) fn round_trips(model: &RelationModel) {
    if let Some(text) = spicedb::print(model) {
        let again = spicedb::read(&Source::new("printed.zed", &text));
        assert_eq!(again.as_ref().ok(), Some(model), "{text}");
        return;
    }
    let json = openfga::print_json(model).unwrap().to_string();
    let again = openfga::read_json(&Source::new("printed.json", &json));
    assert_eq!(again.as_ref().ok(), Some(model), "{json}\n{again:?}");
    if let Some(modules) = openfga::print_modules(model) {
        let modules = modules.iter().map(|(name, text)| Source::new(name, text));
        let again = openfga::read_modules(&modules.collect::<Vec<_>>());
        assert_eq!(again.as_ref().ok(), Some(model));
    } else {
        let text = openfga::print(model).unwrap();
        let again = openfga::read(&Source::new("printed.fga", &text));
        assert_eq!(again.as_ref().ok(), Some(model), "{text}");
    }
}
