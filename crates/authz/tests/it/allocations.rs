//! A check allocates nothing, once its checker has seen a question of that size.

use std::sync::Arc;

use authz::resolution::{Answer, Checker, Circumstances, Engine};
use authz::source::Source;
use authz::{Reference, Store, SubjectReference};
use serde_json::Map;

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define banned: [user]
    define viewer: [user, group#member] or viewer from parent
    define reader: viewer but not banned
";

#[test]
fn a_check_allocates_nothing() {
    let mut texts = vec!["folder:0#banned@user:7".to_owned()];
    for folder in 1..20 {
        texts.push(format!("folder:{folder}#parent@folder:{}", folder - 1));
        texts.push(format!("folder:{folder}#viewer@group:g{folder}#member"));
        texts.push(format!("group:g{folder}#member@group:h{folder}#member"));
        texts.push(format!("group:h{folder}#member@user:{folder}"));
    }
    let store = Store::from_texts(texts.iter().map(String::as_str)).unwrap();
    let model = authz::language::openfga::read(&Source::new("model.fga", MODEL)).unwrap();
    let engine = Engine::new(Arc::new(model), store.snapshot());
    let context = Map::new();
    let circumstances = Circumstances {
        context: &context,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let mut checker = Checker::new(&engine);
    let folder = Reference::new("folder", "19");
    let users: Vec<SubjectReference> = (0..30)
        .map(|user| SubjectReference::object(Reference::new("user", &user.to_string())))
        .collect();
    let mut ask = || {
        let mut yes = 0;
        for user in &users {
            for relation in ["viewer", "reader"] {
                let answer = checker.check(&folder, relation, user, circumstances);
                yes += usize::from(answer == Ok(Answer::Yes));
            }
        }
        yes
    };
    assert_eq!(ask(), 2 * 19);
    let mut again = 0;
    let info = allocation_counter::measure(|| again = ask());
    assert_eq!(again, 2 * 19);
    assert_eq!(info.count_total, 0);
}
