//! The quantile function of the standard normal distribution.

/// The value that a standard normal number stays below with probability `p`, `p` in (0, 1).
///
/// Algorithm AS 241, routine PPND16 (M. J. Wichura, "The percentage points of the normal distribution", Applied
/// Statistics 37, 1988): rational approximations that are exact to about 16 digits, on three ranges of `p`.
#[inline]
pub fn standard_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * CENTRE.at(0.180_625 - q * q);
    }
    // 1 − p is exact for p above one half.
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail));
    let distance = if r <= 5.0 { MIDDLE.at(r - 1.6) } else { TAIL.at(r - 5.0) };
    if q < 0.0 { -distance } else { distance }
}

/// A quotient of polynomials, coefficients from the constant term up (rounded from the paper's to doubles).
struct Rational {
    numerator: [f64; 8],
    denominator: [f64; 8],
}

impl Rational {
    #[inline]
    fn at(&self, x: f64) -> f64 {
        polynomial(&self.numerator, x) / polynomial(&self.denominator, x)
    }
}

/// Estrin's scheme: fewer steps wait for each other than in Horner's.
#[inline]
fn polynomial(c: &[f64; 8], x: f64) -> f64 {
    let (x2, x4) = (x * x, x * x * (x * x));
    let low = (c[0] + c[1] * x) + (c[2] + c[3] * x) * x2;
    let high = (c[4] + c[5] * x) + (c[6] + c[7] * x) * x2;
    low + high * x4
}

/// |p − ½| ≤ 0.425, in 0.180625 − (p − ½)².
const CENTRE: Rational = Rational {
    numerator: [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    denominator: [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
};

/// √(−ln p) ≤ 5, in √(−ln p) − 1.6.
const MIDDLE: Rational = Rational {
    numerator: [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        0.000_774_545_014_278_341_4,
    ],
    denominator: [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        0.000_547_593_808_499_534_5,
        1.050_750_071_644_416_9e-9,
    ],
};

/// √(−ln p) > 5, in √(−ln p) − 5.
const TAIL: Rational = Rational {
    numerator: [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    denominator: [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        0.000_786_869_131_145_613_3,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_7e-15,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest double to an evaluation with 50 digits at the very double on the left.
    const KNOWN: [(f64, f64); 25] = [
        (1e-300, -37.047_096_299_361_2),
        (1e-100, -21.273_453_560_965_326),
        (1.110_223_024_625_156_5e-16, -8.209_536_151_601_387),
        (1e-10, -6.361_340_902_404_057),
        (1e-05, -4.264_890_793_922_825),
        (0.001, -3.090_232_306_167_813_6),
        (0.02, -2.053_748_910_631_823),
        (0.024_25, -1.972_961_051_311_885),
        (0.074, -1.446_632_067_158_978_5),
        (0.075_000_1, -1.439_530_764_501_729_7),
        (0.1, -1.281_551_565_544_600_4),
        (0.25, -0.674_489_750_196_081_7),
        (0.4, -0.253_347_103_135_799_7),
        (0.499_99, -2.506_628_274_896_000_8e-5),
        (0.500_000_1, 2.506_628_273_311_648e-7),
        (0.6, 0.253_347_103_135_799_7),
        (0.75, 0.674_489_750_196_081_7),
        (0.9, 1.281_551_565_544_600_6),
        (0.925, 1.439_531_470_938_456_1),
        (0.95, 1.644_853_626_951_472_2),
        (0.975, 1.959_963_984_540_053_8),
        (0.99, 2.326_347_874_040_840_8),
        (0.999, 3.090_232_306_167_813),
        (0.999_99, 4.264_890_793_923_841),
        (0.999_999_999_999_999_9, 8.209_536_151_601_387),
    ];

    #[test]
    fn known_quantiles_are_exact_to_fifteen_digits() {
        for (p, expected) in KNOWN {
            let error = (standard_quantile(p) / expected - 1.0).abs();
            assert!(error <= 1e-15, "{p}: {} instead of {expected}, off by {error:e}", standard_quantile(p));
        }
        assert_eq!(standard_quantile(0.5), 0.0);
    }

    #[test]
    fn the_distribution_function_gives_the_probability_back() {
        // The ranges meet at p = 0.075 and p = e^−25, about 1.4e-11.
        for step in 1..2_000 {
            let p = libm::exp(-0.02 * f64::from(step));
            let back = 0.5 * libm::erfc(-standard_quantile(p) / std::f64::consts::SQRT_2);
            assert!((back / p - 1.0).abs() < 1e-13, "{p:e} becomes {back:e}");
        }
    }

    #[test]
    fn it_is_antisymmetric() {
        for step in 1..1_024 {
            let p = f64::from(step) / 1_024.0;
            assert_eq!(standard_quantile(1.0 - p), -standard_quantile(p), "{p}");
        }
    }
}
