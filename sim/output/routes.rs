//! What becomes of requests under each mesh: text for people, and the same as JSON.

mod json;
mod words;

use std::fmt::Write as _;

use crate::mesh::Scenario;
use crate::program::route::explain::{
    Effect, Enforcement, Explained, Explanation, Question, Sender, Share, Treatment, Verdict,
};

use super::human::printable;

pub use json::json;
pub(super) use words::impossible;

/// What was asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// As it was written.
    pub host: &'a str,
    /// The files' content.
    pub scenario: &'a Scenario,
    /// The question.
    pub question: &'a Question,
}

/// What becomes of the requests under a mesh.
#[derive(Debug)]
pub struct Answered {
    /// Name of the mesh.
    pub mesh: String,
    /// What happens there.
    pub explanation: Explanation,
}

/// A line of a block.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    /// What it is about, e.g. a rule; empty for the whole.
    about: String,
    /// What of it; empty for the thing itself.
    label: String,
    /// What is told, a line each.
    parts: Vec<String>,
}

impl Line {
    fn new(about: &str, label: &str, text: &str) -> Self {
        Self::of(about, label, &[text.to_owned()])
    }

    fn of(about: &str, label: &str, parts: &[String]) -> Self {
        let parts = parts.iter().map(|part| printable(part)).collect();
        Self { about: printable(about), label: label.to_owned(), parts }
    }

    fn is_same_thing(&self, other: &Self) -> bool {
        (&self.about, &self.label) == (&other.about, &other.label)
    }

    fn left(&self) -> String {
        match (self.about.as_str(), self.label.as_str()) {
            ("", label) => format!("  {label}"),
            (about, "") => format!("  {about}"),
            (_, label) => format!("    {label}"),
        }
    }
}

/// Meshes under which the same happens, and what.
struct Block<'a> {
    meshes: Vec<&'a str>,
    is_decided: bool,
    lines: Vec<Line>,
}

/// For the terminal: the question, then a block for all meshes under which the same happens; a later block tells what is
/// different from the first one with rules. Ends with a newline.
pub fn table(asked: &Asked<'_>, answers: &[Answered]) -> String {
    let mut text = words::question(asked);
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for answer in answers {
        let lines = lines(&answer.explanation);
        match blocks.iter_mut().find(|block| block.lines == lines) {
            Some(block) => block.meshes.push(&answer.mesh),
            None => blocks.push(Block {
                meshes: vec![&answer.mesh],
                is_decided: answer.explanation.enforcer != Enforcement::Nobody,
                lines,
            }),
        }
    }
    let reference = blocks.iter().position(|block| block.is_decided);
    let rest = (0..blocks.len()).filter(|block| Some(*block) != reference);
    for number in reference.into_iter().chain(rest) {
        let block = &blocks[number];
        match reference {
            Some(reference) if reference != number && block.is_decided => {
                text += &difference(block, &blocks[reference]);
            }
            _ => {
                let _ = writeln!(text, "\n{}", printable(&block.meshes.join(", ")));
                text += &columns(&block.lines);
            }
        }
    }
    text
}

/// A block as far as it is not like another one.
fn difference(block: &Block<'_>, reference: &Block<'_>) -> String {
    let with_subject = |line: &Line| match (line.about.as_str(), line.label.as_str()) {
        ("", _) | (_, "") => line.clone(),
        (about, label) => Line { about: String::new(), label: format!("{about}, {label}"), ..line.clone() },
    };
    let differs = block.lines.iter().filter(|line| !reference.lines.contains(line));
    let mut told: Vec<Line> = differs.map(with_subject).collect();
    let is_here = |line: &Line| block.lines.iter().find(|other| other.is_same_thing(line));
    // Of what is absent as a whole, or left out, the parts need not be told.
    let is_told = |line: &Line| {
        let whole = |other: &&Line| other.about == line.about && other.label.is_empty();
        let whole = reference.lines.iter().find(whole).filter(|_| !line.label.is_empty());
        whole.is_some_and(|whole| {
            is_here(whole).is_none_or(|here| here.parts == words::verdict(&Verdict::Impossible))
        })
    };
    let gone = reference.lines.iter().filter(|line| is_here(line).is_none() && !is_told(line));
    told.extend(gone.map(|line| Line { parts: vec!["none".to_owned()], ..with_subject(line) }));
    let (meshes, like) = (block.meshes.join(", "), reference.meshes[0]);
    format!("\n{}: as under {}, but\n{}", printable(&meshes), printable(like), columns(&told))
}

