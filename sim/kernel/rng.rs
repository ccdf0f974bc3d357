//! Random numbers that depend on nothing but their address.
//!
//! Two kinds. A [`Stream`] (ChaCha8) belongs to an entity and a purpose: arrivals of a source, start-up times of a pod.
//! [`Draws`] belong to a [`Key`], an address in a tree of static places, and a purpose: everything random about one
//! request. Neither depends on what else is drawn, so adding an entity or a purpose shifts nobody else's numbers.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What draws are for; each purpose has its own sub-sequence. The numbers are the user's to choose and keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose(pub u16);

/// A source of independent uniform random numbers.
pub trait Uniform {
    /// 64 uniform bits.
    fn bits(&mut self) -> u64;

    /// A uniform number in the open interval (0, 1): its logarithm is always finite. 52 bits of resolution.
    #[inline]
    fn unit(&mut self) -> f64 {
        unit_of(self.bits())
    }

    /// A uniform whole number in [0, `bound`); the bias is below `bound`/2⁶⁴.
    ///
    /// # Panics
    /// When `bound` is zero (debug builds only; the result is then 0).
    #[inline]
    fn below(&mut self, bound: u32) -> u32 {
        debug_assert!(bound > 0, "nothing to choose from");
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u32
    }

    /// True with probability `probability`; 0 and 1 are certain.
    #[inline]
    fn chance(&mut self, probability: f64) -> bool {
        // unit() < 1 always, and > 0 always.
        self.unit() < probability
    }
}

/// Uniform bits, or a well-mixed hash, as a number in the open interval (0, 1).
#[inline]
pub fn unit_of(bits: u64) -> f64 {
    const ULP: f64 = 1.0 / (1_u64 << 52) as f64;
    ((bits >> 12) as f64 + 0.5) * ULP
}

/// A ChaCha8 stream addressed by (seed, purpose, hash of the entity's name, replication).
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `purpose` for the entity of this (namespaced) name in this replication.
    pub fn new(seed: u64, purpose: Purpose, entity: &str, replication: u32) -> Self {
        let mut key = [0_u8; 32];
        key[0..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&hash_name(entity).to_le_bytes());
        key[16..20].copy_from_slice(&replication.to_le_bytes());
        key[20..22].copy_from_slice(&purpose.0.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }
}

impl Uniform for Stream {
    #[inline]
    fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// The randomness of one request (or whatever the model's unit is): every draw made for it starts here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key(u64);

impl Key {
    /// The key made of these parts, in this order, e.g. (seed, replication, hash of the source's name, number).
    pub fn new(parts: &[u64]) -> Self {
        Self(parts.iter().fold(GOLDEN, |hash, &part| mix(hash ^ mix(part.wrapping_add(GOLDEN)))))
    }

    /// The draws for `purpose` at the static place `path`, in this repetition of it and this attempt.
    #[inline]
    pub fn draws(self, purpose: Purpose, path: u64, repetition: u32, attempt: u16) -> Draws {
        let place = u64::from(purpose.0) << 48 | u64::from(attempt) << 32 | u64::from(repetition);
        Draws { state: mix(mix(self.0 ^ path).wrapping_add(place)) }
    }
}

/// The sub-sequence of draws at one address.
#[derive(Clone, Debug)]
pub struct Draws {
    state: u64,
}

impl Uniform for Draws {
    #[inline]
    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }
}

/// The place reached from `path` by going through `step`: an order-sensitive hash.
#[inline]
pub fn extend_path(path: u64, step: u64) -> u64 {
    mix(path.rotate_left(23) ^ step)
}

/// A hash of a name that is the same everywhere and always (FNV-1a, then mixed).
pub fn hash_name(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}

