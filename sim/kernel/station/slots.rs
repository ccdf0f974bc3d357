//! A slab whose places are told apart from their earlier tenants.

/// A job of one event-driven station; it stays void after the job has left, also when the place is used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct JobId {
    slot: u32,
    generation: u32,
}

/// Values found by a [`JobId`] in constant time; memory follows the greatest number present at once.
#[derive(Clone, Debug)]
pub(crate) struct Slots<T> {
    rows: Vec<(u32, Option<T>)>,
    vacant: Vec<u32>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { rows: Vec::new(), vacant: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> JobId {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.rows.push((0, None));
            (self.rows.len() - 1) as u32
        });
        let (generation, place) = &mut self.rows[slot as usize];
        *place = Some(value);
        JobId { slot, generation: *generation }
    }

    /// How many values there are.
    pub(crate) const fn len(&self) -> usize {
        self.rows.len() - self.vacant.len()
    }

    pub(crate) fn get(&self, id: JobId) -> Option<&T> {
        let (generation, place) = self.rows.get(id.slot as usize)?;
        if *generation == id.generation { place.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, id: JobId) -> Option<&mut T> {
        let (generation, place) = self.rows.get_mut(id.slot as usize)?;
        if *generation == id.generation { place.as_mut() } else { None }
    }

    pub(crate) fn contains(&self, id: JobId) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn remove(&mut self, id: JobId) -> Option<T> {
        let (generation, place) = self.rows.get_mut(id.slot as usize)?;
        if *generation != id.generation {
            return None;
        }
        let value = place.take()?;
        *generation = generation.wrapping_add(1);
        self.vacant.push(id.slot);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_place_does_not_answer_to_its_old_name() {
        let mut slots = Slots::new();
        let first = slots.insert('a');
        assert_eq!(slots.remove(first), Some('a'));
        let second = slots.insert('b');
        assert_eq!((slots.rows.len(), slots.len(), second.slot), (1, 1, first.slot));
        assert_eq!((slots.remove(first), slots.contains(first)), (None, false));
        assert!(slots.get_mut(first).is_none() && slots.contains(second));
        assert_eq!(slots.remove(second), Some('b'));
    }
}
