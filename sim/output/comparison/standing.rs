//! How meshes stand by one number that should be small, as far as intervals tell.

use crate::metrics::{Estimate, Kind, Place, Unit, places};
use crate::output::human::{Scale, printable};

/// What decides whether one number is lower than another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::output) enum Judged {
    /// Their model intervals lie apart.
    ByModel,
    /// Their simulation's intervals lie apart.
    BySimulation,
    /// They differ: no chance is in them.
    Exactly,
}

/// Meshes with a number each.
#[derive(Clone, Debug)]
pub(in crate::output) struct Standing<'a> {
    pub(in crate::output) meshes: Vec<&'a str>,
    pub(in crate::output) numbers: Vec<Estimate>,
    places: Vec<Place>,
    scale: Scale,
    judged: Judged,
}

impl<'a> Standing<'a> {
    /// `None` if there is no number at all.
    pub(in crate::output) fn new(
        answers: impl Iterator<Item = (&'a str, Estimate)>,
        unit: Unit,
        judged: Judged,
    ) -> Option<Self> {
        let (meshes, numbers): (Vec<&str>, Vec<Estimate>) = answers.unzip();
        let scale = Scale::of(numbers.iter(), unit);
        let exact = |number: &Estimate| Estimate { interval: Some((number.value, number.value)), ..*number };
        let places = match judged {
            Judged::Exactly => places(&numbers.iter().map(exact).collect::<Vec<_>>(), false),
            judged => places(&numbers, judged == Judged::ByModel),
        };
        (!numbers.is_empty()).then_some(Self { meshes, numbers, places, scale, judged })
    }

    /// A mesh's position, if it has a number.
    pub(in crate::output) fn position(&self, mesh: &str) -> Option<usize> {
        self.meshes.iter().position(|known| *known == mesh)
    }

    /// Those that no other one is known to be lower than.
    pub(in crate::output) fn lowest(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|&index| self.places[index].first == 1).collect()
    }

    /// Those that no other one is known to be higher than.
    pub(in crate::output) fn highest(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|&index| self.places[index].last == self.places[index].of).collect()
    }

    /// The one with the lowest value beside this.
    pub(in crate::output) fn next_to(&self, own: usize) -> Option<usize> {
        let others = (0..self.numbers.len()).filter(|&index| index != own);
        others.min_by(|&left, &right| self.numbers[left].value.total_cmp(&self.numbers[right].value))
    }

    /// Whether the number is known to be above zero.
    pub(in crate::output) fn is_positive(&self, index: usize) -> bool {
        let number = &self.numbers[index];
        let ends = match (number.kind, self.judged) {
            (Kind::AtLeast, _) | (_, Judged::Exactly) => Some((number.value, number.value)),
            (_, Judged::ByModel) => number.model,
            (_, Judged::BySimulation) => number.interval,
        };
        ends.is_some_and(|(low, _)| low > 0.0)
    }

    /// Whether every number has what decides.
    pub(in crate::output) fn is_decidable(&self) -> bool {
        self.numbers.iter().all(|number| match (number.kind, self.judged) {
            (Kind::AtLeast, _) | (_, Judged::Exactly) => true,
            (_, Judged::ByModel) => number.model.is_some(),
            (_, Judged::BySimulation) => number.interval.is_some(),
        })
    }

    /// Whether there is nothing to choose: one value for all.
    pub(in crate::output) fn is_same_for_all(&self) -> bool {
        self.numbers.iter().all(|number| number.value.to_bits() == self.numbers[0].value.to_bits())
    }

    /// As something added, with its intervals.
    pub(in crate::output) fn added(&self, index: usize) -> String {
        self.scale.in_words(&self.numbers[index])
    }

    /// As a plain number.
    pub(in crate::output) fn plain(&self, index: usize) -> String {
        self.scale.estimate(&self.numbers[index])
    }

    /// A mesh and what it adds.
    pub(super) fn shown(&self, index: usize) -> String {
        format!("{} ({})", printable(self.meshes[index]), self.added(index))
    }
}