/// Lines in two columns.
fn columns(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.left().chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        let mut left = line.left();
        for part in &line.parts {
            let padding = " ".repeat(width - left.chars().count());
            let _ = writeln!(text, "{left}{padding}  {part}");
            left.clear();
        }
    }
    text
}

fn lines(explanation: &Explanation) -> Vec<Line> {
    let mut lines = vec![Line::new("", "decided by", &words::enforcement(&explanation.enforcer))];
    // Where nobody looks at them, all rules share one fate.
    if explanation.enforcer != Enforcement::Nobody {
        for rule in &explanation.rules {
            lines.extend(rule_lines(rule));
        }
    }
    if let Some(otherwise) = &explanation.otherwise {
        let about = if explanation.rules.is_empty() { "every request" } else { "otherwise" };
        let mut effects = effect_lines(about, otherwise).into_iter();
        // The first of them says where to.
        lines.extend(effects.next().map(|line| Line { label: String::new(), ..line }));
        lines.extend(effects);
    }
    for backend in &explanation.backends {
        lines.extend(backend_lines(backend));
    }
    let (features, others) = words::impossible(&explanation.impossible);
    if !features.is_empty() {
        lines.push(Line::of("", "not possible", &wrapped(&features)));
    }
    if !others.is_empty() {
        lines.push(Line::of("", "note", &others));
    }
    lines
}

/// Words with commas between them, in lines that fit.
fn wrapped(words: &[String]) -> Vec<String> {
    const WIDTH: usize = 70;
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() <= WIDTH => {
                line.push_str(", ");
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    let last = lines.len().saturating_sub(1);
    for line in lines.iter_mut().take(last) {
        line.push(',');
    }
    lines
}

fn rule_lines(rule: &Explained) -> Vec<Line> {
    let about = format!("{}, {}", rule.object, rule.rule);
    let mut lines = vec![Line::of(&about, "", &words::verdict(&rule.verdict))];
    let is_shown = matches!(rule.verdict, Verdict::Taken(_) | Verdict::For(_));
    lines.extend(rule.effect.iter().filter(|_| is_shown).flat_map(|effect| effect_lines(&about, effect)));
    lines
}

fn effect_lines(about: &str, effect: &Effect) -> Vec<Line> {
    let shares = |all: &[Share]| all.iter().map(words::share).collect::<Vec<_>>();
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    lines.extend(effect.answer.iter().map(|answer| ("answer", vec![words::answer(answer)])));
    if !effect.to.is_empty() {
        lines.push(("to", shares(&effect.to)));
    }
    lines.extend(effect.delay.iter().map(|delay| ("delay", vec![words::delay(delay)])));
    lines.extend(effect.abort.iter().map(|abort| ("abort", vec![words::abort(abort)])));
    if !effect.mirrors.is_empty() {
        lines.push(("mirror, awaited by nobody", shares(&effect.mirrors)));
    }
    if !effect.to.is_empty() {
        lines.push(("timeout", vec![words::limit(effect.timeout)]));
        if effect.attempt_timeout.is_some() {
            lines.push(("attempt timeout", vec![words::limit(effect.attempt_timeout)]));
        }
        lines.push(("retries", words::retries(&effect.retries)));
    }
    let changes = words::changes(&effect.changes);
    if !changes.is_empty() {
        lines.push(("changes", vec![changes]));
    }
    lines.into_iter().map(|(label, parts)| Line::of(about, label, &parts)).collect()
}

fn backend_lines(treatment: &Treatment) -> Vec<Line> {
    let about = format!("backend {}", treatment.backend);
    let mut lines = vec![Line::new(&about, "", &words::balancing(treatment))];
    let policy = words::policy(&treatment.policy);
    lines.extend(
        policy.into_iter().map(|(label, text)| Line::new(&about, label, &format!("{text} (written)"))),
    );
    lines
}

/// Who is meant, for people and programs.
fn sender(asked: &Asked<'_>) -> String {
    let callee = &asked.scenario.services[asked.question.service];
    match &asked.question.from {
        Sender::Anyone => format!("a pod of namespace {}", callee.namespace),
        Sender::Service(service) => asked.scenario.services[*service].full_name(),
        Sender::Gateway(name) => format!("gateway {name}"),
    }
}
