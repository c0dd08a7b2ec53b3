//! Our collation compared with the server's.

use gpupt::rocks::Text;
use mysql::Conn;
use mysql::Value;
use mysql::prelude::Queryable;
use pretty_assertions::assert_eq;

use crate::Dice;
use crate::support::mariadb::MariaDb;

/// A connection with a temporary table `t` of these texts, numbered in their order.
fn table_of(texts: &[Vec<u8>]) -> Conn {
    let mut conn = MariaDb::shared().root("mysql");
    for name in ["t", "u"] {
        let create = format!(
            "create temporary table {name} (n int, c varchar(64)) charset latin1 collate latin1_swedish_ci"
        );
        conn.query_drop(create).expect("a table");
        let rows = texts.iter().enumerate();
        let rows = rows.map(|(n, text)| (n, Value::Bytes(text.clone())));
        conn.exec_batch(format!("insert into {name} values (?, ?)"), rows)
            .expect("rows");
    }
    conn
}

fn every_character() -> Vec<Vec<u8>> {
    (0..=255).map(|byte| vec![byte]).collect()
}

/// Short texts of few characters, so that many are equal or nearly so.
fn random_texts(count: usize, characters: &[u8], longest: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice(0x00c0_ffee);
    let mut text = || -> Vec<u8> {
        let length = dice.below(longest + 1);
        (0..length).map(|_| *dice.one_of(characters)).collect()
    };
    (0..count).map(|_| text()).collect()
}

/// Asserts that the server compares each pair of these texts as we do.
fn assert_compared_alike(texts: &[Vec<u8>]) {
    let query = "select t.n, u.n, t.c = u.c, t.c < u.c from t join u";
    let answers: Vec<(usize, usize, bool, bool)> = table_of(texts).query(query).expect("an answer");
    assert_eq!(answers.len(), texts.len() * texts.len());
    let mut differences = Vec::new();
    for (left, right, is_equal, is_less) in answers {
        let (a, b) = (
            Text::from(texts[left].clone()),
            Text::from(texts[right].clone()),
        );
        let ours = (a == b, a.collate(&b).is_lt());
        if ours != (is_equal, is_less) {
            let shown = |text: &[u8]| text.escape_ascii().to_string();
            differences.push((shown(&texts[left]), shown(&texts[right]), ours));
        }
    }
    let count = differences.len();
    differences.truncate(5);
    assert_eq!(
        differences,
        vec![],
        "{count} (left, right, (equal, less) as we see it)"
    );
}

#[test]
fn all_character_pairs_compare_as_on_the_server() {
    assert_compared_alike(&every_character());
}

#[test]
fn random_texts_compare_as_on_the_server() {
    assert_compared_alike(&random_texts(250, b"aA\xe9\xc9e\xdf\xfcY  \t\x7f_", 4));
}

#[test]
fn collation_weights_equal_those_of_the_server() {
    let weight = |text: &Vec<u8>| Text::from(text.clone());
    let query = "select n, hex(weight_string(c)) from t order by 2, 1";
    let rows: Vec<(usize, String)> = table_of(&every_character())
        .query(query)
        .expect("an answer");
    let texts = every_character();
    for pair in rows.windows(2) {
        let ((a, weight_a), (b, weight_b)) = (&pair[0], &pair[1]);
        let is_same = weight(&texts[*a]) == weight(&texts[*b]);
        assert_eq!(is_same, weight_a == weight_b, "{a:#x} {b:#x}");
    }
}

#[test]
fn like_patterns_match_as_on_the_server() {
    let texts = random_texts(60, b"aA\xe9E %_\\", 6);
    let mut patterns = random_texts(400, b"aAe%%__\\ ", 6);
    patterns.extend([
        b"%".to_vec(),
        b"a\\".to_vec(),
        b"\\".to_vec(),
        b"%\\%".to_vec(),
        b"%\\".to_vec(),
    ]);
    let mut all = texts.clone();
    all.extend(patterns.clone());
    let query = format!(
        "select t.n, u.n, t.c like u.c from t join u where t.n < {0} and u.n >= {0}",
        texts.len()
    );
    let answers: Vec<(usize, usize, bool)> = table_of(&all).query(query).expect("an answer");
    assert_eq!(answers.len(), texts.len() * patterns.len());
    assert!(
        answers.iter().filter(|(_, _, is_like)| *is_like).count() > 1000,
        "many match"
    );
    let mut differences = Vec::new();
    for (text, pattern, is_like) in answers {
        let pattern = String::from_utf8(all[pattern].clone()).expect("ASCII");
        if Text::from(all[text].clone()).is_like(&pattern) != is_like {
            differences.push((all[text].escape_ascii().to_string(), pattern, is_like));
        }
    }
    let count = differences.len();
    differences.truncate(5);
    assert_eq!(
        differences,
        vec![],
        "{count} (text, pattern, as the server sees it)"
    );
}
