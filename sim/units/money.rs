//! Money: amounts of one currency, which a price table names.

use std::fmt;

use super::UnitError;

/// An amount of money, finite and not negative; its [`Currency`] is kept beside it.
#[derive(Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Money(f64);

/// A currency by its three-letter code (ISO 4217), as in `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0.0);

    /// This much.
    ///
    /// # Errors
    /// When negative or not finite.
    pub fn new(amount: f64) -> Result<Self, UnitError> {
        if amount.is_finite() && amount >= 0.0 {
            Ok(Self(amount))
        } else {
            Err(UnitError::new("an amount of money is finite and not negative"))
        }
    }

    /// The amount.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// Parses `0.192`; the currency is that of the price table.
    ///
    /// # Errors
    /// When it is no number, negative or not finite.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let error = |_| UnitError::new("write a price as 0.192, in the currency of the price table");
        Self::new(text.trim().parse().map_err(error)?)
    }
}

impl Currency {
    /// The dollar of the United States.
    pub const USD: Self = Self(*b"USD");

    /// Parses a three-letter code.
    ///
    /// # Errors
    /// When it is not three capital letters.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        match <[u8; 3]>::try_from(text.trim().as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(UnitError::new("write a currency as its three-letter code: USD, EUR, GBP")),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self::USD
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_what_it_prints() {
        for text in ["0", "0.192", "1200.5"] {
            assert_eq!(Money::parse(text).map(|amount| amount.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "-1", "1e999", "NaN", "$3", "0.192 USD"] {
            assert!(Money::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!(Currency::parse("USD"), Ok(Currency::USD));
        assert_eq!(Currency::parse(" EUR").map(|currency| currency.to_string()), Ok("EUR".to_owned()));
        for text in ["", "usd", "US", "DOLLAR", "€€€"] {
            assert!(Currency::parse(text).is_err(), "{text}");
        }
    }
}
