//! Arrival times from a file: one per line, or in the first column of a CSV file.

use crate::diag::{Code, Diagnostic, Diagnostics, FileIdx, Location, quote};
use crate::units::{Span, UnitError};

/// An arrival time since the start of the run: seconds (`0.25`), or a duration with its unit (`250ms`).
///
/// # Errors
/// When it is neither, or negative.
pub(crate) fn time(text: &str) -> Result<Span, UnitError> {
    match text.trim().parse::<f64>() {
        Ok(seconds) if (0.0..Span::MAX.seconds()).contains(&seconds) => Ok(Span::from_seconds_f64(seconds)),
        Ok(_) => Err(UnitError::new("an arrival time is not negative and at most 584 years")),
        Err(_) => Span::parse(text),
    }
}

/// The times in a file's text; a first line that is no number is a header, empty lines and `#` comments are skipped.
pub(crate) fn times(text: &str, file: FileIdx, diagnostics: &mut Diagnostics) -> Vec<Span> {
    let mut times = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let column = line.split([',', ';']).next().unwrap_or_default().trim().trim_matches('"');
        let first = start == 0;
        let location = Location::new(file, start, start + line.trim_end().len() as u32);
        start += line.len() as u32;
        if column.is_empty() || column.starts_with('#') {
            continue;
        }
        match time(column) {
            Ok(time) => times.push(time),
            Err(_) if first => {}
            Err(error) => {
                let message = format!("{} cannot be read as an arrival time: {error}", quote(column));
                diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(location));
            }
        }
    }
    times
}
