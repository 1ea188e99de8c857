//! Names taken apart into words, and words that are names of people.

/// The words of a name such as `alice-docs-editor`, in small letters.
pub(super) fn words(name: &str) -> Vec<String> {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Whether it is a first name that is common somewhere, and no other word of a role.
pub(super) fn is_first_name(word: &str) -> bool {
    FIRST_NAMES.binary_search(&word).is_ok()
}

/// Words that name what somebody does, though an account may be called so.
pub(super) const OFFICES: [&str; 31] = [
    "admin",
    "administrator",
    "analyst",
    "api",
    "auditor",
    "author",
    "bot",
    "client",
    "customer",
    "developer",
    "doctor",
    "editor",
    "employee",
    "guest",
    "manager",
    "member",
    "moderator",
    "nurse",
    "operator",
    "owner",
    "reader",
    "root",
    "service",
    "staff",
    "super",
    "support",
    "system",
    "tester",
    "user",
    "viewer",
    "writer",
];

/// Sorted. Names that are other words as well (`mark`, `will`, `grace`) are left out.
const FIRST_NAMES: [&str; 120] = [
    "adam",
    "ahmed",
    "aisha",
    "alejandro",
    "alex",
    "alexander",
    "alice",
    "amanda",
    "amelie",
    "andrea",
    "andreas",
    "andrew",
    "anna",
    "anthony",
    "barbara",
    "ben",
    "benjamin",
    "bob",
    "brian",
    "carlos",
    "carol",
    "charlie",
    "charlotte",
    "chris",
    "christian",
    "christina",
    "claire",
    "clara",
    "daniel",
    "daniela",
    "david",
    "deborah",
    "dmitri",
    "edward",
    "elena",
    "elizabeth",
    "emily",
    "emma",
    "eric",
    "eva",
    "fatima",
    "felix",
    "fiona",
    "francesca",
    "frank",
    "gabriel",
    "george",
    "giulia",
    "hanna",
    "hannah",
    "hans",
    "helen",
    "henry",
    "hiroshi",
    "ibrahim",
    "ivan",
    "jack",
    "jacob",
    "james",
    "jan",
    "jana",
    "jane",
    "jason",
    "jennifer",
    "jessica",
    "joe",
    "johannes",
    "john",
    "jonas",
    "joseph",
    "juan",
    "julia",
    "karen",
    "kevin",
    "laura",
    "lea",
    "lena",
    "leon",
    "linda",
    "lisa",
    "lucas",
    "luis",
    "luke",
    "maria",
    "marie",
    "martin",
    "mary",
    "matthew",
    "mia",
    "michael",
    "michelle",
    "mohammed",
    "nancy",
    "natalia",
    "nicolas",
    "nina",
    "noah",
    "oliver",
    "olivia",
    "omar",
    "patricia",
    "paul",
    "pedro",
    "peter",
    "pierre",
    "priya",
    "rachel",
    "raj",
    "rebecca",
    "richard",
    "robert",
    "sandra",
    "sarah",
    "simon",
    "sofia",
    "sophie",
    "stefan",
    "susan",
    "thomas",
    "yuki",
];

#[cfg(test)]
mod tests {
    use super::{FIRST_NAMES, is_first_name, words};

    #[test]
    fn the_list_is_sorted_and_found_in() {
        assert!(FIRST_NAMES.is_sorted());
        assert!(is_first_name("alice") && !is_first_name("editor"));
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words("Alice-docs_editor2"), ["alice", "docs", "editor2"]);
    }
}
