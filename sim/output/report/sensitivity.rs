//! Which constants move the differences most.

use crate::experiment::model::{Effect, Moved};
use crate::metrics::{Estimate, Kind, Unit};

use super::super::comparison::Comparison;
use super::super::human::Scale;
use super::{code, escape, table};

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let Some(sensitivities) = comparison.sensitivities.filter(|all| !all.rows.is_empty()) else {
        return String::new();
    };
    let effects = || sensitivities.rows.iter().flat_map(|row| &row.effects);
    let times = effects().flat_map(|effect| [effect.mean, effect.tail]);
    let time = scale(times, Unit::Seconds);
    let cpu = scale(effects().map(|effect| effect.cpu), Unit::Cores);
    let rows = sensitivities.rows.iter().map(|row| {
        let each = |show: &dyn Fn(&Effect) -> String| {
            let lines = row.effects.iter().map(|effect| {
                let mesh = &comparison.runs[effect.mesh].results.mesh;
                format!("{} {}", escape(mesh), show(effect))
            });
            lines.collect::<Vec<_>>().join("<br>")
        };
        let [name, value, range, kind, source] = told(&row.moved);
        [
            name,
            value,
            range,
            kind,
            each(&|effect| signed(time, effect.mean)),
            each(&|effect| signed(time, effect.tail)),
            each(&|effect| signed(cpu, effect.cpu)),
            source,
        ]
    });
    let tail = sensitivities.tail;
    let header = [
        "constant".to_owned(),
        "value".to_owned(),
        "range".to_owned(),
        "kind".to_owned(),
        format!("added mean, {}", time.unit),
        format!("added {tail}, {}", time.unit),
        format!("added CPU, {}", cpu.unit),
        "source".to_owned(),
    ];
    let intro = format!(
        "Each constant, and each guess, alone at the low and at the high end of its range: how much more or less a mesh then adds to mean \
         and {tail} of {} and to the CPU of proxies. One replication each, so the {tail} has some chance in it.",
        escape(&sensitivities.entry)
    );
    format!("{intro}\n\n{}", table(header.each_ref().map(String::as_str), rows))
}

/// Name, value, range, kind and source.
fn told(moved: &Moved) -> [String; 5] {
    match moved {
        Moved::Constant(assumption) => {
            let quantity = &assumption.quantity;
            [
                assumption.paths.iter().map(|path| code(path)).collect::<Vec<_>>().join("<br>"),
                quantity.print(),
                quantity.print_range(),
                quantity.provenance.kind.name().replace('_', " "),
                escape(&quantity.provenance.source),
            ]
        }
        Moved::Guess(guess) => {
            let (low, high) = guess.range;
            let unit = Scale::of([estimate(guess.mean)].iter(), Unit::Seconds);
            let number = |seconds| unit.estimate(&estimate(seconds));
            [
                code(&guess.identity),
                format!("{} {}", number(guess.mean), unit.unit),
                format!("{} … {} {}", number(low), number(high), unit.unit),
                "guess".to_owned(),
                "no file says how long it works".to_owned(),
            ]
        }
    }
}

const fn estimate(value: f64) -> Estimate {
    Estimate { value, interval: None, model: None, kind: Kind::Exact }
}

/// One unit for all.
fn scale(effects: impl Iterator<Item = (f64, f64)>, unit: Unit) -> Scale {
    let ends: Vec<Estimate> = effects.flat_map(|(low, high)| [estimate(low), estimate(high)]).collect();
    Scale::of(ends.iter(), unit)
}

fn signed(scale: Scale, (low, high): (f64, f64)) -> String {
    format!("{} … {}", scale.difference(&estimate(low)), scale.difference(&estimate(high)))
}
