//! Which endpoints of a backend may be picked.

/// Endpoints to choose from: positions of a service's replicas, in ascending order.
#[expect(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait Candidates {
    /// How many there are.
    fn len(&self) -> u32;

    /// The one before which stand `rank` others; `rank` is below [`Self::len`].
    fn nth(&self, rank: u32) -> u32;

    /// How many stand before `endpoint`, whether or not it is one of them.
    fn rank(&self, endpoint: u32) -> u32;

    /// Whether `endpoint` is one of them.
    fn contains(&self, endpoint: u32) -> bool;
}

/// All of so many endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Everyone(pub u32);

impl Candidates for Everyone {
    #[inline]
    fn len(&self) -> u32 {
        self.0
    }

    #[inline]
    fn nth(&self, rank: u32) -> u32 {
        rank
    }

    #[inline]
    fn rank(&self, endpoint: u32) -> u32 {
        endpoint
    }

    #[inline]
    fn contains(&self, _: u32) -> bool {
        true
    }
}

/// A list of endpoints, ascending.
impl Candidates for [u32] {
    fn len(&self) -> u32 {
        <[u32]>::len(self) as u32
    }

    fn nth(&self, rank: u32) -> u32 {
        self[rank as usize]
    }

    fn rank(&self, endpoint: u32) -> u32 {
        self.partition_point(|&other| other < endpoint) as u32
    }

    fn contains(&self, endpoint: u32) -> bool {
        self.binary_search(&endpoint).is_ok()
    }
}

/// The endpoints of a backend that are in rotation: all but a few, which are listed. It takes no memory while all are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    endpoints: u32,
    /// Out of rotation, ascending.
    out: Vec<u32>,
}

impl Available {
    /// All of so many endpoints.
    pub const fn all(endpoints: u32) -> Self {
        Self { endpoints, out: Vec::new() }
    }

    /// Whether nothing is out of rotation: who asks first can do without the rest.
    #[inline]
    pub const fn is_all(&self) -> bool {
        self.out.is_empty()
    }

    /// Whether everything is out of rotation.
    pub const fn is_empty(&self) -> bool {
        self.out.len() == self.endpoints as usize
    }

    /// Endpoints out of rotation, ascending.
    pub fn out(&self) -> &[u32] {
        &self.out
    }

    /// Takes an endpoint out; returns whether it was in rotation.
    pub fn remove(&mut self, endpoint: u32) -> bool {
        debug_assert!(endpoint < self.endpoints, "one of the endpoints");
        match self.out.binary_search(&endpoint) {
            Ok(_) => false,
            Err(position) => {
                self.out.insert(position, endpoint);
                true
            }
        }
    }

    /// Puts an endpoint back; returns whether it was out.
    pub fn insert(&mut self, endpoint: u32) -> bool {
        match self.out.binary_search(&endpoint) {
            Ok(position) => {
                self.out.remove(position);
                true
            }
            Err(_) => false,
        }
    }

    /// What is in rotation here and there.
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for &endpoint in &other.out {
            both.remove(endpoint);
        }
        both
    }
}

impl Candidates for Available {
    fn len(&self) -> u32 {
        self.endpoints - self.out.len() as u32
    }

    /// Before the i-th that is out stand, from 0, as many in rotation as its position less i.
    fn nth(&self, rank: u32) -> u32 {
        let (mut low, mut high) = (0, self.out.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.out[middle] - middle as u32 <= rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        rank + low as u32
    }

    fn rank(&self, endpoint: u32) -> u32 {
        endpoint - self.out.partition_point(|&out| out < endpoint) as u32
    }

    fn contains(&self, endpoint: u32) -> bool {
        self.out.binary_search(&endpoint).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_in_rotation_is_the_list_of_it(endpoints in 1_u32..60, changes in prop::collection::vec((any::<bool>(), 0_u32..60), 0..150)) {
            let mut available = Available::all(endpoints);
            let mut list: Vec<u32> = (0..endpoints).collect();
            for (is_out, endpoint) in changes {
                let endpoint = endpoint % endpoints;
                let was_in = list.contains(&endpoint);
                if is_out {
                    list.retain(|&other| other != endpoint);
                    prop_assert_eq!(available.remove(endpoint), was_in);
                } else {
                    if !was_in {
                        list.push(endpoint);
                        list.sort_unstable();
                    }
                    prop_assert_eq!(available.insert(endpoint), !was_in);
                }
                let picked: Vec<u32> = (0..available.len()).map(|rank| available.nth(rank)).collect();
                prop_assert_eq!(&picked, &list);
                prop_assert_eq!((available.is_empty(), available.is_all()), (list.is_empty(), list.len() as u32 == endpoints));
                for endpoint in 0..endpoints {
                    prop_assert_eq!(Candidates::contains(&available, endpoint), list.contains(&endpoint));
                    prop_assert_eq!(available.rank(endpoint), Candidates::rank(&list[..], endpoint));
                }
            }
        }
    }

    #[test]
    fn both_have_what_each_has() {
        let (mut left, mut right) = (Available::all(5), Available::all(5));
        left.remove(1);
        right.remove(3);
        right.remove(1);
        assert_eq!(left.and(&right).out(), [1, 3]);
        assert_eq!(left.and(&right), right.and(&left));
    }
}
