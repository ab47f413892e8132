//! The ledger of requirements names tests that exist, and leaves nothing out.

use std::path::Path;

/// Where the tests are that it names: here, and in those who have the sockets.
const SOURCES: [&str; 10] = [
    "src",
    "src/wire",
    "tests/spec",
    "tests/sim",
    "tests/fuzz",
    "../vip-netlink/src",
    "../vip-netlink/src/announce",
    "../vip-netlink/tests/netns",
    "../../bins/vrrpd/src",
    "../../bins/vrrpd/tests/netns",
];

/// Section, requirement, shown by, refused by.
fn rows() -> Vec<[String; 4]> {
    let ledger = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("RFC.md")).unwrap();
    let rows = ledger.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| § |"));
    rows.map(|line| {
        let cells: Vec<String> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("a row has four cells: {cells:?}"))
    })
    .collect()
}

/// Names of tests are the words in backquotes with an underscore and nothing that a function has not.
fn tests(cell: &str) -> impl Iterator<Item = &str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.matches('_').count() > 1 && !word.contains([' ', ':', '.']))
}

#[test]
fn every_test_named_in_the_ledger_exists() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for dir in SOURCES {
        for entry in std::fs::read_dir(crate_dir.join(dir)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let rows = rows();
    let mut named = std::collections::BTreeSet::new();
    for [_, _, shown, refused] in &rows {
        for test in tests(shown).chain(tests(refused)) {
            // The tests in namespaces stand in a table of names and functions.
            let exists = [format!("fn {test}("), format!("(\"{test}\",")];
            assert!(exists.iter().any(|text| sources.contains(text)), "no test is called {test}");
            named.insert(test);
        }
    }
    assert!(rows.len() > 60 && named.len() > 50, "{} rows name {} tests", rows.len(), named.len());
}

#[test]
fn every_requirement_says_what_holds_it() {
    for [section, requirement, shown, refused] in rows() {
        for cell in [&shown, &refused] {
            let whose =
                ["driver", "network", "not ", "formula", "another destination", "configured", "default"];
            let explained = whose.iter().any(|word| cell.contains(word)) || cell.contains("the same test");
            let explained = explained || cell.starts_with("the same where");
            assert!(tests(cell).next().is_some() || explained, "§ {section}, {requirement}: {cell:?}");
        }
    }
}
