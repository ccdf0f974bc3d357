//! Readers of values that several families of objects have.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::input::fields;
use crate::input::tree::{Located, Node};
use crate::units::{Ratio, UnitError};
use crate::vocabulary::text::Pattern;

use super::{Foreign, Head};

/// A text that may be empty.
pub fn any_text(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    node.text().map(str::to_owned).or_else(|| fields::unexpected(node, "a text", diagnostics))
}

/// A port's number.
pub fn port(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    let number = fields::u32(node, diagnostics)?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("a port lies between 1 and 65535, not at {number}");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    }
    port
}

/// A percentage from 0 to 100, as a ratio.
pub fn percentage(node: &Node, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    fields::parsed(node, "a percentage", diagnostics, |text| {
        let percent: Option<f64> = text.trim().parse().ok();
        let ratio = percent.and_then(|percent| Ratio::new(percent / 100.0).ok());
        ratio.ok_or_else(|| UnitError::new("write a number from 0 to 100"))
    })
}

/// A list of texts; elements that are none are reported and left out.
pub fn texts(value: Foreign<'_>, field: &str, diagnostics: &mut Diagnostics) -> Vec<Located<String>> {
    value.read(field, fields::each(fields::located(fields::text)), diagnostics).unwrap_or_default()
}

/// A regular expression.
pub fn pattern(text: &str, place: Location, diagnostics: &mut Diagnostics) -> Option<Pattern> {
    match Pattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(problem) => {
            let message = format!("{} is no regular expression: {problem}", quote(text));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
            None
        }
    }
}

/// Largest weight: that of Envoy's clusters together.
const LARGEST_WEIGHT: f64 = 4_294_967_295.0;

/// A weight: a whole number or a Kubernetes quantity, `900m` being 0.9.
pub fn weight(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    fields::parsed(node, "a weight", diagnostics, |text| {
        let weight = quantity(text.trim());
        let weight = weight.ok_or_else(|| UnitError::new("write a number as 90, or a quantity as 900m"))?;
        if weight < 0.0 {
            return Err(UnitError::new("a weight cannot be negative"));
        }
        if weight > LARGEST_WEIGHT {
            return Err(UnitError::new(format!("a weight is at most {LARGEST_WEIGHT}")));
        }
        Ok(weight)
    })
}

/// The value of a Kubernetes quantity: digits with an optional sign and point, then a suffix or an exponent.
fn quantity(text: &str) -> Option<f64> {
    const PARTS: &[(&str, f64)] = &[("n", 1e9), ("u", 1e6), ("m", 1e3)];
    const SUFFIXES: &[(&str, f64)] = &[
        ("", 1.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
    ];
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    // With an exponent there is no suffix: `1E` is 10¹⁸, `1E3` is 1000.
    let is_exponent = text.ends_with(|c: char| c.is_ascii_digit()) && digits.contains(['e', 'E']);
    let end = if is_exponent { text.len() } else { text.trim_end_matches(char::is_alphabetic).len() };
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    // Divided rather than multiplied: 900m is exactly what 0.9 is.
    let part = PARTS.iter().find(|(name, _)| *name == suffix).map(|(_, parts)| number / parts);
    part.or_else(|| SUFFIXES.iter().find(|(name, _)| *name == suffix).map(|(_, factor)| number * factor))
}

/// The namespace of an object, as drafts have it.
pub fn namespace(head: &Head) -> Option<String> {
    head.namespace.as_ref().map(|namespace| namespace.value.clone())
}

/// A warning about a value that has no effect although its field is modelled.
pub fn no_effect(message: impl Into<String>, place: Location) -> Diagnostic {
    Diagnostic::warning(Code::NotModelled, message).at(place)
}

/// Name and namespace of a service's host: `name`, `namespace/name`, `name.namespace` or
/// `name.namespace.svc.cluster.local`, perhaps with a dot at the end.
pub fn host(written: &str) -> (&str, Option<&str>) {
    if let Some((namespace, name)) = written.split_once('/') {
        return (name, Some(namespace));
    }
    let mut labels = written.trim_end_matches('.').split('.');
    (labels.next().unwrap_or_default(), labels.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_numbers_with_suffix_or_exponent() {
        for (text, value) in [
            ("1", Some(1.0)),
            ("900m", Some(0.9)),
            ("0.5", Some(0.5)),
            ("0", Some(0.0)),
            ("+2", Some(2.0)),
            ("-1", Some(-1.0)),
            ("1k", Some(1000.0)),
            ("1e3", Some(1000.0)),
            ("1E3", Some(1000.0)),
            ("1E", Some(1e18)),
            ("1Ki", Some(1024.0)),
            ("5u", Some(5e-6)),
            (".5", Some(0.5)),
            ("", None),
            ("m", None),
            ("1q", None),
            ("1 m", None),
            ("inf", None),
            ("nan", None),
            ("infinity", None),
            ("1mm", None),
        ] {
            assert_eq!(quantity(text), value, "{text}");
        }
    }

    #[test]
    fn hosts_have_a_name_and_perhaps_a_namespace() {
        for (written, name, namespace) in [
            ("web", "web", None),
            ("shop/web", "web", Some("shop")),
            ("web.shop", "web", Some("shop")),
            ("web.shop.svc.cluster.local", "web", Some("shop")),
            ("web.shop.svc.cluster.local.", "web", Some("shop")),
            ("", "", None),
        ] {
            assert_eq!(host(written), (name, namespace), "{written}");
        }
    }
}
