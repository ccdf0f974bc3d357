//! Index types and vectors that only their own index type can look into.
//!
//! After compilation the program is a set of dense tables; a [`IndexVec`] makes it a type error to look into one table
//! with the index of another.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A newtype over `u32` that indexes one kind of table. Made by [`index_type!`](crate::index_type).
pub trait Idx: Copy + Ord + fmt::Debug {
    /// The index at position `position`.
    ///
    /// # Panics
    /// When `position` does not fit in 32 bits: no table is that long.
    fn at(position: usize) -> Self;
    /// The position as `usize`.
    fn position(self) -> usize;
}

/// Declares index types: `index_type! { /// A service. pub struct ServiceIdx; }`.
#[macro_export]
macro_rules! index_type {
    ($($(#[$meta:meta])* $visibility:vis struct $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name(pub u32);

        impl $crate::index::Idx for $name {
            fn at(position: usize) -> Self {
                Self(u32::try_from(position).expect("a table has fewer than 2^32 rows"))
            }
            fn position(self) -> usize {
                self.0 as usize
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}#{}", stringify!($name), self.0)
            }
        }
    )+};
}

/// A vector indexed by `I` alone.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexVec<I, T> {
    rows: Vec<T>,
    index: PhantomData<fn(I)>,
}

impl<I: Idx, T> IndexVec<I, T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { rows: Vec::new(), index: PhantomData }
    }

    /// `count` copies of `row`.
    pub fn filled(row: T, count: usize) -> Self
    where
        T: Clone,
    {
        Self { rows: vec![row; count], index: PhantomData }
    }

    /// Appends a row and returns its index.
    pub fn push(&mut self, row: T) -> I {
        let index = I::at(self.rows.len());
        self.rows.push(row);
        index
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The index that the next [`IndexVec::push`] returns.
    pub fn next_index(&self) -> I {
        I::at(self.rows.len())
    }

    /// The row at `index`, if there is one.
    pub fn get(&self, index: I) -> Option<&T> {
        self.rows.get(index.position())
    }

    /// Rows in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    /// Rows in order, to change.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.rows.iter_mut()
    }

    /// Rows with their indexes, in order.
    pub fn iter_enumerated(&self) -> impl Iterator<Item = (I, &T)> {
        self.rows.iter().enumerate().map(|(position, row)| (I::at(position), row))
    }

    /// All indexes in order.
    pub fn indexes(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.rows.len()).map(I::at)
    }

    /// The rows as a slice.
    pub fn as_slice(&self) -> &[T] {
        &self.rows
    }
}

impl<I: Idx, T> Default for IndexVec<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I, T: fmt::Debug> fmt::Debug for IndexVec<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

impl<I: Idx, T> Index<I> for IndexVec<I, T> {
    type Output = T;
    fn index(&self, index: I) -> &T {
        &self.rows[index.position()]
    }
}

impl<I: Idx, T> IndexMut<I> for IndexVec<I, T> {
    fn index_mut(&mut self, index: I) -> &mut T {
        &mut self.rows[index.position()]
    }
}

impl<I: Idx, T> FromIterator<T> for IndexVec<I, T> {
    fn from_iter<Rows: IntoIterator<Item = T>>(rows: Rows) -> Self {
        Self { rows: rows.into_iter().collect(), index: PhantomData }
    }
}

impl<'a, I: Idx, T> IntoIterator for &'a IndexVec<I, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

impl<'a, I: Idx, T> IntoIterator for &'a mut IndexVec<I, T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    index_type! { struct RowIdx; }

    #[test]
    fn push_returns_the_index_that_finds_the_row() {
        let mut rows: IndexVec<RowIdx, &str> = IndexVec::new();
        let first = rows.push("a");
        let second = rows.push("b");
        assert_eq!((rows[first], rows[second], rows.len()), ("a", "b", 2));
        assert_eq!(
            rows.iter_enumerated().map(|(index, row)| (index.0, *row)).collect::<Vec<_>>(),
            [(0, "a"), (1, "b")]
        );
        assert_eq!(format!("{first:?}"), "RowIdx#0");
    }
}
