//! How to make the same bytes again.

use std::fmt::Write as _;

use super::super::comparison::Comparison;
use super::super::human::printable;
use super::{code, escape, table};

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let origin = comparison.origin;
    let command: Vec<String> = origin.command.iter().map(|word| quoted(&printable(word))).collect();
    // Longer than any run of backticks within.
    let fence = "`".repeat(3.max(1 + longest_run(&command.join(" "))));
    let mut text = format!("{fence}console\n$ {}\n{fence}\n\n", command.join(" "));
    let _ = writeln!(text, "With sim {} and seed {}. What was read:\n", escape(&origin.version), origin.seed);
    let files = origin.inputs.iter().map(|file| [code(&file.path), format!("`{}`", file.sha256)]);
    text + &table(["file", "SHA-256"], files)
}

/// As a shell needs it.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./=,:%+@".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (word, text) in [
            ("shop.yaml", "shop.yaml"),
            ("--set", "--set"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), text);
        }
        assert_eq!(longest_run("a `` b ``` c"), 3);
    }
}
