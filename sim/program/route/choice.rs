//! Which rule a request takes: a bit for each match that its attributes leave possible; the first one counts.

use crate::mesh::scenario::{Header, HeaderValues};
use crate::vocabulary::request::{Condition, Name};

use super::RuleIdx;
use super::condition::{Place, is_header};

/// Which rule the requests of a source take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All of them the same one.
    Fixed(RuleIdx),
    /// It depends on what they carry.
    Drawn {
        /// What they carry, as far as anything looks at it.
        attributes: Vec<Attribute>,
        /// The rule of each match.
        rules: Vec<RuleIdx>,
    },
}

/// A header, or what is given like one, with the matches that each of its values leaves possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Position among the source's headers.
    pub header: u32,
    /// 64 matches a word; of each value in the source's order, then of requests without the header. All values of a
    /// header that only has distinct ones are alike.
    pub possible: Vec<Box<[u64]>>,
}

impl Choice {
    /// The rule of a request, given the position of the value that it carries of each attribute: past the last one if
    /// it carries none. The last match always holds.
    #[inline]
    pub fn rule(&self, mut value: impl FnMut(u32) -> Option<u64>) -> RuleIdx {
        let (attributes, rules) = match self {
            Self::Fixed(rule) => return *rule,
            Self::Drawn { attributes, rules } => (attributes, rules),
        };
        let first = match attributes.as_slice() {
            [one] => first_bit(one.of(value(one.header)).iter().copied()),
            several => {
                let mut left = vec![u64::MAX; rules.len().div_ceil(64)];
                for attribute in several {
                    let possible = attribute.of(value(attribute.header));
                    left.iter_mut().zip(possible).for_each(|(left, possible)| *left &= possible);
                }
                first_bit(left.into_iter())
            }
        };
        rules[first]
    }
}

impl Attribute {
    fn of(&self, value: Option<u64>) -> &[u64] {
        let absent = self.possible.len() - 1;
        &self.possible[value.map_or(absent, |value| (value as usize).min(absent.saturating_sub(1)))]
    }
}

fn first_bit(words: impl Iterator<Item = u64>) -> usize {
    let (number, word) = words.enumerate().find(|(_, word)| *word != 0).expect("the last match always holds");
    number * 64 + word.trailing_zeros() as usize
}

/// The choice that a source's requests leave. `matches` are in the order in which they are looked at, the last one
/// without conditions; `headers` are the source's.
pub(super) fn choice(
    place: &Place<'_>,
    matches: &[(Vec<Condition<'_>>, RuleIdx)],
    headers: &[Header],
    is_own: bool,
) -> Choice {
    let carried = |condition: &Condition<'_>| {
        let is_request = is_own || matches!(condition.name, Name::Header(_));
        headers.iter().find(|header| is_request && is_header(condition.name, &header.name))
    };
    // What this source does not vary is decided now.
    let left: Vec<(Vec<&Condition<'_>>, RuleIdx)> = matches
        .iter()
        .filter_map(|(conditions, rule)| {
            let (open, known): (Vec<&Condition<'_>>, Vec<&Condition<'_>>) =
                conditions.iter().partition(|condition| carried(condition).is_some());
            let holds = known.iter().all(|condition| condition.holds(place.known(condition.name)));
            // A condition that no value fulfils makes the match impossible.
            let can_hold = |condition: &&Condition<'_>| {
                let values = carried(condition).map(values).unwrap_or_default();
                condition.holds(None) || values.iter().any(|value| condition.holds(Some(value)))
            };
            (holds && open.iter().all(can_hold)).then_some((open, *rule))
        })
        .collect();
    let end = left.iter().position(|(open, _)| open.is_empty()).expect("the last match always holds");
    let left = &left[..=end];
    if end == 0 {
        return Choice::Fixed(left[0].1);
    }
    let looked_at =
        |header: &Header| left.iter().flat_map(|row| &row.0).any(|one| is_header(one.name, &header.name));
    let numbered = (0..).zip(headers).filter(|(_, header)| looked_at(header));
    let attributes = numbered.map(|(number, header)| {
        let possible = |value: Option<&str>| {
            let holds = |row: &(Vec<&Condition<'_>>, RuleIdx)| {
                row.0.iter().all(|one| !is_header(one.name, &header.name) || one.holds(value))
            };
            bits(left.iter().map(holds))
        };
        let mut rows: Vec<Box<[u64]>> = values(header).iter().map(|value| possible(Some(value))).collect();
        rows.push(possible(None));
        Attribute { header: number, possible: rows }
    });
    Choice::Drawn { attributes: attributes.collect(), rules: left.iter().map(|row| row.1).collect() }
}

/// The texts that a header can be. Nobody knows those of distinct values: a pattern that takes anything takes them.
fn values(header: &Header) -> Vec<&str> {
    match &header.values {
        HeaderValues::Shares(shares) => shares.iter().map(|(value, _)| value.as_str()).collect(),
        HeaderValues::Distinct(_) => vec![""],
    }
}

fn bits(values: impl Iterator<Item = bool>) -> Box<[u64]> {
    let mut words = Vec::new();
    for (number, value) in values.enumerate() {
        if number % 64 == 0 {
            words.push(0);
        }
        words[number / 64] |= u64::from(value) << (number % 64);
    }
    words.into()
}
