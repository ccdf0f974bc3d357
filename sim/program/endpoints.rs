//! The pods that an edge leads to.

use std::sync::Arc;

use super::PodIdx;

/// Pods by their number on an edge, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// Side by side from this one on.
    From(PodIdx),
    /// Here and there.
    List(Arc<[PodIdx]>),
}

impl Endpoints {
    /// The pods of some stretches, each its first pod and how many there are, in order.
    pub(super) fn of(stretches: &[(PodIdx, u32)]) -> Self {
        let is_whole = stretches.windows(2).all(|pair| pair[0].0.0 + pair[0].1 == pair[1].0.0);
        match stretches.first() {
            Some(&(first, _)) if is_whole => Self::From(first),
            _ => {
                let pods = stretches.iter().flat_map(|&(first, count)| first.0..first.0 + count);
                Self::List(pods.map(PodIdx).collect())
            }
        }
    }

    /// The pod of a number.
    #[inline]
    pub fn pod(&self, endpoint: u32) -> PodIdx {
        match self {
            Self::From(first) => PodIdx(first.0 + endpoint),
            Self::List(pods) => pods[endpoint as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_side_by_side_need_no_list() {
        let stretches = [(PodIdx(3), 2), (PodIdx(5), 1), (PodIdx(9), 2)];
        assert_eq!(Endpoints::of(&stretches[..2]), Endpoints::From(PodIdx(3)));
        let apart = Endpoints::of(&stretches);
        assert!(matches!(apart, Endpoints::List(_)));
        for endpoints in [Endpoints::of(&stretches[..2]), apart.clone()] {
            assert_eq!([0, 1, 2].map(|endpoint| endpoints.pod(endpoint).0), [3, 4, 5]);
        }
        assert_eq!([3, 4].map(|endpoint| apart.pod(endpoint).0), [9, 10]);
    }
}