/// 2⁶⁴ divided by the golden ratio, odd: the increment of SplitMix64 (Steele, Lea, Flood 2014).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection in which every input bit flips every output bit with probability close to one half
/// (variant 13 of David Stafford's "Better bit mixing", 2011).
#[inline]
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pearson's statistic over 256 cells, normalised: about N(0, 1) when the cells are equally likely.
    fn uniformity(values: impl Iterator<Item = u64>) -> f64 {
        let mut cells = [0_f64; 256];
        let mut count = 0.0;
        for value in values {
            cells[(value >> 56) as usize] += 1.0;
            count += 1.0;
        }
        let expected = count / 256.0;
        let statistic: f64 = cells.iter().map(|cell| (cell - expected) * (cell - expected) / expected).sum();
        (statistic - 255.0) / (2.0_f64 * 255.0).sqrt()
    }

    #[test]
    fn draws_are_uniform_along_every_part_of_the_address() {
        let key = |number| Key::new(&[1, 0, hash_name("web"), number]);
        let along: [(&str, Vec<u64>); 5] = [
            ("requests", (0..100_000).map(|n| key(n).draws(Purpose(1), 0, 0, 0).bits()).collect()),
            (
                "paths",
                (0..100_000).map(|n| key(7).draws(Purpose(1), extend_path(0, n), 0, 0).bits()).collect(),
            ),
            ("repetitions", (0..100_000).map(|n| key(7).draws(Purpose(1), 3, n, 0).bits()).collect()),
            ("purposes", (0..65_535).map(|n| key(7).draws(Purpose(n), 3, 0, 0).bits()).collect()),
            ("draws", {
                let mut draws = key(7).draws(Purpose(1), 3, 0, 0);
                (0..100_000).map(|_| draws.bits()).collect()
            }),
        ];
        for (what, values) in along {
            let top = uniformity(values.iter().copied());
            let bottom = uniformity(values.iter().map(|value| value << 56));
            assert!(top.abs() < 4.5 && bottom.abs() < 4.5, "{what}: {top:.2} {bottom:.2}");
            let mean =
                |f: &dyn Fn(usize) -> f64| (0..values.len() - 1).map(f).sum::<f64>() / values.len() as f64;
            let unit = |index: usize| values[index] as f64 / 2_f64.powi_exact(64) - 0.5;
            let serial = mean(&|index| unit(index) * unit(index + 1)) * 12.0 * (values.len() as f64).sqrt();
            assert!(serial.abs() < 4.5, "{what}: neighbours correlate ({serial:.2} standard errors)");
        }
    }

    trait PowiExact {
        fn powi_exact(self, exponent: u32) -> f64;
    }
    impl PowiExact for f64 {
        fn powi_exact(self, exponent: u32) -> f64 {
            (0..exponent).fold(1.0, |product, _| product * self)
        }
    }

    #[test]
    fn an_address_gives_the_same_numbers_for_ever() {
        let mut draws =
            Key::new(&[42, 3, hash_name("frontend"), 17]).draws(Purpose(2), extend_path(1, 2), 4, 1);
        let mut stream = Stream::new(42, Purpose(1), "default/web", 3);
        let drawn = [draws.bits(), draws.bits(), stream.bits(), stream.bits()];
        assert_eq!(drawn.map(|bits| format!("{bits:016x}")).join(" "), GOLDEN_DRAWS);
    }

    const GOLDEN_DRAWS: &str = "e44823f7a1e58cee 2d984a6901d43008 7a41c17c841b52f5 6e3b099235a4e94d";

    #[test]
    fn streams_differ_by_every_part_of_their_address() {
        let base = Stream::new(1, Purpose(1), "a", 0).bits();
        for other in [
            Stream::new(2, Purpose(1), "a", 0),
            Stream::new(1, Purpose(2), "a", 0),
            Stream::new(1, Purpose(1), "b", 0),
            Stream::new(1, Purpose(1), "a", 1),
        ] {
            assert_ne!(other.clone().bits(), base);
        }
    }

    #[test]
    fn unit_is_open_and_chance_is_certain_at_the_ends() {
        struct Fixed(u64);
        impl Uniform for Fixed {
            fn bits(&mut self) -> u64 {
                self.0
            }
        }
        for bits in [0, u64::MAX] {
            let unit = Fixed(bits).unit();
            assert!(unit > 0.0 && unit < 1.0, "{unit}");
            assert!(Fixed(bits).chance(1.0) && !Fixed(bits).chance(0.0));
            assert!(Fixed(bits).below(7) < 7);
        }
    }
}
