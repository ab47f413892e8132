//! The ledger of requirements names tests that exist.

use std::path::Path;

#[test]
fn every_test_named_in_the_ledger_exists() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ledger = std::fs::read_to_string(crate_dir.join("RFC9568.md")).unwrap();
    let mut sources = String::new();
    for dir in ["src", "tests/spec", "tests/sim"] {
        for entry in std::fs::read_dir(crate_dir.join(dir)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let quoted = ledger.split('`').skip(1).step_by(2);
    let tests: Vec<&str> = quoted.filter(|name| name.contains('_') && !name.contains(' ')).collect();
    assert!(tests.len() > 40, "the ledger names {} tests", tests.len());
    for test in tests {
        assert!(sources.contains(&format!("fn {test}(")), "no test is called {test}");
    }
}
